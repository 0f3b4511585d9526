"""Following executions to their end: one poller for all of them, inside the account's quota.

An execution has ended when its history says so. DescribeExecution and ListExecutions are documented as
eventually consistent and may say RUNNING after the end, or the last events may not be readable yet when
they say SUCCEEDED. So the terminal event decides, and one more read follows it: a redrive may have opened
the execution again at once (`ExecutionRedriven` un-ends it).

Only where the history stays silent is DescribeExecution asked. Some emulators never write the terminal
event: closed by its word, and two more reads without news, is then the end.

Throttling slows the polls down and is said once; a network that is gone is waited for, a minute long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import NotFoundError, OrderctlError, TimeoutPassedError
from orderctl.orders.history import HistoryReader
from orderctl.orders.models import TERMINAL, ExecutionStatus, HistoryEvent
from orderctl.orders.names import is_express, order_id_of
from orderctl.orders.ports import Histories
from orderctl.pacing import TokenBucket

INTERVAL = 1.0
"""Seconds between two reads of one execution; up to twice that while nothing happens."""
LONGEST_PAUSE = 30.0
"""Seconds between two reads while AWS is throttling."""
NETWORK_PATIENCE = 60.0
"""Seconds without any answer before a watch gives up."""
NEW_PATIENCE = 30.0
"""Seconds an execution just started may be unknown to GetExecutionHistory."""
NETWORK_TROUBLE = ("unreachable", "no_connection")
"""Codes of errors that say nothing about the execution: no answer, or not even a connection."""
_EAGERNESS = 4
"""The first pauses are a fourth and half of the interval: many orders are through in less than a second."""
_QUIET_READS = 5
"""Reads without news before DescribeExecution is asked, and again after as many times two."""


@dataclass(frozen=True, slots=True)
class News:
    """What one read of one execution brought; `status` once it has ended for good."""

    execution_arn: str
    events: Sequence[HistoryEvent] = ()
    notices: Sequence[str] = ()
    status: ExecutionStatus | None = None


def follow(
    histories: Histories,
    execution_arns: Sequence[str],
    *,
    clock: Clock,
    interval: float = INTERVAL,
    timeout: float | None = None,
    patience: float = 0,
    with_data: bool = False,
    lifetime: float | None = None,
    bucket: TokenBucket,
) -> Iterator[News]:
    """News of every execution until all have ended; empty ones too, so that a view can be redrawn.

    `timeout` is in seconds, from now; when it passes, TimeoutPassedError. `patience`: seconds an execution may
    still be unknown. `lifetime`: seconds from now after which an Express execution cannot be running any more,
    though its log does not tell the end: it is no longer followed then, and once the others have ended that is a
    TimeoutPassedError. Raises NotFoundError for executions that do not exist (any more), once the others have ended,
    and whatever else AWS answers, throttling excepted.
    """
    poller = Poller(histories, clock, interval=interval, patience=patience, with_data=with_data, bucket=bucket)
    for arn in execution_arns:
        poller.add(arn)
    deadline = None if timeout is None else clock.monotonic() + timeout
    overdue = None if lifetime is None else clock.monotonic() + lifetime
    missing: list[NotFoundError] = []
    untold: list[str] = []
    while poller.running:
        _wait(poller, clock, deadline)
        arn = poller.due.arn
        if overdue is not None and clock.monotonic() >= overdue and poller.due.may_time_out and is_express(arn):
            poller.drop(arn)
            untold.append(order_id_of(arn))
            yield News(arn, notices=[f"order {order_id_of(arn)}: its log never told the end; no longer watched"])
            continue
        try:
            yield from poller.poll()
        except NotFoundError as error:
            poller.drop(arn)
            missing.append(error)
            if poller.running:
                yield News(arn, notices=[f"{error.message}; the others are still watched"])
    if missing:
        raise _not_found(missing, len(execution_arns))
    if untold:
        raise TimeoutPassedError(f"the log never told how these ended: {', '.join(untold[:5])}")


def _not_found(missing: Sequence[NotFoundError], total: int) -> NotFoundError:
    """The one error, or how many there were: those that exist have been followed to their end."""
    if len(missing) == 1:
        return missing[0]
    return NotFoundError(f"{len(missing)} of {total} orders do not exist; the first: {missing[0].message}")


def _wait(poller: Poller, clock: Clock, deadline: float | None) -> None:
    """Sleep until something is due; raises TimeoutPassedError at the deadline.

    Everything is read once first, and an end already seen is confirmed: it did not time out.
    """
    due = poller.due
    if deadline is not None and due.may_time_out and max(due.next_at, clock.monotonic()) >= deadline:
        clock.sleep(deadline - clock.monotonic())
        running = poller.running
        names = ", ".join(order_id_of(watch.arn) for watch in running[:5]) + (", …" if len(running) > 5 else "")
        noun, verb = ("order", "is") if len(running) == 1 else ("orders", "are")
        raise TimeoutPassedError(f"the timeout passed while {noun} {names} {verb} still running")
    clock.sleep(due.next_at - clock.monotonic())


class Poller:
    """Reads any number of executions in turn, the longest waiting first, all from one token bucket."""

    def __init__(
        self,
        histories: Histories,
        clock: Clock,
        *,
        interval: float = INTERVAL,
        patience: float = 0,
        with_data: bool = False,
        bucket: TokenBucket,
    ) -> None:
        self._histories, self._clock, self._interval = histories, clock, interval
        self._patience, self._with_data = patience, with_data
        self._bucket = bucket
        self._watches: list[Watch] = []

    @property
    def running(self) -> Sequence[Watch]:
        """Those that have not ended."""
        return self._watches

    @property
    def due(self) -> Watch:
        """The one to be read next; there has to be one."""
        return min(self._watches, key=lambda watch: watch.next_at)

    def add(self, execution_arn: str) -> None:
        """Follow one more."""
        reader = HistoryReader(self._histories, execution_arn, self._bucket, with_data=self._with_data)
        self._watches.append(Watch(self._histories, reader, self._clock, self._interval, self._patience))

    def drop(self, execution_arn: str) -> None:
        """Follow it no longer."""
        self._watches = [watch for watch in self._watches if watch.arn != execution_arn]

    def poll(self) -> Iterator[News]:
        """Read the one that is due, once."""
        due = self.due
        yield from due.poll()
        if due.is_over:
            self.drop(due.arn)


class Watch:
    """One execution: when to read it next, and whether it has ended."""

    def __init__(
        self, histories: Histories, reader: HistoryReader, clock: Clock, interval: float, patience: float
    ) -> None:
        self.arn = reader.execution_arn
        self.next_at = clock.monotonic()
        self.is_over = False
        self._has_read = False
        self._histories = histories
        self._reader = reader
        self._clock = clock
        self._interval, self._pause = interval, interval / _EAGERNESS
        self._patience = patience
        self._forgiven_until: float | None = None
        self._end: ExecutionStatus | None = None
        self._word = _ClosedWithoutEvent()
        self._quiet = 0
        self._troubles = 0
        self._silent_since: float | None = None

    @property
    def may_time_out(self) -> bool:
        """Has it been read, and is it still running as far as that told?"""
        return self._has_read and self._end is None

    def poll(self) -> Iterator[News]:
        """Read once, and decide what comes next."""
        had_ended = self._end is not None
        self._has_read = True
        news = False
        try:
            for events in self._reader.read():
                self._learn(events)
                news = news or bool(events)
                yield News(self.arn, events, self._notices())
            told = self._ask_when_quiet(news)
        except OrderctlError as error:
            yield News(self.arn, notices=self._endure(error))
            return
        self._troubles, self._silent_since = 0, None
        self._plan(news, had_ended, told)
        if self.is_over:
            yield News(self.arn, notices=[told[1]] if told else [], status=self._end)

    def _learn(self, events: Sequence[HistoryEvent]) -> None:
        for event in events:
            if event.type == "ExecutionRedriven":
                self._end = None
            else:
                self._end = TERMINAL.get(event.type, self._end)

    def _ask_when_quiet(self, news: bool) -> tuple[ExecutionStatus, str] | None:
        """After some silence: is it closed, though its history does not say so?"""
        if news or self._end is not None or self._reader.is_waiting:
            self._quiet = 0
            self._word.forget()
            return None
        self._quiet += 1
        if self._word.is_waiting or self._quiet % (_QUIET_READS * 2) == _QUIET_READS:
            return self._word.heard(self._histories.describe(self.arn).status)
        return None

    def _plan(self, news: bool, had_ended: bool, told: tuple[ExecutionStatus, str] | None) -> None:
        pause = min(self._pause, self._interval) if news else self._pause
        if told is not None:
            self._end, self.is_over = told[0], True
        elif self._end is not None:
            self.is_over, pause = had_ended, 0
        else:
            self._pause = min(pause * 2, self._interval) if pause < self._interval or news else self._longer()
        self.next_at = self._clock.monotonic() + pause

    def _longer(self) -> float:
        return min(self._pause * 1.25, self._interval * 2)

    def _endure(self, error: OrderctlError) -> list[str]:
        """Trouble that may pass: wait longer and say so once. Anything else is raised again."""
        now = self._clock.monotonic()
        if self._forgiven_until is None:
            self._forgiven_until = now + self._patience
        if isinstance(error, NotFoundError) and now < self._forgiven_until and self._reader.last_id == 0:
            self.next_at = now + self._interval
            return []
        if error.code in NETWORK_TROUBLE:
            self._silent_since = now if self._silent_since is None else self._silent_since
            if now - self._silent_since >= NETWORK_PATIENCE:
                raise error
        elif error.code != "throttled":
            raise error
        self._troubles += 1
        self.next_at = now + min(LONGEST_PAUSE, self._interval * 2**self._troubles)
        if self._troubles > 1:
            return []
        what = "AWS is throttling these calls" if error.code == "throttled" else "no answer from AWS"
        return [f"order {order_id_of(self.arn)}: {what}; still watching, more slowly"]

    def _notices(self) -> list[str]:
        holes, self._reader.holes = self._reader.holes, []
        return [f"order {order_id_of(self.arn)}: {hole} of its history never came; going on" for hole in holes]


class _ClosedWithoutEvent:
    """DescribeExecution's word, believed only after two more reads without news."""

    _NEEDED = 2

    def __init__(self) -> None:
        self._times = 0

    @property
    def is_waiting(self) -> bool:
        return self._times > 0

    def heard(self, status: ExecutionStatus) -> tuple[ExecutionStatus, str] | None:
        """The end and a notice, when it has been heard often enough."""
        if not status.is_closed:
            self._times = 0
            return None
        self._times += 1
        if self._times <= self._NEEDED:
            return None
        return status, f"the history never said that it ended; DescribeExecution says {status}"

    def forget(self) -> None:
        """There was news: the word was too early."""
        self._times = 0
