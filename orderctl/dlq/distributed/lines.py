"""A delivery as a line of a chunk, and what became of it as the outcome that the desk works with.

The payload travels as text, or as base64 where its bytes are no text: it is never read as JSON on the way, so it
arrives byte for byte.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, assert_never

from orderctl.bulk import chunks
from orderctl.bulk.errors import error_of
from orderctl.bulk.models import Fate, Item, Status
from orderctl.dlq.models import (
    Attribute,
    Delivery,
    NotSent,
    Outcome,
    Queue,
    Sent,
    ToFunction,
    ToQueue,
    ToStateMachine,
    ToTopic,
    Unknown,
)


def item(item_id: str, delivery: Delivery, targets: Mapping[str, Queue]) -> Item:
    """The line of one delivery; `targets` are destination queues by ARN."""
    return Item(item_id, json.dumps({"id": item_id, "arn": delivery.arn, **_said(delivery, targets)}).encode())


def _said(delivery: Delivery, targets: Mapping[str, Queue]) -> dict[str, Any]:
    match delivery:
        case ToFunction(payload=payload):
            return {"to": "function", "payload": _bytes(payload)}
        case ToStateMachine(name=name, input=text):
            return chunks.start(name, text)
        case ToTopic(message=text, subject=subject):
            return {"to": "topic", "payload": {"text": text}, "subject": subject}
        case ToQueue(arn=arn, body=body):
            attributes = {name: _attribute(each) for name, each in delivery.attributes.items()}
            more = {"group_id": delivery.group_id, "trace_header": delivery.trace_header}
            return {"to": "queue", "url": targets[arn].url, "payload": {"text": body}, "attributes": attributes, **more}
        case _:
            assert_never(delivery)


def _bytes(payload: bytes) -> dict[str, str]:
    try:
        return {"text": payload.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}


def _attribute(attribute: Attribute) -> dict[str, str]:
    if attribute.binary is not None:
        return {"type": attribute.data_type, "base64": base64.b64encode(attribute.binary).decode()}
    return {"type": attribute.data_type, "text": attribute.text or ""}


def outcome(fate: Fate) -> Outcome | None:
    """What the desk has to know; None for a delivery that was not tried, and may be. A taken name has to be looked at
    first, and is a refusal here."""
    match fate.status:
        case Status.SENT:
            return Sent(fate.new_id)
        case Status.REFUSED | Status.TAKEN:
            return NotSent(fate.reason)
        case Status.BUSY:
            return NotSent(fate.reason, is_retryable=True, is_throttled=True)
        case Status.LATER:
            return NotSent(fate.reason, is_retryable=True)
        case Status.FATAL:
            return NotSent(fate.reason, is_fatal=True, error=error_of(fate))
        case Status.UNKNOWN:
            return Unknown(fate.reason)
        case Status.UNTOUCHED:
            return None
        case _:
            assert_never(fate.status)
