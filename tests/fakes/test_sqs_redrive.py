"""Dead-lettering and the native move tasks, against the recordings of real AWS."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs import Queue


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws(clock: FakeClock) -> FakeAws:
    return FakeAws(clock)


def pair(aws: FakeAws, suffix: str = "", count: int = 1) -> tuple[Queue, Queue]:
    """A source queue and its dead-letter queue."""
    target = aws.sqs.create(f"orders-dlq{suffix}")
    policy = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": count})
    return aws.sqs.create(f"orders{suffix}", RedrivePolicy=policy, VisibilityTimeout="0"), target


def receive(aws: FakeAws, queue: Queue, **params: Any) -> list[dict[str, Any]]:
    asked = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"], "MaxNumberOfMessages": 10}
    found: list[dict[str, Any]] = (
        aws.client("sqs").receive_message(QueueUrl=queue.url, **asked, **params).get("Messages", [])
    )
    return found


def tasks(aws: FakeAws, queue: Queue) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.client("sqs").list_message_move_tasks(SourceArn=queue.arn, MaxResults=10)[
        "Results"
    ]
    return found


def test_the_receive_after_the_last_allowed_one_moves_the_message(aws: FakeAws) -> None:
    source, target = pair(aws)
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988"}}
    attributes = {"MyAttribute": {"DataType": "String", "StringValue": "foobar"}}
    aws.sqs.seed(source, "message-1", MessageAttributes=attributes, MessageSystemAttributes=trace)
    (before,) = receive(aws, source)
    assert before["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in before["Attributes"]
    assert receive(aws, source) == []
    (after,) = receive(aws, target)
    assert (after["MessageId"], after["MessageAttributes"]) == (before["MessageId"], attributes)
    assert after["MD5OfMessageAttributes"] == "adb59cd4678ea5a855436b949cd07ab6"
    assert after["Attributes"]["ApproximateReceiveCount"] == "2"
    assert after["Attributes"]["DeadLetterQueueSourceArn"] == source.arn
    assert after["Attributes"]["AWSTraceHeader"] == "Root=1-5759e988"


def test_a_standard_message_keeps_its_age_in_the_dead_letter_queue(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws)
    aws.sqs.seed(source, "old")
    clock.advance(345_600 - 10)
    receive(aws, source)
    receive(aws, source)
    assert aws.sqs.bodies(target.name) == ["old"]
    clock.advance(11)
    assert receive(aws, target) == []


def test_a_fifo_message_starts_its_age_anew_and_is_renamed(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws, ".fifo")
    message = aws.sqs.seed(source, "old", MessageGroupId="g", MessageDeduplicationId="d")
    clock.advance(345_600 - 10)
    receive(aws, source)
    assert receive(aws, source) == []
    clock.advance(11)
    (moved,) = receive(aws, target)
    assert moved["Attributes"]["MessageDeduplicationId"] == message.message_id
    assert moved["Attributes"]["MessageGroupId"] == "g"


def test_the_group_goes_on_when_its_head_was_dead_lettered(aws: FakeAws) -> None:
    source, target = pair(aws, ".fifo")
    for body in ("m1", "m2"):
        aws.sqs.seed(source, body, MessageGroupId="g")
    client = aws.client("sqs")
    client.receive_message(QueueUrl=source.url, MaxNumberOfMessages=1)
    assert [each["Body"] for each in receive(aws, source)] == ["m2"]
    assert aws.sqs.bodies(target.name) == ["m1"]


def test_looking_at_a_queue_with_a_policy_of_its_own_dead_letters_again(aws: FakeAws) -> None:
    source, target = pair(aws)
    last = aws.sqs.create("last")
    policy = json.dumps({"deadLetterTargetArn": last.arn, "maxReceiveCount": 2})
    aws.client("sqs").set_queue_attributes(QueueUrl=target.url, Attributes={"RedrivePolicy": policy})
    aws.sqs.seed(source, "order-1")
    counts = [len(receive(aws, source)) for _ in range(2)]
    counts += [len(receive(aws, target, VisibilityTimeout=0)) for _ in range(3)]
    assert counts == [1, 0, 1, 1, 0]
    assert receive(aws, last)[0]["Attributes"]["DeadLetterQueueSourceArn"] == target.arn


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:ap-northeast-1:123456789012:orders"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:ap-northeast-1:123456789012:x"]}, False),
    ],
)
def test_the_dead_letter_queue_may_refuse_a_source(aws: FakeAws, policy: dict[str, Any], allowed: bool) -> None:
    target = aws.sqs.create("orders-dlq", RedriveAllowPolicy=json.dumps(policy))
    source = aws.sqs.create("orders")
    wanted = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": "3"})
    change = aws.client("sqs").set_queue_attributes
    if allowed:
        change(QueueUrl=source.url, Attributes={"RedrivePolicy": wanted})
    else:
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            change(QueueUrl=source.url, Attributes={"RedrivePolicy": wanted})


@pytest.mark.parametrize("field", ["deadLetterTargetArn", "maxReceiveCount"])
def test_a_redrive_policy_needs_both_fields(aws: FakeAws, field: str) -> None:
    source, target = pair(aws)
    policy = {"deadLetterTargetArn": target.arn, "maxReceiveCount": "3"}
    del policy[field]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        aws.client("sqs").set_queue_attributes(QueueUrl=source.url, Attributes={"RedrivePolicy": json.dumps(policy)})
    aws.client("sqs").set_queue_attributes(QueueUrl=source.url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in source.attributes


def test_a_task_moves_each_message_to_its_own_source(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws)
    policy = source.attributes["RedrivePolicy"]
    other = aws.sqs.create("refunds", RedrivePolicy=policy)
    attributes = {"n": {"DataType": "Number.int", "StringValue": "1"}}
    old = aws.sqs.seed(target, "order-1", source=source, MessageAttributes=attributes)
    aws.sqs.seed(target, "refund-1", source=other)
    handle = aws.client("sqs").start_message_move_task(SourceArn=target.arn)["TaskHandle"]
    assert set(json.loads(base64.b64decode(handle))) == {"taskId", "sourceArn"}
    (running,) = tasks(aws, target)
    assert running == {
        "Status": "RUNNING",
        "SourceArn": target.arn,
        "TaskHandle": handle,
        "ApproximateNumberOfMessagesMoved": 0,
        "StartedTimestamp": 1795316400000,
    }
    clock.advance(5)
    (done,) = tasks(aws, target)
    assert done == {
        "Status": "COMPLETED",
        "SourceArn": target.arn,
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
        "StartedTimestamp": 1795316400000,
    }
    (moved,) = receive(aws, source)
    assert (moved["Body"], moved["MessageAttributes"]) == ("order-1", attributes)
    assert moved["MessageId"] != old.message_id
    assert moved["Attributes"]["ApproximateReceiveCount"] == "1"
    assert [each["Body"] for each in receive(aws, other)] == ["refund-1"]


def test_cancelling_is_not_immediate(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws)
    for number in range(10):
        aws.sqs.seed(target, f"order-{number}", source=source)
    client = aws.client("sqs")
    params = {"SourceArn": target.arn, "DestinationArn": source.arn, "MaxNumberOfMessagesPerSecond": 1}
    handle = client.start_message_move_task(**params)["TaskHandle"]
    clock.advance(2.5)
    (running,) = tasks(aws, target)
    assert (running["ApproximateNumberOfMessagesMoved"], running["ApproximateNumberOfMessagesToMove"]) == (2, 10)
    assert client.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 2
    (cancelling,) = tasks(aws, target)
    assert cancelling["Status"] == "CANCELLING"
    assert "TaskHandle" not in cancelling
    clock.advance(60)
    (cancelled,) = tasks(aws, target)
    assert cancelled["Status"] == "CANCELLED"
    assert cancelled["ApproximateNumberOfMessagesMoved"] == 8
    assert cancelled["MaxNumberOfMessagesPerSecond"] == 1
    assert len(aws.sqs.bodies(target.name)) == 2
    assert len(aws.sqs.bodies(source.name)) == 8


def test_a_message_that_was_sent_to_the_queue_itself_fails_the_task(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws)
    aws.sqs.seed(target, "order-1", source=source)
    aws.sqs.seed(target, "from lambda")
    aws.client("sqs").start_message_move_task(SourceArn=target.arn)
    clock.advance(5)
    (failed,) = tasks(aws, target)
    assert (failed["Status"], failed["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert aws.sqs.bodies(target.name) == ["from lambda"]
    aws.client("sqs").start_message_move_task(SourceArn=target.arn, DestinationArn=source.arn)
    clock.advance(5)
    assert tasks(aws, target)[0]["Status"] == "COMPLETED"


def test_a_destination_deleted_on_the_way_fails_the_task(aws: FakeAws, clock: FakeClock) -> None:
    source, target = pair(aws)
    for number in range(10):
        aws.sqs.seed(target, f"order-{number}", source=source)
    destination = aws.sqs.create("elsewhere")
    client = aws.client("sqs")
    client.start_message_move_task(SourceArn=target.arn, DestinationArn=destination.arn, MaxNumberOfMessagesPerSecond=1)
    clock.advance(3.5)
    client.delete_queue(QueueUrl=destination.url)
    clock.advance(10)
    (failed,) = tasks(aws, target)
    assert failed["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert failed["ApproximateNumberOfMessagesMoved"] == 3


@pytest.mark.parametrize("others", [0, 1])
def test_what_was_just_looked_at_is_invisible_to_a_task(aws: FakeAws, clock: FakeClock, others: int) -> None:
    source, target = pair(aws)
    aws.sqs.seed(target, "looked at", source=source)
    receive(aws, target, VisibilityTimeout=30)
    for _ in range(others):
        aws.sqs.seed(target, "fresh", source=source)
    aws.client("sqs").start_message_move_task(SourceArn=target.arn)
    clock.advance(60)
    (done,) = tasks(aws, target)
    assert (done["Status"], done["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", others)
    assert aws.sqs.bodies(target.name) == ["looked at"]


def test_the_errors_of_move_tasks_are_the_recorded_ones(aws: FakeAws) -> None:
    source, target = pair(aws)
    client = aws.client("sqs")
    missing = f"{target.arn}-missing"
    bad_source = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": missing}).encode()).decode()
    bad_task = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": target.arn}).encode()).decode()
    client.start_message_move_task(SourceArn=target.arn)
    gone = "The resource that you specified for the {} parameter doesn't exist."
    cases: list[tuple[str, dict[str, Any], int, str, str]] = [
        (
            "StartMessageMoveTask",
            {"SourceArn": source.arn},
            400,
            "InvalidParameterValue",
            "Source queue must be configured as a Dead Letter Queue.",
        ),
        (
            "StartMessageMoveTask",
            {"SourceArn": target.arn},
            400,
            "InvalidParameterValue",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ),
        (
            "StartMessageMoveTask",
            {"SourceArn": target.arn, "DestinationArn": missing},
            404,
            "ResourceNotFoundException",
            gone.format("DestinationArn"),
        ),
        (
            "CancelMessageMoveTask",
            {"TaskHandle": "foobared"},
            400,
            "InvalidParameterValue",
            "Value for parameter TaskHandle is invalid.",
        ),
        (
            "CancelMessageMoveTask",
            {"TaskHandle": bad_source},
            404,
            "ResourceNotFoundException",
            gone.format("SourceArn"),
        ),
        ("CancelMessageMoveTask", {"TaskHandle": bad_task}, 404, "ResourceNotFoundException", "Task does not exist."),
    ]
    for operation, params, status, code, text in cases:
        with pytest.raises(ClientError) as caught:
            client._make_api_call(operation, params)
        response = caught.value.response
        shape = code if code.endswith("Exception") else f"{code}Exception"
        assert response["Error"] == {"Code": code, "Message": text, "QueryErrorCode": shape, "Type": "Sender"}
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert ("message" in response) is (status == 404)
