"""How far a bulk command is, said on stderr every few seconds: done, rate, and time left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from orderctl.context import App

T = TypeVar("T")
EVERY = 5.0
"""Seconds between two lines: a runbook's log stays readable."""


def telling(cli: App, items: Iterable[T], total: int, noun: str) -> Iterator[T]:
    """Pass the items on; what ends within `EVERY` seconds says nothing."""
    begun = spoke = cli.clock.monotonic()
    for done, item in enumerate(items, 1):
        now = cli.clock.monotonic()
        if now - spoke >= EVERY:
            spoke, rate = now, done / (now - begun)
            left = (total - done) / rate
            cli.renderer.say(f"{done:,} of {total:,} {noun}, {rate:,.0f} a second, about {left:,.0f} s left")
        yield item
