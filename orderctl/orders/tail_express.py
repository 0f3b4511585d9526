"""Following every Express execution as it is logged.

The log group is read again every two seconds, each time with an overlap, because lines arrive late and out of
order; what was seen before is known by execution, id and redrive count. An event whose predecessors are still
missing is held back a few reads, so that an execution is told in its own order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from orderctl.clock import Clock
from orderctl.errors import OrderctlError
from orderctl.orders.express import DELIVERY, LIFETIME
from orderctl.orders.follow import News
from orderctl.orders.log_models import Logs
from orderctl.orders.models import TERMINAL, HistoryEvent
from orderctl.orders.names import express_pattern
from orderctl.orders.tail import PASSING, Ended, Happened, Notice, Tailed
from orderctl.orders.watching import Watching

INTERVAL = 2.0
"""Seconds between two reads of the log group; its quota is shared by everybody in the account."""
OVERLAP = DELIVERY
"""How late a line may arrive and still be told; the one that ends an execution must not be missed."""
FORGOTTEN_AFTER = LIFETIME + 2 * DELIVERY
"""An execution whose end was never logged (below level ALL, or a lost line) is remembered no longer than this."""
PATIENCE = 5
"""Reads an event waits for those before it."""
NOT_FOLLOWED = "the Express workflow is not followed"


@dataclass(slots=True)
class _InOrder:
    """The events of one execution: what may be told, and what still waits."""

    next_id: int = 1
    waiting: dict[int, HistoryEvent] = field(default_factory=dict)
    reads: int = 0
    newest: datetime | None = None
    """When the newest event told so far happened."""

    def ready(self, patience: int) -> list[HistoryEvent]:
        """Those whose turn it is; all of them when patience is over."""
        self.reads = self.reads + 1 if self.waiting and min(self.waiting) > self.next_id else 0
        found = []
        while self.waiting and (min(self.waiting) <= self.next_id or self.reads >= patience):
            event = self.waiting.pop(min(self.waiting))
            self.next_id = event.id + 1
            self.newest = event.timestamp if self.newest is None else max(self.newest, event.timestamp)
            found.append(event)
        return found


class ExpressTail:
    """Every execution of an EXPRESS state machine that is logged from `since` (now) on."""

    def __init__(
        self,
        logs: Logs,
        group: str,
        state_machine_arn: str,
        clock: Clock,
        *,
        since: datetime | None = None,
        is_whole: bool = True,
    ) -> None:
        self._logs, self._group, self._clock = logs, group, clock
        self._pattern = express_pattern(state_machine_arn, "*")
        self._patience = PATIENCE if is_whole else 0
        self._begin = self._read_to = since or clock.now()
        self._seen: dict[tuple[str, int, int], datetime] = {}
        self._queues: dict[str, _InOrder] = {}
        self._watching = Watching([], forgets=True)
        self._next_at = clock.monotonic()
        self._pause = INTERVAL

    @property
    def next_at(self) -> float:
        """When to read again."""
        return self._next_at

    def turn(self) -> Iterator[Happened]:
        """Read what is new, and tell what is complete."""
        now = self._clock.now()
        try:
            self._read(now)
        except OrderctlError as error:
            if error.code not in PASSING:
                raise
            self._pause = min(60.0, self._pause * 2)
            yield Notice(f"{error.message}; reading again in {self._pause:.0f}s")
        else:
            self._pause = INTERVAL
        for arn in list(self._queues):
            yield from self._tell(arn)
        self._forget(now)
        self._next_at = self._clock.monotonic() + self._pause

    def _read(self, now: datetime) -> None:
        since = max(self._begin, self._read_to - OVERLAP)
        for logged in self._logs.events(self._group, since=since, execution=self._pattern):
            if logged.key not in self._seen:
                self._seen[logged.key] = logged.event.timestamp
                queue = self._queues.setdefault(logged.execution_arn, _InOrder())
                queue.waiting[logged.event.id] = logged.event
        self._read_to = now
        self._seen = {key: at for key, at in self._seen.items() if at >= since - OVERLAP}

    def _forget(self, now: datetime) -> None:
        old = [
            arn
            for arn, queue in self._queues.items()
            if not queue.waiting and queue.newest is not None and now - queue.newest > FORGOTTEN_AFTER
        ]
        for arn in old:
            del self._queues[arn]
            self._watching.trackers.pop(arn, None)

    def _tell(self, arn: str) -> Iterator[Happened]:
        if arn not in self._watching.trackers:
            self._watching.add(arn)
        events = self._queues[arn].ready(self._patience)
        yield from self._watching.take(News(arn, events), self._clock.now())
        if any(event.type in TERMINAL for event in events):
            del self._queues[arn]
            yield Ended(self._watching.trackers.pop(arn).execution)


class Besides:
    """Express followed beside Standard: where it cannot be, that is told once, and the other goes on."""

    def __init__(self, tailed: Tailed) -> None:
        self._tailed = tailed
        self._is_over = False

    @property
    def next_at(self) -> float:
        """When there is something to do next; never, once it cannot be followed."""
        return math.inf if self._is_over else self._tailed.next_at

    def turn(self) -> Iterator[Happened]:
        """Do it."""
        try:
            yield from self._tailed.turn()
        except OrderctlError as error:
            self._is_over = True
            yield Notice(f"{NOT_FOLLOWED}: {error.message}")
