"""Names: made order ids, and what `ORDER` on a command line can mean.

An order id is the execution's name. Step Functions allows more characters than these, but logs only these
to CloudWatch. A made id is a ULID: 48 bits of milliseconds and 80 random ones, in letters that sort by time
and cannot be misread, so that a list of orders is in order and two people submitting at once never collide.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime

from orderctl.errors import NotFoundError, UsageError
from orderctl.orders.ports import Executions

ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,80}")
LATEST = "@latest"
_MACHINE = re.compile(r"(?P<head>arn:[^:]+:states:[^:]*:[^:]*):stateMachine:(?P<name>[^:]+)(?::(?P<version>[^:]+))?")
_EXECUTION = re.compile(
    r"(?P<head>arn:[^:]+:states:[^:]*:[^:]*):(?P<kind>execution|express):(?P<machine>[^:]+):(?P<name>[^:]+)(?::[^:]+)?"
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_order_id(now: datetime, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """26 characters that sort by the time they were made at."""
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(random(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def execution_arn(
    order: str, state_machine_arn: Callable[[], str], executions: Executions, *, express_too: bool = False
) -> str:
    """The execution that `ORDER` means: an ARN as it is, `@latest`, else an order id of the state machine.

    `state_machine_arn` is asked only where the ARN is not given. Raises UsageError for what is none of them,
    and without `express_too` for an Express execution; NotFoundError for `@latest` of none.
    """
    if order.startswith("arn:"):
        return _checked(order, express_too)
    machine = state_machine_arn()
    if order == LATEST:
        newest = next(executions.list(machine, page_size=1), None)
        if newest is None:
            raise NotFoundError(f"{machine} has no executions")
        return newest.execution_arn
    check_order_id(order)
    return named(machine, order)


def check_order_id(order: str) -> None:
    """Raise UsageError for what cannot be the id of an order."""
    if not ORDER_ID.fullmatch(order):
        raise UsageError(f"not an order: {order!r}", hint="an order id, an execution ARN, or @latest")


def named(state_machine_arn: str, order_id: str) -> str:
    """The ARN of the STANDARD execution of that name; an alias or version in the ARN falls away."""
    match = _MACHINE.fullmatch(state_machine_arn)
    if match is None:
        raise UsageError(
            f"not the ARN of a state machine: {state_machine_arn!r}",
            hint="such as arn:aws:states:REGION:ACCOUNT:stateMachine:NAME",
        )
    return f"{match['head']}:execution:{match['name']}:{order_id}"


def order_id_of(arn: str) -> str:
    """The order id in an execution's ARN; the ARN itself where it has another form."""
    match = _EXECUTION.fullmatch(arn)
    return match["name"] if match else arn


def machine_of(arn: str) -> str:
    """The state machine's ARN in an execution's ARN; empty where it has another form."""
    match = _EXECUTION.fullmatch(arn)
    return f"{match['head']}:stateMachine:{match['machine']}" if match else ""


def is_express(arn: str) -> bool:
    """Is this the ARN of an Express execution?"""
    match = _EXECUTION.fullmatch(arn)
    return match is not None and match["kind"] == "express"


def express_pattern(state_machine_arn: str, order_id: str) -> str:
    """What the ARNs of all Express executions of that name look like, `*` standing for the part AWS makes up."""
    named_arn = named(state_machine_arn, order_id)
    return named_arn.replace(":execution:", ":express:") + ":*"


def _checked(arn: str, express_too: bool) -> str:
    if not _EXECUTION.fullmatch(arn):
        raise UsageError(f"not the ARN of an execution: {arn!r}")
    if is_express(arn) and not express_too:
        raise UsageError(
            "an Express execution can be neither stopped nor redriven",
            hint="it runs five minutes at most; submit the order again under a new id",
        )
    return arn
