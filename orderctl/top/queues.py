"""Dead-letter queues again and again: their wiring seldom, their depth each time, CloudWatch's word once a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from orderctl.clock import Clock
from orderctl.dlq.models import Wiring
from orderctl.dlq.overview import Overview, overview
from orderctl.dlq.ports import Queues
from orderctl.errors import OrderctlError
from orderctl.top.models import DeadLetterQueue
from orderctl.top.ports import Trend, Trends

WIRING_EVERY = 300.0
"""Seconds. Who names a queue as its dead-letter queue changes with a deployment; asking costs a call a function."""
TRENDS_EVERY = 60.0
"""Seconds. CloudWatch counts queues once a minute."""
KEPT = 12
"""Depths that make a trend."""


class NoAges:
    """The overview's ages come with the trends, in the same call."""

    def oldest(self, names: Sequence[str]) -> Mapping[str, float]:
        """None of them."""
        return {}


class WatchedQueues:
    """The queues of one environment and how their depth went."""

    def __init__(
        self,
        queues: Queues,
        wiring: Callable[[], Wiring],
        within: Callable[[], Collection[str] | None],
        trends: Trends,
        clock: Clock,
    ) -> None:
        self._queues, self._ask_wiring, self._within = queues, wiring, within
        self._trends, self._clock = trends, clock
        self._wiring = Wiring()
        self._names: Collection[str] | None = None
        self._wiring_at = self._trends_at = float("-inf")
        self._told: Mapping[str, Trend] = {}
        self._seen: dict[str, deque[int]] = {}
        self._trouble: str | None = None
        self._gone: list[str] = []
        self._found: tuple[DeadLetterQueue, ...] = ()

    def look(self) -> None:
        """Read depths, and what is due besides."""
        now = self._clock.monotonic()
        if now - self._wiring_at >= WIRING_EVERY:
            self._names = self._within()
            self._wiring = self._ask_wiring()
            self._wiring_at = now
        rows, self._gone = overview(self._queues, self._wiring, NoAges(), within=self._names)
        if now - self._trends_at >= TRENDS_EVERY:
            self._read_trends([row.name for row in rows])
            self._trends_at = now
        self._found = tuple(self._watched(row) for row in rows)

    def rows(self) -> tuple[DeadLetterQueue, ...]:
        """The fullest first."""
        return self._found

    def notes(self) -> tuple[str, ...]:
        """What could not be looked at."""
        return (*self._wiring.notes, *self._gone, *([self._trouble] if self._trouble else []))

    def _read_trends(self, names: Sequence[str]) -> None:
        try:
            self._told, self._trouble = self._trends.of(names), None
        except OrderctlError as error:
            self._trouble = f"trends and ages of queues: {error.message}"

    def _watched(self, row: Overview) -> DeadLetterQueue:
        told = self._told.get(row.name, Trend())
        seen = self._seen.setdefault(row.name, deque(told.depths, maxlen=KEPT))
        seen.append(row.depth)
        age = told.oldest_age_seconds if row.depth else None
        return DeadLetterQueue(row.name, row.depth, row.in_flight, age, tuple(seen))
