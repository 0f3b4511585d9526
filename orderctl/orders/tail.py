"""Following every execution of a state machine as it starts: what `orders tail` prints.

New executions are found by ListExecutions, whose quota is the smallest of all (2 a second for the account),
so it is asked every few seconds and reads only as far back as it has to. The list is documented as
eventually consistent: it is read again over its last minute, so that what appears late is not missed.
What is found is followed by one poller, `MOST_AT_ONCE` at a time; the others wait in line and are read from
their beginning when their turn comes, so a rush is told late and nothing of it is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from orderctl.clock import Clock
from orderctl.errors import NotFoundError, OrderctlError, TimeoutPassedError
from orderctl.orders.find import find
from orderctl.orders.follow import INTERVAL, LONGEST_PAUSE, NETWORK_TROUBLE, NEW_PATIENCE, Poller
from orderctl.orders.models import Execution
from orderctl.orders.ports import Executions
from orderctl.orders.watching import Step, Watching
from orderctl.pacing import TokenBucket

LIST_INTERVAL = 5.0
"""Seconds between two looks for new executions."""
OVERLAP = timedelta(seconds=60)
PASSING = ("throttled", *NETWORK_TROUBLE)
"""Codes of errors that are waited out."""
MOST_AT_ONCE = 100
MOST_WAITING = 10_000
"""Executions remembered until they can be followed; what starts beyond that is not, and is counted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One execution came to its end."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know, and that is no data."""

    text: str


Happened: TypeAlias = Step | Ended | Notice


class Tailed(Protocol):
    """One state machine that is followed: when to look next, and what a look brings."""

    @property
    def next_at(self) -> float:
        """When there is something to do next, on the monotonic clock."""

    def turn(self) -> Iterator[Happened]:
        """Do it."""


def tail(tailed: Sequence[Tailed], clock: Clock, *, timeout: float | None = None) -> Iterator[Happened]:
    """What happens in all of them, by turns; ends only by the timeout, in seconds."""
    deadline = None if timeout is None else clock.monotonic() + timeout
    while True:
        due = min(tailed, key=lambda each: each.next_at)
        if deadline is not None and max(due.next_at, clock.monotonic()) >= deadline:
            clock.sleep(deadline - clock.monotonic())
            raise TimeoutPassedError("the timeout passed")
        clock.sleep(due.next_at - clock.monotonic())
        yield from due.turn()


class StandardTail:
    """Every execution of a STANDARD state machine started from `since` (now) on."""

    def __init__(
        self,
        executions: Executions,
        state_machine_arn: str,
        clock: Clock,
        *,
        since: datetime | None = None,
        interval: float = INTERVAL,
        bucket: TokenBucket,
    ) -> None:
        self._executions, self._machine, self._clock = executions, state_machine_arn, clock
        self._poller = Poller(executions, clock, interval=interval, patience=NEW_PATIENCE, bucket=bucket)
        self._watching = Watching([], forgets=True)
        self._seen: dict[str, datetime] = {}
        self._waiting: deque[str] = deque()
        self._begin = self._back_to = since or clock.now()
        self._list_at = clock.monotonic()
        self._list_pause = LIST_INTERVAL
        self._told_line = self._told_full = False
        self._told_network_at = -LONGEST_PAUSE

    @property
    def next_at(self) -> float:
        """When there is something to do next."""
        return min(self._list_at, self._poller.due.next_at) if self._poller.running else self._list_at

    def turn(self) -> Iterator[Happened]:
        """Look for new executions, or read one that is followed."""
        if self._list_at <= self._clock.monotonic():
            yield from self._look()
        else:
            yield from self._read()

    def _look(self) -> Iterator[Notice]:
        try:
            listed = list(find(self._executions, self._machine, since=self._back_to))
        except OrderctlError as error:
            if error.code not in PASSING:
                raise
            self._list_pause = min(60.0, self._list_pause * 2)
            self._list_at = self._clock.monotonic() + self._list_pause
            yield Notice(f"{error.message}; looking again in {self._list_pause:.0f}s")
            return
        for execution in reversed(listed):
            yield from self._begin_with(execution)
        self._back_to = max(self._begin, self._clock.now() - OVERLAP)
        self._seen = {
            arn: at for arn, at in self._seen.items() if at >= self._back_to or arn in self._watching.trackers
        }
        if not self._waiting:
            self._told_line = self._told_full = False
        self._list_pause = LIST_INTERVAL
        self._list_at = self._clock.monotonic() + LIST_INTERVAL

    def _begin_with(self, execution: Execution) -> Iterator[Notice]:
        arn = execution.execution_arn
        if arn in self._seen:
            return
        self._seen[arn] = execution.started_at or self._clock.now()
        if len(self._poller.running) < MOST_AT_ONCE:
            self._follow(arn)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(arn)
            if not self._told_line:
                self._told_line = True
                yield Notice(f"more than {MOST_AT_ONCE} executions at once: the others follow as these end")
        elif not self._told_full:
            self._told_full = True
            yield Notice(f"{MOST_WAITING:,} executions are waiting already: what starts now is not followed")

    def _follow(self, arn: str) -> None:
        self._poller.add(arn)
        self._watching.add(arn)

    def _next_in_line(self) -> None:
        if self._waiting:
            self._follow(self._waiting.popleft())

    def _read(self) -> Iterator[Happened]:
        arn = self._poller.due.arn
        try:
            for news in self._poller.poll():
                yield from self._watching.take(news, self._clock.now())
                yield from (Notice(text) for text in news.notices)
                if news.status is not None:
                    yield Ended(self._watching.trackers.pop(arn).execution)
                    self._next_in_line()
        except NotFoundError as error:
            self._poller.drop(arn)
            self._watching.trackers.pop(arn, None)
            self._next_in_line()
            yield Notice(error.message)
        except OrderctlError as error:
            if error.code not in PASSING:
                raise
            yield from self._wait_for_the_network(error)

    def _wait_for_the_network(self, error: OrderctlError) -> Iterator[Notice]:
        """A tail has no end of its own: it goes on when the network is back, however long that takes."""
        now = self._clock.monotonic()
        self._poller.due.next_at = now + LONGEST_PAUSE
        if now >= self._told_network_at + LONGEST_PAUSE:
            self._told_network_at = now
            yield Notice(f"{error.message}; still following, reading again in {LONGEST_PAUSE:.0f}s")
