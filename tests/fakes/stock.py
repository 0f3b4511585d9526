"""A table of stock that behaves: every write atomic, slow down and failures on demand, every write counted."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from orderctl.errors import FailedError, NotFoundError, OrderctlError, ThrottledError
from orderctl.inventory.models import Odd, Row, Stock, Written, same
from orderctl.inventory.ports import READ_BATCH


class FakeStockTable:
    """Rows in a dict. `faults` is asked before each write for an error to raise, or None."""

    def __init__(self, *rows: Row, exists: bool = True, at_once: int = 25) -> None:
        self.name = "inventory"
        self.at_once = at_once
        self.slow_because: str | None = None
        self.rows: dict[str, Row] = {row.product_id: row for row in rows}
        self.writes: Counter[str] = Counter()
        self.reads = 0
        self.faults: Callable[[str], OrderctlError | None] = lambda product_id: None
        self._exists = exists
        self._lock = threading.Lock()

    def check(self) -> None:
        if not self._exists:
            raise NotFoundError("table inventory: Requested resource not found")

    def get(self, product_id: str) -> Row | None:
        return self.rows.get(product_id)

    def get_many(self, product_ids: Sequence[str]) -> Mapping[str, Row]:
        assert len(product_ids) <= READ_BATCH
        assert len(set(product_ids)) == len(product_ids)
        self.reads += 1
        return {one: self.rows[one] for one in product_ids if one in self.rows}

    def scan(self, *, below: int | None = None) -> Iterator[Row]:
        for row in sorted(self.rows.values(), key=lambda row: hash(row.product_id)):
            if below is None or (isinstance(row, Stock) and row.quantity < below):
                yield row

    def create(self, stock: Stock) -> Written:
        return self._write(stock.product_id, lambda old: stock if old is None else None)

    def create_many(self, rows: Sequence[Stock]) -> list[Written | OrderctlError]:
        assert 0 < len(rows) <= 25
        return [self._answer(row) for row in rows]

    def _answer(self, stock: Stock) -> Written | OrderctlError:
        try:
            return self.create(stock)
        except OrderctlError as error:
            return error

    def upsert(self, stock: Stock) -> Written:
        def merged(old: Row | None) -> Row:
            if not isinstance(old, Stock):
                return stock
            return replace(old, quantity=stock.quantity, attributes={**old.attributes, **stock.attributes})

        return self._write(stock.product_id, merged)

    def add(self, stock: Stock, mark: str) -> Written:
        def added(old: Row | None) -> Row | None:
            if old is None:
                return replace(stock, marks=frozenset({mark}))
            if isinstance(old, Odd):
                raise FailedError("an operand in the update expression has an incorrect data type")
            if mark in old.marks:
                return None
            attributes = {**stock.attributes, **old.attributes}
            return Stock(old.product_id, old.quantity + stock.quantity, attributes, old.marks | {mark})

        return self._write(stock.product_id, added)

    def replace(self, stock: Stock, expected: Stock | None) -> Written:
        def exchanged(old: Row | None) -> Row | None:
            if expected is None or old is None:
                return stock if expected is old else None
            if not isinstance(old, Stock) or not same(old.document(), expected.document()):
                return None
            return replace(stock, marks=old.marks)

        return self._write(stock.product_id, exchanged)

    def adjust(self, product_id: str, by: int, mark: str | None) -> Written:
        def adjusted(old: Row | None) -> Row | None:
            if not isinstance(old, Stock) or old.quantity + by < 0 or mark in old.marks:
                return None
            return replace(old, quantity=old.quantity + by, marks=old.marks | ({mark} if mark else set()))

        return self._write(product_id, adjusted)

    def take(self, product_id: str, quantity: int) -> bool:
        """What an order does: take stock if there is enough."""
        return self.adjust(product_id, -quantity, None).is_applied

    def _write(self, product_id: str, change: Callable[[Row | None], Row | None]) -> Written:
        fault = self.faults(product_id)
        if fault is not None:
            raise fault
        with self._lock:
            old = self.rows.get(product_id)
            new = change(old)
            if new is None:
                return Written(False, old)
            self.writes[product_id] += 1
            self.rows[product_id] = new
            return Written(True, old)


def throttle(share: float, seed: int = 1) -> Callable[[str], OrderctlError | None]:
    """Fails that share of the calls as AWS does when a table is too busy."""
    dice = random.Random(seed)
    return lambda product_id: ThrottledError("slow down") if dice.random() < share else None
