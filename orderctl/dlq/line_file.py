"""A file of lines that several threads append to, each sure that its line is on disk when the call returns.

Waiting for the disk (`fsync`) is what an append costs, and the disk is asked once for all the lines that came while
it was busy (group commit, as databases have it): whoever gets to write takes along what the others have laid down,
and they find their lines written when their turn comes. A line is written whole or not at all: where writing fails
the file is cut back, and whoever laid a line down is told.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class _Line:
    """A line laid down to be written."""

    text: bytes
    must_last: bool
    is_done: bool = False
    error: OSError | None = None


class LineFile:
    """An open file; `handle` is its own from now on. `sync` waits for the disk, given the handle."""

    def __init__(self, handle: int, *, sync: Callable[[int], None] = os.fsync) -> None:
        self._handle = handle
        self._sync = sync
        self._size = os.fstat(handle).st_size
        self._laid_down: list[_Line] = []
        self._table = threading.Lock()
        self._disk = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of whole lines."""
        return self._size

    def append(self, text: bytes, *, must_last: bool = True) -> None:
        """Write one line. On disk when it returns; with `must_last` off it survives the death of the process, and
        of the machine once a later line has waited. Raises OSError, leaving nothing of it in the file."""
        line = _Line(text, must_last)
        with self._table:
            self._laid_down.append(line)
        with self._disk:
            if not line.is_done:
                self._write_all()
        if line.error is not None:
            raise line.error

    def cut_back(self, size: int) -> None:
        """Keep the first `size` bytes."""
        os.ftruncate(self._handle, size)
        self._size = size

    def close(self) -> None:
        """After a write in hand. Who comes later is told that it is closed; the number may be another file's then."""
        with self._disk:
            handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _write_all(self) -> None:
        with self._table:
            lines, self._laid_down = self._laid_down, []
        error = self._written(lines)
        if error is not None and len(lines) > 1:  # a full disk: room for some of them may be left
            for line in lines:
                line.error = self._written([line])
        else:
            lines[0].error = error
        for line in lines:
            line.is_done = True

    def _written(self, lines: Sequence[_Line]) -> OSError | None:
        """Write them and wait for the disk; what is wrong, with nothing of them left in the file."""
        if self._handle < 0:
            return OSError(errno.EBADF, "the file is closed")
        text = b"".join(line.text for line in lines)
        try:
            done = 0
            while done < len(text):
                done += os.pwrite(self._handle, text[done:], self._size + done)
            if any(line.must_last for line in lines):
                self._sync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            return error
        self._size += len(text)
        return None
