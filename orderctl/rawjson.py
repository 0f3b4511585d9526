"""JSON looked into without being read: the exact source text of a value, as a slice.

A dead letter's payload must reach its consumer byte for byte. `json.loads` and `dumps` would turn `0.10` into
`0.1`, `1E400` into infinity and `\\u00e9` into `é`, so nothing that is forwarded goes through them: the text is
checked and cut here. The walk keeps its own stack, so that nesting costs no recursion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

MAX_DEPTH = 1000
"""Levels of nesting; the most EventBridge lets an event have (eventbridge/latest/userguide/eb-putevents)."""

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_SCALAR = re.compile(rf"{_STRING.pattern}|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null")
_STRING_OR_SPACE = re.compile(rf"({_STRING.pattern})|[ \t\n\r]++")
_CLOSER = {"{": "}", "[": "]"}


class MalformedJson(ValueError):
    """The text is no JSON, is nested too deep, or has one key twice, so that no slice of it can be trusted."""


def member(text: str, *path: str) -> str | None:
    """The source text of the member at `path`, without the white space around it; None where there is none.

    The whole text is checked first. Every object on the way must have each key once (compared as written out,
    so that `"a"` and `"\\u0061"` are the same): two readers could take different ones. Objects inside the value
    are not looked into, they go on as they are. A value on the way that is no object has no members: None.
    Raises `MalformedJson`.
    """
    found: str | None = check(text)
    for key in path:
        found = members(found).get(key) if found is not None and found[0] == "{" else None
    return found


def members(text: str) -> dict[str, str]:
    """Every member of one object, in order: the key read, the value as source text. Raises `MalformedJson`."""
    found: dict[str, str] = {}
    for key_start, key_end, start, end in _entries(text, "{"):
        key = json.loads(text[key_start:key_end])
        if key in found:
            raise MalformedJson(f"the key {json.dumps(key)} stands twice in one object")
        found[key] = text[start:end]
    return found


def elements(text: str) -> list[str]:
    """Every element of one array as source text. Raises `MalformedJson`."""
    return [text[start:end] for _, _, start, end in _entries(text, "[")]


def check(text: str) -> str:
    """`text` without the white space around it, once it is known to be one JSON value. Raises `MalformedJson`."""
    start = _space(text, 0)
    end = _value(text, start)
    _finish(text, end)
    return text[start:end]


def string(text: str) -> str | None:
    """The string that the source text stands for; None for any other value (or for None, to ease chaining)."""
    return str(json.loads(text)) if text.startswith('"') else None


def text_of(text: str, *path: str) -> str | None:
    """The string at `path`; None where there is none or where it is no string. Raises `MalformedJson`."""
    found = member(text, *path)
    return None if found is None else string(found)


def minified(text: str) -> str:
    """JSON without white space between its tokens; every token stays as it was written."""
    return _STRING_OR_SPACE.sub(lambda match: match.group(1) or "", text)


def _entries(text: str, opener: str) -> Iterator[tuple[int, int, int, int]]:
    """Key start and end (both equal in an array), value start and end of each entry of one container."""
    at = _space(text, 0)
    if text[at : at + 1] != opener:
        raise MalformedJson(f"{opener!r} expected at character {at}")
    at = _space(text, at + 1)
    is_first = True
    while text[at : at + 1] != _CLOSER[opener]:
        if not is_first:
            at = _space(text, _token(text, at, ","))
        key_start, key_end = at, at
        if opener == "{":
            key_end, at = _key(text, at)
        end = _value(text, at)
        yield key_start, key_end, at, end
        at, is_first = _space(text, end), False
    _finish(text, at + 1)


def _value(text: str, at: int) -> int:
    """Where the value that starts at `at` ends. One turn of the outer loop reads one value or opens one container."""
    open_: list[str] = []
    while True:
        if scalar := _SCALAR.match(text, at):
            at = scalar.end()
        elif closer := _CLOSER.get(text[at : at + 1]):
            open_.append(closer)
            if len(open_) > MAX_DEPTH:
                raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
            at = _space(text, at + 1)
            if text[at : at + 1] != closer:
                at = _start_of_entry(text, at, closer)
                continue
        else:
            raise MalformedJson(f"a value expected at character {at}")
        while open_ and text[(at := _space(text, at)) : at + 1] == open_[-1]:
            open_.pop()
            at += 1
        if not open_:
            return at
        at = _start_of_entry(text, _space(text, _token(text, at, ",")), open_[-1])


def _start_of_entry(text: str, at: int, closer: str) -> int:
    return _key(text, at)[1] if closer == "}" else at


def _key(text: str, at: int) -> tuple[int, int]:
    """Where the key at `at` ends, and where its value starts."""
    key = _STRING.match(text, at)
    if key is None:
        raise MalformedJson(f"a key expected at character {at}")
    return key.end(), _space(text, _token(text, _space(text, key.end()), ":"))


def _token(text: str, at: int, token: str) -> int:
    if text[at : at + 1] != token:
        raise MalformedJson(f"{token!r} expected at character {at}")
    return at + 1


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _finish(text: str, at: int) -> None:
    if _space(text, at) != len(text):
        raise MalformedJson(f"text goes on after the end at character {at}")
