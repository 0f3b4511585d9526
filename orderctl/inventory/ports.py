"""What the inventory services need of a table; DynamoDB speaks it in `orderctl.aws.dynamodb`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from orderctl.errors import OrderctlError
from orderctl.inventory.models import Row, Stock, Written

READ_BATCH = 100
"""Rows one `get_many` takes (DynamoDB API reference, BatchGetItem)."""


class StockTable(Protocol):
    """Rows of stock by product id. Every write is one atomic, conditional step; none reads first."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def check(self) -> None:
        """Raises NotFoundError where there is no such table, RefusedError where its key is not product_id."""

    def get(self, product_id: str) -> Row | None:
        """The row as it is now (a consistent read)."""

    def get_many(self, product_ids: Sequence[str]) -> Mapping[str, Row]:
        """Those of up to `READ_BATCH` rows that exist."""

    def scan(self, *, below: int | None = None) -> Iterator[Row]:
        """All rows, in no order, a page at a time; with `below`, those with a smaller quantity."""

    def create(self, stock: Stock) -> Written:
        """Put the row unless one is there: then it stays, and is what `before` says."""

    @property
    def at_once(self) -> int:
        """How many rows a `create_many` should bring; it may change from one call to the next."""

    @property
    def slow_because(self) -> str | None:
        """Why rows are created one by one where they might be many at once; None where there is nothing to say."""

    def create_many(self, rows: Sequence[Stock]) -> Sequence[Written | OrderctlError]:
        """`create` for different products, each for itself: what became of each, in their order. Raises nothing."""

    def upsert(self, stock: Stock) -> Written:
        """Set quantity and the given attributes; always applied."""

    def add(self, stock: Stock, mark: str) -> Written:
        """Add the quantity unless the row carries `mark`; a new row gets all of `stock`."""

    def replace(self, stock: Stock, expected: Stock | None) -> Written:
        """Make the row equal `stock` if it equals `expected` (None: if there is none)."""

    def adjust(self, product_id: str, by: int, mark: str | None) -> Written:
        """Add `by` unless that goes below zero, there is no such row, or the row carries `mark`.

        Without a mark the call is made once: an answer that got lost raises, whatever AWS did.
        """
