"""What is an order and what is not, the same for every function."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders_common.order import MAX_QUANTITY, ValidationError, parse_order

from orderctl.stack.functions.validate_order import handler
from tests.stack.functions.invocation import ORDER, Context

WRONG: dict[str, list[object]] = {
    "order_id": [None, "", "a b", "x" * 81, "ü", "a\n", 5],
    "user_id": [None, "", 5, "x" * 257],
    "product_id": [None, "", [], "x" * 257],
    "quantity": [None, 0, -1, 1.5, "2", True, [], MAX_QUANTITY + 1],
}


def test_an_order_comes_back_unchanged_with_the_fields_nobody_knows() -> None:
    order = {**ORDER, "note": "gift", "lines": [{"a": 1}]}
    assert parse_order(order) == order
    assert handler(order, Context()) == order


def test_an_order_found_valid_is_one_line_of_the_log_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    handler(ORDER, Context())
    (line,) = [vars(record) for record in caplog.records]
    assert (line["message"], line["order_id"]) == ("order accepted", "o-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG.items() for value in values],
)
def test_a_field_that_is_wrong_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        parse_order({**ORDER, field: value})


@pytest.mark.parametrize("candidate", [None, 5, "text", [], [ORDER]])
def test_what_is_no_object_is_no_order(candidate: object) -> None:
    with pytest.raises(ValidationError, match="JSON object"):
        handler(candidate, Context())


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_order({})
    assert [word for word in ("order_id", "user_id", "product_id", "quantity") if word in str(caught.value)] == [
        "order_id",
        "user_id",
        "product_id",
        "quantity",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON | st.fixed_dictionaries({}, optional={name: JSON for name in ORDER}))
def test_any_json_is_an_order_or_a_validation_error(candidate: Any) -> None:
    try:
        order = parse_order(candidate)
    except ValidationError:
        return
    assert order == candidate
    assert order["quantity"] >= 1
