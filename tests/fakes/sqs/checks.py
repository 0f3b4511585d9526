"""What SQS refuses in a request before anything happens, with the texts AWS was recorded answering.

Limits: "Amazon SQS message quotas" in the SQS Developer Guide; the character ranges are those of SendMessage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.fakes.sqs.errors import (
    Json,
    batch_error,
    invalid_contents,
    invalid_parameter,
    invalid_value,
    missing_parameter,
)
from tests.fakes.sqs.message import attributes_size
from tests.fakes.sqs.queue import Queue

BATCH_LIMIT = 10
BATCH_BYTES = 1_048_576
ATTRIBUTE_LIMIT = 10
FIFO_ID = re.compile(r"[!-~]{1,128}")
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
ATTRIBUTE_NAME = re.compile(r"[\w.-]+")
ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
BAD_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BATCH_ID_TEXT = (
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
    "It can be at most 80 letters long."
)


def number(params: Json, name: str, low: int, high: int, default: int) -> int:
    """An optional whole number within its limits."""
    value = params.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        reason = f"Must be between {low} and {high}, if provided."
        if name == "WaitTimeSeconds":
            reason = f"Must be >= {low} and <= {high}, if provided."
        raise invalid_value(name, value, reason)
    return int(value)


def message(queue: Queue, params: Json, *, in_batch: bool = False) -> None:
    """Body, attributes, size and FIFO parameters of one SendMessage or one batch entry."""
    body = params.get("MessageBody")
    if not body:
        raise missing_parameter("MessageBody")
    if BAD_CHARACTER.search(body):
        raise invalid_contents()
    attributes(params.get("MessageAttributes") or {})
    _system_attributes(params.get("MessageSystemAttributes") or {})
    _delay(queue, params.get("DelaySeconds"))
    _fifo_ids(queue, params)
    if size(params) > queue.number("MaximumMessageSize"):
        text = f"Message must be shorter than {queue.attributes['MaximumMessageSize']} bytes."
        what = "cannot be validated" if in_batch else "are invalid"
        raise invalid_parameter(f"One or more parameters {what}. Reason: {text}")


def size(params: Json) -> int:
    """Bytes of body and user attributes; the trace header does not count."""
    return len((params.get("MessageBody") or "").encode()) + attributes_size(params.get("MessageAttributes") or {})


def attributes(given: dict[str, Json]) -> None:
    if len(given) > ATTRIBUTE_LIMIT:
        text = f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{ATTRIBUTE_LIMIT}]."
        raise invalid_parameter(text)
    for name, value in given.items():
        _attribute_name(name)
        _attribute_value(name, value)


def _attribute_name(name: str) -> None:
    lower = name.lower()
    if len(name.encode()) > 256:
        raise invalid_parameter("Message (user) attribute names must be shorter than 256 Bytes")
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise invalid_parameter(f"Invalid message (user) attribute name '{name}'.")
    if lower.startswith(("aws.", "amazon.", ".")) or lower.endswith("."):
        raise invalid_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for "
            "internal use. Additionally, they cannot start or end with '.'."
        )


def _attribute_value(name: str, value: Json) -> None:
    kind = value.get("DataType") or ""
    if not ATTRIBUTE_TYPE.fullmatch(kind) or len(kind.encode()) > 256:
        raise invalid_parameter(f"Invalid type '{kind}' of message (user) attribute '{name}'.")
    base = kind.split(".")[0]
    field = "BinaryValue" if base == "Binary" else "StringValue"
    if not value.get(field):
        raise invalid_parameter(f"Message (user) attribute '{name}' must contain a non-empty value of type '{base}'.")
    if field == "StringValue" and BAD_CHARACTER.search(value[field]):
        raise invalid_parameter(f"Invalid characters in the value of message (user) attribute '{name}'.")
    if base == "Number" and not _is_number(value[field]):
        raise invalid_parameter(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _system_attributes(given: dict[str, Json]) -> None:
    for name in given:
        if name != "AWSTraceHeader":
            raise invalid_parameter(f"Message system attribute name '{name}' is invalid.")


def _delay(queue: Queue, delay: int | None) -> None:
    if delay and queue.is_fifo:
        reason = "The request include parameter that is not valid for this queue type."
        raise invalid_value("DelaySeconds", delay, reason)
    if delay is not None and not 0 <= delay <= 900:
        raise invalid_value("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.")


def _fifo_ids(queue: Queue, params: Json) -> None:
    """A group id is welcome on standard queues too (fair queues); a deduplication id only on FIFO."""
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        value = params.get(name)
        if value is not None and not FIFO_ID.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise invalid_value(name, value, reason)
    if not queue.is_fifo and params.get("MessageDeduplicationId") is not None:
        reason = "The request include parameter that is not valid for this queue type."
        raise invalid_value("MessageDeduplicationId", params["MessageDeduplicationId"], reason)
    if queue.is_fifo and params.get("MessageGroupId") is None:
        raise missing_parameter("MessageGroupId")
    if queue.is_fifo and not _can_deduplicate(queue, params):
        raise _no_deduplication()


def _can_deduplicate(queue: Queue, params: Json) -> bool:
    by_content = queue.attributes.get("ContentBasedDeduplication") == "true"
    return by_content or params.get("MessageDeduplicationId") is not None


def _no_deduplication() -> Exception:
    return invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )


def batch(operation: str, entries: Sequence[Json]) -> None:
    """What refuses a whole batch: none, more than ten, a bad id, an id twice."""
    if not entries:
        text = f"There should be at least one {operation}RequestEntry in the request."
        raise batch_error("EmptyBatchRequest", text)
    if len(entries) > BATCH_LIMIT:
        text = f"Maximum number of entries per request are {BATCH_LIMIT}. You have sent {len(entries)}."
        raise batch_error("TooManyEntriesInBatchRequest", text)
    seen: set[str] = set()
    for entry in entries:
        if not ENTRY_ID.fullmatch(entry["Id"]):
            raise batch_error("InvalidBatchEntryId", BATCH_ID_TEXT)
        if entry["Id"] in seen:
            raise batch_error("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])


def send_batch(queue: Queue, entries: Sequence[Json]) -> None:
    """The same, and what only SendMessageBatch refuses whole: its total size, missing FIFO parameters (recorded)."""
    batch("SendMessageBatch", entries)
    total = sum(size(entry) for entry in entries)
    if total > BATCH_BYTES:
        text = f"Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {total} bytes."
        raise batch_error("BatchRequestTooLong", text)
    if not queue.is_fifo:
        return
    for entry in entries:
        if not entry.get("MessageGroupId"):
            raise invalid_parameter("The request must contain the parameter MessageGroupId.")
        if not _can_deduplicate(queue, entry):
            raise _no_deduplication()
