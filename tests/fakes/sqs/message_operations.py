"""The operations on messages: SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility and their batches.

Each takes the request's parameters as boto3 names them and gives back the answer as a dict. A batch answers 200 with
the entries that failed under `Failed`; that is the caller's to read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.fakes.sqs import checks
from tests.fakes.sqs.errors import AwsError, Json, bad_receipt_handle, unknown_attribute
from tests.fakes.sqs.fifo import FifoQueue
from tests.fakes.sqs.md5 import md5_of_attributes, md5_of_text
from tests.fakes.sqs.message import Message, read_handle
from tests.fakes.sqs.queue import Queue

if TYPE_CHECKING:
    from tests.fakes.sqs.server import SqsServer

SYSTEM_NAMES = {
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
}


def send_message(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    checks.message(queue, params)
    return _put(server, queue, params)


def send_message_batch(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    checks.send_batch(queue, params.get("Entries") or [])

    def send(entry: Json) -> Json:
        checks.message(queue, entry, in_batch=True)
        return _put(server, queue, entry)

    return _each(params["Entries"], send)


def _put(server: SqsServer, queue: Queue, params: Json) -> Json:
    now = server.now()
    message = _new_message(server, queue, params, now)
    kept = queue.put(message, now, None if queue.is_fifo else params.get("DelaySeconds"))
    answer: Json = {"MessageId": kept.message_id, "MD5OfMessageBody": md5_of_text(message.body)}
    if message.attributes:
        answer["MD5OfMessageAttributes"] = md5_of_attributes(message.attributes)
    if system := params.get("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(system)
    if queue.is_fifo:
        answer["SequenceNumber"] = kept.sequence_number
    return answer


def _new_message(server: SqsServer, queue: Queue, params: Json, now: float) -> Message:
    body = params["MessageBody"]
    by_content = hashlib.sha256(body.encode()).hexdigest() if queue.is_fifo else None
    trace = (params.get("MessageSystemAttributes") or {}).get("AWSTraceHeader", {})
    return Message(
        message_id=server.new_id(),
        body=body,
        sent_at=now,
        serial=server.next_serial(),
        attributes=dict(params.get("MessageAttributes") or {}),
        trace_header=trace.get("StringValue"),
        group_id=params.get("MessageGroupId"),
        deduplication_id=params.get("MessageDeduplicationId") or by_content,
    )


def receive_message(server: SqsServer, params: Json) -> Json:
    """A short poll looks once; a long poll waits on the clock until a message is visible or the wait is over."""
    queue = server.queue_of(params)
    limit = checks.number(params, "MaxNumberOfMessages", 1, 10, 1)
    wait = checks.number(params, "WaitTimeSeconds", 0, 20, int(queue.number("ReceiveMessageWaitTimeSeconds")))
    visibility = checks.number(params, "VisibilityTimeout", 0, 43_200, int(queue.number("VisibilityTimeout")))
    system_names = [*(params.get("AttributeNames") or []), *(params.get("MessageSystemAttributeNames") or [])]
    for name in system_names:
        if name not in SYSTEM_NAMES:
            raise unknown_attribute(name)

    def look() -> list[Message]:
        server.catch_up()
        server.queue_of(params)  # it may be deleted while a long poll waits
        return _receive(queue, params.get("ReceiveRequestAttemptId"), limit, server.now(), visibility, wait)

    found = server.waiting.poll(look, lambda: server.next_change(queue), wait)
    names = params.get("MessageAttributeNames") or []
    return {"Messages": [message.shown(names, system_names) for message in found]} if found else {}


def _receive(queue: Queue, attempt: str | None, limit: int, now: float, visibility: int, wait: int) -> list[Message]:
    if isinstance(queue, FifoQueue) and attempt and (again := queue.receive_again(attempt, now, visibility)):
        return again
    taken = queue.receive(limit, now, visibility, is_short=wait == 0)
    if isinstance(queue, FifoQueue) and attempt and taken:
        queue.remember(attempt, taken, now)
    return taken


def delete_message(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    _delete(server, queue, params)
    return {}


def delete_message_batch(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    checks.batch("DeleteMessageBatch", params.get("Entries") or [])
    return _each(params["Entries"], lambda entry: _delete(server, queue, entry))


def _delete(server: SqsServer, queue: Queue, params: Json) -> Json:
    handle = params["ReceiptHandle"]
    queue.expire(server.now())
    queue.delete(handle, _serial(queue, handle), server.now())
    return {}


def change_message_visibility(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    _change_visibility(server, queue, params)
    return {}


def change_message_visibility_batch(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    checks.batch("ChangeMessageVisibilityBatch", params.get("Entries") or [])
    return _each(params["Entries"], lambda entry: _change_visibility(server, queue, entry))


def _change_visibility(server: SqsServer, queue: Queue, params: Json) -> Json:
    handle = params["ReceiptHandle"]
    timeout = checks.number(params, "VisibilityTimeout", 0, 43_200, 0)
    queue.expire(server.now())
    queue.change_visibility(handle, _serial(queue, handle), server.now(), timeout)
    return {}


def _serial(queue: Queue, handle: str) -> int:
    """The message a handle is for; a handle of another queue is as invalid as an invented one."""
    match read_handle(handle):
        case (name, serial) if name == queue.name:
            return serial
    raise bad_receipt_handle(handle)


def _each(entries: list[Json], act: Callable[[Json], Json]) -> Json:
    """Each entry on its own: what fails goes to `Failed`, the rest is done. Empty lists are left out, as AWS does."""
    successful: list[Json] = []
    failed: list[Json] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **act(entry)})
        except AwsError as error:
            failed.append(failure(entry["Id"], error.code, error.message, error.sender_fault))
    lists = {"Successful": successful, "Failed": failed}
    return {name: items for name, items in lists.items() if items}


def failure(entry_id: str, code: str, message: str, sender_fault: bool) -> Json:
    return {"Id": entry_id, "Code": code, "Message": message, "SenderFault": sender_fault}


OPERATIONS: dict[str, Callable[[SqsServer, Json], Json]] = {
    "SendMessage": send_message,
    "SendMessageBatch": send_message_batch,
    "ReceiveMessage": receive_message,
    "DeleteMessage": delete_message,
    "DeleteMessageBatch": delete_message_batch,
    "ChangeMessageVisibility": change_message_visibility,
    "ChangeMessageVisibilityBatch": change_message_visibility_batch,
}
