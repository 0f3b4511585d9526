"""One message as SQS keeps it: what was sent, and where it stands (visible, delayed, in flight).

Only `queue.py`, `fifo.py` and `redrive.py` change its state. Times are seconds since the epoch on the server's clock.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.sqs.errors import Json
from tests.fakes.sqs.md5 import md5_of_attributes, md5_of_text


@dataclass(eq=False)
class Message:
    """A message; `serial` orders messages within the server and never changes for one message."""

    message_id: str
    body: str
    sent_at: float
    serial: int
    attributes: dict[str, Json] = field(default_factory=dict)
    trace_header: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    sender_id: str = "AIDAFAKESENDER"
    visible_at: float = 0.0
    enqueued_at: float = 0.0  # retention counts from here
    receive_count: int = 0  # as shown, across all queues
    receives_here: int = 0  # what a redrive policy counts
    first_received_at: float | None = None
    received_at: float = 0.0
    receipt: str | None = None  # the handle of the latest receive; older ones are stale
    dead_letter_source: str | None = None

    def is_visible(self, now: float) -> bool:
        return self.visible_at <= now

    def is_in_flight(self, now: float) -> bool:
        return self.receipt is not None and self.visible_at > now

    def is_delayed(self, now: float) -> bool:
        return self.receipt is None and self.visible_at > now

    @property
    def size(self) -> int:
        """Bytes that count against the limits: body, and name, type and value of each user attribute."""
        return len(self.body.encode()) + attributes_size(self.attributes)

    def take(self, queue_name: str, now: float, visibility: float) -> str:
        """Mark it received and give it a new receipt handle; the old one is stale from now on."""
        self.receive_count += 1
        self.receives_here += 1
        self.first_received_at = now if self.first_received_at is None else self.first_received_at
        self.received_at = now
        self.visible_at = now + visibility
        self.receipt = make_handle(queue_name, self.message_id, self.serial, self.receive_count)
        return self.receipt

    def shown(self, attribute_names: Iterable[str], system_names: Iterable[str]) -> Json:
        """As ReceiveMessage returns it: attributes only when asked for, and absent when there are none."""
        entry: Json = {
            "MessageId": self.message_id,
            "ReceiptHandle": self.receipt,
            "MD5OfBody": md5_of_text(self.body),
            "Body": self.body,
        }
        if system := self._system_attributes(set(system_names)):
            entry["Attributes"] = system
        if chosen := _chosen(self.attributes, list(attribute_names)):
            entry["MessageAttributes"] = chosen
            entry["MD5OfMessageAttributes"] = md5_of_attributes(chosen)
        return entry

    def _system_attributes(self, names: set[str]) -> dict[str, str]:
        first = self.first_received_at
        known = {
            "SenderId": self.sender_id,
            "SentTimestamp": millis(self.sent_at),
            "ApproximateReceiveCount": str(self.receive_count),
            "ApproximateFirstReceiveTimestamp": millis(first) if first is not None else None,
            "SequenceNumber": self.sequence_number,
            "MessageDeduplicationId": self.deduplication_id,
            "MessageGroupId": self.group_id,
            "AWSTraceHeader": self.trace_header,
            "DeadLetterQueueSourceArn": self.dead_letter_source,
        }
        return {name: value for name, value in known.items() if value and ("All" in names or name in names)}


def millis(seconds: float) -> str:
    return str(round(seconds * 1000))


def attributes_size(attributes: dict[str, Json]) -> int:
    return sum(
        len(name.encode()) + len(value["DataType"].encode()) + len(_value_bytes(value))
        for name, value in attributes.items()
    )


def _value_bytes(value: Json) -> bytes:
    if "BinaryValue" in value:
        return bytes(value["BinaryValue"])
    return str(value.get("StringValue", "")).encode()


def _chosen(attributes: dict[str, Json], names: list[str]) -> dict[str, Json]:
    """MessageAttributeNames: `All`, `.*`, a name, or a prefix ending in `.*`."""
    if "All" in names or ".*" in names:
        return dict(attributes)
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in names or name.startswith(prefixes or ("\0",))}


def make_handle(queue_name: str, message_id: str, serial: int, receive: int) -> str:
    """An opaque handle, different at each receive."""
    text = json.dumps([queue_name, message_id, serial, receive])
    return base64.b64encode(text.encode()).decode()


def read_handle(handle: str) -> tuple[str, int] | None:
    """Queue name and message serial of a handle, or None when SQS never made it."""
    try:
        parts: Any = json.loads(base64.b64decode(handle, validate=True))
    except (ValueError, binascii.Error):
        return None
    match parts:
        case [str(queue), str(), int(serial), int()]:
            return queue, serial
    return None
