"""Queues themselves: creating, naming, attributes, counts, listing, purging, deleting."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws(clock: FakeClock) -> FakeAws:
    return FakeAws(clock)


def test_a_queue_that_does_not_exist_answers_as_recorded(aws: FakeAws) -> None:
    client = aws.client("sqs")
    with pytest.raises(client.exceptions.QueueDoesNotExist) as caught:
        client.get_queue_url(QueueName="nowhere")
    assert caught.value.response["Error"] == {
        "Code": "AWS.SimpleQueueService.NonExistentQueue",
        "Message": "The specified queue does not exist.",
        "QueryErrorCode": "QueueDoesNotExist",
        "Type": "Sender",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_creating_twice_gives_the_same_queue_unless_attributes_differ(aws: FakeAws) -> None:
    client = aws.client("sqs")
    url = client.create_queue(QueueName="a", Attributes={"DelaySeconds": "1"})["QueueUrl"]
    assert client.create_queue(QueueName="a")["QueueUrl"] == url
    with pytest.raises(ClientError) as caught:
        client.create_queue(QueueName="a", Attributes={"DelaySeconds": "2"})
    assert caught.value.response["Error"] == {
        "Code": "QueueAlreadyExists",
        "Message": "A queue already exists with the same name and a different value for attribute DelaySeconds",
        "QueryErrorCode": "QueueNameExists",
        "Type": "Sender",
    }


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("a/b", {}, "InvalidParameterValue"),
        ("a.fifo", {}, "InvalidParameterValue"),
        ("a", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("a", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("a", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("a", {"QueueArn": "x"}, "InvalidAttributeName"),
    ],
)
def test_a_bad_queue_is_refused(aws: FakeAws, name: str, attributes: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    assert caught.value.response["Error"]["Code"] == code


def test_the_attributes_of_a_new_queue_are_the_recorded_defaults(aws: FakeAws) -> None:
    queue = aws.sqs.create("orders.fifo")
    known = aws.client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert known == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ContentBasedDeduplication": "false",
        "CreatedTimestamp": "1795316400",
        "DeduplicationScope": "queue",
        "DelaySeconds": "0",
        "FifoQueue": "true",
        "FifoThroughputLimit": "perQueue",
        "LastModifiedTimestamp": "1795316400",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": "arn:aws:sqs:ap-northeast-1:123456789012:orders.fifo",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_counts_tell_visible_delayed_and_in_flight_apart(aws: FakeAws) -> None:
    queue = aws.sqs.create("orders")
    for _ in range(3):
        aws.sqs.seed(queue, "x")
    aws.sqs.seed(queue, "later", DelaySeconds=10)
    client = aws.client("sqs")
    client.receive_message(QueueUrl=queue.url)
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    ]
    counts = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["2", "1", "1"]
    aws.sqs.approximate = lambda count: max(count - 1, 0)
    counts = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["1", "0", "0"]


def test_lists_have_a_next_token_only_when_a_page_size_was_given(aws: FakeAws) -> None:
    target = aws.sqs.create("dlq")
    policy = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": 1})
    urls = [aws.sqs.create(f"source-{number}", RedrivePolicy=policy).url for number in range(5)]
    client = aws.client("sqs")
    whole = client.list_dead_letter_source_queues(QueueUrl=target.url)
    assert (whole["queueUrls"], "NextToken" in whole) == (urls, False)
    first = client.list_dead_letter_source_queues(QueueUrl=target.url, MaxResults=2)
    rest = client.list_dead_letter_source_queues(QueueUrl=target.url, MaxResults=10, NextToken=first["NextToken"])
    assert (first["queueUrls"] + rest["queueUrls"], "NextToken" in rest) == (urls, False)
    pages = client.get_paginator("list_queues").paginate(QueueNamePrefix="source-", PaginationConfig={"PageSize": 2})
    assert [url for page in pages for url in page["QueueUrls"]] == urls
    assert "QueueUrls" not in client.list_queues(QueueNamePrefix="none")


def test_a_purge_empties_all_and_a_second_within_a_minute_is_refused(aws: FakeAws, clock: FakeClock) -> None:
    queue = aws.sqs.create("orders")
    for delay in (0, 0, 60):
        aws.sqs.seed(queue, "x", DelaySeconds=delay)
    client = aws.client("sqs")
    client.receive_message(QueueUrl=queue.url)
    client.purge_queue(QueueUrl=queue.url)
    assert aws.sqs.bodies("orders") == []
    clock.advance(59)
    with pytest.raises(ClientError) as caught:
        client.purge_queue(QueueUrl=queue.url)
    assert caught.value.response["Error"] == {
        "Code": "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Message": "Only one PurgeQueue operation on orders is allowed every 60 seconds.",
        "QueryErrorCode": "PurgeQueueInProgress",
        "Type": "Sender",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    clock.advance(1)
    client.purge_queue(QueueUrl=queue.url)


def test_a_deleted_name_is_free_again_after_a_minute(aws: FakeAws, clock: FakeClock) -> None:
    queue = aws.sqs.create("orders")
    client = aws.client("sqs")
    client.delete_queue(QueueUrl=queue.url)
    with pytest.raises(ClientError, match="QueueDeletedRecently"):
        client.create_queue(QueueName="orders")
    clock.advance(60)
    client.create_queue(QueueName="orders")


def test_tags_are_kept(aws: FakeAws) -> None:
    queue = aws.sqs.create("orders")
    client = aws.client("sqs")
    client.tag_queue(QueueUrl=queue.url, Tags={"team": "orders", "tier": "1"})
    client.untag_queue(QueueUrl=queue.url, TagKeys=["tier"])
    assert client.list_queue_tags(QueueUrl=queue.url)["Tags"] == {"team": "orders"}
