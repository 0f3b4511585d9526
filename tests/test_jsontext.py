from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl import jsontext
from orderctl.errors import UsageError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_what_is_written_reads_back_the_same(value: object, indent: int | None) -> None:
    assert jsontext.loads(jsontext.dumps(value, indent=indent)) == value


@given(st.text())
def test_no_character_a_terminal_acts_on_is_written(text: str) -> None:
    written = jsontext.dumps({text: text})
    assert not set(written) & {"\x1b", "\x9b", "\u202e", "\u2066", "\x00", "\u200f"}
    assert json.loads(written) == {text: text}


def test_numbers_keep_their_digits() -> None:
    text = '{"a": 0.10, "b": 12345678901234567890.5, "c": 9007199254740993}'
    assert jsontext.dumps(jsontext.loads(text)) == text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"a": NaN}', "f:1: NaN is not JSON"),
        ('{"a":\n -Infinity}', "f:2: -Infinity is not JSON"),
        ('{"a": 1,\n"b": 2,\n"a": 3}', "the key 'a' stands twice in one object"),
        ('{"a": }', "f:1: not valid JSON: Expecting value"),
        ("[" * 100_000, "f:1: nested deeper than 200 levels"),
        ("1" * 5000, "f:1: a number has too many digits"),
        ("-1E-99999999999999999999", "f:1: a number has too large an exponent"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_line(text: str, error: str) -> None:
    with pytest.raises(UsageError) as refused:
        jsontext.loads(text, source="f")
    assert error in refused.value.message
