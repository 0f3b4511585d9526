"""Histories in the shape GetExecutionHistory answers with, and the same in the shape of a log line.

Shapes follow recordings of real AWS: the first state and an abort have previousEventId 0, iterations of a
Map chain on from one another, a failed branch ends its Parallel. Names and contents are ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.clock import START

Api = dict[str, Any]
Row = tuple[float, str, int, Api | None]
"""Seconds after the start, type, previousEventId, details."""

LAMBDA = {"resource": "invoke", "resourceType": "lambda"}
SCHEDULED = {**LAMBDA, "region": "us-east-1", "parameters": "{}"}
DYNAMODB = {"resource": "updateItem", "resourceType": "dynamodb"}
CRASH = json.dumps(
    {
        "errorMessage": "no such warehouse",
        "errorType": "WarehouseError",
        "requestId": "5f4c",
        "stackTrace": ['  File "/var/task/handler.py", line 2, in handler\n'],
    }
)


def entered(name: str) -> Api:
    return {"name": name, "input": "{}", "inputDetails": {"truncated": False}}


def exited(name: str) -> Api:
    return {"name": name, "output": "{}", "outputDetails": {"truncated": False}}


STARTED: Row = (0, "ExecutionStarted", 0, {"input": "{}", "roleArn": "arn:aws:iam::1:role/r"})

SUCCEEDED: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("ValidateOrder")),
    (0, "TaskScheduled", 2, SCHEDULED),
    (0.1, "TaskStarted", 3, LAMBDA),
    (0.4, "TaskSucceeded", 4, LAMBDA),
    (0.4, "TaskStateExited", 5, exited("ValidateOrder")),
    (0.4, "WaitStateEntered", 6, entered("WaitForStock")),
    (3.4, "WaitStateExited", 7, exited("WaitForStock")),
    (3.4, "SucceedStateEntered", 8, entered("OrderAccepted")),
    (3.5, "SucceedStateExited", 9, exited("OrderAccepted")),
    (3.5, "ExecutionSucceeded", 10, {"output": "{}", "outputDetails": {"truncated": False}}),
]

OUT_OF_STOCK: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("TakeStock")),
    (0, "TaskScheduled", 2, {**SCHEDULED, **DYNAMODB}),
    (0.1, "TaskStarted", 3, DYNAMODB),
    (
        0.2,
        "TaskFailed",
        4,
        {**DYNAMODB, "error": "DynamoDB.ConditionalCheckFailedException", "cause": "The conditional failed"},
    ),
    (0.2, "TaskStateExited", 5, exited("TakeStock")),
    (0.2, "FailStateEntered", 6, entered("OutOfStock")),
    (0.3, "ExecutionFailed", 7, {"error": "OutOfStock", "cause": "asks for 9, left: 2"}),
]

RETRIED_THEN_FAILED: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("ValidateOrder")),
    (0, "TaskScheduled", 2, SCHEDULED),
    (0.1, "TaskStarted", 3, LAMBDA),
    (0.2, "TaskFailed", 4, {**LAMBDA, "error": "WarehouseError", "cause": CRASH}),
    (1.2, "TaskScheduled", 5, SCHEDULED),
    (1.3, "TaskStarted", 6, LAMBDA),
    (1.4, "TaskFailed", 7, {**LAMBDA, "error": "WarehouseError", "cause": CRASH}),
    (1.4, "ExecutionFailed", 8, {"error": "WarehouseError", "cause": CRASH}),
]

DIRECT_LAMBDA: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("ValidateOrder")),
    (0, "LambdaFunctionScheduled", 2, {"resource": "arn:aws:lambda:us-east-1:1:function:v"}),
    (0.1, "LambdaFunctionStarted", 3, None),
    (0.2, "LambdaFunctionFailed", 4, {"error": "WarehouseError", "cause": CRASH}),
    (1.2, "LambdaFunctionScheduled", 5, {"resource": "arn:aws:lambda:us-east-1:1:function:v"}),
    (1.3, "LambdaFunctionStarted", 6, None),
    (1.4, "LambdaFunctionSucceeded", 7, {"output": "{}"}),
    (1.4, "TaskStateExited", 8, exited("ValidateOrder")),
    (1.5, "ExecutionSucceeded", 9, {"output": "{}"}),
]

PARALLEL: list[Row] = [
    STARTED,
    (0, "ParallelStateEntered", 0, entered("PrepareOrder")),
    (0, "ParallelStateStarted", 2, None),
    (0, "TaskStateEntered", 3, entered("RecordOrder")),
    (0, "TaskScheduled", 4, SCHEDULED),
    (0, "TaskStateEntered", 3, entered("LoadCustomer")),
    (0, "TaskScheduled", 6, SCHEDULED),
    (0.2, "TaskTimedOut", 5, {**LAMBDA, "error": "States.Timeout"}),
    (0.3, "TaskSucceeded", 7, LAMBDA),
    (0.3, "TaskStateExited", 9, exited("LoadCustomer")),
    (1.2, "TaskScheduled", 8, SCHEDULED),
    (1.4, "TaskSucceeded", 11, LAMBDA),
    (1.4, "TaskStateExited", 12, exited("RecordOrder")),
    (1.4, "ParallelStateSucceeded", 13, None),
    (1.4, "ParallelStateExited", 13, exited("PrepareOrder")),
    (1.5, "ExecutionSucceeded", 15, {"output": "{}"}),
]

PARALLEL_CAUGHT: list[Row] = [
    STARTED,
    (0, "ParallelStateEntered", 0, entered("PrepareOrder")),
    (0, "ParallelStateStarted", 2, None),
    (0, "TaskStateEntered", 3, entered("RecordOrder")),
    (0, "TaskScheduled", 4, SCHEDULED),
    (0, "WaitStateEntered", 3, entered("Pause")),
    (0.2, "TaskFailed", 5, {"resource": "sendMessage.waitForTaskToken", "resourceType": "sqs"}),
    (0.2, "TaskStateAborted", 7, None),
    (0.2, "ParallelStateFailed", 7, None),
    (0.2, "ParallelStateExited", 9, exited("PrepareOrder")),
    (0.2, "PassStateEntered", 10, entered("Apologise")),
    (0.2, "PassStateExited", 11, exited("Apologise")),
    (0.3, "ExecutionSucceeded", 12, {"output": "{}"}),
]

MAP_TIMED_OUT: list[Row] = [
    STARTED,
    (0, "MapStateEntered", 0, entered("Lines")),
    (0, "MapStateStarted", 2, {"length": 2}),
    (0, "MapIterationStarted", 3, {"name": "Lines", "index": 0}),
    (0, "MapIterationStarted", 3, {"name": "Lines", "index": 1}),
    (0, "TaskStateEntered", 4, entered("Reserve")),
    (0, "TaskScheduled", 6, SCHEDULED),
    (0, "TaskStateEntered", 5, entered("Reserve")),
    (0, "TaskScheduled", 8, SCHEDULED),
    (0.1, "TaskStarted", 7, LAMBDA),
    (0.1, "TaskStarted", 9, LAMBDA),
    (5, "TaskTimedOut", 10, {**LAMBDA, "error": "States.Timeout"}),
    (5, "MapIterationFailed", 12, {"name": "Lines", "index": 0}),
    (5, "TaskStateAborted", 12, None),
    (5, "MapIterationAborted", 12, {"name": "Lines", "index": 1}),
    (5, "MapStateFailed", 12, None),
    (5, "ExecutionFailed", 16, {"error": "States.Timeout"}),
]

MAP_ONE_BY_ONE: list[Row] = [
    STARTED,
    (0, "MapStateEntered", 0, entered("Lines")),
    (0, "MapStateStarted", 2, {"length": 2}),
    (0, "MapIterationStarted", 3, {"name": "Lines", "index": 0}),
    (0, "PassStateEntered", 4, entered("Reserve")),
    (0, "PassStateExited", 5, exited("Reserve")),
    (0, "MapIterationSucceeded", 6, {"name": "Lines", "index": 0}),
    (0, "MapIterationStarted", 6, {"name": "Lines", "index": 1}),
    (0, "PassStateEntered", 8, entered("Reserve")),
    (0, "EvaluationFailed", 8, {"error": "States.QueryEvaluationError", "cause": "undefined", "state": "Reserve"}),
    (0, "MapIterationFailed", 10, {"name": "Lines", "index": 1}),
    (0, "MapStateFailed", 10, None),
    (0, "ExecutionFailed", 12, {"error": "States.QueryEvaluationError", "cause": "undefined"}),
]

DISTRIBUTED_MAP: list[Row] = [
    STARTED,
    (0, "MapStateEntered", 0, entered("Lines")),
    (0, "MapStateStarted", 2, {"length": 3}),
    (0, "MapRunStarted", 3, {"mapRunArn": "arn:aws:states:us-east-1:1:mapRun:m/l:1"}),
    (2, "MapRunSucceeded", 4, None),
    (2, "MapStateSucceeded", 5, None),
    (2, "MapStateExited", 4, exited("Lines")),
    (2, "ExecutionSucceeded", 7, {"output": "{}"}),
]

ABORTED: list[Row] = [
    STARTED,
    (0, "WaitStateEntered", 0, entered("WaitForStock")),
    (2, "ExecutionAborted", 0, {}),
]

TIMED_OUT: list[Row] = [
    STARTED,
    (0, "WaitStateEntered", 0, entered("WaitForStock")),
    (4, "ExecutionTimedOut", 0, {"error": "States.Timeout"}),
]

REDRIVEN: list[Row] = [
    *RETRIED_THEN_FAILED,
    (2.0, "ExecutionRedriven", 0, {"redriveCount": 1}),
    (2.1, "TaskScheduled", 10, SCHEDULED),
    (2.2, "TaskStarted", 11, LAMBDA),
    (2.6, "TaskSucceeded", 12, LAMBDA),
    (2.6, "TaskStateExited", 13, exited("ValidateOrder")),
    (2.7, "ExecutionSucceeded", 14, {"output": "{}"}),
]

ACTIVITY_TIMED_OUT: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("PackByHand")),
    (0, "ActivityScheduled", 2, {"resource": "arn:aws:states:us-east-1:1:activity:pack", "heartbeatInSeconds": 5}),
    (1, "ActivityStarted", 3, {"workerName": "ann"}),
    (6, "ActivityTimedOut", 4, {"error": "States.Heartbeat"}),
    (7, "ActivityScheduled", 5, {"resource": "arn:aws:states:us-east-1:1:activity:pack"}),
    (8, "ActivityStarted", 6, {"workerName": "bo"}),
    (9, "ActivitySucceeded", 7, {"output": "{}"}),
    (9, "TaskStateExited", 8, exited("PackByHand")),
    (9, "ExecutionSucceeded", 9, {"output": "{}"}),
]

CHILD = {"resource": "startExecution.sync:2", "resourceType": "states"}
CHILD_FAILED: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("Ship")),
    (0, "TaskScheduled", 2, {**SCHEDULED, **CHILD}),
    (0.1, "TaskStarted", 3, CHILD),
    (0.2, "TaskSubmitted", 4, {**CHILD, "output": "{}"}),
    (
        4,
        "TaskFailed",
        5,
        {
            **CHILD,
            "error": "States.TaskFailed",
            "cause": json.dumps(
                {"ExecutionArn": "arn:x", "Status": "FAILED", "Error": "NoCarrier", "Cause": "none free"}
            ),
        },
    ),
    (4, "ExecutionFailed", 6, {"error": "States.TaskFailed", "cause": "the child failed"}),
]

NEVER_SUBMITTED: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("Render")),
    (0, "TaskScheduled", 2, {**SCHEDULED, "resource": "runTask.sync", "resourceType": "ecs"}),
    (0.1, "TaskStarted", 3, {"resource": "runTask.sync", "resourceType": "ecs"}),
    (0.2, "TaskSubmitFailed", 4, {"resource": "runTask.sync", "resourceType": "ecs", "error": "ECS.ClusterNotFound"}),
    (0.2, "ExecutionFailed", 5, {"error": "ECS.ClusterNotFound"}),
]

PARALLEL_IN_MAP: list[Row] = [
    STARTED,
    (0, "MapStateEntered", 0, entered("Lines")),
    (0, "MapStateStarted", 2, {"length": 2}),
    (0, "MapIterationStarted", 3, {"name": "Lines", "index": 0}),
    (0, "MapIterationStarted", 3, {"name": "Lines", "index": 1}),
    (0, "ParallelStateEntered", 4, entered("Both")),
    (0, "ParallelStateStarted", 6, None),
    (0, "ParallelStateEntered", 5, entered("Both")),
    (0, "ParallelStateStarted", 8, None),
    (0, "PassStateEntered", 7, entered("Reserve")),
    (0, "PassStateEntered", 9, entered("Reserve")),
    (1, "PassStateExited", 10, exited("Reserve")),
    (1, "PassStateEntered", 7, entered("Price")),
    (1, "PassStateExited", 11, exited("Reserve")),
    (1, "PassStateExited", 13, exited("Price")),
    (1, "ParallelStateSucceeded", 15, None),
    (1, "ParallelStateExited", 15, exited("Both")),
    (1, "MapIterationSucceeded", 17, {"name": "Lines", "index": 0}),
    (2, "TaskStateEntered", 9, entered("Price")),
    (2, "TaskScheduled", 19, SCHEDULED),
    (3, "TaskFailed", 20, {**LAMBDA, "error": "NoPrice", "cause": "unknown currency"}),
    (3, "ParallelStateFailed", 21, None),
    (3, "MapIterationFailed", 22, {"name": "Lines", "index": 1}),
    (3, "MapStateFailed", 23, None),
    (3, "ExecutionFailed", 24, {"error": "NoPrice", "cause": "unknown currency"}),
]

MAP_RUN_FAILED: list[Row] = [
    STARTED,
    (0, "MapStateEntered", 0, entered("Lines")),
    (0, "MapStateStarted", 2, {"length": 1000}),
    (0, "MapRunStarted", 3, {"mapRunArn": "arn:aws:states:us-east-1:1:mapRun:m/l:1"}),
    (9, "MapRunFailed", 4, {"error": "States.ExceedToleratedFailureThreshold", "cause": "7 of 1000 failed"}),
    (9, "MapStateFailed", 5, None),
    (9, "ExecutionFailed", 6, {"error": "States.ExceedToleratedFailureThreshold", "cause": "7 of 1000 failed"}),
]

JSONATA_VARIABLES: list[Row] = [
    STARTED,
    (0, "PassStateEntered", 0, entered("Remember")),
    (0, "PassStateExited", 2, {**exited("Remember"), "assignedVariables": {"total": "12.50"}}),
    (0, "ChoiceStateEntered", 3, entered("IsLarge")),
    (0, "ChoiceStateExited", 4, exited("IsLarge")),
    (0, "TaskStateEntered", 5, entered("Charge")),
    (0, "EvaluationFailed", 6, {"error": "States.QueryEvaluationError", "cause": "no $rate", "state": "Charge"}),
    (0, "ExecutionFailed", 7, {"error": "States.QueryEvaluationError", "cause": "no $rate"}),
]

FROM_TOMORROW: list[Row] = [
    STARTED,
    (0, "TaskStateEntered", 0, entered("ValidateOrder")),
    (0, "TaskHandedToRobot", 2, {"robot": "r2"}),
    (1, "TaskStateExited", 3, exited("ValidateOrder")),
    (1, "ExecutionSucceeded", 4, {"output": "{}"}),
]


def api_events(rows: Sequence[Row], start: datetime = START) -> list[Api]:
    """The rows as GetExecutionHistory answers them, oldest first."""
    return [_event(number, row, start) for number, row in enumerate(rows, 1)]


def without_chain(events: Sequence[Api]) -> list[Api]:
    """As an emulator writes them: no previousEventId."""
    return [{key: value for key, value in event.items() if key != "previousEventId"} for event in events]


def log_lines(rows: Sequence[Row], execution_arn: str, start: datetime = START) -> list[Api]:
    """The rows as CloudWatch log lines: ids as text, details without their wrapper, milliseconds."""
    return [
        {
            "id": str(number),
            "type": kind,
            "details": details or {},
            "previous_event_id": str(previous),
            "event_timestamp": str(round((start + timedelta(seconds=at)).timestamp() * 1000)),
            "execution_arn": execution_arn,
            "redrive_count": "0",
        }
        for number, (at, kind, previous, details) in enumerate(rows, 1)
    ]


def _event(number: int, row: Row, start: datetime) -> Api:
    at, kind, previous, details = row
    event: Api = {"id": number, "previousEventId": previous, "timestamp": start + timedelta(seconds=at), "type": kind}
    if details is not None:
        event[detail_key(kind)] = details
    return event


def detail_key(kind: str) -> str:
    """`stateEnteredEventDetails` for every entering, else the type in camel case."""
    for ending, key in (("StateEntered", "stateEnteredEventDetails"), ("StateExited", "stateExitedEventDetails")):
        if kind.endswith(ending):
            return key
    return kind[0].lower() + kind[1:] + "EventDetails"
