"""Where the local stack keeps its things, and the lock that makes two `up`s at once into one after the other.

Everything lies below `$XDG_STATE_HOME/orderctl/local`: the server's state and log, the demo user's password, and
the folder that is all the emulator ever writes to, its temporary files too. There are two of those, `data` for a
server that persists and `scratch` for one that does not: stopping the latter never deletes what the former kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from orderctl.atomic import write_private
from orderctl.clock import Clock
from orderctl.errors import FailedError, TimeoutPassedError
from orderctl.local.models import LocalState

LOCK_PAUSE = 0.1
"""Seconds between two tries for the lock."""


class LocalFiles:
    """The files below one state folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "server.json"
        self.log = root / "server.log"
        self.password = root / "demo-user.password"
        self._port = root / "port"
        self._lock = root / "lock"

    def data(self, persist: bool) -> Path:
        """Where a server keeps what it writes: below it `state`, `s3` and `tmp`."""
        return self.root / ("data" if persist else "scratch")

    def prepare(self, *folders: Path) -> None:
        """Make the root and these folders, private ones; raises FailedError where that cannot be."""
        try:
            for folder in (self.root, *folders):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder.chmod(0o700)
        except OSError as error:
            raise FailedError(f"cannot make {error.filename}: {error.strerror}", hint="check its owner") from error

    def read_state(self) -> LocalState | None:
        """The server last started, or None; a file that cannot be understood counts as none."""
        try:
            said = json.loads(self.state.read_text(encoding="utf-8"))
            said["started_at"] = datetime.fromisoformat(said["started_at"])
            return LocalState(**said)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_state(self, state: LocalState) -> None:
        """Remember the server, atomically and privately."""
        said = asdict(state) | {"started_at": state.started_at.isoformat()}
        write_private(self.state, json.dumps(said, indent=2).encode() + b"\n")

    def forget_state(self) -> None:
        """The server is gone."""
        self.state.unlink(missing_ok=True)

    def write_port(self, port: int) -> None:
        """Remember the port beyond the server's life, so that the next one is found where this one was."""
        write_private(self._port, b"%d\n" % port)

    def read_port(self) -> int | None:
        """The port used last, or None."""
        try:
            return int(self._port.read_text())
        except (OSError, ValueError):
            return None

    def wipe(self, *, persisted: bool) -> None:
        """Delete what a server that did not persist wrote; with `persisted`, everything any server wrote."""
        shutil.rmtree(self.data(False), ignore_errors=True)
        if persisted:
            shutil.rmtree(self.data(True), ignore_errors=True)
            self.password.unlink(missing_ok=True)

    def open_log(self) -> int:
        """A descriptor appending to the log, mode 0600; the caller closes it."""
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of the log, for an error message."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    @contextmanager
    def locked(self, clock: Clock, *, timeout: float = 120) -> Iterator[None]:
        """Hold the one lock; waits up to `timeout` seconds, then raises TimeoutPassedError.

        The kernel lets go of it when the holder dies, so there is no stale lock to clean up.
        """
        self.prepare()
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(handle, clock, clock.monotonic() + timeout)
            yield
        finally:
            os.close(handle)


def _wait_for(handle: int, clock: Clock, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if clock.monotonic() >= deadline:
                hint = "wait for the other 'orderctl local' command, or stop it"
                raise TimeoutPassedError("another 'orderctl local' command is still at work", hint=hint) from error
            clock.sleep(LOCK_PAUSE)
