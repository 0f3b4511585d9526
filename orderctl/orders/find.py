"""`orders list`: executions by status and time, newest first, without reading more pages than needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from orderctl.orders.cause import decode
from orderctl.orders.log_models import Logs
from orderctl.orders.models import TERMINAL, Execution, ExecutionStatus, StateMachineType
from orderctl.orders.names import express_pattern, order_id_of
from orderctl.orders.ports import Executions, Histories
from orderctl.pacing import TokenBucket

LARGEST_PAGE = 1000
"""Executions a ListExecutions call, AWS's limit: it is calls that count, and the bucket refills with 2 a second."""


def find(
    executions: Executions,
    state_machine_arn: str,
    *,
    status: ExecutionStatus | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    prefix: str = "",
    limit: int | None = None,
) -> Iterator[Execution]:
    """Executions started in [since, until), newest first; ends at the first one older than `since`."""
    page_size = LARGEST_PAGE if limit is None or until or prefix else min(limit, LARGEST_PAGE)
    listed = executions.list(state_machine_arn, status=status, page_size=max(1, page_size))
    return islice(_within(listed, since, until, prefix), limit)


def _within(
    listed: Iterator[Execution], since: datetime | None, until: datetime | None, prefix: str
) -> Iterator[Execution]:
    for execution in listed:
        if since is not None and execution.started_at is not None and execution.started_at < since:
            return
        if until is not None and execution.started_at is not None and execution.started_at >= until:
            continue
        if execution.order_id.startswith(prefix):
            yield execution


def with_error(
    histories: Histories, executions: Iterable[Execution], text: str, bucket: TokenBucket
) -> Iterator[Execution]:
    """Those that failed with an error or a cause holding `text`, error and cause filled in.

    Where the list does not tell the error, the last events of the history are read: a call an execution.
    """
    for execution in executions:
        if not execution.status.is_closed or execution.status is ExecutionStatus.SUCCEEDED:
            continue
        told = execution if execution.error else _told(histories, execution, bucket)
        if text in (told.error or "") or text in (told.cause or "") or text in decode(told.error, told.cause).line:
            yield told


def find_express(
    logs: Logs,
    group: str,
    state_machine_arn: str,
    *,
    since: datetime,
    status: ExecutionStatus | None = None,
    until: datetime | None = None,
    prefix: str = "",
    limit: int | None = None,
) -> Sequence[Execution]:
    """Express executions started in [since, until), newest first, by what their log says of start and end."""
    found: dict[str, Execution] = {}
    pattern = express_pattern(state_machine_arn, f"{prefix}*")
    for logged in logs.events(group, since=since, execution=pattern, ends_only=True):
        arn, event = logged.execution_arn, logged.event
        known = found.get(arn) or _just_seen(arn, state_machine_arn)
        if event.type == "ExecutionStarted":
            known = replace(known, started_at=event.timestamp)
        elif event.type in TERMINAL:
            known = replace(
                known,
                status=TERMINAL[event.type],
                stopped_at=event.timestamp,
                error=event.text("error"),
                cause=event.text("cause"),
            )
        found[arn] = known
    fitting = [
        each
        for each in found.values()
        if status in (None, each.status) and not (until and each.started_at and each.started_at >= until)
    ]
    return sorted(fitting, key=_age_key, reverse=True)[:limit]


def merged(several: Sequence[Iterable[Execution]], limit: int | None = None) -> Iterator[Execution]:
    """Several lists that are newest first, as one that is."""
    return islice(heapq.merge(*several, key=_age_key, reverse=True), limit)


def _age_key(execution: Execution) -> float:
    at = execution.started_at or execution.stopped_at
    return at.timestamp() if at else 0.0


def _just_seen(arn: str, state_machine_arn: str) -> Execution:
    return Execution(order_id_of(arn), arn, state_machine_arn, StateMachineType.EXPRESS, ExecutionStatus.RUNNING)


def _told(histories: Histories, execution: Execution, bucket: TokenBucket) -> Execution:
    with bucket.paced():
        page = histories.history_page(execution.execution_arn, newest_first=True, page_size=2, with_data=False)
    last = next((event for event in page.events if event.type in TERMINAL), None)
    return execution if last is None else replace(execution, error=last.text("error"), cause=last.text("cause"))
