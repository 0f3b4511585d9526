"""From events to states: folds a history into what each state did, one event at a time.

Works from the history alone, since the definition may not be readable, and may have changed since. Event
types it has never heard of are shown by their name and change nothing. A redrive opens again what had
failed, because AWS goes on inside that state without entering it a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orderctl.orders.cause import decode
from orderctl.orders.models import TERMINAL, Execution, ExecutionStatus, HistoryEvent, StateMachineType
from orderctl.orders.names import is_express, machine_of, order_id_of
from orderctl.orders.places import Place, Places, all_visits
from orderctl.orders.states import Scope, StateStatus, Transition, Visit

_ATTEMPT_STARTS = {"TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled"}
_ATTEMPT_FAILS = {
    "TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed",
    "LambdaFunctionFailed", "LambdaFunctionTimedOut", "LambdaFunctionScheduleFailed", "LambdaFunctionStartFailed",
    "ActivityFailed", "ActivityTimedOut", "ActivityScheduleFailed",
}  # fmt: skip
_QUIET = {
    "TaskStarted", "TaskSubmitted", "TaskSucceeded", "LambdaFunctionStarted", "LambdaFunctionSucceeded",
    "ActivityStarted", "ActivitySucceeded", "TaskStateAborted", "WaitStateAborted",
}  # fmt: skip
"""Known, and told by another event next to them."""
_STATE_END = {
    ExecutionStatus.FAILED: StateStatus.FAILED,
    ExecutionStatus.TIMED_OUT: StateStatus.TIMED_OUT,
    ExecutionStatus.ABORTED: StateStatus.ABORTED,
    ExecutionStatus.SUCCEEDED: StateStatus.SUCCEEDED,
}


class Tracker:
    """One execution as its events tell it.

    With `places` that forget, `visits` are those that have not been left for good; all else is the same.
    """

    def __init__(self, execution_arn: str, places: Places | None = None) -> None:
        self.execution_arn = execution_arn
        self.order_id = order_id_of(execution_arn)
        self.status = ExecutionStatus.RUNNING
        self.started_at: datetime | None = None
        self.stopped_at: datetime | None = None
        self.error: str | None = None
        self.cause: str | None = None
        self.redrives = 0
        self._places = places or Places()
        self._culprit: Visit | None = None

    @property
    def visits(self) -> Sequence[Visit]:
        """Every visit in the order it is shown: a container before what is inside."""
        return all_visits(self._places.root)

    @property
    def failed_state(self) -> str | None:
        """The path of the state that ended the execution."""
        return (
            self._culprit.path if self._culprit is not None and self.status is not ExecutionStatus.SUCCEEDED else None
        )

    @property
    def culprit(self) -> Visit | None:
        """The visit that ended the execution."""
        return self._culprit

    @property
    def execution(self) -> Execution:
        """The execution as far as its events tell it."""
        return Execution(
            order_id=self.order_id,
            execution_arn=self.execution_arn,
            state_machine_arn=machine_of(self.execution_arn),
            type=StateMachineType.EXPRESS if is_express(self.execution_arn) else StateMachineType.STANDARD,
            status=self.status,
            started_at=self.started_at,
            stopped_at=self.stopped_at,
            error=self.error,
            cause=self.cause,
            failed_state=self.failed_state,
        )

    def ended(self, status: ExecutionStatus, at: datetime) -> None:
        """It ended without an event saying so."""
        if not self.status.is_closed:
            self._end(status, at)

    def apply(self, event: HistoryEvent) -> Transition | None:
        """Take one event in; what it means for a reader, or None where another event says it."""
        kind = event.type
        if kind.endswith("StateEntered"):
            return self._entered(event)
        if kind.endswith("StateExited"):
            return self._exited(event)
        if kind in _ATTEMPT_STARTS:
            return self._scheduled(event)
        if kind in _ATTEMPT_FAILS or kind == "EvaluationFailed":
            return self._attempt_failed(event)
        if kind in _QUIET:
            self._places.put(event, Place(self._places.before(event).scope, self._places.task(event)))
            return None
        if kind.startswith(("ParallelState", "MapState", "MapRun")):
            return self._contained(event)
        if kind.startswith("MapIteration"):
            return self._iterated(event)
        return self._executed(event)

    # --- states --------------------------------------------------------------------------------------------

    def _entered(self, event: HistoryEvent) -> Transition:
        scope = self._places.scope_to_enter(event)
        kind = event.type.removesuffix("StateEntered")
        visit = Visit(event.id, event.state or "?", kind, scope, event.timestamp)
        scope.visits.append(visit)
        self._places.put(event, Place(scope, visit))
        if kind == "Fail":
            visit.is_failing = True
        return Transition(event.timestamp, visit.path, "entered")

    def _exited(self, event: HistoryEvent) -> Transition:
        visit = self._places.named(event, event.state or "")
        if visit is None:
            self._places.put(event, Place(self._places.before(event).scope))
            return Transition(event.timestamp, event.state or "", "exited")
        status = StateStatus.CAUGHT if visit.is_failing else StateStatus.SUCCEEDED
        visit.close(status, event.timestamp)
        if status is StateStatus.SUCCEEDED:
            visit.error = visit.cause = None
        self._abort_inside(visit, event.timestamp)
        self._places.put(event, Place(visit.scope, visit))
        self._places.left(visit)
        return Transition(
            event.timestamp, visit.path, status.lower(), visit.seconds(event.timestamp), self._kind(visit)
        )

    def _scheduled(self, event: HistoryEvent) -> Transition | None:
        visit = self._places.task(event)
        self._places.put(event, Place(visit.scope if visit else self._places.before(event).scope, visit))
        if visit is None:
            return None
        visit.attempts += 1
        visit.is_failing = False
        return None if visit.attempts == 1 else Transition(event.timestamp, visit.path, f"attempt {visit.attempts}")

    def _attempt_failed(self, event: HistoryEvent) -> Transition:
        visit = self._places.named(event, event.state) if event.state else self._places.task(event)
        self._places.put(event, Place(visit.scope if visit else self._places.before(event).scope, visit))
        line = decode(event.text("error"), event.text("cause")).line or None
        if visit is None:
            return Transition(event.timestamp, "", event.type, error=line)
        visit.is_failing = True
        visit.error, visit.cause = event.text("error"), event.text("cause")
        what = f"attempt {visit.attempts} failed" if visit.attempts else "failed"
        return Transition(event.timestamp, visit.path, what, visit.seconds(event.timestamp), line)

    # --- Parallel and Map ----------------------------------------------------------------------------------

    def _contained(self, event: HistoryEvent) -> Transition | None:
        kind = "Parallel" if event.type.startswith("Parallel") else "Map"
        visit = self._places.container(event, kind)
        if visit is None:
            self._places.put(event, Place(self._places.before(event).scope))
            return Transition(event.timestamp, "", event.type)
        self._places.put(event, Place(visit.scope, visit, opens=event.type == "ParallelStateStarted"))
        length = event.details.get("length")
        visit.length = length if isinstance(length, int) else visit.length
        if event.type.endswith("Failed"):
            visit.is_failing = True
            visit.error = event.text("error") or visit.error
            visit.cause = event.text("cause") or visit.cause
        return None

    def _iterated(self, event: HistoryEvent) -> Transition | None:
        name, index = event.text("name") or "", event.details.get("index")
        visit = self._places.named(event, name)
        if visit is None:
            self._places.put(event, Place(self._places.before(event).scope))
            return Transition(event.timestamp, name, event.type)
        label = f"[{index}]"
        scope = next((scope for scope in visit.scopes if scope.label == label), None) or visit.opened(label)
        self._places.put(event, Place(scope, None))
        if event.type == "MapIterationFailed":
            self._sweep(scope, StateStatus.FAILED, event.timestamp)
            return Transition(event.timestamp, f"{visit.path}{label}", "iteration failed")
        if event.type == "MapIterationAborted":
            self._sweep(scope, StateStatus.ABORTED, event.timestamp)
        return None

    def _sweep(self, scope: Scope, status: StateStatus, at: datetime) -> None:
        for visit in all_visits(scope):
            if visit.is_open:
                visit.close(StateStatus.FAILED if visit.is_failing else status, at)

    def _abort_inside(self, container: Visit, at: datetime) -> None:
        for visit in container.inside():
            if visit.is_open:
                visit.close(StateStatus.FAILED if visit.is_failing else StateStatus.ABORTED, at)

    # --- the execution -------------------------------------------------------------------------------------

    def _executed(self, event: HistoryEvent) -> Transition:
        self._places.put(event, Place(self._places.before(event).scope, self._places.before(event).visit))
        if event.type == "ExecutionStarted":
            self.started_at = event.timestamp
            return Transition(event.timestamp, "", "started")
        if event.type == "ExecutionRedriven":
            self._reopen()
            return Transition(event.timestamp, "", "redriven")
        status = TERMINAL.get(event.type)
        if status is None:
            return Transition(event.timestamp, "", event.type)
        self.error, self.cause = event.text("error"), event.text("cause")
        self._end(status, event.timestamp)
        took = None if self.started_at is None else (event.timestamp - self.started_at).total_seconds()
        return Transition(event.timestamp, "", status.lower(), took, decode(self.error, self.cause).line or None)

    def _end(self, status: ExecutionStatus, at: datetime) -> None:
        self.status, self.stopped_at = status, at
        still_open = [visit for visit in self.visits if visit.is_open]
        blamed = self._blamed(still_open, status)
        for visit in still_open:
            is_hit = visit.is_failing or visit is blamed or visit.scopes
            fallback = StateStatus.ABORTED if status is ExecutionStatus.FAILED else _STATE_END[status]
            visit.close(StateStatus.FAILED if is_hit and status is ExecutionStatus.FAILED else fallback, at)
            if visit is blamed and visit.error is None:
                visit.error, visit.cause = self.error, self.cause
        self._culprit = blamed

    def _blamed(self, still_open: Sequence[Visit], status: ExecutionStatus) -> Visit | None:
        """The innermost state that failed and was not caught; where none says so, the one it stood in."""
        if status is ExecutionStatus.SUCCEEDED:
            return None
        failed = [visit for visit in self.visits if visit.status is StateStatus.FAILED and not visit.scopes]
        failing = [visit for visit in still_open if visit.is_failing and not visit.scopes]
        uncaught = [
            visit for visit in failed if not any(c.status is StateStatus.CAUGHT for c in visit.scope.enclosing())
        ]
        candidates = failing or uncaught or [visit for visit in still_open if not visit.scopes] or list(still_open)
        return (
            min(candidates, key=lambda visit: visit.exited_at or visit.entered_at)
            if failing or uncaught
            else (candidates[-1] if candidates else None)
        )

    def _reopen(self) -> None:
        self.status, self.stopped_at = ExecutionStatus.RUNNING, None
        self.error = self.cause = self._culprit = None
        self.redrives += 1
        for visit in self.visits:
            if (
                visit.status in (StateStatus.FAILED, StateStatus.TIMED_OUT, StateStatus.ABORTED)
                and visit.kind != "Fail"
            ):
                visit.status, visit.exited_at, visit.is_failing = StateStatus.RUNNING, None, False
                visit.error = visit.cause = None

    @staticmethod
    def _kind(visit: Visit) -> str | None:
        """The error by its name alone: its words stood in the line of the attempt."""
        return decode(visit.error, visit.cause).type or None
