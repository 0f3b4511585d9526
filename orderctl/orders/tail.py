"""Following every execution of a state machine as it starts: what `orders tail` prints.

New executions are found by ListExecutions, whose quota is the smallest of all (2 a second for the account),
so it is asked every few seconds and reads only as far back as it has to. The list is documented as
eventually consistent: it is read again over its last minute, so that what appears late is not missed.
What is found is followed by one poller. More than `MOST_AT_ONCE` at a time are not: that is said, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.errors import NotFoundError, OrderctlError, TimeoutPassedError
from orderctl.orders.find import find
from orderctl.orders.follow import INTERVAL, NEW_PATIENCE, Poller
from orderctl.orders.models import Execution
from orderctl.orders.ports import Executions
from orderctl.orders.watching import Step, Watching

LIST_INTERVAL = 5.0
"""Seconds between two looks for new executions."""
OVERLAP = timedelta(seconds=60)
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Ended:
    """One execution came to its end."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know, and that is no data."""

    text: str


def tail(
    executions: Executions,
    state_machine_arn: str,
    clock: Clock,
    *,
    since: datetime | None = None,
    timeout: float | None = None,
    interval: float = INTERVAL,
) -> Iterator[Step | Ended | Notice]:
    """Every event of every execution started from `since` (now) on; ends only by the timeout."""
    begin = since or clock.now()
    tailed = _Tail(executions, state_machine_arn, clock, begin, interval)
    deadline = None if timeout is None else clock.monotonic() + timeout
    while True:
        next_at = tailed.next_at
        if deadline is not None and next_at >= deadline:
            clock.sleep(deadline - clock.monotonic())
            raise TimeoutPassedError("the timeout passed")
        clock.sleep(next_at - clock.monotonic())
        yield from tailed.turn()


class _Tail:
    """What is followed now, and what has been seen."""

    def __init__(
        self, executions: Executions, state_machine_arn: str, clock: Clock, begin: datetime, interval: float
    ) -> None:
        self._executions, self._machine, self._clock = executions, state_machine_arn, clock
        self._poller = Poller(executions, clock, interval=interval, patience=NEW_PATIENCE)
        self._watching = Watching([])
        self._seen: dict[str, datetime] = {}
        self._begin = self._back_to = begin
        self._list_at = clock.monotonic()
        self._list_pause = LIST_INTERVAL
        self._told_too_many = False

    @property
    def next_at(self) -> float:
        """When there is something to do next."""
        return min(self._list_at, self._poller.due.next_at) if self._poller.running else self._list_at

    def turn(self) -> Iterator[Step | Ended | Notice]:
        """Look for new executions, or read one that is followed."""
        if self._list_at <= self._clock.monotonic():
            yield from self._look()
        else:
            yield from self._read()

    def _look(self) -> Iterator[Notice]:
        try:
            listed = list(find(self._executions, self._machine, since=self._back_to))
        except OrderctlError as error:
            if error.code not in ("throttled", "unreachable"):
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
        self._list_pause = LIST_INTERVAL
        self._list_at = self._clock.monotonic() + LIST_INTERVAL

    def _begin_with(self, execution: Execution) -> Iterator[Notice]:
        arn = execution.execution_arn
        if arn in self._seen:
            return
        self._seen[arn] = execution.started_at or self._clock.now()
        if len(self._poller.running) < MOST_AT_ONCE:
            self._poller.add(arn)
            self._watching.add(arn)
        elif not self._told_too_many:
            self._told_too_many = True
            yield Notice(f"more than {MOST_AT_ONCE} executions at once: some are not followed")

    def _read(self) -> Iterator[Step | Ended | Notice]:
        arn = self._poller.due.arn
        try:
            for news in self._poller.poll():
                yield from self._watching.take(news, self._clock.now())
                yield from (Notice(text) for text in news.notices)
                if news.status is not None:
                    yield Ended(self._watching.trackers.pop(arn).execution)
        except NotFoundError as error:
            self._poller.drop(arn)
            self._watching.trackers.pop(arn, None)
            yield Notice(error.message)
