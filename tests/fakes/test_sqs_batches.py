"""Batches: what refuses the whole, what fails one entry, and the recorded error shapes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws_wire import FakeAws
from tests.fakes.sqs import Queue


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def queue(aws: FakeAws) -> Queue:
    return aws.sqs.create("orders")


def entries(count: int, body: str = "x") -> list[dict[str, Any]]:
    return [{"Id": f"m-{number}", "MessageBody": body} for number in range(count)]


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ([], "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."),
        (
            entries(11),
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 11.",
        ),
        (
            [{"Id": "a:b", "MessageBody": "x"}],
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        ),
        (
            [{"Id": "a" * 81, "MessageBody": "x"}],
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        ),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct", "Id a repeated."),
        (
            entries(2, "x" * 524_289),
            "BatchRequestTooLong",
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.",
        ),
    ],
)
def test_a_bad_batch_is_refused_whole(
    aws: FakeAws, queue: Queue, given: list[dict[str, Any]], code: str, text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=given)
    error = caught.value.response["Error"]
    expected = {"Code": f"AWS.SimpleQueueService.{code}", "Message": text, "QueryErrorCode": code, "Type": "Sender"}
    assert error == expected
    assert aws.sqs.bodies("orders") == []


def test_attributes_count_in_the_size_of_a_batch(aws: FakeAws, queue: Queue) -> None:
    attribute = {"n": {"DataType": "Binary", "BinaryValue": b"\x00" * 569}}
    just = [{"Id": "a", "MessageBody": "x" * 1_048_000, "MessageAttributes": attribute}]
    aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=just)
    attribute["n"]["BinaryValue"] = b"\x00" * 570
    with pytest.raises(ClientError, match="You have sent 1048577 bytes"):
        aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=just)


def test_a_batch_answers_200_with_the_entries_that_failed(aws: FakeAws) -> None:
    queue = aws.sqs.create("small", MaximumMessageSize="1024")
    given = [
        {"Id": "fits", "MessageBody": "a" * 1024},
        {"Id": "large", "MessageBody": "a" * 1025},
        {"Id": "odd", "MessageBody": "\x01"},
    ]
    answer = aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=given)
    assert [each["Id"] for each in answer["Successful"]] == ["fits"]
    assert answer["Failed"][0] == {
        "Id": "large",
        "Code": "InvalidParameterValue",
        "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
        "SenderFault": True,
    }
    assert (answer["Failed"][1]["Id"], answer["Failed"][1]["Code"]) == ("odd", "InvalidMessageContents")


def test_a_fifo_batch_with_one_entry_without_group_is_refused_whole(aws: FakeAws) -> None:
    queue = aws.sqs.create("orders.fifo")
    given = [
        {"Id": "a", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
        {"Id": "b", "MessageBody": "x", "MessageDeduplicationId": "2"},
    ]
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=given)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert aws.sqs.bodies("orders.fifo") == []


def test_deletes_and_visibility_changes_fail_entry_by_entry(aws: FakeAws, queue: Queue) -> None:
    client = aws.client("sqs")
    client.send_message_batch(QueueUrl=queue.url, Entries=entries(2))
    taken = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10)["Messages"]
    handles = [message["ReceiptHandle"] for message in taken]
    given = [
        {"Id": "good", "ReceiptHandle": handles[0], "VisibilityTimeout": 60},
        {"Id": "long", "ReceiptHandle": handles[1], "VisibilityTimeout": 43_201},
        {"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 0},
    ]
    changed = client.change_message_visibility_batch(QueueUrl=queue.url, Entries=given)
    assert [each["Id"] for each in changed["Successful"]] == ["good"]
    failed = {each["Id"]: each["Code"] for each in changed["Failed"]}
    assert failed == {"long": "InvalidParameterValue", "bad": "ReceiptHandleIsInvalid"}
    doomed = [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate([*handles, "garbage"])]
    deleted = client.delete_message_batch(QueueUrl=queue.url, Entries=doomed)
    assert [each["Id"] for each in deleted["Successful"]] == ["0", "1"]
    assert [each["Id"] for each in deleted["Failed"]] == ["2"]
    assert aws.sqs.bodies("orders") == []
