"""One line of progress that is written over: only where somebody looks, and only when it says something new."""

from __future__ import annotations

import os
from typing import TextIO

from orderctl.render.clean import clean
from orderctl.render.style import is_terminal


class ProgressLine:
    """The last line of a terminal's stderr; elsewhere nothing."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._is_live = is_terminal(err) and os.environ.get("TERM") != "dumb"
        self._shown = ""

    def show(self, text: str) -> None:
        """Put `text` in place of what was shown before."""
        if self._is_live and text != self._shown:
            self._write(f"\r\x1b[2K{clean(text)}")
            self._shown = text

    def clear(self) -> None:
        """Take the line away, so that what is said next stands alone."""
        if self._shown:
            self._write("\r\x1b[2K")
            self._shown = ""

    def _write(self, text: str) -> None:
        try:
            self._err.write(text)
            self._err.flush()
        except (OSError, ValueError):
            return
