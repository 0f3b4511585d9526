"""The live view: redraws its own lines in place, and leaves the last state in the scrollback.

Own code rather than a library's, because what matters here is small: one write a frame, so that nothing
flickers; no alternate screen, so that the last frame stays; never more lines than the terminal has, because
what scrolled away cannot be redrawn; and a window made narrower has folded the old lines into more rows
than were written. Only the cursor-up, clear-to-end-of-line and clear-below sequences are used.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TextIO

from orderctl.render.watch_text import Line, width

_UP = "\x1b[{}A"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"

Size = tuple[int, int]


def terminal_size() -> Size:
    """Columns and rows of the terminal, now."""
    size = shutil.get_terminal_size()
    return size.columns, size.lines


class LiveView:
    """Draws frames on a terminal; `size` gives columns and rows whenever asked."""

    def __init__(self, out: TextIO, size: Callable[[], Size] = terminal_size) -> None:
        self._out = out
        self._size = size
        self._drawn: list[int] = []
        """Columns that each line on the screen takes."""
        self._last = ""

    @property
    def size(self) -> Size:
        """Columns and rows a frame may have: one column is kept free against folding, one row for the cursor."""
        columns, rows = self._size()
        return max(1, columns - 1), max(1, rows - 1)

    def draw(self, lines: Sequence[Line]) -> None:
        """Put a frame in the place of the last one, in one write."""
        columns, rows = self.size
        shown = [line.cut(columns) for line in lines[:rows]]
        text = "".join(f"{line.painted}{_CLEAR_LINE}\n" for line in shown)
        if text == self._last and self._drawn:
            return
        self._last = text
        self._write(self._home() + text + _CLEAR_BELOW)
        self._drawn = [width(line.plain) for line in shown]

    def clear(self) -> None:
        """Take the frame away, so that something else can be said in its place."""
        if self._drawn:
            self._write(self._home() + _CLEAR_BELOW)
        self._drawn = []

    def finish(self, lines: Sequence[Line]) -> None:
        """Put the last state into the scrollback, every line of it, however many rows it takes."""
        self._write(self._home() + _CLEAR_BELOW + "".join(f"{line.painted}\n" for line in lines))
        self._drawn = []

    def _home(self) -> str:
        """Up to the first line of the last frame, however the terminal has folded it since."""
        columns = max(1, self._size()[0])
        rows = sum(max(1, -(-drawn // columns)) for drawn in self._drawn)
        return f"\r{_UP.format(rows)}" if rows else ""

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
