"""How many of what a command did, told by what it shows: no command has to say it a second time.

A result that has `counts` is taken at its word, and so is what a person is shown of a run: its id and numbers beside it
(`{"run": …, "delivered": 3}`). Of many things that each have a `result` or an `outcome`
(orders stopped, users imported) the words are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

_WORDS = ("result", "outcome")


class Counting:
    """Watches what is shown."""

    def __init__(self) -> None:
        self._said: dict[str, int] | None = None
        self._words = Counter[str]()

    def notice(self, item: object) -> None:
        """One thing is shown."""
        counts = _field(item, "counts")
        if counts is None and isinstance(item, Mapping) and _is_numbers(item):
            counts = item
        if isinstance(counts, Mapping):
            self._said = {str(name): number for name, number in counts.items() if isinstance(number, int)}
            return
        word = next((found for name in _WORDS if isinstance(found := _field(item, name), str)), None)
        if word is not None:
            self._words[str(word.value) if isinstance(word, Enum) else word] += 1

    @property
    def counts(self) -> dict[str, int] | None:
        """What was seen, or None where nothing said how many."""
        return self._said if self._said is not None else dict(self._words) or None


def _field(item: object, name: str) -> object:
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _is_numbers(item: Mapping[str, object]) -> bool:
    """Is it numbers, with at most the run and the file they are of?"""
    numbers = [value for name, value in item.items() if name not in ("run", "file")]
    return bool(numbers) and all(isinstance(value, int) and not isinstance(value, bool) for value in numbers)
