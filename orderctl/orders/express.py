"""Express executions: Step Functions keeps no history of them, their state machine's log group does.

Read from there, they look like any other history, so that watching, showing and the rest work on both. What
differs: the log arrives late, out of order and by best effort; below level ALL it holds neither starts nor
successes; and an order id may have several executions, because Express starts are not idempotent by name.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.errors import FailedError, NotFoundError
from orderctl.orders.log_models import Logs
from orderctl.orders.models import (
    TERMINAL,
    DescribedExecution,
    ExecutionStatus,
    HistoryEvent,
    HistoryPage,
    StateMachine,
    StateMachineType,
)
from orderctl.orders.names import express_pattern, is_express, machine_of, order_id_of
from orderctl.orders.ports import Histories

LIFETIME = timedelta(minutes=5)
"""An Express execution runs no longer (Step Functions, quotas)."""
DELIVERY = timedelta(minutes=1)
"""What the log is given to arrive in; AWS promises nothing."""
LOOK_BACK = timedelta(days=1)
"""How far back the log is searched where nobody says."""


class ExpressHistories:
    """The `Histories` of Express executions: reads the log once, then only what may have been added."""

    def __init__(self, logs: Logs, group_of: Callable[[str], str], clock: Clock, *, since: datetime) -> None:
        self._logs, self._group_of, self._clock, self._since = logs, group_of, clock, since
        self._known: dict[tuple[str, bool], dict[tuple[int, int], HistoryEvent]] = {}
        self._read_at: dict[tuple[str, bool], datetime] = {}

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        """All of it in one page. Raises NotFoundError while the log has nothing of the execution."""
        known = self._read(execution_arn, with_data)
        events = sorted(known.values(), key=lambda event: event.id, reverse=newest_first)
        return HistoryPage(events)

    def describe(self, execution_arn: str) -> DescribedExecution:
        """What its first and its last event say; no input or output where the log leaves them out."""
        known = self._known.get((execution_arn, True)) or self._read(execution_arn, True)
        events = sorted(known.values(), key=lambda event: event.id)
        started = next((event for event in events if event.type == "ExecutionStarted"), None)
        ended = next((event for event in events if event.type in TERMINAL), None)
        return DescribedExecution(
            order_id=order_id_of(execution_arn),
            execution_arn=execution_arn,
            state_machine_arn=machine_of(execution_arn),
            type=StateMachineType.EXPRESS,
            status=TERMINAL[ended.type] if ended else ExecutionStatus.RUNNING,
            started_at=started.timestamp if started else None,
            stopped_at=ended.timestamp if ended else None,
            error=ended.text("error") if ended else None,
            cause=ended.text("cause") if ended else None,
            input=started.text("input") if started else None,
            output=ended.text("output") if ended else None,
            redrive_status="NOT_REDRIVABLE",
            redrive_status_reason="an Express execution cannot be redriven",
        )

    def _read(self, arn: str, with_data: bool) -> dict[tuple[int, int], HistoryEvent]:
        key, now = (arn, with_data), self._clock.now()
        since = max(self._since, self._read_at[key] - DELIVERY) if key in self._read_at else self._since
        known = self._known.setdefault(key, {})
        group = self._group_of(machine_of(arn))
        for logged in self._logs.events(group, since=since, execution=arn, with_data=with_data):
            known.setdefault((logged.event.id, logged.event.redrive_count), logged.event)
        self._read_at[key] = now
        if not known:
            raise NotFoundError(
                f"order {order_id_of(arn)}: log group {group} has nothing of it",
                hint="the log arrives some seconds late; further back: --since 7d",
            )
        return known


class BothHistories:
    """Sends each execution to where its events are; the reader of logs is made when first needed."""

    def __init__(self, standard: Histories, express: Callable[[], Histories]) -> None:
        self._standard, self._make = standard, express
        self._express: Histories | None = None

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        """One page, from the history or from the log."""
        return self._of(execution_arn).history_page(
            execution_arn, newest_first=newest_first, page_size=page_size, with_data=with_data, token=token
        )

    def describe(self, execution_arn: str) -> DescribedExecution:
        """The execution as its side knows it."""
        return self._of(execution_arn).describe(execution_arn)

    def _of(self, arn: str) -> Histories:
        if not is_express(arn):
            return self._standard
        self._express = self._express or self._make()
        return self._express


def named_executions(logs: Logs, group: str, state_machine_arn: str, order_id: str, since: datetime) -> list[str]:
    """ARNs of the Express executions of that name in the log, the newest first."""
    pattern = express_pattern(state_machine_arn, order_id)
    first: dict[str, datetime] = {}
    for logged in logs.events(group, since=since, execution=pattern, ends_only=order_id == "*"):
        at = first.get(logged.execution_arn, logged.event.timestamp)
        first[logged.execution_arn] = min(at, logged.event.timestamp)
    return sorted(first, key=lambda arn: first[arn], reverse=True)


def blind_spots(machine: StateMachine) -> str | None:
    """What its log cannot show, in words; None where it shows everything."""
    match machine.log_level:
        case "ALL":
            return None
        case "ERROR":
            return "logs at level ERROR: neither starts nor successes can be seen, only what failed"
        case "FATAL":
            return "logs at level FATAL: only failed, timed out and aborted ends can be seen"
        case "UNSAID":
            return "does not say what it logs: what it does not log cannot be seen"
        case level:
            return f"logs nothing (level {level}): nothing of an Express execution can be seen afterwards"


def check_is_logged(machine: StateMachine) -> None:
    """Raise FailedError where the state machine logs nothing at all."""
    if machine.log_level == "OFF":
        raise FailedError(
            f"{machine.state_machine_arn} {blind_spots(machine)}",
            hint="set its log level to ALL; until then wait for the result: orderctl orders submit --express",
        )
