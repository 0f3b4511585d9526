"""`--set path=value` and `--unset path`: edits of a JSON document given on a command line.

A path is `detail.items[0].sku`; a name that holds one of `. [ ] =` is written `detail["a.b"]`. A value is
read as JSON where it is JSON (`5`, `true`, `null`, `"5"`, `{"a": 1}`, `[1]`) and is text otherwise, so that
`--set sku=widget-1` needs no second pair of quotes. What opens like JSON and is none (`{"a": 1`) is an
error: silently taking it as text would put a typing mistake into somebody's order.

Documents are never changed in place: the caller still holds the old one, to show the difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from orderctl import jsontext
from orderctl.errors import UsageError

Json: TypeAlias = "str | int | Decimal | bool | list[Json] | dict[str, Json] | None"
Path: TypeAlias = tuple[str | int, ...]

_NAME = r"[^.\[\]=\"]+"
_STEP = re.compile(rf'\[(?P<index>\d{{1,9}})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|(?P<dot>\.)?(?P<name>{_NAME})')
_MUST_BE_JSON = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class Set:
    """Put `value` at `path`."""

    path: Path
    value: Json


@dataclass(frozen=True, slots=True)
class Unset:
    """Take away what is at `path`."""

    path: Path


Change: TypeAlias = Set | Unset


def changes(sets: Iterable[str] = (), unsets: Iterable[str] = ()) -> list[Change]:
    """What the `--set` and `--unset` options of one command line mean: sets first, in their order."""
    return [*map(parse_set, sets), *map(parse_unset, unsets)]


def parse_set(text: str) -> Set:
    """`path=value`; raises UsageError where there is no path, no `=`, or broken JSON."""
    path, end = _read_path(text, "--set")
    if text[end : end + 1] != "=":
        raise UsageError(f"--set wants PATH=VALUE, not {text!r}", hint="such as --set detail.sku=widget-1")
    return Set(path, parse_value(text[end + 1 :], f"--set {show(path)}"))


def parse_unset(text: str) -> Unset:
    """A path alone; raises UsageError for anything else."""
    path, end = _read_path(text, "--unset")
    if end != len(text):
        raise UsageError(f"--unset wants a path, not {text!r}", hint="such as --unset detail.coupon")
    return Unset(path)


def parse_value(text: str, source: str = "value") -> Json:
    """JSON where `text` is JSON, else the text itself. `source` names it in the error."""
    if text != text.strip():
        return text
    try:
        value: Json = jsontext.loads(text, source=source)
    except UsageError as error:
        if not text.startswith(_MUST_BE_JSON):
            return text
        hint = f"for this very text: {json.dumps(text)}"
        raise UsageError(f"{source}: opens like JSON but is none: {text!r}", hint=hint) from error
    return value


def apply(document: Json, wanted: Iterable[Change], *, existing: bool = False) -> Json:
    """A copy of `document` with every change made, in order.

    With `existing` a path that is not there is an error (a typing mistake in a redrive must not add a
    field); without it, missing objects on the way are made. Raises UsageError naming the path.
    """
    for change in wanted:
        if isinstance(change, Set):
            document = set_in(document, change.path, change.value, existing=existing)
        else:
            document = unset_in(document, change.path)
    return document


def set_in(document: Json, path: Path, value: Json, *, existing: bool = False) -> Json:
    """A copy of `document` with `value` at `path`; an index one past the end of a list appends."""
    return _set(document, path, 0, value, existing)


def unset_in(document: Json, path: Path) -> Json:
    """A copy of `document` without what is at `path`; raises UsageError where nothing is."""
    return _unset(document, path, 0)


def show(path: Path) -> str:
    """The path as somebody would type it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(_NAME, step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def _read_path(text: str, flag: str) -> tuple[Path, int]:
    """The path `text` starts with, and where it ends."""
    steps: list[str | int] = []
    position = 0
    while match := _STEP.match(text, position):
        if match["name"] is not None and (match["dot"] is not None) != bool(steps):
            break  # `.a` at the start, or `[0]a`
        steps.append(_step(match, flag, text))
        position = match.end()
    if not steps or text[position : position + 1] not in ("", "="):
        raise UsageError(f"{flag}: not a path: {text!r}", hint='such as detail.items[0].sku or detail["a.b"]')
    return tuple(steps), position


def _step(match: re.Match[str], flag: str, text: str) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["name"] is not None:
        return match["name"]
    try:
        return str(json.loads(match["quoted"]))
    except json.JSONDecodeError as error:
        raise UsageError(f"{flag}: not a path: {text!r}") from error


def _set(node: Json, path: Path, depth: int, value: Json, existing: bool) -> Json:
    if depth == len(path):
        return value
    step = path[depth]
    if isinstance(node, dict) and isinstance(step, str):
        if step not in node and existing:
            raise _missing(path, depth)
        return {**node, step: _set(node.get(step, _fresh(path, depth)), path, depth + 1, value, existing)}
    if isinstance(node, list) and isinstance(step, int):
        if step > len(node) or (step == len(node) and existing):
            raise _missing(path, depth)
        old = node[step] if step < len(node) else _fresh(path, depth)
        return [*node[:step], _set(old, path, depth + 1, value, existing), *node[step + 1 :]]
    raise _wrong_kind(path, depth, node)


def _unset(node: Json, path: Path, depth: int) -> Json:
    step = path[depth]
    is_last = depth == len(path) - 1
    if isinstance(node, dict) and isinstance(step, str):
        if step not in node:
            raise _missing(path, depth)
        rest = {key: item for key, item in node.items() if key != step}
        return rest if is_last else {**node, step: _unset(node[step], path, depth + 1)}
    if isinstance(node, list) and isinstance(step, int):
        if step >= len(node):
            raise _missing(path, depth)
        return [*node[:step], *([] if is_last else [_unset(node[step], path, depth + 1)]), *node[step + 1 :]]
    raise _wrong_kind(path, depth, node)


def _fresh(path: Path, depth: int) -> Json:
    """What is made where nothing was, to hold the next step."""
    if depth + 1 == len(path):
        return None
    return [] if isinstance(path[depth + 1], int) else {}


def _missing(path: Path, depth: int) -> UsageError:
    return UsageError(f"{show(path)}: there is no {show(path[: depth + 1])}")


def _wrong_kind(path: Path, depth: int, node: Json) -> UsageError:
    wanted = "a list" if isinstance(path[depth], int) else "an object"
    where = show(path[:depth]) or "the document"
    return UsageError(f"{show(path)}: {where} is not {wanted} but {_kind(node)}")


def _kind(node: Json) -> str:
    if isinstance(node, dict):
        return "an object"
    if isinstance(node, list):
        return "a list"
    if isinstance(node, str):
        return "text"
    if node is None or isinstance(node, bool):
        return json.dumps(node)
    return "a number"
