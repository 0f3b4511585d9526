"""What a row of stock is, and what seeding made of one.

A row is `product_id`, `quantity` and whatever else somebody keeps there: other attributes pass through
untouched. `marks` are the seeds and adjustments already counted into the quantity; they live in a hidden
attribute of the row itself, so that counting and remembering are one atomic write, and they are never
shown, exported or compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from orderctl.assignments import Json
from orderctl.inventory.modes import Mode as Mode
from orderctl.inventory.modes import Result as Result

MARKS = "orderctl_marks"
"""The hidden attribute: a set of texts of 16 characters, so a thousand seeds take 17 of a row's 400 KB."""


@dataclass(frozen=True, slots=True)
class Stock:
    """One row; `quantity` is a whole number from 0, of up to 38 digits."""

    product_id: str
    quantity: int
    attributes: Mapping[str, Json] = field(default_factory=dict)
    marks: frozenset[str] = field(default=frozenset(), compare=False)

    def document(self) -> dict[str, Json]:
        """The row as files and JSON output have it."""
        return {"product_id": self.product_id, "quantity": self.quantity, **self.attributes}

    def is_same_as(self, other: Stock) -> bool:
        """Do both say the same? Marks do not count; `true` is not 1."""
        return same(self.document(), other.document())


@dataclass(frozen=True, slots=True)
class Odd:
    """A row somebody else wrote that is no stock: no quantity, or one that is no whole number."""

    product_id: str
    problem: str
    values: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> dict[str, Json]:
        """The row as it stands in the table."""
        return {"product_id": self.product_id, **self.values}


Row: TypeAlias = Stock | Odd


@dataclass(frozen=True, slots=True)
class Written:
    """What a conditional write came to: whether it took effect, and the row as it was at that moment.

    `is_repeated`: the write was sent more than once, so what stood in its way may be its own first attempt.
    """

    is_applied: bool
    before: Row | None
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file and where it stands."""

    number: int
    stock: Stock


@dataclass(frozen=True, slots=True)
class Seeded:
    """The outcome for one row; `was` is the row before, `quantity` what the table holds now if that is known."""

    result: Result
    product_id: str
    line: int
    quantity: int | None = None
    was: Mapping[str, Json] | None = None
    reason: str | None = None


def same(one: Json, other: Json) -> bool:
    """Equal as DynamoDB sees it: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def mark_of(identifier: str) -> str:
    """The short form in which a row remembers a seed id or adjustment id."""
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:16]
