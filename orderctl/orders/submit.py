"""Starting an order's execution, once.

The execution is named after the order, so AWS itself keeps a second start from happening. Submitting an
order again while it runs attaches to it; after it closed, or with other contents, it is a conflict. What
AWS says to a start whose name is taken differs (it accepts the same input while the execution runs, some
emulators never do), so the execution found there is looked at, not the answer.

An Express execution has no such protection: it is sent once, and where the reply is lost nobody sends it
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orderctl.errors import ConflictError, FailedError, NotFoundError, OrderctlError, UsageError
from orderctl.orders.models import DescribedExecution, Execution, ExecutionStatus, OnConflict, StateMachineType
from orderctl.orders.names import machine_of, named
from orderctl.orders.order import Order, same_input
from orderctl.orders.ports import Executions

_NO_ANSWER = frozenset(
    {"InternalServerError", "InternalFailure", "InternalError", "ServiceUnavailable", "ServiceUnavailableException",
     "500", "502", "503", "504"}
)  # fmt: skip
"""What a service or a gateway says that broke while answering: the request may have been carried out."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The order's execution; `attached` where it was running before."""

    execution: Execution
    attached: bool


def submit(
    executions: Executions,
    state_machine_arn: str,
    order: Order,
    *,
    on_conflict: OnConflict = OnConflict.ATTACH,
    made_id: bool = False,
) -> Submitted:
    """Start the order on a STANDARD state machine, or attach to it.

    `made_id`: the id was made for this very start, so whatever bears it was started by it. Raises
    ConflictError where the order closed before, runs with other contents, or runs at all (`FAIL`).
    """
    check_type(executions, state_machine_arn, StateMachineType.STANDARD)
    return start(executions, state_machine_arn, order, on_conflict=on_conflict, made_id=made_id)


def start(
    executions: Executions, state_machine_arn: str, order: Order, *, on_conflict: OnConflict, made_id: bool = False
) -> Submitted:
    """The same, where the state machine's type has been checked."""
    if on_conflict is OnConflict.FAIL and not made_id:
        _check_free(executions, named(state_machine_arn, order.order_id), order)
    try:
        started = executions.start(state_machine_arn, order.order_id, order.input_json)
    except ConflictError as error:
        existing = executions.describe(named(state_machine_arn, order.order_id))
        check_attachable(existing, order, on_conflict, made_id, error)
        return Submitted(bare(existing), attached=not made_id)
    execution = Execution(
        order_id=order.order_id,
        execution_arn=started.execution_arn,
        state_machine_arn=machine_of(started.execution_arn) or state_machine_arn,
        type=StateMachineType.STANDARD,
        status=ExecutionStatus.RUNNING,
        started_at=started.started_at,
    )
    return Submitted(execution, attached=False)


def submit_express(executions: Executions, state_machine_arn: str, order: Order) -> DescribedExecution:
    """Run the order on an EXPRESS state machine and wait for its end; never started a second time.

    Raises FailedError where no reply came: the order may have run.
    """
    check_type(executions, state_machine_arn, StateMachineType.EXPRESS)
    with _never_again(order, "StartSyncExecution"):
        return executions.start_sync(state_machine_arn, order.order_id, order.input_json)


def submit_express_detached(executions: Executions, state_machine_arn: str, order: Order) -> Execution:
    """Start the order on an EXPRESS state machine without waiting; sent once, since its name protects nothing.

    Raises FailedError where no reply came: the order may be running.
    """
    check_type(executions, state_machine_arn, StateMachineType.EXPRESS)
    with _never_again(order, "StartExecution"):
        started = executions.start_once(state_machine_arn, order.order_id, order.input_json)
    return Execution(
        order_id=order.order_id,
        execution_arn=started.execution_arn,
        state_machine_arn=machine_of(started.execution_arn) or state_machine_arn,
        type=StateMachineType.EXPRESS,
        status=ExecutionStatus.RUNNING,
        started_at=started.started_at,
    )


@contextmanager
def _never_again(order: Order, operation: str) -> Iterator[None]:
    """Where the reply is lost, say so: the order may run, and a second start would be a second order."""
    try:
        yield
    except OrderctlError as error:
        if error.code != "unreachable" and (error.aws is None or error.aws.code not in _NO_ANSWER):
            raise
        raise FailedError(
            f"order {order.order_id}: no reply from {operation}; it may have run, and was not started again",
            hint=f"look before submitting it again: orderctl orders trace {order.order_id}",
            aws=error.aws,
        ) from error


def check_type(executions: Executions, state_machine_arn: str, wanted: StateMachineType) -> None:
    """Raise UsageError for a state machine of the other type, before anything is started.

    An asynchronous start of an Express execution is not idempotent and cannot be followed. Credentials that
    may not describe the state machine may still start it: then AWS decides.
    """
    try:
        found = executions.state_machine(state_machine_arn).type
    except OrderctlError as error:
        if error.code == "auth":
            return
        raise
    if found is not wanted:
        hint = "pass --express" if found is StateMachineType.EXPRESS else "leave out --express"
        raise UsageError(f"{state_machine_arn} is of type {found}", hint=hint)


def _check_free(executions: Executions, arn: str, order: Order) -> None:
    try:
        existing = executions.describe(arn)
    except NotFoundError:
        return
    raise _conflict(order, f"exists already and is {existing.status}")


def check_attachable(
    existing: DescribedExecution,
    order: Order,
    on_conflict: OnConflict,
    made_id: bool,
    error: ConflictError | None = None,
) -> None:
    """Raise ConflictError unless this is the very order, still running, and attaching was not ruled out."""
    if not same_input(existing.input, order.input_json):
        raise _conflict(order, f"exists already, with other contents, and is {existing.status}") from error
    if made_id:
        return
    if existing.status.is_closed:
        raise _conflict(order, f"was submitted before and is {existing.status}") from error
    if on_conflict is OnConflict.FAIL:
        raise _conflict(order, f"exists already and is {existing.status}") from error


def _conflict(order: Order, what: str) -> ConflictError:
    return ConflictError(f"order {order.order_id} {what}", hint=f"orderctl orders show {order.order_id}")


def bare(existing: DescribedExecution) -> Execution:
    """Without input and output, as a start answers."""
    return Execution(
        order_id=existing.order_id,
        execution_arn=existing.execution_arn,
        state_machine_arn=existing.state_machine_arn,
        type=existing.type,
        status=existing.status,
        started_at=existing.started_at,
        stopped_at=existing.stopped_at,
        error=existing.error,
        cause=existing.cause,
        redrive_status=existing.redrive_status,
    )
