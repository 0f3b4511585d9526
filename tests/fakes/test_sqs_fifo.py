"""A FIFO queue behaves as AWS was recorded behaving: group order, group locks, deduplication, expired handles."""

from __future__ import annotations

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


@pytest.fixture
def queue(aws: FakeAws) -> Queue:
    return aws.sqs.create("orders.fifo", ContentBasedDeduplication="true")


def fill(aws: FakeAws, queue: Queue, *bodies: str) -> None:
    """Bodies as `g1-m1`: the group is what stands before the dash."""
    for body in bodies:
        aws.sqs.seed(queue, body, MessageGroupId=body.partition("-")[0])


def receive(aws: FakeAws, queue: Queue, limit: int = 10, **params: Any) -> list[dict[str, Any]]:
    answer = aws.client("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=limit, **params)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def test_a_receive_takes_one_group_first_and_keeps_its_order(aws: FakeAws, queue: Queue) -> None:
    fill(aws, queue, "g1-m1", "g2-m1", "g2-m2", "g3-m1", "g1-m2")
    assert bodies(receive(aws, queue, 3, VisibilityTimeout=0)) == ["g1-m1", "g1-m2", "g2-m1"]
    again = bodies(receive(aws, queue, VisibilityTimeout=0))
    assert again == ["g3-m1", "g1-m1", "g1-m2", "g2-m1", "g2-m2"]


def test_a_group_is_locked_while_its_head_is_in_flight(aws: FakeAws, queue: Queue) -> None:
    fill(aws, queue, "g1-m1", "g1-m2", "g1-m3", "g2-m1")
    taken = receive(aws, queue, 2)
    assert bodies(taken) == ["g1-m1", "g1-m2"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=taken[0]["ReceiptHandle"])
    assert bodies(receive(aws, queue)) == ["g2-m1"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=taken[1]["ReceiptHandle"])
    assert bodies(receive(aws, queue)) == ["g1-m3"]


@pytest.mark.parametrize(("hidden", "offered"), [(0, []), (1, ["g1-a"]), (2, ["g1-a", "g1-b"])])
def test_what_stands_behind_a_hidden_message_is_not_offered(
    aws: FakeAws, queue: Queue, clock: FakeClock, hidden: int, offered: list[str]
) -> None:
    fill(aws, queue, "g1-a", "g1-b", "g1-c")
    handle = receive(aws, queue, VisibilityTimeout=1)[hidden]["ReceiptHandle"]
    aws.client("sqs").change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=4)
    clock.advance(2)
    assert bodies(receive(aws, queue)) == offered


def test_a_group_given_back_is_offered_after_the_others(aws: FakeAws, queue: Queue) -> None:
    fill(aws, queue, "g1-m1", "g1-m2", "g2-m1")
    first = receive(aws, queue, 2)[0]["ReceiptHandle"]
    aws.client("sqs").change_message_visibility(QueueUrl=queue.url, ReceiptHandle=first, VisibilityTimeout=0)
    assert bodies(receive(aws, queue, 3)) == ["g2-m1", "g1-m1"]


def test_a_repeated_deduplication_id_is_accepted_and_not_delivered(
    aws: FakeAws, queue: Queue, clock: FakeClock
) -> None:
    def send(body: str, group: str = "g1") -> dict[str, Any]:
        sent: dict[str, Any] = aws.client("sqs").send_message(
            QueueUrl=queue.url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId="once"
        )
        return sent

    first = send("order-1")
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    clock.advance(299)
    second = send("order-2", "g2")
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert receive(aws, queue) == []
    assert [record.what for record in aws.ledger.records] == ["sent", "deleted", "swallowed"]
    clock.advance(1)
    assert send("order-3")["MessageId"] != first["MessageId"]
    assert bodies(receive(aws, queue)) == ["order-3"]


def test_deduplication_by_content_looks_at_the_body_alone(aws: FakeAws, queue: Queue) -> None:
    client = aws.client("sqs")
    for value in ("a", "b"):
        attributes = {"n": {"DataType": "String", "StringValue": value}}
        client.send_message(QueueUrl=queue.url, MessageBody="same", MessageGroupId="g1", MessageAttributes=attributes)
    assert bodies(receive(aws, queue)) == ["same"]


