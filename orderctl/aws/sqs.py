"""SQS behind `orderctl.dlq.ports.Queues`.

Two clients. `client` repeats a call whose reply got lost: deleting and hiding twice change nothing, and a
receive that is repeated only leaves messages hidden until their visibility timeout ends. `once` is for
SendMessageBatch, which SQS would carry out again.

A batch answers 200 with a list of what failed, in any order. Results are therefore read by entry id, and an
entry that is in neither list is `Unknown`; botocore checks no digest, so the body's is checked here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orderctl.aws.errors import THROTTLED, aws_call
from orderctl.aws.not_offered import is_not_offered
from orderctl.aws.outcomes import outcome_of
from orderctl.aws.scheduler import each_of
from orderctl.clock import Clock, SystemClock
from orderctl.dlq.models import Attribute, Message, NotSent, Outcome, Queue, Sent, ToQueue, Unknown
from orderctl.errors import OrderctlError, UsageError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

BATCH = 10
"""Entries of one batch (SQS Developer Guide, "quotas-messages")."""
PAGE = 1000
"""Queues of one page; without a MaxResults ListQueues ends silently after 1,000."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?")


class SqsQueues:
    """The queues of one account and Region; `once` has a single attempt."""

    def __init__(self, client: SQSClient, once: SQSClient, clock: Clock | None = None) -> None:
        self._client: Any = client
        self._once: Any = once
        self._clock: Clock = clock or SystemClock()

    def describe(self, queue: str) -> Queue:
        """By name, URL or ARN, another account's too. Raises UsageError for another Region's, NotFoundError."""
        region = self._client.meta.region_name
        if "://" in queue:
            _check_region(queue, _region_of_url(queue), region)
            return self._described(queue)
        name, account = _name_and_account(queue, region)
        owner = {"QueueOwnerAWSAccountId": account} if account else {}
        with aws_call("sqs", "GetQueueUrl", subject=f"queue {queue}"):
            url = self._client.get_queue_url(QueueName=name, **owner)["QueueUrl"]
        return self._described(url)

    def all(self) -> Iterator[Queue]:
        """Every queue, in no order; one deleted meanwhile is left out, a denied one is told after the last."""
        return each_of(lambda url: [self._described(url)], self._urls(), self._clock)

    def sources_of(self, queue: Queue) -> tuple[str, ...] | None:
        """URLs of the queues whose redrive policy names this one; None where the service does not offer that."""
        try:
            with aws_call("sqs", "ListDeadLetterSourceQueues", subject=f"queue {queue.name}"):
                pages = self._client.get_paginator("list_dead_letter_source_queues").paginate(
                    QueueUrl=queue.url, PaginationConfig={"PageSize": PAGE}
                )
                return tuple(url for page in pages for url in page.get("queueUrls", ()))
        except OrderctlError as error:
            if is_not_offered(error):
                return None
            raise

    def receive(self, queue: Queue, *, up_to: int, hide_for: int, wait: int) -> list[Message]:
        """At most `up_to` (1 to 10), hidden for `hide_for` seconds counted from before the call, so never too long.

        A FIFO receive carries an attempt id: repeated after a lost reply it gets the same messages again
        instead of finding their groups hidden.
        """
        attempt = {"ReceiveRequestAttemptId": str(uuid.uuid4())} if queue.is_fifo else {}
        asked_at = self._clock.monotonic()
        with aws_call("sqs", "ReceiveMessage", subject=f"queue {queue.name}"):
            answer = self._client.receive_message(
                QueueUrl=queue.url,
                MaxNumberOfMessages=up_to,
                VisibilityTimeout=hide_for,
                WaitTimeSeconds=wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
                **attempt,
            )
        return [_message(said, asked_at + hide_for) for said in answer.get("Messages", ())]

    def hide(self, queue: Queue, messages: Sequence[Message], seconds: int) -> Mapping[str, str]:
        """Hide them `seconds` (0 to 43,200) from now on; message id to why, for those it did not work for."""
        return self._settle(self._client.change_message_visibility_batch, queue, messages, VisibilityTimeout=seconds)

    def delete(self, queue: Queue, messages: Sequence[Message]) -> Mapping[str, str]:
        """Delete them with the receipt handles they carry; message id to why, for those not deleted."""
        return self._settle(self._client.delete_message_batch, queue, messages)

    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        """Send at most 10; an outcome for each key. One refusal or lost reply of the call is that of them all."""
        from botocore.parsers import ResponseParserError

        if not entries:
            return {}
        ids = {str(place): key for place, key in enumerate(entries)}
        batch = [_entry(entry_id, entries[key], is_fifo=queue.is_fifo) for entry_id, key in ids.items()]
        try:
            with aws_call("sqs", "SendMessageBatch", subject=f"queue {queue.name}"):
                answer = self._once.send_message_batch(QueueUrl=queue.url, Entries=batch)
        except OrderctlError as error:
            return dict.fromkeys(entries, outcome_of(error))
        except ResponseParserError as error:
            return dict.fromkeys(entries, Unknown(f"the answer of SQS cannot be read: {error}"))
        sent, failed = _by_id(answer, "Successful"), _by_id(answer, "Failed")
        return {key: _outcome(entries[key], sent.get(each), failed.get(each)) for each, key in ids.items()}

    def _settle(
        self, call: Callable[..., Any], queue: Queue, messages: Sequence[Message], **fields: object
    ) -> Mapping[str, str]:
        failures: dict[str, str] = {}
        for start in range(0, len(messages), BATCH):
            ids = {str(place): message for place, message in enumerate(messages[start : start + BATCH])}
            batch = [{"Id": each, "ReceiptHandle": message.receipt_handle, **fields} for each, message in ids.items()]
            with aws_call("sqs", _operation(call), subject=f"queue {queue.name}"):
                answer = call(QueueUrl=queue.url, Entries=batch)
            done, failed = _by_id(answer, "Successful"), _by_id(answer, "Failed")
            for each, message in ids.items():
                if each in failed or each not in done:
                    failures[message.message_id] = _why(failed.get(each))
        return failures

    def _urls(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": PAGE})
        with aws_call("sqs", "ListQueues"):
            for page in pages:
                yield from page.get("QueueUrls", ())

    def _described(self, url: str) -> Queue:
        with aws_call("sqs", "GetQueueAttributes", subject=f"queue {url.rsplit('/', 1)[-1]}"):
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return _queue(url, answer["Attributes"], _answered_at(answer))


def _operation(call: Callable[..., Any]) -> str:
    """`delete_message_batch` is the client's name for DeleteMessageBatch."""
    return call.__name__.title().replace("_", "")


def _name_and_account(queue: str, region: str) -> tuple[str, str | None]:
    """Name, and the owner's account id where an ARN says it."""
    name, account = queue, None
    if queue.startswith("arn:"):
        parts = queue.split(":")
        if len(parts) != 6 or parts[2] != "sqs":
            raise UsageError(f"{queue} is not the ARN of a queue")
        _check_region(queue, parts[3], region)
        name, account = parts[5], parts[4]
    if not _NAME.fullmatch(name):
        raise UsageError(f"{queue!r} is neither the name nor the URL nor the ARN of a queue")
    return name, account


def _region_of_url(url: str) -> str | None:
    """`https://sqs.REGION.amazonaws.com/…`; None for every other host, an emulator's among them."""
    host = (urlsplit(url).hostname or "").split(".")
    return host[1] if host[0] == "sqs" and host[2:3] == ["amazonaws"] else None


def _check_region(queue: str, found: str | None, region: str) -> None:
    if found is not None and found != region:
        hint = f"choose it with --region {found}, or an environment there with --env"
        raise UsageError(f"{queue} lies in Region {found}, this command speaks to {region}", hint=hint)


_COUNTS = {
    "depth": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
    "max_message_bytes": "MaximumMessageSize",
    "retention_seconds": "MessageRetentionPeriod",
    "visibility_seconds": "VisibilityTimeout",
}


def _queue(url: str, said: Mapping[str, str], as_of: datetime | None) -> Queue:
    counts: Any = {field: int(said[name]) for field, name in _COUNTS.items() if name in said}
    policy = _policy(said.get("RedrivePolicy"))
    target, most = policy.get("deadLetterTargetArn"), policy.get("maxReceiveCount")
    most = int(most) if most else None
    return Queue(url, said["QueueArn"], dead_letter_arn=target, max_receive_count=most, as_of=as_of, **counts)


def _answered_at(answer: Mapping[str, Any]) -> datetime | None:
    """The service's clock, from the `Date` header; None where it sends none that can be read."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _policy(text: str | None) -> dict[str, Any]:
    try:
        policy = json.loads(text or "{}")
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _message(said: Mapping[str, Any], visible_at: float) -> Message:
    return Message(
        message_id=said["MessageId"],
        body=said.get("Body", ""),
        attributes={
            name: Attribute(value["DataType"], value.get("StringValue"), _bytes(value.get("BinaryValue")))
            for name, value in said.get("MessageAttributes", {}).items()
        },
        system=dict(said.get("Attributes", {})),
        receipt_handle=said["ReceiptHandle"],
        visible_at=visible_at,
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    """A binary value; as it came, in base64, where botocore's parser was not asked (`direct.py`)."""
    return base64.b64decode(value) if isinstance(value, str) else value


def _entry(entry_id: str, delivery: ToQueue, *, is_fifo: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": entry_id, "MessageBody": delivery.body}
    if delivery.attributes:
        entry["MessageAttributes"] = {name: _value(each) for name, each in delivery.attributes.items()}
    if delivery.group_id is not None:
        entry["MessageGroupId"] = delivery.group_id
    if delivery.deduplication_id is not None and is_fifo:
        entry["MessageDeduplicationId"] = delivery.deduplication_id
    if delivery.trace_header is not None:
        trace = {"DataType": "String", "StringValue": delivery.trace_header}
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    return entry


def _value(attribute: Attribute) -> dict[str, str | bytes]:
    value: dict[str, str | bytes] = {"DataType": attribute.data_type}
    if attribute.text is not None:
        value["StringValue"] = attribute.text
    if attribute.binary is not None:
        value["BinaryValue"] = attribute.binary
    return value


def _by_id(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {said["Id"]: said for said in answer.get(name) or ()}


def _outcome(delivery: ToQueue, sent: Mapping[str, Any] | None, failed: Mapping[str, Any] | None) -> Outcome:
    """What SQS says of one entry; both or neither is no word to rely on, nor is another body's digest."""
    if failed is not None:
        reason = _why(failed)
        return Unknown(f"SQS lists it as sent and as failed ({reason})") if sent else _not_sent(failed)
    if sent is None:
        return Unknown(_why(None))
    digest = sent.get("MD5OfMessageBody")
    if digest is not None and digest != _md5(delivery.body):
        return Unknown(f"SQS stored another body than was sent (MD5 {digest}) as {sent.get('MessageId')}")
    return Sent(sent.get("MessageId"))


def _not_sent(failed: Mapping[str, Any]) -> NotSent:
    is_throttled = failed.get("Code") in THROTTLED
    is_retryable = is_throttled or not failed.get("SenderFault", True)
    return NotSent(_why(failed), is_retryable=is_retryable, is_throttled=is_throttled)


def _why(failed: Mapping[str, Any] | None) -> str:
    if failed is None:
        return "the answer of SQS does not mention it"
    return f"{failed.get('Code')}: {failed['Message']}" if failed.get("Message") else str(failed.get("Code"))


def _md5(body: str) -> str:
    return hashlib.md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
