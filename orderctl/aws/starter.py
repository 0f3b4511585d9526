"""Step Functions as a delivery target: what is started, whether it may be, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call
from orderctl.aws.outcomes import deliver
from orderctl.dlq.models import Ended, Machine, NotSent, Outcome, Sent, ToStateMachine
from orderctl.errors import NotFoundError, OrderctlError
from orderctl.pacing import TokenBuckets

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient

_TAKEN = "ExecutionAlreadyExists"


class StepFunctionsStarter:
    """Starts executions; `once` is a client with a single attempt."""

    def __init__(self, once: SFNClient, buckets: TokenBuckets) -> None:
        self._once = once
        self._buckets = buckets

    def start(self, delivery: ToStateMachine) -> Outcome:
        """Start once. A name that is taken is `Sent` when that execution got the same input, else `NotSent`."""
        outcome = deliver("states", "StartExecution", lambda: self._start(delivery))
        if isinstance(outcome, NotSent) and _TAKEN in outcome.reason:
            return self._taken(delivery, outcome)
        return outcome

    def machine(self, arn: str) -> Machine:
        """Its status and definition; a version or alias is looked at as what it points to."""
        with (
            self._buckets.paced("DescribeStateMachine"),
            aws_call("states", "DescribeStateMachine", subject=f"state machine {arn}"),
        ):
            said = self._once.describe_state_machine(stateMachineArn=arn)
        return Machine(arn, said.get("status", "ACTIVE"), said.get("definition", ""))

    def ended(self, execution_arn: str) -> Ended | None:
        """How an execution ended; None while it runs. An Express one cannot be asked for: NotFoundError."""
        if ":express:" in execution_arn:
            raise NotFoundError("Step Functions keeps no record of an Express execution")
        with (
            self._buckets.paced("DescribeExecution"),
            aws_call("states", "DescribeExecution", subject=f"execution {execution_arn}"),
        ):
            said = self._once.describe_execution(executionArn=execution_arn)
        status = said["status"]
        is_open = status in ("RUNNING", "PENDING_REDRIVE")
        return None if is_open else Ended(status, said.get("error"), said.get("cause"))

    def _start(self, delivery: ToStateMachine) -> str:
        with self._buckets.paced("StartExecution"), aws_call("states", "StartExecution"):
            answer = self._once.start_execution(stateMachineArn=delivery.arn, name=delivery.name, input=delivery.input)
        return answer["executionArn"]

    def _taken(self, delivery: ToStateMachine, refusal: NotSent) -> Outcome:
        """AWS refuses a name whose execution has closed, even with the same input (recorded 2024-08-21)."""
        arn = execution_arn(delivery)
        try:
            with self._buckets.paced("DescribeExecution"), aws_call("states", "DescribeExecution"):
                known = self._once.describe_execution(executionArn=arn).get("input")
        except OrderctlError:
            return refusal
        return Sent(arn) if known == delivery.input else refusal


def execution_arn(delivery: ToStateMachine) -> str:
    """The ARN of the Standard execution that the delivery starts; a version or alias is not part of it."""
    head, _, machine = delivery.arn.partition(":stateMachine:")
    return f"{head}:execution:{machine.split(':')[0]}:{delivery.name}"
