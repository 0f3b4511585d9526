from __future__ import annotations

import copy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl import assignments
from orderctl.assignments import Json, Path, Set, Unset, apply, parse_set, parse_unset, parse_value
from orderctl.errors import UsageError

NAMES = st.text(min_size=1, max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
DOCUMENTS: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)


def paths_of(document: Json, above: Path = ()) -> list[Path]:
    """Every path that exists, parents before children."""
    found: list[Path] = [above] if above else []
    if isinstance(document, dict):
        for key, item in document.items():
            found += paths_of(item, (*above, key))
    elif isinstance(document, list):
        for index, item in enumerate(document):
            found += paths_of(item, (*above, index))
    return found


def value_at(document: Json, path: Path) -> Json:
    for step in path:
        document = document[step]  # type: ignore[index]
    return document


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("sku=widget-1", ("sku",), "widget-1"),
        ("quantity=5", ("quantity",), 5),
        ("price=1.50", ("price",), Decimal("1.50")),
        ('order_id="5"', ("order_id",), "5"),
        ("gift=true", ("gift",), True),
        ("coupon=null", ("coupon",), None),
        ("note=", ("note",), ""),
        ("note= 5", ("note",), " 5"),
        ("sku=007", ("sku",), "007"),
        ("n=NaN", ("n",), "NaN"),
        ("n=-", ("n",), "-"),
        ("formula=a=b", ("formula",), "a=b"),
        ("detail.items[0].sku=x", ("detail", "items", 0, "sku"), "x"),
        ('detail["a.b"][2]={"k": [1]}', ("detail", "a.b", 2), {"k": [1]}),
        ("replay-name=r", ("replay-name",), "r"),
    ],
)
def test_a_set_is_a_path_and_a_value_that_is_json_where_it_can_be(text: str, path: Path, value: Json) -> None:
    assert parse_set(text) == Set(path, value)


@pytest.mark.parametrize(
    "text", ["", "=5", "sku", ".sku=1", "a..b=1", "a[=1", "a[x]=1", "a.=1", "a]=1", "[0]a=1", 'a"b=1']
)
def test_what_is_no_assignment_is_a_usage_error_naming_it(text: str) -> None:
    with pytest.raises(UsageError, match="--set") as caught:
        parse_set(text)
    assert repr(text) in caught.value.message


@pytest.mark.parametrize("text", ['{"a": 1', "[1,", '"open', '{"a": 1, "a": 2}'])
def test_broken_json_is_refused_rather_than_taken_as_text(text: str) -> None:
    with pytest.raises(UsageError, match="opens like JSON") as caught:
        parse_value(text)
    assert caught.value.hint is not None


def test_the_hint_of_broken_json_is_a_value_that_means_the_text() -> None:
    with pytest.raises(UsageError) as caught:
        parse_value('[draft] "x"')
    hint = str(caught.value.hint).removeprefix("for this very text: ")
    assert parse_value(hint) == '[draft] "x"'


def test_unset_takes_a_path_alone() -> None:
    assert parse_unset("detail.items[1]") == Unset(("detail", "items", 1))
    with pytest.raises(UsageError, match="--unset"):
        parse_unset("a=1")


def test_sets_and_unsets_of_a_command_line_apply_in_order() -> None:
    wanted = assignments.changes(["a.b=1", "a.b=2", "a.c=3"], ["a.c"])
    assert apply({}, wanted) == {"a": {"b": 2}}


def test_missing_objects_and_lists_on_the_way_are_made() -> None:
    assert apply({"x": 1}, [Set(("a", "b", 0, "c"), 5)]) == {"x": 1, "a": {"b": [{"c": 5}]}}


def test_an_index_one_past_the_end_appends_and_further_is_an_error() -> None:
    assert apply({"a": [1]}, [Set(("a", 1), 2)]) == {"a": [1, 2]}
    with pytest.raises(UsageError, match=r"a\[3\]: there is no a\[3\]"):
        apply({"a": [1]}, [Set(("a", 3), 2)])


@pytest.mark.parametrize("path", [("detail", "skuu"), ("details", "sku"), ("detail", "list", 1)])
def test_with_existing_a_path_that_is_not_there_is_an_error(path: Path) -> None:
    document: Json = {"detail": {"sku": "a", "list": [1]}}
    with pytest.raises(UsageError, match="there is no"):
        apply(document, [Set(path, "b")], existing=True)


def test_a_path_through_a_scalar_or_the_wrong_container_is_an_error() -> None:
    with pytest.raises(UsageError, match="a is not an object but text"):
        apply({"a": "x"}, [Set(("a", "b"), 1)])
    with pytest.raises(UsageError, match="a is not a list but an object"):
        apply({"a": {"b": 1}}, [Set(("a", 0), 1)])
    with pytest.raises(UsageError, match="the document is not an object but a list"):
        apply([1], [Unset(("a",))])


def test_unsetting_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"there is no a\.c"):
        apply({"a": {"b": 1}}, [Unset(("a", "c"))])


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_a_set_changes_its_path_and_nothing_else(document: Json, value: Json, data: st.DataObject) -> None:
    paths = paths_of(document)
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    before = copy.deepcopy(document)
    after = apply(document, [Set(path, value)], existing=True)
    assert document == before
    assert value_at(after, path) == value
    assert apply(after, [Set(path, value_at(before, path))], existing=True) == before


@given(st.lists(NAMES | st.integers(0, 999), min_size=1, max_size=4))
def test_a_path_reads_back_as_it_is_shown(steps: list[str | int]) -> None:
    assert parse_unset(assignments.show(tuple(steps))) == Unset(tuple(steps))
