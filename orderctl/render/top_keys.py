"""Single keys from a terminal, without waiting for Enter and without echoing them.

termios' cbreak mode and select: no library is needed for six keys. Ctrl-C stays a signal. The terminal is put back
as it was however this ends, and for as long as another command runs on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import TextIO


class Key(Enum):
    """What somebody may want."""

    QUIT = auto()
    UP = auto()
    DOWN = auto()
    ENTER = auto()
    REFRESH = auto()
    OTHER = auto()


_KEYS = {
    b"q": Key.QUIT, b"Q": Key.QUIT, b"\x04": Key.QUIT,
    b"k": Key.UP, b"\x1b[A": Key.UP, b"\x1bOA": Key.UP,
    b"j": Key.DOWN, b"\x1b[B": Key.DOWN, b"\x1bOB": Key.DOWN,
    b"\r": Key.ENTER, b"\n": Key.ENTER,
    b"r": Key.REFRESH,
}  # fmt: skip


def keys_in(typed: bytes) -> list[Key]:
    """The keys in what was read at once; an arrow is three bytes."""
    found: list[Key] = []
    while typed:
        size = 3 if typed[:2] in (b"\x1b[", b"\x1bO") else 1
        found.append(_KEYS.get(typed[:size], Key.OTHER))
        typed = typed[size:]
    return found


class Keys:
    """The keyboard behind a stream that is a terminal."""

    def __init__(self, stdin: TextIO) -> None:
        self._number = stdin.fileno()

    def wait(self, seconds: float) -> list[Key]:
        """What was typed within `seconds`; a terminal that went away is somebody who left."""
        import select

        if not select.select([self._number], [], [], max(0.0, seconds))[0]:
            return []
        try:
            typed = os.read(self._number, 64)
        except OSError:
            typed = b""
        return keys_in(typed) if typed else [Key.QUIT]

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Key by key within; as it was before afterwards."""
        import termios
        import tty

        before = termios.tcgetattr(self._number)
        try:
            tty.setcbreak(self._number, termios.TCSANOW)
            yield
        finally:
            termios.tcsetattr(self._number, termios.TCSANOW, before)
