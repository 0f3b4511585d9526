"""The plan of an exact seed, kept on disk between being shown and being carried out.

What is written later must be conditional on what was shown, not on a second reading; and a plan of a million
rows must not stand in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from orderctl import jsontext
from orderctl.inventory.models import Line, Odd, Row, Stock
from orderctl.inventory.seed import Planned


class Plan:
    """Planned rows in the order they were added; may be read again and again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def keep(self, planned: Iterable[Planned]) -> Iterator[Planned]:
        """Pass the rows on, remembering each."""
        for one in planned:
            self._file.write(jsontext.dumps(_document(one)).encode() + b"\n")
            yield one

    def __iter__(self) -> Iterator[Planned]:
        self._file.seek(0)
        for text in self._file:
            kept = jsontext.loads(text, source="plan")
            yield Planned(Line(kept["line"], _stock(kept["stock"])), _row(kept["before"], kept["problem"]))


@contextmanager
def new_plan() -> Iterator[Plan]:
    """An empty plan, gone at the end."""
    with tempfile.TemporaryFile() as file:
        yield Plan(file)


def _document(one: Planned) -> dict[str, object]:
    before = one.before
    return {
        "line": one.line.number,
        "stock": one.line.stock.document(),
        "before": None if before is None else before.document(),
        "problem": before.problem if isinstance(before, Odd) else None,
    }


def _row(document: object, problem: str | None) -> Row | None:
    if not isinstance(document, dict):
        return None
    if problem is None:
        return _stock(document)
    rest = {name: value for name, value in document.items() if name != "product_id"}
    return Odd(str(document["product_id"]), problem, rest)


def _stock(document: object) -> Stock:
    """A row as the table holds it: read without the limits of a file's row."""
    assert isinstance(document, dict)
    rest = {name: value for name, value in document.items() if name not in ("product_id", "quantity")}
    return Stock(str(document["product_id"]), int(document["quantity"]), rest)
