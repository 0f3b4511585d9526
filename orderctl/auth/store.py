"""The token store: one private file an environment, below the XDG state folder.

A file, not a keyring, because it works the same over ssh, in a container and in a runbook. It is mode 0600 in a
folder of mode 0700 from its first byte; and because a file that others could have written or read is not
trusted afterwards, symbolic links, foreign owners and open modes are refused with the command that mends
them. Writes are atomic, so a reader sees the old sign-in or the new one, never half of each.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orderctl.atomic import write_private
from orderctl.auth.models import SavedSignIn
from orderctl.auth.store_format import from_bytes, to_bytes
from orderctl.clock import Clock
from orderctl.errors import FailedError, RefusedError

LOCK_SECONDS = 30.0
"""How long to wait for another process's refresh: Cognito answers in well under a second."""
_POLL_SECONDS = 0.02
_MAX_BYTES = 256 * 1024


class TokenFiles:
    """The store on disk; `state` is orderctl's XDG state folder."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._folder = state / "tokens"
        self._clock = clock

    def load(self, environment: str) -> SavedSignIn | None:
        """The sign-in kept, or None; raises RefusedError for a file that is not private, or not ours."""
        path = self._file(environment)
        if not self._folder.is_symlink() and not self._folder.exists():
            return None
        self._check_folder()
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot_read(path, error) from error
        with os.fdopen(handle, "rb") as file:
            _check_private(path, os.fstat(file.fileno()), stat.S_ISREG)
            return from_bytes(file.read(_MAX_BYTES), str(path))

    def save(self, sign_in: SavedSignIn) -> None:
        """Replace what is kept for its environment."""
        self._make_folder()
        write_private(self._file(sign_in.environment), to_bytes(sign_in))

    def forget(self, environment: str) -> bool:
        """Delete what is kept; a link in its place is removed, its target is not."""
        if not self._folder.exists():
            return False
        self._check_folder()
        path = self._file(environment)
        existed = path.is_symlink() or path.exists()
        path.unlink(missing_ok=True)
        return existed

    @contextmanager
    def lock(self, environment: str) -> Iterator[None]:
        """Hold the environment's lock; raises FailedError when another process keeps it `LOCK_SECONDS`."""
        self._make_folder()
        path = self._file(environment).with_suffix(".lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _cannot_read(path, error) from error
        try:
            self._wait_for(handle, path)
            yield
        finally:
            os.close(handle)

    def where(self, environment: str) -> str:
        """The file's path."""
        return str(self._file(environment))

    def _wait_for(self, handle: int, path: Path) -> None:
        end = self._clock.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self._clock.monotonic() >= end:
                    raise FailedError(
                        f"another process has held {path} for {LOCK_SECONDS:.0f} seconds",
                        hint="wait for the other orderctl, or end it",
                    ) from None
                self._clock.sleep(_POLL_SECONDS)

    def _file(self, environment: str) -> Path:
        """A file name of its own for any environment name: odd ones get a digest, so none can climb out."""
        if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", environment):
            return self._folder / f"{environment}.json"
        return self._folder / f"~{hashlib.sha256(environment.encode()).hexdigest()[:32]}.json"

    def _make_folder(self) -> None:
        if not self._folder.is_symlink():
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        self._check_folder()

    def _check_folder(self) -> None:
        _check_private(self._folder, os.lstat(self._folder), stat.S_ISDIR)


def _check_private(path: Path, found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise RefusedError(f"{path} is a symbolic link", hint=f"remove it: rm {path}")
    if not is_kind(found.st_mode):
        raise RefusedError(f"{path} is not what orderctl made there", hint=f"move it away and sign in again: {path}")
    if found.st_uid != os.geteuid():
        raise RefusedError(
            f"{path} belongs to another user (uid {found.st_uid})", hint="move it away and sign in again"
        )
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise RefusedError(
            f"{path} can be read or written by others (mode {mode:04o})",
            hint=f"chmod {wanted} {path}; if others use this machine, sign in again: orderctl auth login",
        )


def _cannot_read(path: Path, error: OSError) -> RefusedError:
    if path.is_symlink():
        return RefusedError(f"{path} is a symbolic link", hint=f"remove it: rm {path}")
    return RefusedError(f"cannot open {path}: {error.strerror}", hint="check its owner and mode")
