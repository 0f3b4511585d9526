"""A watch of one or more orders: the poller's news folded into states, and the outcome at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orderctl.errors import ExecutionEndedError, FailedError, OrderctlError
from orderctl.orders.cause import decode
from orderctl.orders.follow import News
from orderctl.orders.history import HistoryReader
from orderctl.orders.models import Execution, ExecutionStatus, HistoryEvent
from orderctl.orders.places import Places
from orderctl.orders.states import Transition
from orderctl.orders.tracking import Tracker


@dataclass(frozen=True, slots=True)
class Step:
    """One event of one order, as it stands in a stream of JSON."""

    type: str
    order_id: str
    execution_arn: str
    id: int
    previous_id: int | None
    timestamp: datetime
    state: str | None
    what: str | None
    duration_seconds: float | None
    error: str | None
    details: Mapping[str, object]

    @property
    def has_transition(self) -> bool:
        """Is it worth a line of its own?"""
        return self.what is not None


class Watching:
    """The states of every watched order; with `forgets`, only of those that were not left for good."""

    def __init__(self, execution_arns: Sequence[str], *, forgets: bool = False) -> None:
        self._forgets = forgets
        self.trackers: dict[str, Tracker] = {}
        for arn in execution_arns:
            self.add(arn)
        self.reached: str | None = None
        """The state `--until-state` waited for, once every order that did not end before has entered it."""
        self._entered: set[str] = set()
        self._over: set[str] = set()

    def add(self, execution_arn: str) -> None:
        """Watch one more."""
        self.trackers[execution_arn] = Tracker(execution_arn, Places(forgets=self._forgets))

    def take(self, news: News, now: datetime, until_state: str | None = None) -> list[Step]:
        """Fold one read in; gives a step for each event."""
        arn = news.execution_arn
        tracker = self.trackers[arn]
        steps = []
        for event in news.events:
            steps.append(step_of(tracker, event))
            if until_state is not None and event.state == until_state and event.type.endswith("StateEntered"):
                self._entered.add(arn)
                if self._are_all_there(until_state):
                    return steps
        if news.status is not None:
            tracker.ended(news.status, now)
            self._over.add(arn)
            self._are_all_there(until_state)
        return steps

    def _are_all_there(self, until_state: str | None) -> bool:
        if self._entered and self.trackers.keys() <= self._entered | self._over:
            self.reached = until_state
        return self.reached is not None

    @property
    def executions(self) -> list[Execution]:
        """Every execution as far as it is known."""
        return [tracker.execution for tracker in self.trackers.values()]

    def verdict(self, until_state: str | None = None) -> OrderctlError | None:
        """The error the watch ends with: None where every order succeeded or the state was reached."""
        left = [each for each in self.executions if each.execution_arn not in self._entered]
        bad = [each for each in left if each.status is not ExecutionStatus.SUCCEEDED]
        if bad:
            return ended_badly(bad, len(self.trackers))
        if until_state is not None and left:
            which = "" if len(self.trackers) == 1 else f"{len(left)} of {len(self.trackers)} orders "
            return FailedError(f"{which}succeeded without ever entering state {until_state!r}")
        return None

    @property
    def failures(self) -> list[Execution]:
        """Those that ended, and not well."""
        return [each for each in self.executions if each.status.is_closed and each.status != "SUCCEEDED"]


def steps_of(reader: HistoryReader) -> Iterator[Step]:
    """Every event readable now, each as a step; nothing is kept of a state that was left for good."""
    tracker = Tracker(reader.execution_arn, Places(forgets=True))
    for events in reader.read():
        for event in events:
            yield step_of(tracker, event)


def step_of(tracker: Tracker, event: HistoryEvent) -> Step:
    """Fold one event in; what it means as a step."""
    return _step(tracker, event, tracker.apply(event))


def ended_badly(bad: Sequence[Execution], total: int) -> ExecutionEndedError:
    """What to say, and do next, about executions that did not succeed."""
    if total == 1:
        one = bad[0]
        why = decode(one.error, one.cause)
        where = f" in {one.failed_state}" if one.failed_state and one.failed_state != why.type else ""
        message = f"order {one.order_id} {one.status}{where}" + (f": {why.line}" if why.line else "")
        hint = f"orderctl orders show {one.order_id if one.type == 'STANDARD' else one.execution_arn}"
        return ExecutionEndedError(message, hint=hint)
    names = ", ".join(f"{each.order_id} {each.status}" for each in bad[:10]) + (", …" if len(bad) > 10 else "")
    return ExecutionEndedError(f"{len(bad)} of {total} orders did not succeed: {names}")


def _step(tracker: Tracker, event: HistoryEvent, transition: Transition | None) -> Step:
    state = transition.state if transition is not None and transition.state else event.state
    return Step(
        type=event.type,
        order_id=tracker.order_id,
        execution_arn=tracker.execution_arn,
        id=event.id,
        previous_id=event.previous_id,
        timestamp=event.timestamp,
        state=state,
        what=None if transition is None else transition.what,
        duration_seconds=None if transition is None or transition.seconds is None else round(transition.seconds, 3),
        error=None if transition is None else transition.error,
        details=event.details,
    )
