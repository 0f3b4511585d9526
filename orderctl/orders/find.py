"""`orders list`: executions by status and time, newest first, without reading more pages than needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from orderctl.orders.models import Execution, ExecutionStatus
from orderctl.orders.ports import Executions

LARGEST_PAGE = 100
"""Executions a ListExecutions call: small, because its bucket refills with 2 a second and most want few."""


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
