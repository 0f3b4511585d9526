"""DynamoDB items and updates, attribute by attribute.

Converted here rather than by boto3's serializer: that one refuses what `Decimal` contexts round, and gives
sets and binary types that the rest of the program would have to know. What JSON has no form for is an
object with the one key `$dynamodb`, as `orderctl.inventory.check` describes it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orderctl.assignments import Json
from orderctl.inventory.check import WRAPPED
from orderctl.inventory.models import MARKS, Odd, Row, Stock


class Update:
    """An UpdateItem in the making; every name and value goes through a placeholder."""

    def __init__(self) -> None:
        self.sets: list[str] = []
        self.removes: list[str] = []
        self.adds: list[str] = []
        self.conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute's name."""
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: Json) -> str:
        """A new placeholder for a value."""
        return self._raw(to_wire(value))

    def remember(self, mark: str) -> None:
        """Add the mark to the row's set, if it is not in it."""
        marks, one = self.name(MARKS), self._raw({"S": mark})
        self.adds.append(f"{marks} {self._raw({'SS': [mark]})}")
        self.conditions.append(f"(attribute_not_exists({marks}) OR NOT contains({marks}, {one}))")

    def request(self) -> dict[str, Any]:
        """The expressions as UpdateItem takes them."""
        parts = (("SET", self.sets), ("REMOVE", self.removes), ("ADD", self.adds))
        asked: dict[str, Any] = {
            "UpdateExpression": " ".join(f"{word} {', '.join(what)}" for word, what in parts if what),
            "ExpressionAttributeNames": {short: attribute for attribute, short in self._names.items()},
            "ExpressionAttributeValues": self._values,
        }
        if self.conditions:
            asked["ConditionExpression"] = " AND ".join(self.conditions)
        return asked

    def _raw(self, value: Any) -> str:
        short = f":v{len(self._values)}"
        self._values[short] = value
        return short


def to_row(item: Mapping[str, Any] | None) -> Row | None:
    """The row an item is; the hidden marks are taken out.

    DynamoDB promises no order of names, here and in maps: they come sorted, so that the same row is the same text.
    """
    if not item:
        return None
    marks = frozenset(item.get(MARKS, {}).get("SS", ()))
    values = {name: _plain(item[name]) for name in sorted(item) if name not in ("product_id", MARKS)}
    product_id, quantity = item["product_id"]["S"], values.get("quantity")
    if isinstance(quantity, int) and not isinstance(quantity, bool):
        del values["quantity"]
        return Stock(product_id, quantity, values, marks)
    problem = "quantity is missing" if quantity is None else "quantity is no whole number"
    return Odd(product_id, problem, values)


def to_wire(value: Json) -> Any:
    """JSON as an AttributeValue."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, dict):
        return (
            _unwrapped(value[WRAPPED]) if set(value) == {WRAPPED} else {"M": {k: to_wire(v) for k, v in value.items()}}
        )
    return {"L": [to_wire(item) for item in value]} if isinstance(value, list) else {"N": str(value)}


def _unwrapped(value: Any) -> Any:
    kind, content = next(iter(value.items()))
    if kind == "M":
        return {"M": {name: to_wire(item) for name, item in content.items()}}
    if kind == "B":
        return {"B": base64.b64decode(content)}
    if kind == "BS":
        return {"BS": [base64.b64decode(item) for item in content]}
    return {kind: [str(item) for item in content]}


def _plain(value: Mapping[str, Any]) -> Json:
    """An AttributeValue as JSON; sets come sorted, so that the same set is the same text."""
    kind, content = next(iter(value.items()))
    if kind == "N":
        return _number(content)
    if kind == "NULL":
        return None
    if kind == "L":
        return [_plain(item) for item in content]
    if kind == "M":
        inner = {name: _plain(content[name]) for name in sorted(content)}
        return {WRAPPED: {"M": inner}} if set(inner) == {WRAPPED} else inner
    if kind in ("S", "BOOL"):
        return content  # type: ignore[no-any-return]
    return {WRAPPED: {kind: _special(kind, content)}}


def _special(kind: str, content: Any) -> Json:
    if kind == "B":
        return base64.b64encode(bytes(content)).decode()
    if kind == "BS":
        return [base64.b64encode(item).decode() for item in sorted(map(bytes, content))]
    return [_number(item) for item in sorted(content, key=Decimal)] if kind == "NS" else sorted(content)


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number
