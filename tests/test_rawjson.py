"""Slices of JSON text: never a wrong one, never a changed byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl import rawjson
from orderctl.rawjson import MalformedJson

SPACES = st.text(alphabet=" \t\r\n", max_size=3)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


def _escaped(text: str) -> str:
    """A JSON string with every third character written as an escape, half of them needlessly."""
    units = [
        f"\\u{ord(character):04X}" if number % 3 == 0 and ord(character) < 0x10000 else json.dumps(character)[1:-1]
        for number, character in enumerate(text)
    ]
    return f'"{"".join(units)}"'


STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(_escaped)
SCALARS = NUMBERS | STRINGS | st.sampled_from(["true", "false", "null", "1E400", "12345678901234567890.50"])


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    entry = st.tuples(SPACES, st.text(max_size=3).map(json.dumps), SPACES, SPACES, values, SPACES)
    entries = st.lists(entry, max_size=4, unique_by=lambda parts: str(json.loads(parts[1])))
    return entries.map(lambda found: "{" + ",".join(f"{a}{k}{b}:{c}{v}{d}" for a, k, b, c, v, d in found) + "}")


def _arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    entries = st.lists(st.tuples(SPACES, values, SPACES).map("".join), max_size=4)
    return entries.map(lambda found: "[" + ",".join(found) + "]")


DOCUMENTS = st.recursive(SCALARS, lambda inner: _objects(inner) | _arrays(inner), max_leaves=20)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS, SPACES, SPACES, SPACES)
def test_a_member_comes_out_byte_for_byte_whatever_stands_around_it(
    before: str, value: str, after: str, one: str, two: str, three: str
) -> None:
    text = f'{one}{{{two}"before":{before},"requestPayload"{two}:{one}{value}{three},"after":{after}{one}}}{two}'
    assert rawjson.member(text, "requestPayload") == value
    nested = f'{{"a":{before},"record":{text},"z":{after}}}'
    assert rawjson.member(nested, "record", "requestPayload") == value


@given(DOCUMENTS)
def test_every_entry_found_is_the_value_that_the_standard_library_reads(text: str) -> None:
    value = json.loads(text)
    if isinstance(value, dict):
        assert [(k, json.loads(v)) for k, v in rawjson.members(text).items()] == list(value.items())
    elif isinstance(value, list):
        assert [json.loads(element) for element in rawjson.elements(text)] == value
    assert rawjson.check(f" {text}\n") == text


@given(DOCUMENTS)
def test_minified_text_has_the_same_tokens_and_no_space_between_them(text: str) -> None:
    small = rawjson.minified(text)
    assert json.loads(small, parse_float=str, parse_int=str) == json.loads(text, parse_float=str, parse_int=str)
    assert rawjson.minified(small) == small


def _reads(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


@given(DOCUMENTS, st.integers(0, 200), st.sampled_from(["", ",", "]", "}", '"', "\\", "0", "x", "\x01", "NaN", ":"]))
def test_damaged_text_is_an_error_exactly_where_the_standard_library_says_so(text: str, at: int, junk: str) -> None:
    damaged = text[: at % (len(text) + 1)] + junk + text[at % (len(text) + 1) + (not junk) :]
    if _reads(damaged):
        assert json.loads(rawjson.check(damaged), parse_float=str) == json.loads(damaged, parse_float=str)
    else:
        with pytest.raises(MalformedJson):
            rawjson.check(damaged)
        with pytest.raises(MalformedJson):
            rawjson.member(damaged, "a")


def test_numbers_and_escapes_keep_their_text() -> None:
    text = '{"a": {"n": [0.10, 1E400, 12345678901234567890.5, -0], "s": "\\u00e9\\/"} }'
    assert rawjson.member(text, "a", "n") == "[0.10, 1E400, 12345678901234567890.5, -0]"
    assert rawjson.member(text, "a", "s") == '"\\u00e9\\/"'
    assert rawjson.text_of(text, "a", "s") == "é/"


def test_what_is_not_there_is_none() -> None:
    assert rawjson.member('{"a":1}', "b") is None
    assert rawjson.member('{"a":1}', "a", "b") is None
    assert rawjson.member("[1]", "0") is None
    assert rawjson.text_of('{"a":1}', "a") is None


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"b":{"a":1,"a":2}}'])
def test_a_key_given_twice_is_refused_on_the_way_to_a_value(text: str) -> None:
    with pytest.raises(MalformedJson, match=r"a. stands twice"):
        rawjson.member(text, "b", "a")


def test_a_key_given_twice_inside_the_value_goes_on_as_it_is() -> None:
    assert rawjson.member('{"p":{"a":1,"a":2}}', "p") == '{"a":1,"a":2}'


def test_nesting_is_bounded_and_costs_no_recursion() -> None:
    deep = "[" * rawjson.MAX_DEPTH + "]" * rawjson.MAX_DEPTH
    assert rawjson.check(deep) == deep
    with pytest.raises(MalformedJson, match="deeper than 1000"):
        rawjson.check(f"[{deep}]")
    with pytest.raises(MalformedJson, match="deeper"):
        rawjson.check("[" * 1_000_000)
