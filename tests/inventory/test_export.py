from __future__ import annotations

import io
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl import documents
from orderctl.assignments import Json
from orderctl.documents import Format
from orderctl.inventory import seed as seeds
from orderctl.inventory import seed_file
from orderctl.inventory.export import export
from orderctl.inventory.models import Mode, Odd, Row, Stock
from orderctl.pool import Pool
from tests.fakes.clock import FakeClock
from tests.fakes.stock import FakeStockTable

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXT | st.decimals(-1000, 1000, places=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
NAMES = TEXT.filter(lambda name: name not in ("", "product_id", "quantity")) | st.sampled_from(["a:json", " b", "c,d"])
ROWS = st.lists(
    st.builds(Stock, TEXT.filter(bool), st.integers(0, 10**38 - 1), st.dictionaries(NAMES, VALUES, max_size=3)),
    min_size=1,
    unique_by=lambda one: one.product_id,
)


def exported(rows: list[Row], fmt: Format) -> str:
    out = io.StringIO()
    export(rows, out, fmt)
    return out.getvalue()


def seeded(text: str, fmt: Format) -> list[Row]:
    table = FakeStockTable()
    with documents.opened("-", io.StringIO(text), fmt=fmt) as source:
        seed_file.check(source)
        list(seeds.seed(table, Mode.CREATE, seed_file.lines(source), Pool(FakeClock(), workers=2)))
    return list(table.rows.values())


@settings(deadline=None)
@given(ROWS, st.sampled_from(Format))
def test_a_seeded_export_exports_the_same_bytes_and_loses_nothing(rows: list[Stock], fmt: Format) -> None:
    text = exported(list(rows), fmt)
    back = seeded(text, fmt)
    random.Random(1).shuffle(back)
    assert exported(back, fmt) == text
    assert {row.product_id: row for row in back} == {row.product_id: row for row in rows}


def test_rows_are_sorted_by_product_id() -> None:
    assert exported([Stock("b", 1), Stock("a", 2)], Format.JSONL) == (
        '{"product_id": "a", "quantity": 2}\n{"product_id": "b", "quantity": 1}\n'
    )


def test_csv_keeps_text_bare_and_marks_columns_that_need_json() -> None:
    rows: list[Row] = [Stock("a", 2, {"color": "red", "price": Decimal("1.50")}), Stock("b", 1, {"color": "007"})]
    assert exported(rows, Format.CSV) == "product_id,quantity,color,price:json\na,2,red,1.50\nb,1,007,\n"


@pytest.mark.parametrize(
    ("fmt", "text"), [(Format.CSV, "product_id,quantity\n"), (Format.JSON, "[]\n"), (Format.JSONL, "")]
)
def test_an_empty_table_is_an_empty_file(fmt: Format, text: str) -> None:
    assert exported([], fmt) == text


def test_what_is_no_stock_is_left_out_and_told() -> None:
    odd = Odd("x", "quantity is missing")
    out = io.StringIO()
    assert export([odd, Stock("a", 1)], out, Format.JSON) == (1, [odd])
    assert out.getvalue() == '[\n{"product_id": "a", "quantity": 1}\n]\n'
