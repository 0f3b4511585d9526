from __future__ import annotations

from decimal import Decimal

import pytest

from orderctl.assignments import Json
from orderctl.inventory.check import MAX_ITEM, item_size, stock_of
from orderctl.inventory.models import Stock


def faults(**values: Json) -> list[str]:
    stock, found = stock_of({"product_id": "w-1", "quantity": 1, **values})
    assert (stock is None) == bool(found)
    return found


def test_a_row_is_an_id_a_quantity_and_whatever_else() -> None:
    values: dict[str, Json] = {
        "product_id": "w-1",
        "quantity": "007",
        "color": "red",
        "size": [1, None, Decimal("1.50")],
    }
    assert stock_of(values) == (Stock("w-1", 7, {"color": "red", "size": [1, None, Decimal("1.50")]}), [])


@pytest.mark.parametrize(
    ("quantity", "fault"),
    [
        (None, "quantity is missing"),
        (-1, "quantity is -1, but stock is never below 0"),
        ("-3", "quantity is -3, but stock is never below 0"),
        (Decimal("1.5"), "quantity is 1.5, not a whole number"),
        (Decimal("5.0"), "quantity is 5.0, not a whole number"),
        ("NaN", "quantity is 'NaN', not a whole number"),
        ("1e3", "quantity is '1e3', not a whole number"),
        ("٣", "quantity is '٣', not a whole number"),
        ("", "quantity is '', not a whole number"),
        (True, "quantity is True, not a whole number"),
        ([1], "quantity is [1], not a whole number"),
        (10**38, "quantity has 39 digits, but DynamoDB keeps 38"),
        ("9" * 5000, "quantity has 5000 digits, but DynamoDB keeps 38"),
    ],
)
def test_a_quantity_is_a_whole_number_from_0_of_at_most_38_digits(quantity: Json, fault: str) -> None:
    assert faults(quantity=quantity) == [fault]


def test_the_largest_quantity_is_38_nines() -> None:
    assert faults(quantity=10**38 - 1) == []
    assert faults(quantity="0" * 50 + "5") == []


@pytest.mark.parametrize(
    ("product_id", "fault"),
    [
        (None, "product_id is missing"),
        ("", "product_id is missing"),
        (5, "product_id is 5, not text"),
        ("é" * 1025, "product_id has 2,050 bytes, but a key takes 2,048"),
        ("\ud800", "product_id is not valid Unicode"),
    ],
)
def test_a_product_id_is_text_that_fits_a_key(product_id: Json, fault: str) -> None:
    assert faults(product_id=product_id) == [fault]


def nested(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


def wrapped(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = {"$dynamodb": {"M": {"$dynamodb": value}}}
    return value


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (int("1" * 39), "a number of more than 38 digits"),
        (Decimal("1e126"), "1E+126 is outside what DynamoDB keeps (1E-130 to 9.99E+125)"),
        ({"a": ["\udfff"]}, "not valid Unicode"),
        (nested(33), "nested deeper than 32 levels"),
        ({"$dynamodb": 1}, "$dynamodb wants one of SS, NS, BS, B, M"),
        ({"$dynamodb": {"SS": []}}, "$dynamodb wants one of SS, NS, BS, B, M"),
        ({"$dynamodb": {"SS": ["a", "a"]}}, "SS holds a value twice"),
        ({"$dynamodb": {"NS": ["a"]}}, "NS holds 'a'"),
        ({"$dynamodb": {"B": "?"}}, "binary wants base64, not '?'"),
        (Decimal("0." + "1" * 5000), "a number of more than 38 digits"),
        (Decimal("0E+500"), "0E+500 is outside what DynamoDB keeps (1E-130 to 9.99E+125)"),
        ({"a": {"\ud800": 1}}, "a name in it is not valid Unicode"),
        ({"$dynamodb": {"NS": [int("1" * 39)]}}, "a number of more than 38 digits"),
        ({"$dynamodb": {"NS": [1, Decimal("1.0")]}}, "NS holds a value twice"),
        ({"$dynamodb": {"NS": [True]}}, "NS holds True"),
        ({"$dynamodb": {"SS": ["\ud800"]}}, "not valid Unicode"),
        (wrapped(33), "nested deeper than 32 levels"),
    ],
)
def test_attributes_pass_unless_dynamodb_cannot_hold_them(value: Json, fault: str) -> None:
    assert faults(extra=value) == [f"extra: {fault}"]


@pytest.mark.parametrize("value", ["", 10**60, Decimal("1e125"), nested(31), {"$dynamodb": {"B": "AAE="}}, {"": 1}])
def test_what_dynamodb_can_hold_passes(value: Json) -> None:
    assert faults(extra=value) == []


def test_the_hidden_attribute_cannot_be_seeded() -> None:
    assert faults(orderctl_marks="x") == ["orderctl_marks belongs to orderctl and cannot be seeded"]


def test_an_item_is_at_most_400_kb() -> None:
    empty = item_size({"product_id": "w-1", "quantity": 1, "note": ""})
    assert faults(note="x" * (MAX_ITEM - empty)) == []
    assert faults(note="x" * (MAX_ITEM - empty + 1)) == ["409,601 bytes as an item, but DynamoDB takes 409,600"]


def test_a_binary_counts_as_its_bytes_and_not_as_its_base64() -> None:
    assert faults(photo={"$dynamodb": {"B": "A" * 4 * 100_000}}) == []
    assert faults(photo={"$dynamodb": {"B": "A" * 4 * 140_000}}) != []


def test_every_fault_of_a_row_is_told() -> None:
    assert len(faults(product_id=1, quantity=-1, extra={"$dynamodb": 1})) == 3
