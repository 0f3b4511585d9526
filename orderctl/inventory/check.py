"""What may be in a row of stock, checked before the first write.

The limits are DynamoDB's (developer guide, "Quotas": 400 KB an item, 2,048 bytes a partition key, 38 digits
and magnitudes to 1E+125 a number, 32 levels), so that a bad row is told with its line instead of failing
half-way through a million of them.

What DynamoDB has and JSON has not (sets, binary) is written `{"$dynamodb": {"SS": ["a", "b"]}}`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from orderctl.assignments import Json
from orderctl.inventory.models import MARKS, Stock

MAX_ITEM = 400 * 1024
MAX_KEY = 2048
MAX_DIGITS = 38
MAX_LEVELS = 32
WRAPPED = "$dynamodb"
"""The one key of an object that stands for a value JSON has no form for."""
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


def stock_of(values: Mapping[str, Json]) -> tuple[Stock | None, list[str]]:
    """The row these values describe, or every fault in them. A quantity may be a number or its digits."""
    quantity, faults = _quantity(values.get("quantity"))
    product_id, key_faults = _product_id(values.get("product_id"))
    rest = {name: value for name, value in values.items() if name not in ("product_id", "quantity")}
    faults = [*key_faults, *faults, *(fault for name, value in rest.items() for fault in _attribute(name, value))]
    if faults or product_id is None or quantity is None:
        return None, faults
    stock = Stock(product_id, quantity, rest)
    size = item_size(stock.document())
    if size > MAX_ITEM:
        return None, [f"{size:,} bytes as an item, but DynamoDB takes {MAX_ITEM:,}"]
    return stock, []


def item_size(document: Mapping[str, Json]) -> int:
    """Bytes DynamoDB counts for an item (developer guide, "Item sizes and formats"); numbers rounded up."""
    return sum(_bytes(name) + _size(value) for name, value in document.items())


def _quantity(value: Json) -> tuple[int | None, list[str]]:
    if isinstance(value, str):
        text = value.strip()
        if not _WHOLE.fullmatch(text):
            return None, [f"quantity is {_short(value)}, not a whole number"]
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        return None, ["quantity is missing" if value is None else f"quantity is {_short(value)}, not a whole number"]
    digits = text.lstrip("-").lstrip("0") or "0"
    if len(digits) > MAX_DIGITS:
        return None, [f"quantity has {len(digits)} digits, but DynamoDB keeps {MAX_DIGITS}"]
    number = int(text)
    return (number, []) if number >= 0 else (None, [f"quantity is {number}, but stock is never below 0"])


def _product_id(value: Json) -> tuple[str | None, list[str]]:
    if not isinstance(value, str) or not value:
        missing = value is None or value == ""
        return None, ["product_id is missing" if missing else f"product_id is {_short(value)}, not text"]
    if not _is_unicode(value):
        return None, ["product_id is not valid Unicode"]
    size = _bytes(value)
    return (value, []) if size <= MAX_KEY else (None, [f"product_id has {size:,} bytes, but a key takes {MAX_KEY:,}"])


def _attribute(name: str, value: Json) -> Iterator[str]:
    if not name or not _is_unicode(name):
        yield "an attribute has no name" if not name else f"{name!r} is not a valid name"
    elif name == MARKS:
        yield f"{MARKS} belongs to orderctl and cannot be seeded"
    else:
        yield from (f"{name}: {fault}" for fault in _faults(value, 1))


def _faults(value: Json, level: int) -> Iterator[str]:
    if level > MAX_LEVELS:
        yield f"nested deeper than {MAX_LEVELS} levels"
    elif isinstance(value, str):
        if not _is_unicode(value):
            yield "not valid Unicode"
    elif isinstance(value, dict):
        yield from _wrapped_faults(value[WRAPPED], level) if set(value) == {WRAPPED} else _map_faults(value, level)
    elif isinstance(value, list):
        yield from _inner(value, level)
    elif value is not None and not isinstance(value, bool):
        yield from _number_faults(value)


def _inner(values: object, level: int) -> Iterator[str]:
    for value in values:  # type: ignore[attr-defined]
        yield from _faults(value, level + 1)


def _map_faults(value: Mapping[str, Json], level: int) -> Iterator[str]:
    if not all(map(_is_unicode, value)):
        yield "a name in it is not valid Unicode"
    yield from _inner(value.values(), level)


def _number_faults(value: int | Decimal) -> Iterator[str]:
    number = Decimal(value)
    if not number.is_finite():
        yield f"{number} is not a number"
    elif len("".join(map(str, number.as_tuple().digits)).strip("0")) > MAX_DIGITS:
        yield f"a number of more than {MAX_DIGITS} digits"
    elif not -130 <= number.adjusted() <= 125:
        yield f"{number} is outside what DynamoDB keeps (1E-130 to 9.99E+125)"


def _wrapped_faults(value: Json, level: int) -> Iterator[str]:
    if not isinstance(value, dict) or len(value) != 1:
        yield f"{WRAPPED} wants one of SS, NS, BS, B, M"
        return
    kind, content = next(iter(value.items()))
    if kind == "M" and isinstance(content, dict):
        yield from _map_faults(content, level)
    elif kind == "B":
        yield from _binary_faults(content)
    elif kind in ("SS", "NS", "BS") and isinstance(content, list) and content:
        yield from _set_faults(kind, content)
    else:
        yield f"{WRAPPED} wants one of SS, NS, BS, B, M"


def _set_faults(kind: str, content: list[Json]) -> Iterator[str]:
    """A set holds each value once (1 and 1.0 are one), and each is what it would have to be outside of it."""
    faults = [fault for item in content for fault in _member_faults(kind, item)]
    yield from faults
    values = [] if faults else [Decimal(str(item)) if kind == "NS" else str(item) for item in content]
    if len(set(values)) != len(values):
        yield f"{kind} holds a value twice"


def _member_faults(kind: str, item: Json) -> Iterator[str]:
    if kind == "BS":
        yield from _binary_faults(item)
    elif kind == "SS" and isinstance(item, str):
        yield from [] if _is_unicode(item) else ["not valid Unicode"]
    elif kind == "NS" and isinstance(item, int | Decimal) and not isinstance(item, bool):
        yield from _number_faults(item)
    else:
        yield f"{kind} holds {_short(item)}"


def _binary_faults(value: Json) -> Iterator[str]:
    try:
        base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except ValueError:
        yield f"binary wants base64, not {_short(value)}"


def _size(value: Json) -> int:
    if isinstance(value, str):
        return _bytes(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, dict):
        if set(value) == {WRAPPED}:
            return _wrapped_size(value[WRAPPED])
        return 3 + sum(1 + _bytes(name) + _size(item) for name, item in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + _size(item) for item in value)
    return (len(Decimal(value).as_tuple().digits) + 1) // 2 + 2


def _wrapped_size(value: Json) -> int:
    """A binary counts as its own bytes, not as their base64; a set as its values, each with a byte more."""
    kind, content = next(iter(value.items())) if isinstance(value, dict) and value else ("", "")
    items = content if isinstance(content, list) else [content]
    if kind in ("B", "BS"):
        return 3 + sum(1 + len(item) * 3 // 4 for item in items if isinstance(item, str))
    return 3 + sum(1 + _size(item) for item in items)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _short(value: Json) -> str:
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
