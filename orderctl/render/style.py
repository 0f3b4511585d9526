"""Whether and how a stream may be coloured.

The order of say: `--color`, then NO_COLOR (no-color.org), FORCE_COLOR and CLICOLOR_FORCE, then CLICOLOR=0
and TERM=dumb, then whether the stream is a terminal. Only SGR colour is ever written here; the live view
has its own module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def wants_color(choice: str, environ: Mapping[str, str], stream: TextIO) -> bool:
    """May `stream` be coloured? `choice` is auto, always or never."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    for variable in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environ.get(variable, "0") not in ("", "0"):
            return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Is somebody looking? A closed stream is nobody."""
    try:
        return stream.isatty()
    except ValueError:
        return False


class Style:
    """Paints text, or leaves it alone where colour is off."""

    def __init__(self, *, color: bool) -> None:
        self.color = color

    def paint(self, text: str, *names: str) -> str:
        """`text` in the named colours."""
        if not self.color or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def status(self, status: str) -> str:
        """A status word in its colour: an execution's, a stack's or a task's."""
        return self.paint(status, _color_of(status))


def _color_of(status: str) -> str:
    if "FAIL" in status or "ROLLBACK" in status or status in ("TIMED_OUT", "ABORTED"):
        return "red"
    if status in ("SUCCEEDED", "COMPLETED", "CREATED") or status.endswith("_COMPLETE"):
        return "green"
    return "yellow"
