"""The move-task adapter: what AWS was recorded to answer (2024-04-30), and what an emulator without the API does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orderctl.aws.move_tasks import SqsMoveTasks
from orderctl.dlq.move_tasks import MoveTask
from orderctl.errors import AuthError, ConflictError, FailedError, NotFoundError, OrderctlError, UnreachableError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied, before, reply_lost
from tests.fakes.sqs.errors import AwsError, Json, invalid_parameter, resource_not_found
from tests.fakes.sqs.faults import Call, Effect, Proceed
from tests.fakes.sqs.waiting import AnyClock

ARN = "arn:aws:sqs:ap-northeast-1:123456789012:orders-dlq"
SOURCE = "arn:aws:sqs:ap-northeast-1:123456789012:orders"
STARTED = 1714472543123
AT = datetime(2024, 4, 30, 10, 22, 23, 123000, tzinfo=UTC)
HANDLE = "eyJ0YXNrSWQiOiJ4In0="

WHILE: Json = {
    "ApproximateNumberOfMessagesMoved": 2,
    "ApproximateNumberOfMessagesToMove": 10,
    "DestinationArn": SOURCE,
    "MaxNumberOfMessagesPerSecond": 1,
    "SourceArn": ARN,
    "StartedTimestamp": STARTED,
    "Status": "RUNNING",
    "TaskHandle": HANDLE,
}
CANCELLED: Json = {
    "ApproximateNumberOfMessagesMoved": 8,
    "ApproximateNumberOfMessagesToMove": 10,
    "DestinationArn": SOURCE,
    "MaxNumberOfMessagesPerSecond": 1,
    "SourceArn": ARN,
    "StartedTimestamp": STARTED,
    "Status": "CANCELLED",
}
TO_EACH_SOURCE: Json = {
    "ApproximateNumberOfMessagesMoved": 4,
    "ApproximateNumberOfMessagesToMove": 4,
    "SourceArn": ARN,
    "StartedTimestamp": STARTED,
    "Status": "COMPLETED",
}
FAILED: Json = {
    "ApproximateNumberOfMessagesMoved": 3,
    "ApproximateNumberOfMessagesToMove": 10,
    "DestinationArn": SOURCE,
    "FailureReason": "AWS.SimpleQueueService.NonExistentQueue",
    "MaxNumberOfMessagesPerSecond": 1,
    "SourceArn": ARN,
    "StartedTimestamp": STARTED,
    "Status": "FAILED",
}
NOT_PICKED_UP: Json = {"SourceArn": ARN, "StartedTimestamp": STARTED, "Status": "RUNNING", "TaskHandle": HANDLE}


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(FakeClock())


def adapter(aws: FakeAws, attempts: int = 1) -> SqsMoveTasks:
    return SqsMoveTasks(aws.client("sqs", attempts=attempts), aws.client("sqs"))


def answer(said: Json) -> Effect:
    """The answer as recorded, whatever the fake holds."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        return said

    return effect


@pytest.mark.parametrize(
    ("recorded", "task"),
    [
        (WHILE, MoveTask("orders-dlq", "RUNNING", 2, 10, AT, SOURCE, None, 1, HANDLE)),
        (CANCELLED, MoveTask("orders-dlq", "CANCELLED", 8, 10, AT, SOURCE, None, 1, None)),
        (TO_EACH_SOURCE, MoveTask("orders-dlq", "COMPLETED", 4, 4, AT)),
        (
            FAILED,
            MoveTask("orders-dlq", "FAILED", 3, 10, AT, SOURCE, "AWS.SimpleQueueService.NonExistentQueue", 1, None),
        ),
        (NOT_PICKED_UP, MoveTask("orders-dlq", "RUNNING", 0, None, AT, task_handle=HANDLE)),
    ],
    ids=["running", "cancelled", "completed", "failed", "not picked up yet"],
)
def test_a_listed_task_is_read_with_what_sqs_leaves_out(aws: FakeAws, recorded: Json, task: MoveTask) -> None:
    aws.faults.on("ListMessageMoveTasks", answer({"Results": [recorded]}))
    assert adapter(aws).of(ARN) == [task]
    assert aws.calls_of("ListMessageMoveTasks") == [{"SourceArn": ARN, "MaxResults": 10}]


