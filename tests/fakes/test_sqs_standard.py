"""A standard queue behaves as AWS was recorded behaving; times are the fake clock's."""

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
    return aws.sqs.create("orders-dlq")


def receive(aws: FakeAws, queue: Queue, **params: Any) -> list[dict[str, Any]]:
    answer = aws.client("sqs").receive_message(QueueUrl=queue.url, **params)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def error_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_received_message_is_hidden_until_its_timeout(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    aws.sqs.seed(queue, "order-1")
    (first,) = receive(aws, queue, VisibilityTimeout=30)
    assert receive(aws, queue) == []
    clock.advance(29.9)
    assert receive(aws, queue) == []
    clock.advance(0.1)
    (second,) = receive(aws, queue)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_stale_handle_succeeds_and_deletes_nothing(aws: FakeAws, queue: Queue) -> None:
    aws.sqs.seed(queue, "order-1")
    stale = receive(aws, queue, VisibilityTimeout=0)[0]["ReceiptHandle"]
    current = receive(aws, queue)[0]["ReceiptHandle"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=stale)
    assert aws.sqs.bodies("orders-dlq") == ["order-1"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=current)
    assert aws.sqs.bodies("orders-dlq") == []


def test_the_last_handle_deletes_after_its_timeout_too(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue, VisibilityTimeout=1)[0]["ReceiptHandle"]
    clock.advance(2)
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    assert aws.sqs.bodies("orders-dlq") == []


def test_deleting_twice_succeeds_and_an_invented_handle_does_not(aws: FakeAws, queue: Queue) -> None:
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    for _ in range(2):
        aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle="garbage")
    expected = ("ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.')
    assert error_of(caught) == expected


def test_a_handle_of_another_queue_is_invalid(aws: FakeAws, queue: Queue) -> None:
    other = aws.sqs.create("other")
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        aws.client("sqs").delete_message(QueueUrl=other.url, ReceiptHandle=handle)


def test_attributes_come_only_when_asked_for(aws: FakeAws, queue: Queue) -> None:
    attributes = {"ErrorCode": {"DataType": "Number", "StringValue": "200"}}
    aws.client("sqs").send_message(QueueUrl=queue.url, MessageBody="order-1", MessageAttributes=attributes)
    (plain,) = receive(aws, queue, VisibilityTimeout=0)
    assert set(plain) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    (asked,) = receive(aws, queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert asked["MessageAttributes"] == attributes
    assert asked["Attributes"] == {
        "SenderId": "AIDAFAKESENDER",
        "SentTimestamp": "1795316400000",
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": "1795316400000",
    }


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["All"], {"General", "Hello", "Help.Me"}),
        ([".*"], {"General", "Hello", "Help.Me"}),
        (["Hel.*"], {"Hello", "Help.Me"}),
        (["Hello", "None"], {"Hello"}),
        (["None"], set()),
    ],
)
def test_message_attribute_names_select(aws: FakeAws, queue: Queue, names: list[str], shown: set[str]) -> None:
    attributes = {name: {"DataType": "String", "StringValue": name} for name in ("General", "Hello", "Help.Me")}
    aws.client("sqs").send_message(QueueUrl=queue.url, MessageBody="order-1", MessageAttributes=attributes)
    (message,) = receive(aws, queue, MessageAttributeNames=names)
    assert set(message.get("MessageAttributes", {})) == shown
    assert ("MD5OfMessageAttributes" in message) is bool(shown)


def test_the_digests_are_the_recorded_ones(aws: FakeAws, queue: Queue) -> None:
    trace = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"MyAttribute": {"DataType": "String", "StringValue": "foobar"}}, "adb59cd4678ea5a855436b949cd07ab6"),
        ({"attr1": {"DataType": "Binary", "BinaryValue": trace}}, "8cbe4db156db8a94db8b801b7addb984"),
        ({"Foo": {"DataType": "String", "StringValue": "Bar"}}, "ae7155c6026991b6d54b11589678bf9c"),
    ]
    for attributes, digest in cases:
        sent = aws.client("sqs").send_message(QueueUrl=queue.url, MessageBody="test", MessageAttributes=attributes)
        assert sent["MD5OfMessageBody"] == "098f6bcd4621d373cade4e832627b4f6"
        assert sent["MD5OfMessageAttributes"] == digest
        (message,) = receive(aws, queue, MessageAttributeNames=["All"])
        assert (message["MD5OfMessageAttributes"], message["MessageAttributes"]) == (digest, attributes)


