from __future__ import annotations

import pytest

from orderctl.errors import ConflictError, NotFoundError, UsageError
from orderctl.inventory import shelf
from orderctl.inventory.models import Odd, Stock, mark_of
from orderctl.inventory.shelf import Adjusted
from tests.fakes.stock import FakeStockTable


def test_the_lowest_stock_comes_first_and_only_so_many_are_held() -> None:
    rows = (Stock(f"p{n:03}", n % 10) for n in range(100))
    found = shelf.lowest(rows, most=3)
    assert [(one.product_id, one.quantity) for one in found.rows] == [("p000", 0), ("p010", 0), ("p020", 0)]
    assert found.count == 100


def test_pages_one_after_another_are_all_rows_in_order() -> None:
    rows = [Stock(f"p{n:03}", n * 7 % 10) for n in range(100)]
    told: list[Stock] = []
    after = None
    while page := shelf.lowest(rows, most=9, after=after).rows:
        told += page
        after = shelf.place_of(f"{page[-1].quantity}:{page[-1].product_id}")
    assert told == sorted(rows, key=lambda row: (row.quantity, row.product_id))


@pytest.mark.parametrize("text", ["", "3", ":a", "x:a", "1.5:a", "\u0663:a"])
def test_a_place_is_a_quantity_and_an_id(text: str) -> None:
    with pytest.raises(UsageError, match="QUANTITY:PRODUCT_ID"):
        shelf.place_of(text)


def test_rows_that_are_no_stock_are_told_apart() -> None:
    odd = Odd("x", "quantity is missing")
    assert shelf.lowest([odd, Stock("a", 1)], most=5) == shelf.Lowest([Stock("a", 1)], 2, [odd])


def test_a_product_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="no product 'a'"):
        shelf.get(FakeStockTable(), "a")
    with pytest.raises(NotFoundError, match="no product 'a'"):
        shelf.adjust(FakeStockTable(), "a", 1)


@pytest.mark.parametrize(("by", "quantity"), [(5, 8), (-3, 0)])
def test_adjust_adds_a_difference(by: int, quantity: int) -> None:
    table = FakeStockTable(Stock("a", 3))
    assert shelf.foretell(table, "a", by) == Adjusted("a", quantity, 3)
    assert table.rows["a"] == Stock("a", 3)
    assert shelf.adjust(table, "a", by) == Adjusted("a", quantity, 3)
    assert table.rows["a"] == Stock("a", quantity)


def test_adjust_never_goes_below_zero() -> None:
    table = FakeStockTable(Stock("a", 3))
    for ask in (shelf.adjust, shelf.foretell):
        with pytest.raises(ConflictError, match="has 3; -4 would go below zero"):
            ask(table, "a", -4)
    assert table.rows["a"] == Stock("a", 3)


def test_an_adjustment_with_an_id_is_made_once() -> None:
    table = FakeStockTable(Stock("a", 3))
    assert shelf.adjust(table, "a", -2, adjustment_id="x") == Adjusted("a", 1, 3)
    assert shelf.adjust(table, "a", -2, adjustment_id="x") == Adjusted("a", 1, 1, is_repeated=True)
    assert shelf.foretell(table, "a", -2, adjustment_id="x").is_repeated


def test_a_seed_of_the_same_id_does_not_pass_for_the_adjustment() -> None:
    table = FakeStockTable()
    table.add(Stock("a", 10), mark_of("delivery-42"))
    adjusted = shelf.adjust(table, "a", -3, adjustment_id="delivery-42")
    assert (adjusted.quantity, adjusted.is_repeated) == (7, False)


def test_a_row_that_is_no_stock_is_not_adjusted() -> None:
    with pytest.raises(ConflictError, match="quantity is missing"):
        shelf.adjust(FakeStockTable(Odd("a", "quantity is missing")), "a", 1)
