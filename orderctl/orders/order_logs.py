"""The logs of one order: of its execution, and of the Lambda requests the execution made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.errors import OrderctlError, TimeoutPassedError
from orderctl.orders.history import HistoryReader
from orderctl.orders.invocations import functions_of, invocations
from orderctl.orders.log_lines import OrderLine
from orderctl.orders.log_models import FunctionGroups, LoggedEvent, Logs
from orderctl.orders.log_search import LogSearch, function_lines, groups_of
from orderctl.orders.models import HistoryEvent, StateMachine
from orderctl.orders.ports import Histories
from orderctl.pacing import TokenBucket

SLACK = timedelta(seconds=2)
"""Clocks of different services differ; a request is looked for this much earlier and later."""
AFTERWARDS = timedelta(minutes=1)
"""A function may go on logging for so long after the workflow ended without it."""
FOLLOW_INTERVAL = 3.0
"""Seconds between two reads of everything: each is several calls of a small quota."""
QUIET_READS = 3
_TELLING = ("Task", "LambdaFunction")


def execution_lines(events: Iterable[LoggedEvent], group: str) -> Iterator[OrderLine]:
    """The state machine's own log of an execution."""
    for logged in events:
        event = logged.event
        words = " ".join(part for part in (event.type, event.state or event.text("name")) if part)
        error = event.text("error")
        bad = event.type.endswith(("Failed", "TimedOut", "Aborted"))
        yield OrderLine(
            timestamp=event.timestamp,
            source="execution",
            level="ERROR" if bad else "INFO",
            message=f"{words}: {error}" if error else words,
            request_id=None,
            match="execution",
            log_group=group,
            log_stream="",
        )


def order_lines(
    histories: Histories,
    logs: Logs,
    places: FunctionGroups,
    machine: StateMachine | None,
    execution_arn: str,
    clock: Clock,
    *,
    bucket: TokenBucket,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[OrderLine], list[str], bool]:
    """Every line of one execution in time order, notes on what could not be read, and whether it has ended.

    `machine` is None where the state machine may not be looked at. `bucket` paces the
    reading of the history. Raises NotFoundError for an execution that does not exist.
    """
    it = histories.describe(execution_arn)
    events = _events(histories, execution_arn, bucket)
    functions = functions_of(machine.definition) if machine else {}
    calls = invocations(events, functions)
    notes = [] if machine else ["the state machine may not be looked at: functions are known by the history alone"]
    begin = since or (it.started_at or clock.now()) - SLACK
    end = until or (it.stopped_at + AFTERWARDS if it.stopped_at else None)
    search = LogSearch(it.order_id, begin, end, groups_of(calls, functions.values(), places, notes), notes)
    lines = function_lines(logs, search)
    if machine is not None and machine.log_group is not None:
        lines += _own_lines(logs, machine.log_group, execution_arn, begin, end, notes)
    return sorted(lines, key=lambda line: line.timestamp), notes, it.status.is_closed


def follow_lines(
    gather: Callable[[], tuple[list[OrderLine], bool]], clock: Clock, *, timeout: float | None = None
) -> Iterator[OrderLine]:
    """Lines as they come, each once, until the execution has ended and its log has been quiet for a while.

    Raises TimeoutPassedError `timeout` seconds from now.
    """
    seen: set[tuple[datetime, str, str, str]] = set()
    deadline = None if timeout is None else clock.monotonic() + timeout
    quiet = 0
    while quiet < QUIET_READS:
        lines, has_ended = gather()
        fresh = [line for line in lines if line.key not in seen]
        seen.update(line.key for line in fresh)
        yield from fresh
        quiet = quiet + 1 if has_ended and not fresh else 0
        if deadline is not None and clock.monotonic() + FOLLOW_INTERVAL >= deadline:
            clock.sleep(deadline - clock.monotonic())
            raise TimeoutPassedError("the timeout passed")
        clock.sleep(FOLLOW_INTERVAL)


def _events(histories: Histories, execution_arn: str, bucket: TokenBucket) -> list[HistoryEvent]:
    reader = HistoryReader(histories, execution_arn, bucket, with_data=True, patience=1)
    found: list[HistoryEvent] = []
    for batch in reader.read():
        found += (event for event in batch if event.type.startswith(_TELLING) or event.type.endswith("StateEntered"))
    return found


def _own_lines(
    logs: Logs, group: str, execution_arn: str, since: datetime, until: datetime | None, notes: list[str]
) -> list[OrderLine]:
    """What the state machine itself logged of the execution."""
    try:
        return list(execution_lines(logs.events(group, since=since, until=until, execution=execution_arn), group))
    except OrderctlError as error:
        notes.append(f"log group {group} cannot be read: {error.message}")
        return []