def test_a_group_id_and_a_trace_header_are_kept(aws: FakeAws, queue: Queue) -> None:
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = aws.client("sqs").send_message(
        QueueUrl=queue.url, MessageBody="order-1", MessageGroupId="customer-7", MessageSystemAttributes=header
    )
    assert "SequenceNumber" not in sent
    assert "MD5OfMessageAttributes" not in sent
    (message,) = receive(aws, queue, MessageSystemAttributeNames=["MessageGroupId", "AWSTraceHeader"])
    expected = {"MessageGroupId": "customer-7", "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    assert message["Attributes"] == expected


def test_a_long_poll_waits_for_a_message_to_come_back(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    aws.sqs.seed(queue, "order-1")
    receive(aws, queue, VisibilityTimeout=5)
    assert [each["Body"] for each in receive(aws, queue, WaitTimeSeconds=20)] == ["order-1"]
    assert 5 <= clock.elapsed < 5.1
    assert receive(aws, queue, WaitTimeSeconds=2) == []
    assert 7 <= clock.elapsed < 7.2
    assert clock.slept == []


def test_short_polls_may_miss_messages_and_long_polls_only_some(aws: FakeAws, queue: Queue) -> None:
    for number in range(5):
        aws.sqs.seed(queue, f"order-{number}")
    aws.sqs.sample("orders-dlq", seed=3, empty=0.5, partial=0.3)
    sizes = [len(receive(aws, queue, MaxNumberOfMessages=10, VisibilityTimeout=0)) for _ in range(40)]
    assert 0 in sizes
    assert 5 in sizes
    assert len(set(sizes)) > 3


def test_changing_visibility_gives_a_message_back_or_keeps_it(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    client = aws.client("sqs")
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=100)
    clock.advance(60)
    assert receive(aws, queue) == []
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert len(receive(aws, queue)) == 1


def test_visibility_ends_twelve_hours_after_the_receive(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue, VisibilityTimeout=3600)[0]["ReceiptHandle"]
    clock.advance(1800)
    with pytest.raises(ClientError, match=r"beyond the limit \[43200 seconds\]"):
        aws.client("sqs").change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=43_200)


def test_visibility_of_a_deleted_or_retaken_message_cannot_change(aws: FakeAws, queue: Queue) -> None:
    aws.sqs.seed(queue, "order-1")
    stale = receive(aws, queue, VisibilityTimeout=0)[0]["ReceiptHandle"]
    current = receive(aws, queue)[0]["ReceiptHandle"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=current)
    for handle in (stale, current):
        with pytest.raises(ClientError) as caught:
            aws.client("sqs").change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=42)
        text = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
        assert error_of(caught) == ("InvalidParameterValue", text + "available for visibility timeout change.")


@pytest.mark.parametrize("strict", [False, True])
def test_an_expired_message_may_or_may_not_be_hidden_again(
    aws: FakeAws, queue: Queue, clock: FakeClock, strict: bool
) -> None:
    aws.sqs.strict_visibility = strict
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue, VisibilityTimeout=1)[0]["ReceiptHandle"]
    clock.advance(2)
    change = aws.client("sqs").change_message_visibility
    if strict:
        with pytest.raises(ClientError, match="MessageNotInflight"):
            change(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=10)
    else:
        change(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=10)
    assert len(receive(aws, queue)) == strict


def test_what_is_older_than_the_retention_period_is_gone(aws: FakeAws, clock: FakeClock) -> None:
    queue = aws.sqs.create("short", MessageRetentionPeriod="60")
    aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue, VisibilityTimeout=120)[0]["ReceiptHandle"]
    clock.advance(61)
    assert receive(aws, queue) == []
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    assert [record.what for record in aws.ledger.records] == ["seeded", "expired"]


def test_a_deleted_message_may_come_back_on_rare_occasions(aws: FakeAws, queue: Queue) -> None:
    message = aws.sqs.seed(queue, "order-1")
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    queue.resurrect(message.message_id, aws.sqs.now())
    assert [each["Body"] for each in receive(aws, queue)] == ["order-1"]


def test_too_many_in_flight_refuses_a_short_poll_and_empties_a_long_one(aws: FakeAws, queue: Queue) -> None:
    for number in range(3):
        aws.sqs.seed(queue, f"order-{number}")
    queue.in_flight_limit = 2
    assert len(receive(aws, queue, MaxNumberOfMessages=2)) == 2
    with pytest.raises(ClientError, match="OverLimit"):
        receive(aws, queue)
    assert receive(aws, queue, WaitTimeSeconds=1) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"MaxNumberOfMessages": 11},
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            {"WaitTimeSeconds": 21},
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
    ],
)
def test_a_receive_out_of_limits_is_refused(aws: FakeAws, queue: Queue, params: dict[str, int], message: str) -> None:
    with pytest.raises(ClientError) as caught:
        receive(aws, queue, **params)
    assert error_of(caught) == ("InvalidParameterValue", message)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MessageBody": "a\x00b"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageGroupId": "group 123"}, "InvalidParameterValue"),
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"AWS.a": {"DataType": "String", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {
                "MessageBody": "x",
                "MessageAttributes": {f"a{n}": {"DataType": "String", "StringValue": "v"} for n in range(11)},
            },
            "InvalidParameterValue",
        ),
    ],
)
def test_a_bad_message_is_refused_and_nothing_is_sent(aws: FakeAws, params: dict[str, Any], code: str) -> None:
    queue = aws.sqs.create("small", MaximumMessageSize="1024")
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").send_message(QueueUrl=queue.url, **params)
    assert error_of(caught)[0] == code
    assert aws.sqs.bodies("small") == []