def test_with_message_group_scope_the_same_id_in_two_groups_is_two_messages(aws: FakeAws) -> None:
    settings = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    queue = aws.sqs.create("fast.fifo", **settings)
    for group in ("g1", "g2"):
        aws.sqs.seed(queue, group, MessageGroupId=group, MessageDeduplicationId="same")
    assert bodies(receive(aws, queue)) == ["g1", "g2"]


@pytest.mark.parametrize("received_again", [False, True])
def test_deleting_after_the_timeout_is_an_error(
    aws: FakeAws, queue: Queue, clock: FakeClock, received_again: bool
) -> None:
    fill(aws, queue, "g1-m1")
    handle = receive(aws, queue, VisibilityTimeout=1)[0]["ReceiptHandle"]
    clock.advance(1)
    if received_again:
        receive(aws, queue)
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterValue",
        "Message": f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        "QueryErrorCode": "InvalidParameterValueException",
        "Type": "Sender",
    }
    batch = aws.client("sqs").delete_message_batch(QueueUrl=queue.url, Entries=[{"Id": "a", "ReceiptHandle": handle}])
    assert [(each["Id"], each["Code"], each["SenderFault"]) for each in batch["Failed"]] == [
        ("a", "InvalidParameterValue", True)
    ]
    assert aws.sqs.bodies("orders.fifo") == ["g1-m1"]


def test_an_extended_timeout_keeps_the_handle_good(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    fill(aws, queue, "g1-m1")
    handle = receive(aws, queue, VisibilityTimeout=1)[0]["ReceiptHandle"]
    client = aws.client("sqs")
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=5)
    clock.advance(1.5)
    client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    assert aws.sqs.bodies("orders.fifo") == []


def test_a_receive_attempt_id_gives_the_same_messages_and_handles(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    fill(aws, queue, "g1-m1", "g1-m2")
    first = receive(aws, queue, ReceiveRequestAttemptId="try-1", VisibilityTimeout=20)
    clock.advance(10)
    again = receive(aws, queue, ReceiveRequestAttemptId="try-1", VisibilityTimeout=20)
    assert [each["ReceiptHandle"] for each in again] == [each["ReceiptHandle"] for each in first]
    clock.advance(15)
    assert receive(aws, queue) == []
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert receive(aws, queue, ReceiveRequestAttemptId="try-1") == []


def test_fifo_messages_carry_their_group_and_numbers(aws: FakeAws, queue: Queue) -> None:
    sent = aws.client("sqs").send_message(
        QueueUrl=queue.url, MessageBody="x", MessageGroupId="g1", MessageDeduplicationId="d1"
    )
    (message,) = receive(aws, queue, AttributeNames=["All"])
    assert message["Attributes"]["MessageGroupId"] == "g1"
    assert message["Attributes"]["MessageDeduplicationId"] == "d1"
    assert message["Attributes"]["SequenceNumber"] == sent["SequenceNumber"]


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({}, "MissingParameter", "The request must contain the parameter MessageGroupId."),
        (
            {"MessageGroupId": "g"},
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly",
        ),
        (
            {"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2},
            "InvalidParameterValue",
            "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid "
            "for this queue type.",
        ),
    ],
)
def test_a_send_without_what_fifo_needs_is_refused(aws: FakeAws, params: dict[str, Any], code: str, text: str) -> None:
    plain = aws.sqs.create("plain.fifo")
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").send_message(QueueUrl=plain.url, MessageBody="x", **params)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, text)


def test_purging_forgets_the_deduplication_ids(aws: FakeAws, queue: Queue) -> None:
    client = aws.client("sqs")
    params = {"QueueUrl": queue.url, "MessageGroupId": "g1", "MessageDeduplicationId": "d"}
    client.send_message(MessageBody="one", **params)
    client.purge_queue(QueueUrl=queue.url)
    client.send_message(MessageBody="two", **params)
    assert bodies(receive(aws, queue)) == ["two"]
