"""The part of JSONPath that EventBridge reads in InputPath and in an input paths map.

Documented syntax: dots, dashes, underscores, letters and digits, forward slashes, array indices and `*`
(eventbridge/latest/userguide/eb-transform-target-input). What `*` and other paths to several values deliver is
not documented, so they are refused here. A key in brackets, `['a b']`, can mean only one thing and is read.
Values are source text: a number keeps its digits.
"""

from __future__ import annotations

import re

from orderctl import rawjson
from orderctl.errors import RefusedError

_STEP = re.compile(r"""\.([\w/-]+)|\[([0-9]+)\]|\['([^'\\]+)'\]|\["([^"\\]+)"\]""", re.ASCII)


class NotReproducible(RefusedError):
    """What AWS would deliver is not recoverable or not documented, so nothing is delivered in its place."""

    @property
    def reason(self) -> str:
        """What stands in the way, in words."""
        return self.message


def find(text: str, path: str) -> str | None:
    """The source text of the value at `path` in the JSON document `text`; None where the path leads nowhere.

    Raises `NotReproducible` for a path outside the subset, `rawjson.MalformedJson` for a text that is no JSON.
    """
    found: str | None = rawjson.check(text)
    for step in steps(path):
        if found is None:
            return None
        found = _element(found, step) if isinstance(step, int) else _member(found, step)
    return found


def steps(path: str) -> list[str | int]:
    """The keys and indices of a path after `$`. Raises `NotReproducible` for a path outside the subset."""
    at, result = 1, list[str | int]()
    while path[:1] == "$" and at < len(path) and (match := _STEP.match(path, at)):
        name, index, single, double = match.groups()
        result.append(int(index) if index else name or single or double)
        at = match.end()
    if path[:1] != "$" or at != len(path):
        raise NotReproducible(f"what EventBridge makes of the path {path!r} is not documented")
    return result


def _member(text: str, key: str) -> str | None:
    return rawjson.members(text).get(key) if text[0] == "{" else None


def _element(text: str, index: int) -> str | None:
    found = rawjson.elements(text) if text[0] == "[" else []
    return found[index] if index < len(found) else None
