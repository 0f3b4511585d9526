from __future__ import annotations

from decimal import Decimal

import pytest

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.errors import UsageError
from orderctl.orders.order import MAX_INPUT, parse_order, quantity_from, same_input

GOOD: dict[str, Json] = {"order_id": "o-1", "user_id": "ada", "product_id": "widget-1", "quantity": 2}


def test_unknown_fields_pass_through_exactly() -> None:
    extra: dict[str, Json] = {
        "gift": True,
        "price": Decimal("1.10"),
        "nested": {"b": [1, None], "a": 12345678901234567890},
    }
    order = parse_order({**GOOD, **extra})
    assert order.document == {**GOOD, **extra}
    assert jsontext.loads(order.input_json) == {**GOOD, **extra}


def test_the_same_order_is_the_same_text_however_it_was_written() -> None:
    one = parse_order({**GOOD, "x": {"b": 1, "a": 2}})
    backwards: dict[str, Json] = {"x": {"a": 2, "b": 1}, **{name: GOOD[name] for name in reversed(GOOD)}}
    other = parse_order(backwards)
    assert one.input_json == other.input_json


@pytest.mark.parametrize("wrong", [0, -1, Decimal("1.5"), Decimal("1.0"), "2", "two", True, None, [1]])
def test_a_quantity_that_is_no_whole_number_from_one_is_refused_by_name(wrong: Json) -> None:
    with pytest.raises(UsageError, match="quantity"):
        parse_order({**GOOD, "quantity": wrong})


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "two", "", "1e3", "²", "9" * 5000])
def test_a_quantity_flag_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="quantity"):
        parse_order({**GOOD, "quantity": quantity_from(text)})


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 81, "ä", "a/b", 5, None])
def test_an_order_id_that_cannot_name_an_execution_is_refused(wrong: Json) -> None:
    with pytest.raises(UsageError, match="order_id"):
        parse_order({**GOOD, "order_id": wrong})


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_order({"order_id": "a b", "quantity": 0}, source="order.json")
    assert refused.value.message == (
        'order.json: order_id must be 1 to 80 of 0-9 A-Z a-z _ -, not "a b"; user_id is missing; '
        "product_id is missing; quantity must be a whole number of at least 1, not 0"
    )


def test_an_order_larger_than_an_input_may_be_is_refused() -> None:
    with pytest.raises(UsageError, match=str(MAX_INPUT)):
        parse_order({**GOOD, "note": "x" * MAX_INPUT})


def test_inputs_are_compared_as_json() -> None:
    assert same_input('{"a": 1, "b": 2}', '{"b":2,"a":1}')
    assert not same_input('{"a": 1}', '{"a": 2}')
    assert not same_input(None, "{}")


@pytest.mark.parametrize("where", [{"product_id": "w\udc9b"}, {"note": {"deep": ["\udcff"]}}])
def test_bytes_that_are_no_text_are_refused_before_anything_is_started(where: dict[str, Json]) -> None:
    order: dict[str, Json] = {"order_id": "o-1", "user_id": "ada", "product_id": "w", "quantity": 1}
    with pytest.raises(UsageError, match="UTF-8"):
        parse_order({**order, **where})
