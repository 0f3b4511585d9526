"""What one target receives of an event: Input, InputPath or InputTransformer, applied as EventBridge does.

A dead letter of a target holds the event as it was, not what the target would have got, so the change is made
here again. The sources are the page eventbridge/latest/userguide/eb-transform-target-input, the API pages
API_Target and API_InputTransformer, and messages recorded on AWS. From these:

- a variable outside quotes becomes its value's JSON text; inside quotes a string becomes its bare characters, and
  a list or object in a string template loses its quotes (`{acc_id:0a78,sf_id:baz}`);
- a path that leads nowhere becomes `""` outside quotes and nothing inside;
- a JSON template is passed on minified, a string template with its quotes, line by line as it is.

Where neither a page nor a recording says what AWS sends, `NotReproducible` is raised, never a guess delivered:
the ingestion time (it is not in the event), `aws.events.event` (AWS writes `detailType` and a time of its own
form), a variable whose value is null, text with escapes put inside quotes (AWS does not escape it, and what
comes out is no JSON), an object inside a string of a JSON template (AWS delivers nothing), templates without
quotes or braces, `<` or `>` that enclose no variable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Protocol

from orderctl import rawjson
from orderctl.events.json_path import NotReproducible, find

__all__ = ["NotReproducible", "TargetInput", "target_input"]

_PIECES = re.compile(r"<([^<>\s\"]+)>|(\\.)|(\")|[^<\\\"]+|.", re.DOTALL)

_UNKNOWN = {
    "aws.events.event.ingestion-time": "the time EventBridge received the event is not in the event",
    "aws.events.event": "AWS writes the event without its detail in a form that is not documented",
}


class TargetInput(Protocol):
    """What a rule's target says of its input; at most one of input, path and template is set (API_Target)."""

    @property
    def rule_arn(self) -> str:
        """The rule, for the reserved variables."""

    @property
    def input(self) -> str | None:
        """`Input`: constant JSON text, the event is not looked at."""

    @property
    def input_path(self) -> str | None:
        """`InputPath`: one part of the event."""

    @property
    def input_paths(self) -> Mapping[str, str] | None:
        """`InputTransformer.InputPathsMap`: variable -> path."""

    @property
    def input_template(self) -> str | None:
        """`InputTransformer.InputTemplate`."""


def target_input(target: TargetInput, event_text: str) -> str:
    """The text that the target is sent for the event `event_text`; every number and string as the event has it.

    Raises `NotReproducible` where AWS's text cannot be known.
    """
    try:
        if target.input is not None:
            return target.input
        if target.input_path is not None:
            return _at(event_text, target.input_path)
        if target.input_template is not None:
            return _filled(target, target.input_template, event_text)
    except rawjson.MalformedJson as error:
        raise NotReproducible(f"the event cannot be read: {error}") from error
    return event_text


def _at(event_text: str, path: str) -> str:
    found = find(event_text, path)
    if found is None:
        raise NotReproducible(f"the event has nothing at {path}, and what AWS sends then is not documented")
    return found


def _filled(target: TargetInput, template: str, event_text: str) -> str:
    is_json = template.lstrip()[:1] in ("{", "[")
    values = _Values(target, event_text)
    text, is_quoted, has_variable = "", False, False
    for piece in _PIECES.finditer(template):
        name, _, quote = piece.groups()
        if name is None:
            text += _without_brackets(piece.group())
        elif is_quoted or is_json:
            text += values.inside(name, is_json) if is_quoted else values.outside(name)
            has_variable = True
        else:
            raise NotReproducible(f"<{name}> stands outside quotes in a template that is text")
        if quote:
            is_quoted = not is_quoted
        if not is_quoted and has_variable:
            has_variable = False
            if template[piece.end() :].lstrip().startswith(":"):
                raise NotReproducible("a variable stands in a key of the template, which AWS does not allow")
    return _checked(text, is_json)


def _checked(text: str, is_json: bool) -> str:
    if is_json:
        try:
            return rawjson.minified(rawjson.check(text))
        except rawjson.MalformedJson as error:
            raise NotReproducible(f"the filled template is no JSON, AWS delivers nothing then: {error}") from error
    for line in text.strip().split("\n"):
        if not line.strip().startswith('"') or not _is_json(line):
            raise NotReproducible("the template is neither JSON nor text in quotes")
    return text


def _without_brackets(text: str) -> str:
    if "<" in text or ">" in text:
        raise NotReproducible("the template has < or > around no variable; what AWS sends then is not documented")
    return text


class _Values:
    """The variables of one event and one target."""

    def __init__(self, target: TargetInput, event_text: str) -> None:
        self._paths = target.input_paths or {}
        self._event = event_text
        rule = target.rule_arn
        self._reserved = {"aws.events.rule-arn": rule, "aws.events.rule-name": rule.rsplit("/", 1)[-1]}

    def outside(self, name: str) -> str:
        """The JSON text of a variable that stands outside quotes."""
        if name == "aws.events.event.json":
            return rawjson.check(self._event)
        return self._value(name) or '""'

    def inside(self, name: str, is_json: bool) -> str:
        """The characters of a variable that stands inside quotes."""
        if name == "aws.events.event.json":
            raise NotReproducible(f"<{name}> inside quotes is not allowed by AWS, its contents are not escaped")
        value = rawjson.minified(self._value(name) or "")
        if "\\" in value:
            raise NotReproducible(f"the value of <{name}> has escapes and stands inside quotes; AWS does not escape it")
        if is_json and value[:1] in ("{", "["):
            raise NotReproducible(f"<{name}> is no text but stands inside quotes; AWS delivers nothing then")
        return value.replace('"', "")

    def _value(self, name: str) -> str | None:
        if name in _UNKNOWN:
            raise NotReproducible(f"the template uses <{name}>: {_UNKNOWN[name]}")
        if name in self._reserved:
            return json.dumps(self._reserved[name], ensure_ascii=False)
        if name not in self._paths:
            raise NotReproducible(f"the template uses <{name}>, which the input paths do not define")
        found = find(self._event, self._paths[name])
        if found == "null":
            raise NotReproducible(f"<{name}> is null in the event, and what AWS sends then is not documented")
        return found


def _is_json(text: str) -> bool:
    try:
        rawjson.check(text)
    except rawjson.MalformedJson:
        return False
    return True
