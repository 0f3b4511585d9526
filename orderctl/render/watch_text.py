"""Lines made of coloured pieces that know how broad they are, and can be cut without cutting a colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from orderctl.render.clean import clean
from orderctl.render.style import Style

_CUT = "…"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text in one colour; `color` is one of Style's names, or empty."""

    text: str
    color: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen."""

    pieces: Sequence[Piece]
    style: Style

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(piece.text for piece in self.pieces).rstrip()

    @property
    def painted(self) -> str:
        """The text with its colours."""
        return "".join(self.style.paint(p.text, p.color) if p.color else p.text for p in self.pieces).rstrip()

    def cut(self, columns: int) -> Line:
        """The same line in at most that many columns, an ellipsis where something is missing."""
        if width(self.plain) <= columns:
            return self
        kept: list[Piece] = []
        left = columns - 1
        for piece in self.pieces:
            text = fit(piece.text, left)
            kept.append(Piece(text, piece.color))
            left -= width(text)
            if text != piece.text:
                break
        return Line([*kept, Piece(_CUT)], self.style)


def safe(text: str) -> str:
    """Text from outside, on one line and harmless."""
    return clean(text)


def pad(text: str, columns: int) -> str:
    """`text` followed by as many blanks as are missing."""
    return text + " " * max(0, columns - width(text))


def fit(text: str, columns: int) -> str:
    """As much of the beginning of `text` as fits."""
    used = 0
    for position, character in enumerate(text):
        used += _cell(character)
        if used > columns:
            return text[:position]
    return text


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
