"""EventBridge and SQS behind `orderctl.events.tap.Taps`: the temporary rule and queue of `events tail`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.errors import FailedError, NotFoundError, OrderctlError, UsageError
from orderctl.events.tap import BUS, PREFIX, Delivery, Tap, TapLeftError

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_sqs.client import SQSClient

_TARGET = "queue"
_RETENTION = "3600"
"""Seconds: nobody reads an hour-old tail, and what is left behind holds little."""


class EventTaps:
    """Taps of one account and Region."""

    def __init__(self, events: EventBridgeClient, queues: SQSClient) -> None:
        self._events = events
        self._queues = queues

    def make_queue(self, name: str, tags: Mapping[str, str]) -> str:
        """CreateQueue, tagged from its first moment."""
        with aws_call("sqs", "CreateQueue", subject=f"queue {name}"):
            made = self._queues.create_queue(
                QueueName=name, tags=dict(tags), Attributes={"MessageRetentionPeriod": _RETENTION}
            )
        return made["QueueUrl"]

    def connect(self, tap: Tap, pattern: str) -> None:
        """PutRule, the queue's policy, PutTargets.

        Raises UsageError for a pattern EventBridge does not take, FailedError where the target was not taken.
        """
        rule = self._put_rule(tap, pattern)
        queue = self._queue_arn(tap)
        with aws_call("sqs", "SetQueueAttributes", subject=f"queue {tap.name}"):
            self._queues.set_queue_attributes(QueueUrl=tap.queue_url, Attributes={"Policy": _policy(queue, rule)})
        with aws_call("events", "PutTargets", subject=f"rule {tap.name}"):
            answer = self._events.put_targets(
                Rule=tap.name, EventBusName=tap.bus, Targets=[{"Id": _TARGET, "Arn": queue}]
            )
        if answer["FailedEntryCount"]:
            raise FailedError(f"rule {tap.name} took no target: {answer['FailedEntries'][0].get('ErrorMessage')}")

    def _put_rule(self, tap: Tap, pattern: str) -> str:
        try:
            with aws_call("events", "PutRule", subject=f"event bus {tap.bus}"):
                return self._events.put_rule(
                    Name=tap.name,
                    EventBusName=tap.bus,
                    EventPattern=pattern,
                    Description="temporary: orderctl events tail",
                    Tags=[{"Key": BUS, "Value": tap.bus}],
                )["RuleArn"]
        except FailedError as error:
            if error.aws is not None and error.aws.code == "InvalidEventPatternException":
                raise UsageError(f"--pattern: {error.message}", aws=error.aws) from error
            raise

    def receive(self, tap: Tap, wait_seconds: int) -> list[Delivery]:
        """One long poll."""
        with aws_call("sqs", "ReceiveMessage", subject=f"queue {tap.name}"):
            answer = self._queues.receive_message(
                QueueUrl=tap.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds
            )
        return [Delivery(one["Body"], one["ReceiptHandle"]) for one in answer.get("Messages", [])]

    def settle(self, tap: Tap, deliveries: list[Delivery]) -> None:
        """DeleteMessageBatch; what stays comes again and is known by its id."""
        entries: Any = [{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(deliveries)]
        with aws_call("sqs", "DeleteMessageBatch", subject=f"queue {tap.name}"):
            self._queues.delete_message_batch(QueueUrl=tap.queue_url, Entries=entries)

    def renew(self, tap: Tap, tags: Mapping[str, str]) -> None:
        """TagQueue."""
        with aws_call("sqs", "TagQueue", subject=f"queue {tap.name}"):
            self._queues.tag_queue(QueueUrl=tap.queue_url, Tags=dict(tags))

    def remove(self, tap: Tap) -> None:
        """RemoveTargets, DeleteRule, DeleteQueue; the queue last, since it names the others, who must go first.

        Raises TapLeftError where something stayed.
        """
        where: Any = {"EventBusName": tap.bus}
        steps: list[tuple[str, str, Callable[[], object]]] = [
            ("events", "RemoveTargets", lambda: self._events.remove_targets(Rule=tap.name, Ids=[_TARGET], **where)),
            ("events", "DeleteRule", lambda: self._events.delete_rule(Name=tap.name, **where)),
            ("sqs", "DeleteQueue", lambda: self._queues.delete_queue(QueueUrl=tap.queue_url)),
        ]
        for service, operation, act in steps:
            try:
                with aws_call(service, operation, subject=tap.name):
                    act()
            except NotFoundError:
                continue
            except OrderctlError as error:
                hint = "the next 'orderctl events tail' removes it"
                raise TapLeftError(f"rule and queue {tap.name} stay: {error.message}", hint=hint) from error

    def all(self) -> Iterator[tuple[Tap, Mapping[str, str]]]:
        """Every queue of that name, by its tags."""
        with aws_call("sqs", "ListQueues"):
            urls = [
                url
                for page in self._queues.get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX)
                for url in page.get("QueueUrls", [])
            ]
        for url in urls:
            try:
                with aws_call("sqs", "ListQueueTags"):
                    tags = self._queues.list_queue_tags(QueueUrl=url).get("Tags", {})
            except NotFoundError:
                continue
            yield Tap(url.rpartition("/")[2], tags.get(BUS, "default"), url), tags

    def _queue_arn(self, tap: Tap) -> str:
        with aws_call("sqs", "GetQueueAttributes", subject=f"queue {tap.name}"):
            answer = self._queues.get_queue_attributes(QueueUrl=tap.queue_url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]


def _policy(queue: str, rule: str) -> str:
    """EventBridge may send to this queue, for this rule only."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
