"""Why an event does not match a rule's pattern: which part, what it asks for, and what the event has there.

Whether an event matches is AWS's to say (TestEventPattern); AWS answers yes or no. This says why not, by the
rules of the pages eventbridge/latest/userguide/eb-event-patterns, eb-create-pattern-operators and
eb-event-patterns-arrays, and of answers recorded on AWS:

- fields are joined with dots on both sides, so `{"a.b": 1}` and `{"a": {"b": 1}}` are one;
- a field with a list matches where one element does; conditions on objects in a list must be met by one object;
- only leaves exist: a field that is an object or an empty list does not; `null` does;
- numbers are compared by value (300 is 300.0); every other value by type and characters;
- `anything-but` needs the field to be there, `null` included, and wildcards match any number of characters.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from orderctl import jsontext
from orderctl.errors import UsageError

Leaf = str | int | float | Decimal | bool | None
"""A value that a condition can be put to."""

_Fields = dict[str, object]
_COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}
_NOTHING = "nothing"

MAX_VIEWS = 10_000
"""Choices of one object out of each list of objects that a pattern looks into: a bound on the work."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One part of a pattern that the event does not meet. `path` is dotted, the other two are for reading."""

    path: str
    wanted: str
    found: str


def explain(pattern: Mapping[str, object], event: Mapping[str, object]) -> list[Mismatch]:
    """Every part of the pattern that the event does not meet; empty if it matches.

    Where no alternative of an `$or`, or no object of a list, meets its part, the nearest one speaks: the one
    with the fewest mismatches. Raises UsageError for a pattern that says nothing (AWS refuses more than these:
    a rule's own pattern has passed its check already), and for an event of more than `MAX_VIEWS` views.
    """
    wanted = frozenset(_paths(pattern, ""))
    return _fewest([_unmet(pattern, view, "") for view in _views(event, "", wanted)])


def _paths(pattern: Mapping[str, object], path: str) -> Iterator[str]:
    """The dotted path of every condition."""
    for key, wanted in pattern.items():
        at = f"{path}.{key}" if path else key
        if key == "$or" and (choices := _alternatives(wanted)):
            for choice in choices:
                yield from _paths(choice, path)
        elif isinstance(wanted, dict):
            yield from _paths(cast(Mapping[str, object], wanted), at)
        else:
            yield at


def _unmet(pattern: Mapping[str, object], view: _Fields, path: str) -> list[Mismatch]:
    """The mismatches of a pattern with one view of the event."""
    found: list[Mismatch] = []
    for key, wanted in pattern.items():
        at = f"{path}.{key}" if path else key
        if key == "$or" and (choices := _alternatives(wanted)):
            found += _fewest([_unmet(choice, view, path) for choice in choices])
        elif isinstance(wanted, dict):
            found += _unmet(cast(Mapping[str, object], wanted), view, at)
        elif isinstance(wanted, list) and wanted:
            found += _field(at, wanted, view)
        else:
            raise UsageError(f"the event pattern is not valid: {at} must be an object or a list that is not empty")
    return found


def _field(path: str, conditions: Sequence[object], view: _Fields) -> list[Mismatch]:
    leaves = [(True, value) for value in cast(list[Leaf], view[path])] if path in view else [(False, None)]
    if any(_meets(path, condition, exists, value) for condition in conditions for exists, value in leaves):
        return []
    wanted = " or ".join(_words(condition) for condition in conditions)
    values = ", ".join(jsontext.dumps(value) for exists, value in leaves if exists)
    return [Mismatch(path, wanted, values or _NOTHING)]


def _alternatives(wanted: object) -> list[Mapping[str, object]]:
    """`$or` is an operator only over a list of at least two objects; else it is a field of that name."""
    is_operator = isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(one, dict) for one in wanted)
    return cast(list[Mapping[str, object]], wanted) if is_operator else []


def _fewest(found: list[list[Mismatch]]) -> list[Mismatch]:
    return min(found, key=len, default=[])


def _views(value: object, path: str, wanted: frozenset[str]) -> Iterator[_Fields]:
    """The fields the pattern asks for, flat, once for every choice of one object out of each list of objects."""
    if not any(one == path or one.startswith(f"{path}.") for one in wanted) and path:
        yield {}
    elif isinstance(value, Mapping):
        views: list[_Fields] = [{}]
        for key, item in value.items():
            inner = list(_views(item, f"{path}.{key}" if path else str(key), wanted))
            if len(views) * len(inner) > MAX_VIEWS:
                raise UsageError(f"the event has more than {MAX_VIEWS} combinations of listed objects to look at")
            views = [one | other for one in views for other in inner]
        yield from views
    elif isinstance(value, list):
        leaves = [leaf for leaf in _flat(value) if not isinstance(leaf, Mapping)]
        own: _Fields = {path: leaves} if leaves else {}
        objects = [view for item in _flat(value) if isinstance(item, Mapping) for view in _views(item, path, wanted)]
        yield from ([own | view for view in objects] or [own])
    else:
        yield {path: [value]}


