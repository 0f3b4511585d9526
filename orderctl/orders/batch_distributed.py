"""A file of orders started by AWS itself: waves of chunks, a Distributed Map over them, a result line for each order.

An order's id is its execution's name, so nothing here can start one twice, and no journal is needed: what a wave did
not start, or could not say, is looked at and started one by one, as without waves. Run again after whatever happened,
the file starts what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from orderctl.bulk import chunks
from orderctl.bulk.errors import error_of
from orderctl.bulk.models import Fate, Item, Status, Wave
from orderctl.bulk.ports import BulkMachine, BulkStore
from orderctl.bulk.wave import Ended, Runner
from orderctl.clock import Clock
from orderctl.errors import FailedError, OrderctlError
from orderctl.orders.batch import BatchLine, BatchResult
from orderctl.orders.order import Order

HAND = 5_000
"""Orders of one wave: fifty chunks."""
HAND_BYTES = 16 * 1024 * 1024
CHUNKS_AT_ONCE = 16
"""Chunks that AWS delivers at once. StartExecution has a quota for the whole account; the function waits out its
throttling, and more of them would only wait more."""
BEGINS_FOR = 400.0
"""Seconds after its upload for which a chunk may be begun."""
PASSES = 5
"""Waves for what was throttled, or not come to, before it is started one by one."""
AGAIN = (Status.BUSY, Status.LATER, Status.UNTOUCHED)

Numbered = tuple[int, Order]
OneByOne = Callable[[Iterable[Numbered]], Iterator[BatchLine]]


@dataclass(frozen=True, slots=True)
class OrderBulk:
    """What starts them for us, and the name of this batch: it stands in the bucket and in the executions' names."""

    store: BulkStore
    machine: BulkMachine
    bucket: str
    machine_arn: str
    run: str


def submit_by_waves(
    bulk: OrderBulk, state_machine_arn: str, orders: Iterable[Numbered], clock: Clock, one_by_one: OneByOne
) -> Iterator[BatchLine]:
    """Say of each order what became of it, in the file's order. `one_by_one` starts, or looks at, what a wave left.

    Raises what would fail every other one alike, after the lines of those that were started.
    """
    waves = _Waves(bulk, state_machine_arn, clock)
    for hand in _hands(orders):
        fates, error = waves.started(hand)
        sent = {each for each, fate in fates.items() if fate.status is Status.SENT}
        if error is not None:
            yield from (_line(numbered, fates) for numbered in hand if numbered[1].order_id in sent)
            raise error
        rest = [numbered for numbered in hand if numbered[1].order_id not in sent]
        done = {line.order_id: line for line in one_by_one(rest)} if rest else {}
        for numbered in hand:
            yield done.get(numbered[1].order_id) or _line(numbered, fates)


def _line(numbered: Numbered, fates: dict[str, Fate]) -> BatchLine:
    line, order = numbered
    return BatchLine(line, order.order_id, BatchResult.STARTED, fates[order.order_id].new_id)


def _hands(orders: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    hand: list[Numbered] = []
    size = 0
    for numbered in orders:
        hand.append(numbered)
        size += len(numbered[1].input_json)
        if len(hand) == HAND or size >= HAND_BYTES:
            yield hand
            hand, size = [], 0
    if hand:
        yield hand


class _Waves:
    """The waves of one file, one after the other."""

    def __init__(self, bulk: OrderBulk, machine: str, clock: Clock) -> None:
        self._bulk, self._machine, self._clock = bulk, machine, clock
        self._runner = Runner(bulk.store, bulk.machine, clock, self._pause)
        self._begun = 0

    def started(self, hand: Sequence[Numbered]) -> tuple[dict[str, Fate], OrderctlError | None]:
        """What became of each order, and what would fail every other one alike."""
        fates: dict[str, Fate] = {}
        left = list(hand)
        for _ in range(PASSES):
            ended = self._wave(left)
            fates |= ended.fates
            fatal = next((fate for fate in ended.fates.values() if fate.status is Status.FATAL), None)
            if fatal is not None:
                return fates, error_of(fatal)
            if ended.has_begun_nothing:
                return fates, self._problem(ended)
            before, left = len(left), [each for each in left if fates[each[1].order_id].status in AGAIN]
            if not left or len(left) == before:
                break
        return fates, None

    def _problem(self, ended: Ended) -> OrderctlError:
        hint = "nothing of this wave was started; look at the execution in the Step Functions console, or --engine own"
        return FailedError(ended.problem or f"the bulk execution found no chunk in s3://{self._bulk.bucket}", hint=hint)

    def _wave(self, orders: Sequence[Numbered]) -> Ended:
        parts = list(chunks.cut(self._item(order) for _, order in orders))
        wave = self._next(parts)
        begins_until = self._clock.monotonic() + BEGINS_FOR
        self._runner.upload(wave, parts, begins_until)
        try:
            self._runner.start(wave, CHUNKS_AT_ONCE)
            ended = self._runner.see_through(wave, begins_until)
        except BaseException:
            self._stop(wave)
            raise
        self._clear(wave)
        return ended

    def _item(self, order: Order) -> Item:
        said = {"id": order.order_id, "arn": self._machine, **chunks.start(order.order_id, order.input_json)}
        return Item(order.order_id, json.dumps(said).encode())

    def _next(self, parts: Sequence[Sequence[Item]]) -> Wave:
        self._begun += 1
        ids = tuple(tuple(item.item_id for item in part) for part in parts)
        name, prefix = f"{self._bulk.run}-{self._begun:05}", f"orders/{self._bulk.run}/{self._begun:05}/"
        return Wave(self._bulk.bucket, self._bulk.machine_arn, name, prefix, ids)

    def _stop(self, wave: Wave) -> None:
        """Ctrl-C, or trouble: the bulk is ours. The orders it has started go on."""
        try:
            self._bulk.machine.stop(wave.execution_arn)
        except OrderctlError:
            return

    def _clear(self, wave: Wave) -> None:
        """What cannot be deleted, the bucket's lifecycle rule deletes."""
        try:
            self._runner.clear(wave.bucket, wave.prefix)
        except OrderctlError:
            return

    def _pause(self, seconds: float) -> bool:
        self._clock.sleep(seconds)
        return True
