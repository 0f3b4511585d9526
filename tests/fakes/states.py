"""Step Functions as a delivery target: StartExecution with its idempotency, DescribeExecution, StopExecution.

Recorded on AWS (2024-08-21): the same name and input while the execution runs answers with the same execution; with
another input, or after it closed, ExecutionAlreadyExists. Executions here run until a test closes them. An Express
state machine has no such idempotency: every start is a new execution.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.waiting import AnyClock


@dataclass
class Execution:
    """One execution; `status` is AWS's word."""

    arn: str
    name: str
    state_machine_arn: str
    input: str
    started_at: datetime
    status: str = "RUNNING"
    stopped_at: datetime | None = None
    error: str | None = None


class FakeStates:
    """State machines by name, and the executions started on them."""

    def __init__(self, clock: AnyClock, region: str, account: str, ledger: Ledger) -> None:
        self._clock, self._ledger = clock, ledger
        self._prefix = f"arn:aws:states:{region}:{account}"
        self.machines: dict[str, str] = {}
        self.definitions: dict[str, str] = {}
        self.deleting: set[str] = set()
        self.executions: list[Execution] = []
        self.on_look: dict[str, Callable[[Execution], None]] = {}
        """Machine ARN to what goes on in its executions while somebody looks."""

    def create(self, name: str, kind: str = "STANDARD", definition: str = "{}") -> str:
        """Add a state machine; gives its ARN."""
        arn = f"{self._prefix}:stateMachine:{name}"
        self.machines[arn] = kind
        self.definitions[arn] = definition
        return arn

    def close(self, name: str, status: str = "SUCCEEDED", error: str | None = None) -> None:
        """End the running execution of that name."""
        execution = next(each for each in self.executions if each.name == name and each.status == "RUNNING")
        execution.status, execution.stopped_at, execution.error = status, self._clock.now(), error

    def call(self, operation: str, params: Json) -> Json:
        actions: dict[str, Callable[[Json], Json]] = {
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "StopExecution": self._stop,
            "DescribeStateMachine": self._describe_machine,
        }
        if operation not in actions:
            raise unknown_operation(operation)
        return actions[operation](params)

    def _start(self, params: Json) -> Json:
        machine = self._machine(params)
        arn = machine.partition(":stateMachine:")
        name = params.get("name") or str(uuid.uuid4())
        execution_arn = f"{arn[0]}:execution:{arn[2]}:{name}"
        body = params.get("input") or "{}"
        if self.machines[machine] == "EXPRESS":
            return self._new(f"{self._prefix}:express:{arn[2]}:{name}:{uuid.uuid4()}", name, machine, body)
        existing = next((each for each in self.executions if each.arn == execution_arn), None)
        if existing is None:
            return self._new(execution_arn, name, machine, body)
        if existing.status == "RUNNING" and existing.input == body:
            return {"executionArn": existing.arn, "startDate": existing.started_at}
        raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{execution_arn}'")

    def _new(self, arn: str, name: str, machine: str, body: str) -> Json:
        execution = Execution(arn, name, machine, body, self._clock.now())
        self.executions.append(execution)
        if machine in self.on_look:
            return {"executionArn": arn, "startDate": execution.started_at}
        self._ledger.add("delivered", "stepfunctions", machine, name, body, execution.started_at.timestamp())
        return {"executionArn": arn, "startDate": execution.started_at}

    def _machine(self, params: Json) -> str:
        arn = str(params["stateMachineArn"])
        if arn not in self.machines:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return arn

    def _execution(self, params: Json) -> Execution:
        arn = params["executionArn"]
        for execution in self.executions:
            if execution.arn == arn and ":express:" not in arn:
                return execution
        raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")

    def _describe(self, params: Json) -> Json:
        execution = self._execution(params)
        if execution.state_machine_arn in self.on_look:
            self.on_look[execution.state_machine_arn](execution)
        answer: dict[str, Any] = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started_at,
            "input": execution.input,
            "redriveCount": 0,
            **({"error": execution.error} if execution.error else {}),
        }
        return answer | ({"stopDate": execution.stopped_at} if execution.stopped_at else {})

    def _stop(self, params: Json) -> Json:
        execution = self._execution(params)
        if execution.status == "RUNNING":
            execution.status, execution.stopped_at = "ABORTED", self._clock.now()
        return {"stopDate": execution.stopped_at}

    def _describe_machine(self, params: Json) -> Json:
        arn = self._machine(params)
        return {
            "stateMachineArn": arn,
            "name": arn.rpartition(":")[2],
            "status": "DELETING" if arn in self.deleting else "ACTIVE",
            "definition": self.definitions[arn],
            "roleArn": "arn:aws:iam::123456789012:role/states",
            "type": self.machines[arn],
            "creationDate": self._clock.now(),
        }