def _flat(values: Sequence[object]) -> Iterator[object]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _meets(path: str, condition: object, exists: bool, value: Leaf) -> bool:
    if not isinstance(condition, dict):
        return exists and _equal(condition, value)
    if len(condition) != 1:
        raise UsageError(f"the event pattern is not valid: a condition on {path} must have one operator")
    [(operator, operand)] = condition.items()
    if operator == "exists":
        return exists is operand
    if operator == "anything-but":
        return exists and not any(_is(one, value) for one in _excluded(operand))
    return exists and _holds(path, str(operator), operand, value)


def _excluded(operand: object) -> list[object]:
    """`anything-but` of a value, a list of them, or one operator over a value or a list."""
    if isinstance(operand, dict) and len(operand) == 1:
        [(operator, values)] = operand.items()
        return [{operator: one} for one in (values if isinstance(values, list) else [values])]
    return list(operand) if isinstance(operand, list) else [operand]


def _is(excluded: object, value: Leaf) -> bool:
    if isinstance(excluded, dict):
        [(operator, operand)] = excluded.items()
        return _holds("anything-but", str(operator), operand, value)
    return _equal(excluded, value)


def _holds(path: str, operator: str, operand: object, value: Leaf) -> bool:
    match operator:
        case "numeric" if isinstance(operand, list) and len(operand) % 2 == 0 and operand:
            return _is_number(value) and _within(path, operand, _decimal(value))
        case "prefix" | "suffix" | "equals-ignore-case" | "wildcard" | "cidr":
            return isinstance(value, str) and _text_holds(path, operator, operand, value)
    raise UsageError(f"the event pattern is not valid: {path} has no operator {operator!r} of this form")


def _text_holds(path: str, operator: str, operand: object, value: str) -> bool:
    if operator in ("prefix", "suffix") and isinstance(operand, dict) and list(operand) == ["equals-ignore-case"]:
        operand, value = str(operand["equals-ignore-case"]).lower(), value.lower()
    if not isinstance(operand, str):
        raise UsageError(f"the event pattern is not valid: {operator} on {path} needs a string")
    match operator:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return value.lower() == operand.lower()
        case "wildcard":
            return _wildcard(operand).fullmatch(value) is not None
    return _in_network(path, operand, value)


def _wildcard(text: str) -> re.Pattern[str]:
    """`*` is any characters, none included; `\\*` and `\\\\` are themselves (eb-create-pattern-operators)."""
    pieces = re.findall(r"\\[*\\]|.", text, re.DOTALL)
    glob = "".join("*" if one == "*" else _literal(one[-1]) for one in pieces)
    return re.compile(fnmatch.translate(glob))


def _literal(character: str) -> str:
    return f"[{character}]" if character in "*?[" else character


def _in_network(path: str, network: str, value: str) -> bool:
    try:
        block = ipaddress.ip_network(network, strict=False)
    except ValueError as error:
        raise UsageError(f"the event pattern is not valid: cidr on {path}: {error}") from error
    try:
        return ipaddress.ip_address(value) in block
    except ValueError:
        return False


def _within(path: str, conditions: Sequence[object], value: Decimal) -> bool:
    pairs = list(zip(conditions[::2], conditions[1::2], strict=True))
    if not all(operator in _COMPARE and _is_number(bound) for operator, bound in pairs):
        raise UsageError(f"the event pattern is not valid: numeric on {path} needs pairs of operator and number")
    return all(_COMPARE[str(operator)](value, _decimal(bound)) for operator, bound in pairs)


def _equal(wanted: object, value: Leaf) -> bool:
    if _is_number(wanted) and _is_number(value):
        return _decimal(wanted) == _decimal(value)
    return type(wanted) is type(value) and wanted == value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))


def _words(condition: object) -> str:
    """`prefix "OR-"`, `not "x"`, `"exact"`: a condition as a person says it."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return jsontext.dumps(condition)
    [(operator, operand)] = condition.items()
    if operator == "exists":
        return "to be there" if operand else "not to be there"
    if operator == "anything-but":
        return f"anything but {' or '.join(_words(one) for one in _excluded(operand))}"
    if operator == "numeric" and isinstance(operand, list):
        pairs = zip(operand[::2], operand[1::2], strict=False)
        return " and ".join(f"{comparison} {jsontext.dumps(bound)}" for comparison, bound in pairs)
    return f"{operator} {_words(operand)}"
