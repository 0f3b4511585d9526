"""EventBridge event patterns, as far as rules of an order system use them ("Event patterns" in the user guide).

Exact values, prefix, suffix, equals-ignore-case, wildcard, anything-but, exists, numeric, `$or`; nested objects.
"""

from __future__ import annotations

import fnmatch
import operator
from typing import Any

COMPARE = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
MISSING = object()


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether an event (or a part of one) matches every field of a pattern."""
    if not isinstance(event, dict):
        return False
    for key, wanted in pattern.items():
        if key == "$or" and isinstance(wanted, list):
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            if not matches(wanted, event.get(key, {})):
                return False
        elif not _any_of(wanted, event.get(key, MISSING)):
            return False
    return True


def _any_of(wanted: list[Any], value: Any) -> bool:
    values = value if isinstance(value, list) and value else [value]
    return any(_matches_one(each, one) for each in wanted for one in values)


def _matches_one(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return value is not MISSING and type(wanted) is type(value) and bool(wanted == value)
    kind, argument = next(iter(wanted.items()))
    if kind == "exists":
        return bool((value is not MISSING) == argument)
    if value is MISSING:
        return False
    if kind == "anything-but":
        return not _denied(argument, value)
    if kind == "numeric":
        return _is_number(value) and _numeric(argument, value)
    return isinstance(value, str) and _text(kind, argument, value)


def _denied(argument: Any, value: Any) -> bool:
    listed = argument if isinstance(argument, list) else [argument]
    return any(_matches_one(each, value) for each in listed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numeric(argument: list[Any], value: float) -> bool:
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(COMPARE[sign](value, bound) for sign, bound in pairs)


def _text(kind: str, argument: Any, value: str) -> bool:
    if isinstance(argument, dict):  # {"prefix": {"equals-ignore-case": "x"}}
        argument, value = str(argument["equals-ignore-case"]).lower(), value.lower()
    match kind:
        case "prefix":
            return value.startswith(argument)
        case "suffix":
            return value.endswith(argument)
        case "equals-ignore-case":
            return value.lower() == str(argument).lower()
        case "wildcard":
            return fnmatch.fnmatchcase(value, str(argument).replace("[", "[[]").replace("?", "[?]"))
    raise NotImplementedError(f"the fake does not know the pattern {kind}")
