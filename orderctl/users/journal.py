"""The import journal: one private file for a file and an API, one line for every settled row.

Only the line's number and its outcome are written, nothing of the user. A line cut off by a crash is skipped:
its row is tried again, meets its own user, and is settled then.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orderctl.errors import ConflictError, FailedError
from orderctl.users.models import RowOutcome


class JournalFile:
    """The journal of importing the file of `digest` into `api_url`, below orderctl's XDG state folder."""

    def __init__(self, state: Path, digest: str, api_url: str) -> None:
        target = hashlib.sha256(api_url.rstrip("/").encode()).hexdigest()[:12]
        self._path = state / "imports" / f"{digest[:32]}-{target}.jsonl"
        self._lock = threading.Lock()
        self._handle = -1

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the journal for this process; raises ConflictError while another one has it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._handle = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise FailedError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ConflictError("another process is importing this file", hint="wait for it to end") from None
        finally:
            os.close(self._handle)
            self._handle = -1

    def settled(self) -> Mapping[int, RowOutcome]:
        """The lines settled before."""
        data = self._path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.write(self._handle, b"\n")
        return dict(found for line in data.splitlines() if (found := _parsed(line)))

    def settle(self, line: int, outcome: RowOutcome) -> None:
        """Write one line, on disk when this returns."""
        text = json.dumps({"line": line, "outcome": outcome.value}) + "\n"
        with self._lock:
            os.write(self._handle, text.encode())
            os.fdatasync(self._handle)


def _parsed(line: bytes) -> tuple[int, RowOutcome] | None:
    try:
        found = json.loads(line)
        return int(found["line"]), RowOutcome(found["outcome"])
    except (ValueError, KeyError, TypeError):
        return None
