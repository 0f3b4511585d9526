"""Many orders from one file: all checked before the first is started, each started once.

A record without an `order_id` gets one made of its content and its line. So the same file run again, after
a Ctrl-C or a lost connection, starts what is missing and nothing twice: that is all the resuming there is,
and no journal can be lost. How fast orders are started is the adapter's affair, as
it is for every caller of an API: it keeps below the account's quota.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.clock import Clock
from orderctl.documents import Format, Input, Record
from orderctl.errors import AuthError, ConflictError, NotFoundError, OrderctlError, UsageError
from orderctl.orders.follow import NETWORK_TROUBLE
from orderctl.orders.models import StateMachineType
from orderctl.orders.names import named
from orderctl.orders.order import Order, canonical, parse_order, quantity_from, same_input
from orderctl.orders.ports import Executions
from orderctl.orders.submit import check_type
from orderctl.pool import Failed, Pool

AT_ONCE = 8
"""Starts in flight at most; StartExecution takes some 40 ms, and no more than a hundred a second go through anyway."""
GIVES_UP_AFTER = 5
"""Orders in a row that nobody answered for: the network is gone, and the file can be run again when it is back."""
THROTTLED_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds one order is tried again after, while AWS is throttling."""


class BatchResult(StrEnum):
    """What became of one record."""

    STARTED = "started"
    ATTACHED = "attached"
    """It was running already."""
    ALREADY = "already"
    """It was submitted before, with the same contents, and has ended."""
    CONFLICT = "conflict"
    FAILED = "failed"

    @property
    def is_good(self) -> bool:
        """Is the order in the workflow?"""
        return self not in (BatchResult.CONFLICT, BatchResult.FAILED)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One record's result."""

    line: int
    order_id: str
    result: BatchResult
    execution_arn: str | None = None
    message: str | None = None


def check(batch: Input, complete: Callable[[dict[str, Json]], dict[str, Json]]) -> int:
    """Read every record and count them; raises UsageError at the first that is no order, or an id given twice.

    `complete` fills in what the command line says about every order.
    """
    lines: dict[str, int] = {}
    for line, order in read(batch, complete):
        if order.order_id in lines:
            raise UsageError(
                f"{batch.where(line)}: order {order.order_id} stands in line {lines[order.order_id]} already"
            )
        lines[order.order_id] = line
    return len(lines)


def read(batch: Input, complete: Callable[[dict[str, Json]], dict[str, Json]]) -> Iterator[tuple[int, Order]]:
    """Every record as an order, with its line."""
    for record in batch.records():
        document = complete(_typed(record, batch.format))
        document.setdefault("order_id", made_id(record))
        yield record.line, parse_order(document, source=batch.where(record.line))


def made_id(record: Record) -> str:
    """The same for the same content in the same line, and for nothing else."""
    text = f"{record.line} {jsontext.dumps(canonical(record.values))}"
    return "b-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def submit_all(
    executions: Executions, state_machine_arn: str, orders: Iterable[tuple[int, Order]], clock: Clock
) -> Iterator[BatchLine]:
    """Start each, several at a time, and say what became of it, in the order in which they end.

    Raises what would fail every other one alike, after the last of those that were begun.
    """
    check_type(executions, state_machine_arn, StateMachineType.STANDARD)
    batch = _Batch(executions, state_machine_arn, Pool(clock, workers=AT_ONCE))
    yield from batch.run(orders)
    if batch.silence is not None:
        hint = "what was started is not started twice: run the same command again when the network is back"
        batch.silence.hint = hint
        raise batch.silence


@dataclass(slots=True)
class _Batch:
    """The orders of one file; `silence` is the error of a network that is gone."""

    executions: Executions
    machine: str
    pool: Pool
    silence: OrderctlError | None = None

    def run(self, orders: Iterable[tuple[int, Order]]) -> Iterator[BatchLine]:
        unanswered = 0
        for outcome in self.pool.each(self._one, self._until_silence(orders)):
            if isinstance(outcome, Failed):
                continue  # what fails all others alike is raised after them
            line, error = outcome.result
            yield line
            unanswered = unanswered + 1 if error is not None and error.code in NETWORK_TROUBLE else 0
            self.silence = error if unanswered == GIVES_UP_AFTER else self.silence

    def _until_silence(self, orders: Iterable[tuple[int, Order]]) -> Iterator[tuple[int, Order]]:
        for each in orders:
            if self.silence is not None:
                return
            yield each

    def _one(self, record: tuple[int, Order]) -> tuple[BatchLine, OrderctlError | None]:
        """One record's result, and the error where it failed; throttling is waited out, unless all is to end."""
        line, order = record
        for wait in (*THROTTLED_WAITS, None):
            try:
                return _started(self.executions, self.machine, line, order), None
            except (AuthError, NotFoundError):
                raise
            except OrderctlError as error:
                if error.code == "throttled" or error.code in NETWORK_TROUBLE:
                    self.pool.width.narrow()
                if error.code != "throttled" or wait is None or not self.pool.rest(wait):
                    return BatchLine(line, order.order_id, BatchResult.FAILED, None, error.message), error
        raise AssertionError("the last wait is None")


def _started(executions: Executions, machine: str, line: int, order: Order) -> BatchLine:
    """Start it; where its name is taken, one look tells by what: most of a file that is run again is that."""
    arn = named(machine, order.order_id)
    try:
        started = executions.start(machine, order.order_id, order.input_json)
        return BatchLine(line, order.order_id, BatchResult.STARTED, started.execution_arn)
    except ConflictError:
        existing = executions.describe(arn)
    if not same_input(existing.input, order.input_json):
        said = f"order {order.order_id} exists already, with other contents, and is {existing.status}"
        return BatchLine(line, order.order_id, BatchResult.CONFLICT, arn, said)
    if existing.status.is_closed:
        return BatchLine(line, order.order_id, BatchResult.ALREADY, arn, f"it is {existing.status}")
    return BatchLine(line, order.order_id, BatchResult.ATTACHED, arn)


def _typed(record: Record, fmt: Format) -> dict[str, Json]:
    """In CSV every cell is text: the one number an order has is read as one."""
    values = dict(record.values)
    quantity = values.get("quantity")
    if fmt is Format.CSV and isinstance(quantity, str):
        values["quantity"] = quantity_from(quantity)
    return values
