"""Step Functions as a delivery target, and what the answer to a delivery means.

A delivery is sent once, over a client that never repeats a call. `deliver` and `outcome_of` say what is known
afterwards, for every service alike: refused (it did not take effect), or unknown (no answer, or an answer that
the service itself failed). Unknown is never guessed to be either: the one guess loses, the other doubles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call
from orderctl.dlq.models import NotSent, Outcome, Sent, ToStateMachine, Unknown
from orderctl.errors import AuthError, NoConnectionError, NotFoundError, OrderctlError, ThrottledError

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient

_TAKEN = "ExecutionAlreadyExists"


class StepFunctionsStarter:
    """Starts executions; `once` is a client with a single attempt."""

    def __init__(self, once: SFNClient) -> None:
        self._once = once

    def start(self, delivery: ToStateMachine) -> Outcome:
        """Start once. A name that is taken is `Sent` when that execution got the same input, else `NotSent`."""
        outcome = deliver("states", "StartExecution", lambda: self._start(delivery))
        if isinstance(outcome, NotSent) and _TAKEN in outcome.reason:
            return self._taken(delivery, outcome)
        return outcome

    def _start(self, delivery: ToStateMachine) -> str:
        answer = self._once.start_execution(stateMachineArn=delivery.arn, name=delivery.name, input=delivery.input)
        return answer["executionArn"]

    def _taken(self, delivery: ToStateMachine, refusal: NotSent) -> Outcome:
        """AWS refuses a name whose execution has closed, even with the same input (recorded 2024-08-21)."""
        arn = execution_arn(delivery)
        try:
            with aws_call("states", "DescribeExecution"):
                known = self._once.describe_execution(executionArn=arn).get("input")
        except OrderctlError:
            return refusal
        return Sent(arn) if known == delivery.input else refusal


def execution_arn(delivery: ToStateMachine) -> str:
    """The ARN of the Standard execution that the delivery starts; a version or alias is not part of it."""
    head, _, machine = delivery.arn.partition(":stateMachine:")
    return f"{head}:execution:{machine.split(':')[0]}:{delivery.name}"


def deliver(service: str, operation: str, call: Callable[[], str | None]) -> Outcome:
    """Make a call that must not be made twice; `call` gives the id of what it became. Never raises for AWS."""
    from botocore.parsers import ResponseParserError

    try:
        with aws_call(service, operation):
            return Sent(call())
    except OrderctlError as error:
        return outcome_of(error)
    except ResponseParserError as error:
        return Unknown(f"{service} {operation}: the answer cannot be read: {error}")


def outcome_of(error: OrderctlError) -> NotSent | Unknown:
    """What a translated error of a delivery says: refused below 500, otherwise unknown.

    Missing or refused credentials, permission or target are fatal: every other delivery there would fail alike.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    cause = error.__cause__
    if isinstance(error, ThrottledError | NoConnectionError):
        return NotSent(error.message, is_retryable=True)
    if isinstance(error, AuthError | NotFoundError) or (error.aws and error.aws.code.lower().startswith("kms")):
        return NotSent(error.message, is_fatal=True, error=error)
    if isinstance(cause, ParamValidationError):
        return NotSent(error.message)
    if isinstance(cause, ClientError) and cause.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
        return NotSent(error.message)
    return Unknown(error.message)
