"""The loop of `orderctl top`: look, draw, wait for a key.

Keys are read between the parts of a look as well, so that one slow answer does not make the screen deaf. A frame is
drawn when something changed, in one write, at the size the window has at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from orderctl.clock import Clock
    from orderctl.render.style import Style
    from orderctl.render.top_keys import Key
    from orderctl.render.watch import LiveView
    from orderctl.render.watch_text import Line
    from orderctl.top.board import Board
    from orderctl.top.choices import Choice

GLANCE = 0.5
"""Seconds between two looks at the window's size."""


class Keyboard(Protocol):
    """Where keys come from."""

    def wait(self, seconds: float) -> list[Key]:
        """What was typed within that time."""

    def raw(self) -> AbstractContextManager[None]:
        """Key by key within."""


class TopScreen:
    """What is shown, what is chosen, and whether somebody still looks."""

    def __init__(
        self,
        board: Board,
        view: LiveView,
        keys: Keyboard,
        clock: Clock,
        style: Style,
        look_closer: Callable[[Sequence[str]], None],
    ) -> None:
        self._board, self._view, self._keys, self._clock, self._style = board, view, keys, clock, style
        self._look_closer = look_closer
        self._chosen: Choice | None = None
        self._wanted: Sequence[str] | None = None
        self._is_over = False
        self._wants_all = False

    def run(self) -> None:
        """Until somebody leaves; raises what all parts failed with, if they all did."""
        try:
            while not self._is_over:
                with self._keys.raw():
                    self._watch()
                if self._wanted is not None:
                    self._closer(self._wanted)
        finally:
            self._view.finish(self._lines(None, keys=False))

    def _watch(self) -> None:
        while not self._is_over and self._wanted is None:
            everything, self._wants_all = self._wants_all, False
            for _ in self._board.refresh(everything=everything):
                self._draw()
                self._take(self._keys.wait(0))
            self._board.raise_if_blind()
            self._draw()
            left = self._board.next_due - self._clock.monotonic()
            self._take(self._keys.wait(max(0.0, min(GLANCE, left))))

    def _take(self, typed: Sequence[Key]) -> None:
        from orderctl.render.top_keys import Key
        from orderctl.top.choices import choices, moved

        for key in typed:
            if key is Key.QUIT:
                self._is_over = True
            elif key is Key.REFRESH:
                self._wants_all = True
            elif key is Key.ENTER and self._chosen is not None:
                self._wanted = self._chosen.command
            elif key in (Key.UP, Key.DOWN):
                found = choices(self._board.snapshot())
                self._chosen = moved(found, self._chosen, 1 if key is Key.DOWN else -1)
        if typed:
            self._draw()

    def _closer(self, words: Sequence[str]) -> None:
        """The other command has the terminal; then a key brings the screen back below what it said."""
        from orderctl.render.top_keys import Key

        self._wanted = None
        self._view.clear()
        self._look_closer(words)
        with self._keys.raw():
            while not (typed := self._keys.wait(GLANCE)):
                pass
        self._is_over = Key.QUIT in typed

    def _draw(self) -> None:
        self._view.draw(self._lines(self._view.size[1], keys=True))

    def _lines(self, rows: int | None, *, keys: bool) -> list[Line]:
        from orderctl.render.top import KEYS, screen
        from orderctl.top.choices import choices, place_of

        snapshot = self._board.snapshot()
        found = choices(snapshot)
        place = place_of(found, self._chosen)
        chosen = None if place is None else found[place]
        return screen(snapshot, self._view.size[0], rows, self._style, chosen, KEYS if keys else "")
