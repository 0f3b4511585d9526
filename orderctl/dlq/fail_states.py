"""The Fail states of a state machine: what it ends in on purpose, and will end in again.

A letter whose error is one of these was not bad luck: the same input takes the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def fail_states(definition: str) -> dict[str, str | None]:
    """State name to its `Error`, also inside Map and Parallel; None where the error is made at run time.

    A definition that cannot be read has none: this is only ever a warning.
    """
    try:
        document = json.loads(definition)
    except ValueError:
        return {}
    return dict(_fails(document)) if isinstance(document, dict) else {}


def _fails(machine: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    states = machine.get("States")
    for name, state in (states if isinstance(states, dict) else {}).items():
        if not isinstance(state, dict):
            continue
        if state.get("Type") == "Fail":
            error = state.get("Error")
            yield str(name), error if isinstance(error, str) and not error.startswith("{%") else None
        for inner in (state.get("Iterator"), state.get("ItemProcessor"), *_list(state.get("Branches"))):
            if isinstance(inner, dict):
                yield from _fails(inner)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
