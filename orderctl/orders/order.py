"""Is it an order? Checked here, before anything is started, so that a typing mistake costs nothing.

The workflow checks again; what it would refuse anyway is refused here with the field's name. Fields this
module does not know pass through untouched: the tool must not be in the way of the next one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.errors import UsageError
from orderctl.orders.names import ORDER_ID

MAX_INPUT = 262_144
"""Bytes of an execution's input: 256 KiB in UTF-8 (Step Functions, quotas)."""
MAX_TEXT = 256
"""Characters of a user or product id."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that may be submitted; `extra` holds the fields this tool has no opinion on."""

    order_id: str
    user_id: str
    product_id: str
    quantity: int
    extra: Mapping[str, Json]

    @property
    def document(self) -> dict[str, Json]:
        """The order as the one JSON object the workflow gets."""
        return {
            **self.extra,
            "order_id": self.order_id,
            "user_id": self.user_id,
            "product_id": self.product_id,
            "quantity": self.quantity,
        }

    @property
    def input_json(self) -> str:
        """The execution's input: keys sorted at every level, so that the same order is the same text.

        StartExecution attaches to a running execution only where the input is the same.
        """
        return jsontext.dumps(canonical(self.document))


def parse_order(candidate: Json, *, source: str = "order") -> Order:
    """The order in a JSON document; raises UsageError naming every field that is wrong."""
    if not isinstance(candidate, dict):
        raise UsageError(f"{source}: an order is a JSON object")
    _check_unicode(candidate, source)
    faults = [
        *_id_faults(candidate.get("order_id")),
        *_text_faults("user_id", candidate.get("user_id")),
        *_text_faults("product_id", candidate.get("product_id")),
        *_quantity_faults(candidate.get("quantity")),
    ]
    if faults:
        raise UsageError(f"{source}: " + "; ".join(faults))
    known = {name: candidate[name] for name in ("order_id", "user_id", "product_id", "quantity")}
    extra = {name: value for name, value in candidate.items() if name not in known}
    order = Order(
        str(known["order_id"]), str(known["user_id"]), str(known["product_id"]), int(str(known["quantity"])), extra
    )
    if len(order.input_json.encode()) > MAX_INPUT:
        raise UsageError(f"{source}: larger than the {MAX_INPUT} bytes an execution may be given")
    return order


def quantity_from(text: str) -> Json:
    """The value of `--quantity`: a whole number, or the text as it is for `parse_order` to refuse."""
    return int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20 else text


def canonical(value: Json) -> Json:
    """The same document with the keys of every object sorted."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    return [canonical(item) for item in value] if isinstance(value, list) else value


def same_input(one: str | None, other: str | None) -> bool:
    """Is it the same JSON document, however it is written?"""
    if one is None or other is None:
        return False
    try:
        return bool(jsontext.loads(one) == jsontext.loads(other))
    except UsageError:
        return one == other


def _check_unicode(candidate: dict[str, Json], source: str) -> None:
    """Half a character, as bytes that are no UTF-8 become on a command line, is no text to any service."""
    try:
        json.dumps(candidate, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{source}: an order is UTF-8 text, and something in it is not") from error


def _id_faults(value: Json) -> list[str]:
    if isinstance(value, str) and ORDER_ID.fullmatch(value):
        return []
    return [f"order_id must be 1 to 80 of 0-9 A-Z a-z _ -, not {_shown(value)}"]


def _text_faults(name: str, value: Json) -> list[str]:
    if value is None:
        return [f"{name} is missing"]
    if isinstance(value, str) and 1 <= len(value) <= MAX_TEXT:
        return []
    return [f"{name} must be text of 1 to {MAX_TEXT} characters, not {_shown(value)}"]


def _quantity_faults(value: Json) -> list[str]:
    if value is None:
        return ["quantity is missing"]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return []
    return [f"quantity must be a whole number of at least 1, not {_shown(value)}"]


def _shown(value: Json) -> str:
    text = str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else jsontext.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
