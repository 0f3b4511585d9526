"""A state machine as a graph, read from any definition: JSONPath or JSONata, known state types or not.

The order is the one a reader follows: from `StartAt` along the ways out, the states nobody reaches last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orderctl import jsontext
from orderctl.errors import FailedError, UsageError

_CONTAINERS = {"Map": ("ItemProcessor", "Iterator")}


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of a state; `when` is `next`, `default`, a choice's condition or the errors of a Catch."""

    to: str
    when: str
    kind: str


@dataclass(frozen=True, slots=True)
class Node:
    """A state; `within` names the containers around it, `label` the branch it is in."""

    name: str
    type: str
    depth: int
    label: str
    is_start: bool
    is_end: bool
    retries: bool
    ways: Sequence[Way]


def nodes(definition: str) -> list[Node]:
    """Every state in reading order; raises FailedError for a definition that is none."""
    try:
        document = jsontext.loads(definition, source="definition")
    except UsageError as error:
        raise FailedError(f"the definition cannot be read: {error.message}") from error
    return list(_machine(document, 0, ""))


def _machine(machine: object, depth: int, label: str) -> Iterator[Node]:
    states = _object(_object(machine).get("States"))
    start = str(_object(machine).get("StartAt") or next(iter(states), ""))
    for name in _reading_order(states, start):
        state = _object(states[name])
        yield Node(
            name=name,
            type=str(state.get("Type") or "?"),
            depth=depth,
            label=label,
            is_start=name == start,
            is_end=bool(state.get("End")) or state.get("Type") in ("Succeed", "Fail"),
            retries=bool(state.get("Retry")),
            ways=_ways(state),
        )
        for number, inner in enumerate(_list(state.get("Branches"))):
            yield from _machine(inner, depth + 1, f"[{number}]")
        for key in _CONTAINERS.get(str(state.get("Type")), ()):
            if key in state:
                yield from _machine(state[key], depth + 1, "[*]")


def _reading_order(states: Mapping[str, object], start: str) -> list[str]:
    """Depth first along `Next` and the choices, then the handlers of errors, then what nobody reaches."""
    found: dict[str, None] = {}
    waiting = [*reversed(list(states)), start]
    while waiting:
        name = waiting.pop()
        if name in found or name not in states:
            continue
        found[name] = None
        ways = _ways(_object(states[name]))
        waiting += [way.to for way in reversed(sorted(ways, key=lambda way: way.kind == "catch"))]
    return list(found)


def _ways(state: Mapping[str, object]) -> list[Way]:
    ways = [
        Way(str(choice["Next"]), _condition(choice), "choice")
        for choice in map(_object, _list(state.get("Choices")))
        if "Next" in choice
    ]
    if "Default" in state:
        ways.append(Way(str(state["Default"]), "default", "choice"))
    if "Next" in state:
        ways.append(Way(str(state["Next"]), "next", "next"))
    for catch in map(_object, _list(state.get("Catch"))):
        ways.append(Way(str(catch.get("Next")), ", ".join(map(str, _list(catch.get("ErrorEquals")))), "catch"))
    return ways


def _condition(choice: Mapping[str, object]) -> str:
    """A choice's condition as it is written, without where it leads."""
    if "Condition" in choice:
        return str(choice["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    rest = {key: value for key, value in choice.items() if key not in ("Next", "Comment", "Assign", "Output")}
    variable = rest.pop("Variable", None)
    words = ", ".join(f"{key} {jsontext.dumps(value)}" for key, value in rest.items())
    return f"{variable} {words}" if variable else words


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
