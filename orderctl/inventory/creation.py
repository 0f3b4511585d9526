"""Creating the rows of a file, as many at once as the table takes.

Every row keeps an outcome of its own. A batch of which some rows were throttled is done as far as it went: the
pool tries it again with those rows alone, after its wait and at half its width, until its patience ends. That
is the patience with a row: it begins anew with every try that wrote some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from orderctl.errors import OrderctlError, ThrottledError
from orderctl.inventory.check import item_size
from orderctl.inventory.models import Line, Written
from orderctl.inventory.ports import StockTable
from orderctl.pool import FATAL, Failed, PartlyThrottledError, Pool

MOST_BYTES = 2**20
"""Of the items in a batch: far below any limit of AWS, and what bounds the memory of the batches in flight."""

_UNDECIDED: tuple[type[OrderctlError], ...] = (ThrottledError, *FATAL)
"""What leaves a row to be written: by the next try, or by the next run."""

Told: TypeAlias = tuple[Line, Written | OrderctlError]


@dataclass(slots=True, eq=False)
class Batch:
    """Rows that are written together: those `left` to write, what last kept them, what was told of the others."""

    left: list[Line]
    kept_by: dict[str, OrderctlError] = field(default_factory=dict)
    """By product: in a document of one line all rows have the same number."""
    told: list[Told] = field(default_factory=list)

    def take(self, answers: Iterable[Written | OrderctlError]) -> None:
        """The answers to the rows left; raises what ends all others too, else what has to be tried again."""
        told, self.kept_by = list(zip(self.left, answers, strict=True)), {}
        for line, answer in told:
            if isinstance(answer, _UNDECIDED):
                self.kept_by[line.stock.product_id] = answer
            else:
                self.told.append((line, answer))
        self.left = [line for line in self.left if line.stock.product_id in self.kept_by]
        self._raise_worst(is_part=len(self.left) < len(told))

    def outcomes(self, error: OrderctlError | None) -> Iterator[Told]:
        """All that is known of its rows; `error` is why it ended, where it did not end well."""
        yield from self.told
        if error is not None:
            yield from ((line, self.kept_by.get(line.stock.product_id, error)) for line in self.left)

    def _raise_worst(self, *, is_part: bool) -> None:
        errors = sorted(self.kept_by.values(), key=lambda one: not isinstance(one, FATAL))
        if errors and is_part and isinstance(errors[0], ThrottledError):
            raise PartlyThrottledError(errors[0].message, hint=errors[0].hint, aws=errors[0].aws)
        if errors:
            raise errors[0]


def create(table: StockTable, lines: Iterable[Line], pool: Pool) -> Iterator[Told]:
    """What became of every row, as they end. Raises what stops all rows alike, after the rows in flight."""

    def work(batch: Batch) -> None:
        batch.take(table.create_many([line.stock for line in batch.left]))

    for outcome in pool.each(work, batches(table, lines)):
        yield from outcome.item.outcomes(outcome.error if isinstance(outcome, Failed) else None)


def batches(table: StockTable, lines: Iterable[Line]) -> Iterator[Batch]:
    """The rows in their order, cut to what the table takes at once at that moment and to `MOST_BYTES`."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        more = item_size(line.stock.document())
        if batch and size + more > MOST_BYTES:
            yield Batch(batch)
            batch, size = [], 0
        batch.append(line)
        size += more
        if len(batch) >= table.at_once:
            yield Batch(batch)
            batch, size = [], 0
    if batch:
        yield Batch(batch)
