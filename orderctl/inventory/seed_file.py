"""Reading a file of stock: all of it is checked before any of it is written.

A million rows need flat memory, so nothing but the faults is kept: which product ids were seen, and where,
stands in a temporary SQLite table, which spills to disk by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from orderctl import jsontext
from orderctl.documents import Input
from orderctl.errors import UsageError
from orderctl.inventory.check import stock_of
from orderctl.inventory.models import Line

FAULTS_SHOWN = 20
MOST_UPDATED = 100
"""Attributes beside the quantity that surely fit the 4 KB and 300 operators of an update's expressions (DynamoDB
developer guide, "Quotas"); a new row is put as it is, and knows no such limit."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file without faults: how many rows, and the id its content gives it as a seed."""

    rows: int
    content_id: str


def check(source: Input, *, most_attributes: int | None = None) -> Checked:
    """Read the whole file; raises UsageError with every fault (the first 20 in full) and its line.

    `most_attributes` of a row: `MOST_UPDATED` where rows are updated and not put.
    """
    faults = _Faults(source)
    digest = hashlib.sha256()
    rows = 0
    with contextlib.closing(_Seen()) as seen:
        try:
            for record in source.records():
                rows += 1
                stock, found = stock_of(record.values)
                faults.add(record.line, found)
                if stock is not None and most_attributes is not None and len(stock.attributes) > most_attributes:
                    told = f"{len(stock.attributes)} attributes, but only --mode create writes more than"
                    faults.add(record.line, [f"{told} {most_attributes}"])
                if stock is not None:
                    digest.update(jsontext.dumps(stock.document()).encode() + b"\n")
                    first = seen.line_of(stock.product_id, record.line)
                    if first != record.line:
                        faults.add(record.line, [f"product_id {stock.product_id!r} stands on line {first} already"])
        except UsageError as error:
            faults.end_with(error)
    faults.raise_any()
    if rows == 0:
        raise UsageError(f"{source.name} holds no rows")
    return Checked(rows, digest.hexdigest()[:32])


def lines(source: Input) -> Iterator[Line]:
    """The rows of a file that was checked."""
    for record in source.records():
        stock, found = stock_of(record.values)
        if stock is None:
            raise UsageError(f"{source.where(record.line)}: {'; '.join(found)}")
        yield Line(record.line, stock)


class _Faults:
    def __init__(self, source: Input) -> None:
        self._source = source
        self._shown: list[str] = []
        self._count = 0

    def add(self, line: int, found: list[str]) -> None:
        self._count += len(found)
        room = FAULTS_SHOWN - len(self._shown)
        self._shown += [f"{self._source.where(line)}: {fault}" for fault in found[: max(room, 0)]]

    def end_with(self, error: UsageError) -> None:
        """The file cannot be read any further."""
        self._count += 1
        self._shown.append(error.message)

    def raise_any(self) -> None:
        if not self._count:
            return
        if self._count > len(self._shown):
            self._shown.append(f"... and {self._count - len(self._shown):,} more")
        raise UsageError("\n".join(self._shown), hint="nothing was written; correct the file and run it again")


class _Seen:
    """Product ids and the line each stood on first, on disk when they are many."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE seen (product_id BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._rows.execute("BEGIN")

    def line_of(self, product_id: str, line: int) -> int:
        """Where it stood first; `line` itself for a new one."""
        key = product_id.encode()
        if self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return line
        return int(self._rows.execute("SELECT line FROM seen WHERE product_id = ?", (key,)).fetchone()[0])

    def close(self) -> None:
        self._rows.close()
