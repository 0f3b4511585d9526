"""Which order a dead letter is about, as its payload tells: for people and filters, no delivery hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orderctl import jsontext
from orderctl.errors import UsageError

_INSIDE = ("detail", "order", "Message", "MessageBody", "body", "Input", "input", "Payload", "requestPayload")


def order_id_of(payload: str | None) -> str | None:
    """The order id in a payload: its own, an event's `detail`, an SNS record's or envelope's message."""
    document = _document(payload)
    return None if document is None else _order_id(document, depth=0)


def _order_id(document: Mapping[str, Any], depth: int) -> str | None:
    own = document.get("order_id")
    if isinstance(own, str):
        return own
    for key in _INSIDE:
        inner = document.get(key)
        inner = _document(inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict) and depth < 3:
            found = _order_id(inner, depth + 1)
            if found is not None:
                return found
    return None


def _document(text: str | None) -> Mapping[str, Any] | None:
    if not text or not text.lstrip().startswith("{"):
        return None
    try:
        found = jsontext.loads(text)
    except UsageError:
        return None
    return found if isinstance(found, dict) else None
