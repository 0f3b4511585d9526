"""Which Lambda functions a workflow calls, and with which request each call was made.

The definition names the function of a state; the history may name it too, and mostly the request: Step
Functions keeps Lambda's request id in the result of `lambda:invoke`, a failed Python function puts its own
into the cause. A state that calls a function by its bare ARN leaves no id, emulators leave none at all: then
only the span of time is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from orderctl.orders.cause import decode
from orderctl.orders.models import HistoryEvent

_LAMBDA_ARN = ":function:"
_BEGINS = ("TaskScheduled", "LambdaFunctionScheduled")
_ENDS = ("Succeeded", "Failed", "TimedOut")


@dataclass(slots=True)
class Invocation:
    """One attempt of one state that calls a function; `function` is a name or an ARN, or None where unknown."""

    state: str
    function: str | None
    since: datetime
    until: datetime | None = None
    request_id: str | None = None


def functions_of(definition: str) -> dict[str, str]:
    """State to function, for every state that calls one by a fixed name."""
    try:
        document = json.loads(definition)
    except ValueError:
        return {}
    return dict(_in_machine(document))


def invocations(events: Iterable[HistoryEvent], functions: Mapping[str, str]) -> list[Invocation]:
    """Every call of a function in a history; `functions` are those of the definition, by state."""
    found: list[Invocation] = []
    at: dict[int, Invocation | None] = {}
    states: dict[int, str] = {}
    state = ""
    for event in events:
        state = (
            (event.state or "") if event.type.endswith("StateEntered") else states.get(event.previous_id or 0, state)
        )
        states[event.id] = state
        before = at.get(event.previous_id) if event.previous_id is not None else (found[-1] if found else None)
        if event.type in _BEGINS:
            before = _begun(event, state, functions)
            found += [before] if before is not None else []
        elif before is not None and event.type.startswith(("Task", "LambdaFunction")):
            _learn(before, event)
        at[event.id] = before
    return found


def _begun(event: HistoryEvent, state: str, functions: Mapping[str, str]) -> Invocation | None:
    named = functions.get(state)
    if event.type == "LambdaFunctionScheduled":
        return Invocation(state, event.text("resource") or named, event.timestamp)
    if event.text("resourceType") != "lambda":
        return None
    said = _object(event.text("parameters")).get("FunctionName")
    return Invocation(state, said if isinstance(said, str) else named, event.timestamp)


def _learn(invocation: Invocation, event: HistoryEvent) -> None:
    """What a later event of the same attempt tells: its end, and its request."""
    if event.type.endswith(_ENDS) and invocation.until is None:
        invocation.until = event.timestamp
    metadata = _object(event.text("output")).get("SdkResponseMetadata")
    said = metadata.get("RequestId") if isinstance(metadata, dict) else None
    request_id = said or decode(event.text("error"), event.text("cause")).request_id
    invocation.request_id = invocation.request_id or (str(request_id) if request_id else None)


def _in_machine(machine: object) -> Iterator[tuple[str, str]]:
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in (states if isinstance(states, dict) else {}).items():
        if not isinstance(state, dict):
            continue
        function = _called(state)
        if function is not None:
            yield name, function
        for inner in [*(state.get("Branches") or []), state.get("ItemProcessor"), state.get("Iterator")]:
            yield from _in_machine(inner)


def _called(state: Mapping[str, object]) -> str | None:
    resource = str(state.get("Resource") or "")
    if _LAMBDA_ARN in resource:
        return resource
    given = state.get("Arguments") or state.get("Parameters")
    if ":lambda:invoke" not in resource or not isinstance(given, dict):
        return None
    name = given.get("FunctionName")
    return name if isinstance(name, str) and not name.startswith("{%") else None


def _object(text: str | None) -> Mapping[str, object]:
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