def test_the_newest_task_comes_first_whatever_the_order_of_the_answer(aws: FakeAws) -> None:
    older = {**CANCELLED, "StartedTimestamp": STARTED - 1000}
    aws.faults.on("ListMessageMoveTasks", answer({"Results": [older, WHILE]}))
    assert [task.status for task in adapter(aws).of(ARN) or []] == ["RUNNING", "CANCELLED"]


def test_no_task_yet_is_an_empty_list(aws: FakeAws) -> None:
    assert adapter(aws).of(aws.sqs.create("orders-dlq").arn) == []


@pytest.mark.parametrize("code", ["InvalidAction", "UnknownOperationException", "NotImplemented"])
def test_a_service_without_the_operation_is_told_from_one_without_tasks(aws: FakeAws, code: str) -> None:
    aws.faults.on("*", before(AwsError(code, "The action ListMessageMoveTasks is not valid for this endpoint.", 400)))
    assert adapter(aws).of(ARN) is None


def test_a_missing_queue_and_a_missing_permission_stay_errors(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="SourceArn parameter doesn't exist"):
        adapter(aws).of(ARN)
    aws.faults.on("ListMessageMoveTasks", access_denied())
    with pytest.raises(AuthError) as denied:
        adapter(aws).of(ARN)
    assert denied.value.hint == "the credentials need sqs:ListMessageMoveTasks"


def pair(aws: FakeAws) -> str:
    dlq = aws.sqs.create("orders-dlq")
    aws.sqs.create("orders", RedrivePolicy=f'{{"deadLetterTargetArn":"{dlq.arn}","maxReceiveCount":"3"}}')
    return dlq.arn


@pytest.mark.parametrize(("rate", "sent"), [(None, {}), (7, {"MaxNumberOfMessagesPerSecond": 7})])
def test_a_task_is_started_without_a_destination(aws: FakeAws, rate: int | None, sent: dict[str, Any]) -> None:
    arn = pair(aws)
    handle = adapter(aws).start(arn, rate)
    assert aws.calls_of("StartMessageMoveTask") == [{"SourceArn": arn, **sent}]
    (task,) = adapter(aws).of(arn) or []
    assert (task.task_handle, task.rate, task.destination_arn, task.to_move) == (handle, rate, None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            invalid_parameter(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given "
                "time."
            ),
            ConflictError,
        ),
        (invalid_parameter("Source queue must be configured as a Dead Letter Queue."), FailedError),
        (
            resource_not_found("The resource that you specified for the SourceArn parameter doesn't exist."),
            NotFoundError,
        ),
    ],
    ids=["second task", "no dead-letter queue", "no queue"],
)
def test_a_recorded_refusal_to_start_is_the_error_it_means(
    aws: FakeAws, error: AwsError, kind: type[OrderctlError]
) -> None:
    aws.faults.on("StartMessageMoveTask", before(error))
    with pytest.raises(OrderctlError) as refused:
        adapter(aws).start(ARN, None)
    assert type(refused.value) is kind
    assert refused.value.message.startswith(f"queue orders-dlq: {error.message} (sqs StartMessageMoveTask: ")


def test_a_start_without_an_answer_is_not_tried_again(aws: FakeAws) -> None:
    arn = pair(aws)
    aws.faults.on("StartMessageMoveTask", reply_lost())
    with pytest.raises(UnreachableError):
        adapter(aws, attempts=3).start(arn, None)
    assert aws.count("StartMessageMoveTask") == 1


def test_cancelling_answers_what_had_been_moved_and_a_second_time_that_there_is_no_such_task(aws: FakeAws) -> None:
    aws.faults.on("CancelMessageMoveTask", answer({"ApproximateNumberOfMessagesMoved": 2}), nth=1)
    aws.faults.on("CancelMessageMoveTask", before(resource_not_found("Task does not exist.")))
    assert adapter(aws).cancel(ARN, HANDLE) == 2
    with pytest.raises(NotFoundError, match="Task does not exist"):
        adapter(aws).cancel(ARN, HANDLE)
