"""Seeding: every row of a checked file into the table, none of what is there clobbered unasked.

BatchWriteItem would be fewer calls, but it knows no condition: it resets live stock. So each row is a
conditional write of its own:

- create: an insert if there is no such product, many in a request where the table takes them (`creation`). What
  is there stays, and is reported.
- upsert: sets the quantity in one atomic write and reports what it replaced at that very moment, the row of
  somebody else that is no stock included.
- add: adds and remembers the seed id in one UpdateItem, on the condition that the row does not remember it.
  A marker item of its own (TransactWriteItems) would cost four times the write units and stand in the table
  as a product nobody sells; a ClientRequestToken is forgotten after ten minutes.
- exact: first the difference is shown, then each row is written only if it still is what was shown.

Every mode but upsert can be run again: what was done is found done. That is how an interrupted seed is resumed.
An upsert run again sets every row again, over what orders took since; its plan shows that before it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import assert_never

from orderctl.assignments import Json
from orderctl.inventory.creation import create
from orderctl.inventory.models import Line, Mode, Odd, Result, Row, Seeded, Stock, Written, same
from orderctl.inventory.ports import READ_BATCH, StockTable
from orderctl.pool import Done, Failed, Pool


@dataclass(frozen=True, slots=True)
class Planned:
    """A row of the file beside the row of the table, as read for the plan."""

    line: Line
    before: Row | None


def preview(table: StockTable, lines: Iterable[Line]) -> Iterator[Planned]:
    """The rows of the file, in order, beside those of the table. Reads only."""
    rows = iter(lines)
    while batch := list(islice(rows, READ_BATCH)):
        found = table.get_many([line.stock.product_id for line in batch])
        yield from (Planned(line, found.get(line.stock.product_id)) for line in batch)


def foretell(mode: Mode, planned: Planned, mark: str) -> Seeded:
    """What seeding would make of a row if nothing else happened to the table meanwhile."""
    line, before = planned.line, planned.before
    stock = line.stock
    if before is None:
        return _seeded(Result.CREATED, line, stock.quantity, None)
    if isinstance(before, Odd) and mode in (Mode.ADD, Mode.EXACT):
        return _no_stock(line, before)
    is_applied = mode in (Mode.UPSERT, Mode.EXACT) or (mode is Mode.ADD and mark not in _marks(before))
    if mode is Mode.EXACT and isinstance(before, Stock) and before.is_same_as(stock):
        return _seeded(Result.UNCHANGED, line, stock.quantity, before)
    return _told(mode, line, Written(is_applied, before))


def seed(table: StockTable, mode: Mode, lines: Iterable[Line], pool: Pool, *, mark: str = "") -> Iterator[Seeded]:
    """Write every row in `create`, `upsert` or `add` mode; outcomes come as they happen, in any order.

    `mark` is what a row remembers the seed by (`models.mark_of`). Raises what stops all rows alike (no
    table, no permission) after the outcomes of what was in flight.
    """
    if mode is Mode.CREATE:
        for line, answer in create(table, lines, pool):
            yield _told(mode, line, answer) if isinstance(answer, Written) else _failed(line, answer.message)
        return
    write = _writer(table, mode, mark)

    def work(line: Line) -> Seeded:
        return _told(mode, line, write(line.stock))

    for outcome in pool.each(work, lines):
        if isinstance(outcome, Failed):
            yield _failed(outcome.item, outcome.error.message)
        else:
            yield outcome.result


def seed_exactly(table: StockTable, plan: Iterable[Planned], pool: Pool) -> Iterator[Seeded]:
    """Make rows exactly what the file says, each only if it still is what the plan showed."""

    def work(planned: Planned) -> Seeded:
        line, before = planned.line, planned.before
        if isinstance(before, Odd):
            return foretell(Mode.EXACT, planned, "")
        if before is not None and before.is_same_as(line.stock):
            return _seeded(Result.UNCHANGED, line, line.stock.quantity, before)
        return _told(Mode.EXACT, line, table.replace(line.stock, before))

    for outcome in pool.each(work, plan):
        if isinstance(outcome, Done):
            yield outcome.result
        else:
            yield _failed(outcome.item.line, outcome.error.message)


def _writer(table: StockTable, mode: Mode, mark: str) -> Callable[[Stock], Written]:
    match mode:
        case Mode.CREATE:
            raise ValueError("rows are created many at once: creation.create")
        case Mode.UPSERT:
            return table.upsert
        case Mode.ADD:
            return lambda stock: table.add(stock, mark)
        case Mode.EXACT:
            raise ValueError("exact needs a plan: seed_exactly")
    assert_never(mode)


def _told(mode: Mode, line: Line, written: Written) -> Seeded:
    """What a write came to, in the words of the report."""
    before, stock = written.before, line.stock
    if not written.is_applied:
        if mode is Mode.ADD and isinstance(before, Odd):
            return _no_stock(line, before)
        if mode is Mode.EXACT:
            if isinstance(before, Stock) and before.is_same_as(stock):  # our own write, whose answer was lost
                return _seeded(Result.UNCHANGED, line, stock.quantity, before)
            reason = "changed since the difference was shown" if before else "went since the difference was shown"
            return _seeded(Result.FAILED, line, _quantity(before), before, reason)
        reason = "this seed was added to it already" if mode is Mode.ADD else _why_kept(written, stock)
        return _seeded(Result.KEPT, line, _quantity(before), before, reason)
    if before is None:
        return _seeded(Result.CREATED, line, stock.quantity, None)
    now: int | None = stock.quantity
    if mode is Mode.ADD:
        now = before.quantity + stock.quantity if isinstance(before, Stock) else None
    is_same = now == _quantity(before) and (mode is Mode.ADD or _says_all(before.document(), stock))
    return _seeded(Result.UNCHANGED if is_same else Result.CHANGED, line, now, before)


def _why_kept(written: Written, stock: Stock) -> str:
    """After a lost answer a row found there may be the one this run wrote: then nobody can say which it is."""
    before = written.before
    if written.is_repeated and isinstance(before, Stock) and same(dict(before.attributes), dict(stock.attributes)):
        return "exists already, perhaps written by this very run: it was sent again after no clear answer"
    return "exists already"


def _seeded(result: Result, line: Line, quantity: int | None, before: Row | None, reason: str | None = None) -> Seeded:
    was = None if before is None else before.document()
    return Seeded(result, line.stock.product_id, line.number, quantity, was, reason)


def _says_all(old: Mapping[str, Json], stock: Stock) -> bool:
    return all(name in old and same(old[name], value) for name, value in stock.attributes.items())


def _no_stock(line: Line, before: Odd) -> Seeded:
    return _seeded(Result.FAILED, line, None, before, f"the row in the table is no stock: {before.problem}")


def _failed(line: Line, reason: str) -> Seeded:
    return Seeded(Result.FAILED, line.stock.product_id, line.number, None, None, reason)


def _quantity(row: Row | None) -> int | None:
    return row.quantity if isinstance(row, Stock) else None


def _marks(row: Row) -> frozenset[str]:
    return row.marks if isinstance(row, Stock) else frozenset()
