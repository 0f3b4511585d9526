"""The parts of the screen, each read at its own pace; one that fails leaves a note and keeps what it knew.

A missing permission is no reason to show nothing: the part is left out, its note names the permission, and it is
asked again five minutes later, because somebody may grant it. Throttling makes a part wait twice as long each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from orderctl.clock import Clock
from orderctl.errors import AuthError, OrderctlError
from orderctl.inventory.ports import StockTable
from orderctl.inventory.shelf import lowest
from orderctl.top.executions import RecentExecutions
from orderctl.top.models import Alarm, ExecutionCounts, LowStock, Snapshot
from orderctl.top.ports import Alarms
from orderctl.top.queues import WatchedQueues

INTERVAL = 10.0
"""Seconds between two looks."""
SLOW = 60.0
"""Seconds between two looks at stock (a scan reads the whole table) and at alarms (which change by the minute)."""
DENIED = 300.0
LONGEST = 300.0
MOST_LOW = 50


@dataclass
class Part:
    """One part: what reads it, how often, and how the last look ended."""

    name: str
    look: Callable[[], None]
    interval: float
    due: float = float("-inf")
    pause: float = 0.0
    error: OrderctlError | None = None
    is_read: bool = False


EXECUTIONS, QUEUES, ALARMS, STOCK = "executions", "dead_letter_queues", "alarms", "low_stock"
"""The parts, by the snapshot's own names."""


class Board:
    """Everything the screen shows. `parts` that are not wanted are None."""

    def __init__(
        self,
        clock: Clock,
        environment: str,
        window: timedelta,
        *,
        executions: Callable[[], RecentExecutions] | None = None,
        queues: Callable[[], WatchedQueues] | None = None,
        stock: Callable[[], StockTable] | None = None,
        alarms: Callable[[], Alarms] | None = None,
        low: int = 10,
        alarm_prefix: str | None = None,
        interval: float = INTERVAL,
    ) -> None:
        self._clock, self._environment, self._window = clock, environment, window
        self._make_executions, self._make_queues = executions, queues
        self._make_stock, self._make_alarms = stock, alarms
        self._low, self._prefix = low, alarm_prefix
        self._executions: RecentExecutions | None = None
        self._queues: WatchedQueues | None = None
        self._low_stock: tuple[LowStock, ...] = ()
        self._alarms: tuple[Alarm, ...] = ()
        slow = max(interval, SLOW)
        self._parts = [
            Part(name, look, pace)
            for name, look, pace, wanted in (
                (EXECUTIONS, self._look_at_executions, interval, executions),
                (QUEUES, self._look_at_queues, interval, queues),
                (ALARMS, self._look_at_alarms, slow, alarms),
                (STOCK, self._look_at_stock, slow, stock if low > 0 else None),
            )
            if wanted is not None
        ]

    def refresh(self, *, everything: bool = False) -> Iterator[str]:
        """Look at what is due, one part at a time, and name each when it has been looked at."""
        for part in self._parts:
            if everything or self._clock.monotonic() >= part.due:
                self._refresh(part)
                yield part.name

    @property
    def next_due(self) -> float:
        """The monotonic second of the next look."""
        return min((part.due for part in self._parts), default=float("inf"))

    def raise_if_blind(self) -> None:
        """Raise the first error where no part could ever be read: there is nothing to show.

        Not where something was: a network that is gone for a minute must not end the screen that waits for it.
        """
        errors = [part.error for part in self._parts if part.error is not None]
        if errors and len(errors) == len(self._parts) and not any(part.is_read for part in self._parts):
            raise errors[0]

    def snapshot(self) -> Snapshot:
        """What is known now."""
        notes = [f"{_words(part.name)}: {part.error.message}" for part in self._parts if part.error is not None]
        read = {part.name for part in self._parts if part.is_read}
        return Snapshot(
            self._clock.now(),
            self._environment,
            self._window.total_seconds(),
            self._executions.counts() if self._executions else ExecutionCounts(),
            self._executions.failures() if self._executions else (),
            self._executions.running() if self._executions else (),
            self._queues.rows() if self._queues else (),
            self._low_stock,
            self._alarms,
            tuple(name for name in (EXECUTIONS, QUEUES, ALARMS, STOCK) if name not in read),
            (*notes, *(self._queues.notes() if self._queues else ())),
        )

    def _refresh(self, part: Part) -> None:
        now = self._clock.monotonic()
        try:
            part.look()
            part.error, part.pause, part.is_read = None, 0.0, True
            part.due = now + part.interval
        except OrderctlError as error:
            part.error = error
            part.pause = DENIED if isinstance(error, AuthError) else min(LONGEST, 2 * (part.pause or part.interval))
            part.due = now + part.pause

    def _look_at_executions(self) -> None:
        if self._executions is None and self._make_executions is not None:
            self._executions = self._make_executions()
        if self._executions is not None:
            self._executions.look()

    def _look_at_queues(self) -> None:
        if self._queues is None and self._make_queues is not None:
            self._queues = self._make_queues()
        if self._queues is not None:
            self._queues.look()

    def _look_at_alarms(self) -> None:
        if self._make_alarms is not None:
            raised = self._make_alarms().raised(self._prefix)
            self._alarms = tuple(sorted(raised, key=lambda alarm: alarm.name))

    def _look_at_stock(self) -> None:
        if self._make_stock is not None:
            found = lowest(self._make_stock().scan(below=self._low), most=MOST_LOW).rows
            self._low_stock = tuple(LowStock(row.product_id, row.quantity) for row in found)


def _words(name: str) -> str:
    return name.replace("_", " ")
