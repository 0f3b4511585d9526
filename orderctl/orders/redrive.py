"""Stepping in: what may be redriven or stopped, and what must not; decided before anything is changed.

A redrive goes on from the state that failed, with the definition the execution started with. It is refused
by AWS for Express, for what succeeded or still runs, 14 days after the end, and from 24,999 events on; and
it is useless where a Fail state ended the execution, because that state is entered again and fails again.
The remedy there is a new execution with the same input.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from orderctl.errors import OrderctlError
from orderctl.orders.models import DescribedExecution, ExecutionStatus
from orderctl.orders.names import is_express, machine_of
from orderctl.orders.order import same_input
from orderctl.orders.ports import Executions

REDRIVABLE_FOR = timedelta(days=14)
MOST_EVENTS = 24_999
"""Events from which on an execution cannot be redriven; 25,000 is the end of every history."""

UNKNOWN_OPERATION = frozenset({"InvalidAction", "UnknownOperationException", "UnknownOperation", "NotImplemented"})
"""What services answer to an operation they have never heard of."""


@dataclass(frozen=True, slots=True)
class Actionable:
    """It may be done; `warning` says where it will not help."""

    execution: DescribedExecution
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not be done, and why; `is_done` where it is that way already."""

    execution: DescribedExecution
    reason: str
    is_done: bool = False


Decision: TypeAlias = Actionable | Refused


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done to one order: `redriven`, `started`, `stopped`, `already` or `refused`."""

    order_id: str
    execution_arn: str
    result: str
    reason: str | None = None
    new_execution_arn: str | None = None


def decide_redrive(executions: Executions, execution_arn: str, now: datetime) -> Decision:
    """May this execution be redriven, and would it help? Raises NotFoundError."""
    it = executions.describe(execution_arn)
    if is_express(execution_arn):
        return Refused(it, "an Express execution cannot be redriven")
    if not it.status.is_closed or it.status is ExecutionStatus.SUCCEEDED:
        return Refused(it, f"it is {it.status}")
    if it.redrive_status == "NOT_REDRIVABLE":
        return Refused(it, it.redrive_status_reason or "AWS says it is not redrivable")
    if it.redrive_status == "REDRIVABLE_BY_MAP_RUN":
        return Refused(it, "it is an iteration of a distributed Map: redrive the execution the map run belongs to")
    if it.stopped_at is not None and now - it.stopped_at > REDRIVABLE_FOR:
        return Refused(it, "it ended more than 14 days ago")
    last = executions.history_page(execution_arn, newest_first=True, page_size=2, with_data=False).events
    if last and last[0].id >= MOST_EVENTS:
        return Refused(it, f"its history has {last[0].id} events")
    failed = next((event for event in last if event.type == "FailStateEntered"), None)
    warnings = [f"{failed.state} is a Fail state: it is entered again and fails again"] if failed else []
    if _has_changed(executions, it):
        warnings.append("the definition has changed since: a redrive goes on with the old one, --new takes the new")
    return Actionable(it, "; ".join(warnings) or None)


def _has_changed(executions: Executions, it: DescribedExecution) -> bool:
    """Does the state machine look otherwise than when the execution started? No, where that may not be read."""
    try:
        then = executions.state_machine_of(it.execution_arn)
        now = executions.state_machine(it.state_machine_arn or machine_of(it.execution_arn))
    except OrderctlError:
        return False
    return not same_input(then.definition, now.definition)


def decide_stop(executions: Executions, execution_arn: str) -> Decision:
    """Is it still running?"""
    it = executions.describe(execution_arn)
    if it.status.is_closed:
        return Refused(it, f"it is {it.status}", is_done=it.status is ExecutionStatus.ABORTED)
    return Actionable(it)


def redrive(executions: Executions, it: DescribedExecution) -> Acted:
    """Redrive it; the token belongs to this attempt, so that a repeated request does it once."""
    executions.redrive(it.execution_arn, client_token(it))
    return Acted(it.order_id, it.execution_arn, "redriven")


def is_missing_here(error: OrderctlError) -> bool:
    """Does this endpoint not know RedriveExecution at all? Emulators and some Regions do not."""
    return error.aws is not None and error.aws.code in UNKNOWN_OPERATION


def start_anew(executions: Executions, it: DescribedExecution) -> Acted:
    """Start another execution with the same input, named after the first one.

    The name is the same each time, so that running this twice starts one. Raises ConflictError.
    """
    name = f"{it.order_id[:76]}-new"
    started = executions.start(it.state_machine_arn or machine_of(it.execution_arn), name, it.input or "")
    return Acted(it.order_id, it.execution_arn, "started", f"as {name}", started.execution_arn)


def stop(executions: Executions, it: DescribedExecution, *, error: str | None, cause: str | None) -> Acted:
    """Stop it."""
    executions.stop(it.execution_arn, error=error, cause=cause)
    return Acted(it.order_id, it.execution_arn, "stopped")


def refused(decision: Refused) -> Acted:
    """What is reported of an order nothing was done to."""
    it = decision.execution
    return Acted(it.order_id, it.execution_arn, "already" if decision.is_done else "refused", decision.reason)


def plan_lines(verb: str, decisions: Sequence[Decision]) -> list[str]:
    """The plan for a person: what would be done, order by order."""
    lines = []
    for decision in decisions:
        it = decision.execution
        if isinstance(decision, Refused):
            lines.append(f"  {it.order_id}  {it.status}  left alone: {decision.reason}")
        else:
            lines.append(
                f"  {it.order_id}  {it.status}  {verb}" + (f"; {decision.warning}" if decision.warning else "")
            )
    return lines


def client_token(it: DescribedExecution) -> str:
    """Fixed for this execution and this redrive of it: AWS does the same token once."""
    return hashlib.sha256(f"{it.execution_arn} {it.redrive_count}".encode()).hexdigest()
