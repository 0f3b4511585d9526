"""Reading and correcting stock: one row, the lowest rows, an adjustment that never goes below zero."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orderctl.errors import ConflictError, NotFoundError, UsageError
from orderctl.inventory.models import Odd, Row, Stock, mark_of
from orderctl.inventory.ports import StockTable


@dataclass(frozen=True, slots=True)
class Lowest:
    """The rows with the least stock, least first; how many there were; and what was no stock."""

    rows: list[Stock]
    count: int
    odd: list[Odd]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An adjustment: the quantity before and after, and whether it had been made before."""

    product_id: str
    quantity: int
    was_quantity: int
    is_repeated: bool = False


def get(table: StockTable, product_id: str) -> Row:
    """One row; raises NotFoundError where there is none."""
    row = table.get(product_id)
    if row is None:
        raise NotFoundError(f"there is no product {product_id!r} in table {table.name}")
    return row


def lowest(
    rows: Iterable[Row],
    *,
    most: int,
    after: tuple[int, str] | None = None,
    wanted: Callable[[Stock], bool] = lambda row: True,
) -> Lowest:
    """The `most` rows with the least stock, in the memory of those; ties by product id.

    `after` is the (quantity, product id) a page before ended with; `wanted` leaves rows out, whatever their stock.
    """
    odd: list[Odd] = []
    count = 0

    def stock() -> Iterable[Stock]:
        nonlocal count
        for row in rows:
            if isinstance(row, Odd):
                count += 1
                if len(odd) < most:
                    odd.append(row)
            elif (after is None or _place(row) > after) and wanted(row):
                count += 1
                yield row

    found = heapq.nsmallest(most, stock(), key=_place)
    return Lowest(found, count, odd)


def place_of(text: str) -> tuple[int, str]:
    """`QUANTITY:PRODUCT_ID`, as a page's end is told; raises UsageError."""
    quantity, colon, product_id = text.partition(":")
    if not colon or not re.fullmatch(r"-?\d+", quantity, re.ASCII):
        raise UsageError(f"--after wants QUANTITY:PRODUCT_ID, not {text!r}")
    return int(quantity), product_id


def _place(row: Stock) -> tuple[int, str]:
    return row.quantity, row.product_id


def adjust(table: StockTable, product_id: str, by: int, *, adjustment_id: str | None = None) -> Adjusted:
    """Add `by` (may be negative) in one atomic step.

    With an `adjustment_id` it is done once, however often it is asked for. Raises NotFoundError for an unknown
    product and ConflictError when the stock would go below zero.
    """
    mark = _mark(adjustment_id)
    written = table.adjust(product_id, by, mark)
    return _adjusted(table, product_id, written.before, by, mark, is_applied=written.is_applied)


def foretell(table: StockTable, product_id: str, by: int, *, adjustment_id: str | None = None) -> Adjusted:
    """What `adjust` would come to now, with its errors. Reads only."""
    mark = _mark(adjustment_id)
    row = table.get(product_id)
    is_applied = isinstance(row, Stock) and row.quantity + by >= 0 and mark not in row.marks
    return _adjusted(table, product_id, row, by, mark, is_applied=is_applied)


def _mark(adjustment_id: str | None) -> str | None:
    """Of its own kind: a seed of the same id is something else, and must not pass for the adjustment."""
    return None if adjustment_id is None else mark_of(f"adjustment\0{adjustment_id}")


def _adjusted(
    table: StockTable, product_id: str, before: Row | None, by: int, mark: str | None, *, is_applied: bool
) -> Adjusted:
    if before is None:
        raise NotFoundError(f"there is no product {product_id!r} in table {table.name}")
    if isinstance(before, Odd):
        raise ConflictError(f"product {product_id!r}: {before.problem}")
    if is_applied:
        return Adjusted(product_id, before.quantity + by, before.quantity)
    if mark in before.marks:
        return Adjusted(product_id, before.quantity, before.quantity, is_repeated=True)
    raise ConflictError(f"product {product_id!r} has {before.quantity}; {by:+} would go below zero")
