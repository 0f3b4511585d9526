"""What can be chosen on the screen, in its order, and the command that looks closer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from orderctl.top.models import Snapshot


class Section(StrEnum):
    """The lists of the screen, the most urgent first."""

    DEAD_LETTERS = "dead letters"
    FAILURES = "failures"
    ALARMS = "alarms"
    RUNNING = "running"
    LOW_STOCK = "low stock"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Choice:
    """An item of a list; `number` is its place there. `command` are the words after `orderctl`."""

    section: Section
    number: int
    command: tuple[str, ...]


def choices(snapshot: Snapshot) -> list[Choice]:
    """Every item that can be looked into."""
    return list(_choices(snapshot))


def _choices(snapshot: Snapshot) -> Iterator[Choice]:
    for number, queue in enumerate(snapshot.dead_letter_queues):
        yield Choice(Section.DEAD_LETTERS, number, ("dlq", "inspect", queue.name))
    for number, failure in enumerate(snapshot.failures):
        yield Choice(Section.FAILURES, number, ("orders", "show", failure.order_id))
    for number, order in enumerate(snapshot.running):
        yield Choice(Section.RUNNING, number, ("orders", "watch", order.order_id))
    for number, product in enumerate(snapshot.low_stock):
        yield Choice(Section.LOW_STOCK, number, ("inventory", "get", product.product_id))


def moved(found: list[Choice], chosen: Choice | None, by: int) -> Choice | None:
    """The choice `by` places further; what is chosen may have moved or gone since."""
    if not found:
        return None
    place = place_of(found, chosen)
    return found[0 if place is None else max(0, min(len(found) - 1, place + by))]


def place_of(found: list[Choice], chosen: Choice | None) -> int | None:
    """Where the chosen item is now: told by its command, because lists are sorted anew at each look."""
    if chosen is None:
        return None
    commands = [each.command for each in found]
    return commands.index(chosen.command) if chosen.command in commands else None
