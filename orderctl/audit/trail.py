"""The audit trail: a file that only grows, two lines a change.

One line is written before the change and one when the command has ended, so that a command that was killed
is in it too, without an end. Each is appended under a lock, in one write, and is on the disk before anything
goes on. Nothing is ever rewritten, and nothing is thrown away: a line has some 500 bytes, so fifty changes a
day make 18 MB a year. A trail that drops its oldest lines by itself is none; rotate it with the tools that
keep what they rotate (the file is opened anew for each line).
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from orderctl import jsontext
from orderctl.atomic import sync_folder
from orderctl.clock import Clock, SystemClock
from orderctl.errors import FailedError

LOCK_SECONDS = 10.0
"""How long to wait for another process's line: writing one takes milliseconds, and a command must not hang on it."""
_POLL_SECONDS = 0.01


class Trail:
    """The file at `path`."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or SystemClock()

    def append(self, line: Mapping[str, object]) -> None:
        """Write one line through to the disk; raises FailedError where it cannot."""
        try:
            self._append((jsontext.dumps(line) + "\n").encode())
        except OSError as error:
            raise FailedError(f"cannot write {self.path}: {error.strerror}") from error

    def lines(self) -> Iterator[dict[str, object] | None]:
        """Every line, oldest first; None for one that is damaged. A file that is not there has none."""
        try:
            with self.path.open("rb") as file:
                for line in file:
                    if line.strip():
                        yield _read(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise FailedError(f"cannot read {self.path}: {error.strerror}") from error

    def _append(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            _check_private(self.path, handle)
            self._wait_for(handle)
            _write_whole(handle, _after_a_torn_line(handle) + data)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            sync_folder(self.path.parent)

    def _wait_for(self, handle: int) -> None:
        until = self._clock.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self._clock.monotonic() >= until:
                    said = f"another process has held {self.path} for {LOCK_SECONDS:.0f} seconds"
                    raise FailedError(said, hint="end that process: no line takes this long") from None
                self._clock.sleep(_POLL_SECONDS)


def _check_private(path: Path, handle: int) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise FailedError(f"{path} is not a file of yours", hint="move it away; orderctl makes a new one")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(handle, 0o600)


def _after_a_torn_line(handle: int) -> bytes:
    """A line that a full disk or a kill cut off stays alone: what comes next begins on its own line."""
    size = os.fstat(handle).st_size
    return b"\n" if size and os.pread(handle, 1, size - 1) != b"\n" else b""


def _write_whole(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _read(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("id"), str) else None
