"""Step Functions as the orders package sees it, with a memory and a clock.

An execution follows its script: events become readable as the clock passes them, its status follows its
terminal event. Starting is idempotent by name as on AWS (`strict` refuses any name that is taken, as
emulators do). Every call is recorded with its time; faults are scripted by operation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orderctl.aws.stepfunctions import event_from_api
from orderctl.errors import ConflictError, NotFoundError, OrderctlError
from orderctl.orders.models import (
    TERMINAL,
    DescribedExecution,
    Execution,
    ExecutionStatus,
    HistoryEvent,
    HistoryPage,
    StartedExecution,
    StateMachine,
    StateMachineType,
)
from orderctl.orders.names import machine_of, named, order_id_of
from tests.fakes.clock import FakeClock
from tests.fakes.histories import SUCCEEDED, Api, Row, api_events

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
EXPRESS = "arn:aws:states:us-east-1:123456789012:stateMachine:orders-express"
EXPRESS_GROUP = "/aws/vendedlogs/states/orders-express"


@dataclass
class Run:
    """One execution; `visible` filters the events that may be read now."""

    arn: str
    input: str
    started_at: datetime
    events: list[Api]
    visible: Callable[[Api], bool] = lambda event: True
    described_late: float = 0
    definition: str = "{}"
    """The one it started with."""
    trace_header: str | None = None
    closed_at: datetime | None = None
    """Closed without a terminal event, as some emulators leave it."""


class FakeExecutions:
    """`app.executions` of a test."""

    def __init__(self, clock: FakeClock, *, strict: bool = False) -> None:
        self.clock = clock
        self.strict = strict
        self.runs: dict[str, Run] = {}
        self.calls: list[tuple[str, float]] = []
        self.scripts: dict[str, Sequence[Row]] = {}
        self.default: Sequence[Row] = SUCCEEDED
        self.machines = {
            MACHINE: StateMachine(MACHINE, StateMachineType.STANDARD, "{}"),
            EXPRESS: StateMachine(EXPRESS, StateMachineType.EXPRESS, "{}", "ALL", True, EXPRESS_GROUP),
        }
        self.sync_status = ExecutionStatus.SUCCEEDED
        self._faults: dict[str, list[OrderctlError | None]] = defaultdict(list)

    # --- for tests -----------------------------------------------------------------------------------------

    def fail(self, operation: str, error: OrderctlError, *, times: int = 1, after: int = 0) -> None:
        """The next `times` calls of `operation` fail, once `after` of them went well."""
        self._faults[operation] += [None] * after + [error] * times

    def run(self, name: str, rows: Sequence[Row], *, input_json: str = "{}", machine: str = MACHINE) -> Run:
        """An execution that started just now."""
        arn = named(machine, name)
        self.runs[arn] = Run(arn, input_json, self.clock.now(), api_events(rows, self.clock.now()))
        return self.runs[arn]

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.calls if name == operation)

    # --- the port ------------------------------------------------------------------------------------------

    def start(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        self._called("start")
        existing = self.runs.get(named(state_machine_arn, name))
        if existing is not None:
            same = existing.input == input_json and not self._status(existing).is_closed
            if self.strict or not same:
                raise ConflictError(f"Execution Already Exists: '{existing.arn}'")
            return StartedExecution(existing.arn, existing.started_at)
        run = self.run(name, self.scripts.get(name, self.default), input_json=input_json, machine=state_machine_arn)
        return StartedExecution(run.arn, run.started_at)

    def start_sync(self, state_machine_arn: str, name: str, input_json: str) -> DescribedExecution:
        self._called("start_sync")
        began = self.clock.now()
        self.clock.advance(0.3)
        failed = self.sync_status is not ExecutionStatus.SUCCEEDED
        return DescribedExecution(
            order_id=name,
            execution_arn=state_machine_arn.replace(":stateMachine:", ":express:") + f":{name}:0c1e",
            state_machine_arn=state_machine_arn,
            type=StateMachineType.EXPRESS,
            status=self.sync_status,
            started_at=began,
            stopped_at=self.clock.now(),
            error="OutOfStock" if failed else None,
            cause="left: 0" if failed else None,
            input=input_json,
            output=None if failed else '{"status": "ACCEPTED"}',
        )

    def start_once(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        self._called("start_once")
        number = self.count("start_once")
        arn = state_machine_arn.replace(":stateMachine:", ":express:") + f":{name}:{number:04d}"
        return StartedExecution(arn, self.clock.now())

    def describe(self, execution_arn: str) -> DescribedExecution:
        self._called("describe")
        run = self._found(execution_arn)
        last = self._last_terminal(run)
        details: Api = {} if last is None else next((v for k, v in last.items() if k.endswith("EventDetails")), {})
        return DescribedExecution(
            order_id=order_id_of(run.arn),
            execution_arn=run.arn,
            state_machine_arn=MACHINE,
            type=StateMachineType.STANDARD,
            status=self._status(run),
            started_at=run.started_at,
            stopped_at=None if last is None else last["timestamp"],
            error=details.get("error"),
            cause=details.get("cause"),
            redrive_status="NOT_REDRIVABLE" if last is None or last["type"] == "ExecutionSucceeded" else "REDRIVABLE",
            input=run.input,
            output=details.get("output"),
        )

    def list(
        self, state_machine_arn: str, *, status: ExecutionStatus | None = None, page_size: int = 100
    ) -> Iterator[Execution]:
        self._called("list")
        prefix = named(state_machine_arn, "")
        newest = sorted(self.runs.values(), key=lambda run: run.started_at, reverse=True)
        for number, run in enumerate(run for run in newest if run.arn.startswith(prefix)):
            if number and number % page_size == 0:
                self._called("list")
            if status is None or self._status(run) is status:
                yield self._listed(run)

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        self._called("history")
        oldest_first = self._readable(self._found(execution_arn), with_data)
        events = oldest_first[::-1] if newest_first else oldest_first
        begin = int(token or 0)
        end = begin + page_size
        return HistoryPage(events[begin:end], str(end) if end < len(events) else None)

    def recorded(self, execution_arn: str) -> Iterator[Mapping[str, object]]:
        self._called("recorded")
        yield from [event for event in self._found(execution_arn).events if event["timestamp"] <= self.clock.now()]

    def state_machine(self, arn: str) -> StateMachine:
        self._called("state_machine")
        if arn not in self.machines:
            raise NotFoundError(f"State Machine Does Not Exist: '{arn}'")
        return self.machines[arn]

    def state_machine_of(self, execution_arn: str) -> StateMachine:
        self._called("state_machine_of")
        return replace(self.machines[machine_of(execution_arn)], definition=self._found(execution_arn).definition)

    def trace_header(self, execution_arn: str) -> str | None:
        self._called("trace_header")
        return self._found(execution_arn).trace_header

    def stop(self, execution_arn: str, *, error: str | None, cause: str | None) -> datetime:
        self._called("stop")
        run = self._found(execution_arn)
        if not self._status(run).is_closed:
            run.events = [event for event in run.events if event["timestamp"] <= self.clock.now()]
            details = {name: text for name, text in (("error", error), ("cause", cause)) if text}
            run.events.append(
                {
                    "id": len(run.events) + 1,
                    "previousEventId": 0,
                    "timestamp": self.clock.now(),
                    "type": "ExecutionAborted",
                    "executionAbortedEventDetails": details,
                }
            )
        return self.clock.now()

    def redrive(self, execution_arn: str, client_token: str) -> datetime:
        self._called("redrive")
        self._found(execution_arn)
        return self.clock.now()

    # --- inside --------------------------------------------------------------------------------------------

    def _called(self, operation: str) -> None:
        self.calls.append((operation, self.clock.elapsed))
        if self._faults[operation]:
            error = self._faults[operation].pop(0)
            if error is not None:
                raise error

    def _found(self, arn: str) -> Run:
        if arn not in self.runs:
            raise NotFoundError(f"order {order_id_of(arn)}: Execution Does Not Exist: '{arn}'")
        return self.runs[arn]

    def _readable(self, run: Run, with_data: bool) -> Sequence[HistoryEvent]:
        now = self.clock.now()
        return [
            event_from_api(event, with_data=with_data)
            for event in run.events
            if event["timestamp"] <= now and run.visible(event)
        ]

    def _last_terminal(self, run: Run) -> Api | None:
        before = self.clock.now() - timedelta(seconds=run.described_late)
        relevant = [
            e for e in run.events if e["timestamp"] <= before and (e["type"] in TERMINAL or "Redriven" in e["type"])
        ]
        return relevant[-1] if relevant and relevant[-1]["type"] in TERMINAL else None

    def _status(self, run: Run) -> ExecutionStatus:
        if run.closed_at is not None and run.closed_at <= self.clock.now():
            return ExecutionStatus.SUCCEEDED
        last = self._last_terminal(run)
        return ExecutionStatus.RUNNING if last is None else TERMINAL[last["type"]]

    def _listed(self, run: Run) -> Execution:
        last = self._last_terminal(run)
        return Execution(
            order_id=order_id_of(run.arn),
            execution_arn=run.arn,
            state_machine_arn=MACHINE,
            type=StateMachineType.STANDARD,
            status=self._status(run),
            started_at=run.started_at,
            stopped_at=None if last is None else last["timestamp"],
        )
