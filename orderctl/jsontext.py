"""JSON in and out without losing anything on the way.

In: numbers with a fraction become `Decimal` (a float would change `0.1000` or 2**53 + 1), and what JSON
does not have (NaN, Infinity) or leaves undefined (a key twice) is refused with its line. Out: the standard
encoder can write neither a `Decimal` exactly nor our models, so the values are walked here; text is still
escaped by the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from orderctl.errors import UsageError

_ACTIVE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

MAX_DEPTH = 200
"""Deeper documents are refused: EventBridge allows 1,000 levels, no order has 200, and recursion has an end."""


def loads(text: str | bytes, *, source: str = "<stdin>", line: int = 1) -> Any:
    """Read one strict JSON document.

    `source` and `line` (the line the text starts at) stand in the error. Raises UsageError for anything
    that is not JSON, NaN, Infinity, a key given twice, or more than `MAX_DEPTH` levels.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}:{line}: not UTF-8 text") from error
    _check_depth(decoded, source, line)
    try:
        return json.loads(decoded, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as error:
        raise UsageError(f"{source}:{line + error.lineno - 1}: not valid JSON: {error.msg}") from error
    except _Unwanted as error:
        where = line + decoded.count("\n", 0, max(decoded.find(error.token), 0))
        raise UsageError(f"{source}:{where}: {error}") from error
    except ValueError as error:  # an integer of more digits than Python converts (4,300)
        raise UsageError(f"{source}:{line}: a number has too many digits") from error
    except InvalidOperation as error:  # an exponent beyond what Decimal holds
        raise UsageError(f"{source}:{line}: a number has too large an exponent") from error


def dumps(value: object, *, indent: int | None = None) -> str:
    """Write `value` as JSON: `Decimal` as its own digits, times as ISO 8601 UTC, dataclasses as objects."""
    return "".join(_pieces(value, indent, 0))


def plain(value: object) -> Any:
    """`value` as dicts, lists and scalars only: what `--query` searches. `Decimal` stays exact."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, milliseconds, with `Z`: the one form of a time in every machine format."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Unwanted(ValueError):
    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


def _no_constant(name: str) -> Any:
    raise _Unwanted(f"{name} is not JSON", name)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Unwanted(f"the key {key!r} stands twice in one object", json.dumps(key))
            seen.add(key)
    return result


def _check_depth(text: str, source: str, line: int) -> None:
    """Count brackets outside strings; cheap, and `json.loads` would end in RecursionError."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise UsageError(f"{source}:{line}: nested deeper than {MAX_DEPTH} levels")
        elif character in "]}":
            depth -= 1


def _pieces(value: object, indent: int | None, level: int) -> Iterator[str]:
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        yield from _container("{", "}", [(_quoted(str(k)), v) for k, v in value.items()], indent, level)
    elif isinstance(value, list | tuple):
        yield from _container("[", "]", [(None, item) for item in value], indent, level)
    elif isinstance(value, set | frozenset):
        yield from _pieces(sorted(value), indent, level)
    else:
        yield _scalar(value)


def _container(
    opening: str, closing: str, items: list[tuple[str | None, object]], indent: int | None, level: int
) -> Iterator[str]:
    if not items:
        yield opening + closing
        return
    separator = ", " if indent is None else ",\n" + " " * indent * (level + 1)
    yield opening if indent is None else opening + "\n" + " " * indent * (level + 1)
    for number, (key, item) in enumerate(items):
        if number:
            yield separator
        if key is not None:
            yield key + ": "
        yield from _pieces(item, indent, level + 1)
    yield closing if indent is None else "\n" + " " * indent * level + closing


def _scalar(value: object) -> str:
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, datetime):
        return json.dumps(iso(value))
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else json.dumps(str(value))
    return _quoted(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _quoted(text: str) -> str:
    """JSON text with every character a terminal could act on escaped: still the same JSON value."""
    return _ACTIVE.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(text, ensure_ascii=False))
