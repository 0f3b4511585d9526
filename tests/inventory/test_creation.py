from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pytest

from orderctl.errors import AuthError, FailedError, OrderctlError, ThrottledError
from orderctl.inventory import creation
from orderctl.inventory.creation import MOST_BYTES, batches
from orderctl.inventory.models import Line, Stock, Written
from orderctl.pool import Pool
from tests.fakes.clock import FakeClock
from tests.fakes.stock import FakeStockTable


def lines(count: int, size: int = 1) -> Iterator[Line]:
    """As in a JSON document of one line, told apart by their products alone."""
    return (Line(1, Stock(f"p{number}", 1, {"note": "x" * size})) for number in range(count))


def products(rows: Iterable[Line]) -> list[str]:
    return [line.stock.product_id for line in rows]


def create(table: FakeStockTable, rows: Iterator[Line], patience: float = 1e9) -> dict[str, Written | OrderctlError]:
    pool = Pool(FakeClock(), workers=4, patience=patience, dice=random.Random(1))
    told = list(creation.create(table, rows, pool))
    assert len({line.stock.product_id for line, _ in told}) == len(told)
    return {line.stock.product_id: answer for line, answer in told}


def test_rows_go_in_their_order_and_as_many_at_once_as_the_table_takes_at_that_moment() -> None:
    table = FakeStockTable(at_once=1)
    cut = batches(table, lines(30))
    assert len(next(cut).left) == 1
    table.at_once = 25
    second, third = cut
    assert products(second.left) == [f"p{number}" for number in range(1, 26)]
    assert products(third.left) == ["p26", "p27", "p28", "p29"]


def test_a_batch_of_big_rows_is_cut_by_its_bytes() -> None:
    cut = [len(batch.left) for batch in batches(FakeStockTable(), lines(9, size=MOST_BYTES // 3 - 30))]
    assert cut == [3, 3, 3]
    assert [len(batch.left) for batch in batches(FakeStockTable(), lines(3, size=MOST_BYTES))] == [1, 1, 1]


def test_no_row_is_taken_from_the_file_before_its_batch_is_sent() -> None:
    rows = lines(1_000)
    next(batches(FakeStockTable(), rows))
    assert next(rows).stock.product_id == "p25"


def test_only_the_throttled_rows_of_a_batch_are_sent_again() -> None:
    sent: list[Sequence[str]] = []

    class Busy(FakeStockTable):
        def create_many(self, rows: Sequence[Stock]) -> list[Written | OrderctlError]:
            sent.append([row.product_id for row in rows])
            self.faults = lambda key: ThrottledError("slow") if key in ("p1", "p3") and len(sent) == 1 else None
            return super().create_many(rows)

    told = create(Busy(Stock("p2", 9)), lines(5))
    assert sent == [["p0", "p1", "p2", "p3", "p4"], ["p1", "p3"]]
    assert told == {**dict.fromkeys(told, Written(True, None)), "p2": Written(False, Stock("p2", 9))}


def test_rows_of_a_batch_that_stay_throttled_fail_and_the_others_are_told() -> None:
    table = FakeStockTable()
    slow = {key: ThrottledError(f"{key} is slow") for key in ("p1", "p4")}
    table.faults = lambda key: {**slow, "p2": FailedError("bad")}.get(key)
    told = create(table, lines(5), patience=10)
    assert {key: str(answer) for key, answer in told.items() if isinstance(answer, OrderctlError)} == {
        "p1": "p1 is slow",
        "p2": "bad",
        "p4": "p4 is slow",
    }
    assert set(table.rows) == {"p0", "p3"}


def test_the_patience_is_with_a_row_and_not_with_its_batch() -> None:
    """A table that takes one row of a batch at a time is slow, and loses none of them."""
    clock, table = FakeClock(), FakeStockTable()
    last = clock.monotonic()

    def one_in_eight_seconds(key: str) -> OrderctlError | None:
        nonlocal last
        if clock.monotonic() - last < 8:
            return ThrottledError("slow")
        last = clock.monotonic()
        return None

    table.faults = one_in_eight_seconds
    pool = Pool(clock, workers=1, patience=20, dice=random.Random(1))
    assert all(isinstance(answer, Written) for _, answer in creation.create(table, lines(25), pool))
    assert clock.monotonic() > 25 * 8


def test_what_ends_all_rows_alike_is_raised_after_what_was_written_is_told() -> None:
    table, asked = FakeStockTable(at_once=3), Counter[str]()

    def faults(key: str) -> OrderctlError | None:
        asked[key] += 1
        return {"p0": ThrottledError("slow"), "p1": AuthError("denied")}.get(key)

    table.faults = faults
    told: list[str] = []
    pool = Pool(FakeClock(), workers=1)
    with pytest.raises(AuthError):
        told.extend(line.stock.product_id for line, _ in creation.create(table, lines(300), pool))
    assert set(told) == set(table.rows) | {"p0", "p1"}
    assert asked == dict.fromkeys(told, 1)
    assert len(told) < 10
