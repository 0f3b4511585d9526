"""A structural check of Amazon States Language: what a deployment would refuse, and what would fail only later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

State = Mapping[str, Any]

TYPES = {"Task", "Choice", "Parallel", "Map", "Pass", "Wait", "Succeed", "Fail"}
ENDINGS = {"Succeed", "Fail"}
RETRY_FIELDS = {
    "Comment",
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
}
JSONPATH_ONLY = {
    "InputPath",
    "OutputPath",
    "ResultPath",
    "Parameters",
    "ResultSelector",
    "Variable",
    "TimeoutSecondsPath",
}
JSONATA_ONLY = {"Arguments", "Output", "Condition"}


def faults(definition: State) -> list[str]:
    """Every fault of a state machine, in words; empty when it is sound."""
    return list(_machine_faults(definition, definition.get("QueryLanguage", "JSONPath"), "machine"))


def expressions(node: object) -> Iterator[str]:
    """Every JSONata expression in it, without its `{% %}`."""
    if isinstance(node, str) and node.startswith("{%"):
        yield node[2:-2].strip()
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def states(definition: State) -> Iterator[tuple[str, State]]:
    """Every state with its name, those inside Parallel and Map too."""
    for name, state in definition["States"].items():
        yield name, state
        for inner in _inner(state):
            yield from states(inner)


def _machine_faults(machine: State, language: str, place: str) -> Iterator[str]:
    names = machine["States"]
    if machine.get("StartAt") not in names:
        yield f"{place}: StartAt names no state"
        return
    for name, state in names.items():
        yield from _state_faults(name, state, names, state.get("QueryLanguage", language))
        for inner in _inner(state):
            yield from _machine_faults(inner, language, name)
    reached = _reachable(machine["StartAt"], names)
    yield from (f"{name}: cannot be reached" for name in names if name not in reached)
    if not any(_ends(names[name]) for name in reached):
        yield f"{place}: has no end"


def _state_faults(name: str, state: State, names: Mapping[str, State], language: str) -> Iterator[str]:
    kind = state.get("Type")
    if kind not in TYPES:
        yield f"{name}: unknown type {kind}"
        return
    for target in _targets(state):
        if target not in names:
            yield f"{name}: goes to {target}, which does not exist"
    ways_out = ("Next" in state) + ("End" in state)
    if ways_out != (0 if kind in ENDINGS | {"Choice"} else 1):
        yield f"{name}: has {ways_out} of Next and End"
    if kind == "Choice" and not state.get("Choices"):
        yield f"{name}: has no choices"
    if kind == "Choice" and "Default" not in state:
        yield f"{name}: has no Default, so an unforeseen case fails as States.NoChoiceMatched"
    yield from _handler_faults(name, state)
    yield from _language_faults(name, state, language)


def _handler_faults(name: str, state: State) -> Iterator[str]:
    for field in ("Retry", "Catch"):
        if field in state and state["Type"] not in {"Task", "Parallel", "Map"}:
            yield f"{name}: {field} on a {state['Type']}"
        rules = state.get(field, [])
        for position, rule in enumerate(rules):
            errors = rule.get("ErrorEquals")
            if not errors or not all(isinstance(error, str) for error in errors):
                yield f"{name}: {field} without ErrorEquals"
            elif "States.ALL" in errors and (len(errors) > 1 or position < len(rules) - 1):
                yield f"{name}: States.ALL must stand alone and last in {field}"
            if field == "Catch" and "Next" not in rule:
                yield f"{name}: Catch without Next"
            if field == "Retry" and (unknown := rule.keys() - RETRY_FIELDS):
                yield f"{name}: Retry knows no {sorted(unknown)}"
            if field == "Retry" and rule.get("BackoffRate", 2) < 1:
                yield f"{name}: BackoffRate below 1"


def _language_faults(name: str, state: State, language: str) -> Iterator[str]:
    foreign = JSONPATH_ONLY if language == "JSONata" else JSONATA_ONLY
    parts = [state, *state.get("Choices", []), *state.get("Catch", [])]
    for part in parts:
        for field in sorted(part.keys() & foreign):
            yield f"{name}: {field} does not belong to {language}"
    yield from (f"{name}: {path} is a JSONPath field" for path in _paths(parts) if language == "JSONata")
    for text in _texts(parts):
        if text.startswith("{%") != text.endswith("%}"):
            yield f"{name}: half an expression: {text}"
        if text.startswith("{%") and language != "JSONata":
            yield f"{name}: a JSONata expression in {language}"


def _paths(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key.endswith(".$"):
                yield key
            if key not in ("Branches", "ItemProcessor"):
                yield from _paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _paths(value)


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key not in ("Branches", "ItemProcessor", "Comment"):
                yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def _inner(state: State) -> list[State]:
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _targets(state: State) -> list[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return [way["Next"] for way in ways if "Next" in way] + ([state["Default"]] if "Default" in state else [])


def _reachable(start: str, names: Mapping[str, State]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in names and name not in reached:
            reached.add(name)
            waiting += _targets(names[name])
    return reached


def _ends(state: State) -> bool:
    return state["Type"] in ENDINGS or bool(state.get("End"))
