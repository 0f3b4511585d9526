from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.errors import AuthError, FailedError, OrderctlError
from orderctl.inventory import seed as seeds
from orderctl.inventory.models import Line, Mode, Odd, Result, Row, Seeded, Stock, mark_of
from orderctl.inventory.plan import new_plan
from orderctl.pool import Pool
from tests.fakes.clock import FakeClock
from tests.fakes.stock import FakeStockTable, throttle

MARK = mark_of("delivery-1")


def lines(*stock: Stock) -> list[Line]:
    return [Line(number, one) for number, one in enumerate(stock, 2)]


def run(
    table: FakeStockTable, mode: Mode, rows: Iterable[Line], *, patience: float = 60, mark: str = MARK
) -> list[Seeded]:
    pool = Pool(FakeClock(), workers=8, patience=patience, dice=random.Random(1))
    if mode is not Mode.EXACT:
        return sorted(seeds.seed(table, mode, rows, pool, mark=mark), key=lambda one: one.line)
    with new_plan() as plan:
        list(plan.keep(seeds.preview(table, rows)))
        return sorted(seeds.seed_exactly(table, plan, pool), key=lambda one: one.line)


def test_create_keeps_live_stock_and_reports_its_values() -> None:
    table = FakeStockTable(Stock("a", 3, {"color": "red"}))
    outcomes = run(table, Mode.CREATE, lines(Stock("a", 100), Stock("b", 5)))
    assert outcomes == [
        Seeded(Result.KEPT, "a", 2, 3, {"product_id": "a", "quantity": 3, "color": "red"}, "exists already"),
        Seeded(Result.CREATED, "b", 3, 5),
    ]
    assert table.rows == {"a": Stock("a", 3, {"color": "red"}), "b": Stock("b", 5)}


def test_upsert_sets_what_is_given_and_leaves_other_attributes() -> None:
    table = FakeStockTable(Stock("a", 3, {"color": "red", "size": 1}), Stock("same", 4))
    outcomes = run(table, Mode.UPSERT, lines(Stock("a", 100, {"size": 2}), Stock("same", 4)))
    assert [(one.result, one.quantity, one.was and one.was["quantity"]) for one in outcomes] == [
        (Result.CHANGED, 100, 3),
        (Result.UNCHANGED, 4, 4),
    ]
    assert table.rows["a"] == Stock("a", 100, {"color": "red", "size": 2})


def test_add_counts_once_for_a_seed_id_and_again_for_another() -> None:
    table = FakeStockTable(Stock("a", 3))
    rows = lines(Stock("a", 10), Stock("b", 5))
    assert [one.result for one in run(table, Mode.ADD, rows)] == [Result.CHANGED, Result.CREATED]
    again = run(table, Mode.ADD, rows)
    assert [(one.result, one.quantity, one.reason) for one in again] == [
        (Result.KEPT, 13, "this seed was added to it already"),
        (Result.KEPT, 5, "this seed was added to it already"),
    ]
    run(table, Mode.ADD, rows, mark=mark_of("delivery-2"))
    assert {key: row.quantity for key, row in table.rows.items() if isinstance(row, Stock)} == {"a": 23, "b": 10}


def test_exact_makes_the_row_the_one_in_the_file_and_remembers_its_marks() -> None:
    table = FakeStockTable(Stock("a", 3, {"color": "red"}, frozenset({MARK})), Stock("b", 1))
    outcomes = run(table, Mode.EXACT, lines(Stock("a", 7, {"size": 1}), Stock("b", 1), Stock("c", 2)))
    assert [one.result for one in outcomes] == [Result.CHANGED, Result.UNCHANGED, Result.CREATED]
    assert table.rows["a"] == Stock("a", 7, {"size": 1})
    assert run(table, Mode.ADD, lines(Stock("a", 5)))[0].result is Result.KEPT


def test_exact_leaves_a_row_that_changed_since_the_difference_was_shown() -> None:
    table = FakeStockTable(Stock("a", 3))
    pool = Pool(FakeClock())
    with new_plan() as plan:
        list(plan.keep(seeds.preview(table, lines(Stock("a", 100), Stock("b", 1)))))
        table.take("a", 1)
        table.create(Stock("b", 9))
        outcomes = list(seeds.seed_exactly(table, plan, pool))
    assert {(one.result, one.product_id, one.quantity) for one in outcomes} == {
        (Result.FAILED, "a", 2),
        (Result.FAILED, "b", 9),
    }
    assert table.rows == {"a": Stock("a", 2), "b": Stock("b", 9)}


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_writes_nothing_and_tells_what_seeding_then_does(mode: Mode) -> None:
    old: list[Row] = [Stock("a", 3, {"x": 1}), Stock("b", 5), Stock("m", 1, {}, frozenset({MARK}))]
    table = FakeStockTable(*old)
    rows = lines(Stock("a", 3), Stock("b", 5), Stock("c", 1), Stock("m", 2))
    told = [seeds.foretell(mode, one, MARK) for one in seeds.preview(table, rows)]
    assert not table.writes
    assert run(table, mode, rows) == told


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_tells_the_truth_of_a_row_that_is_no_stock(mode: Mode) -> None:
    table = FakeStockTable(Odd("a", "quantity is no whole number", {"quantity": "many"}))
    told = [seeds.foretell(mode, one, MARK) for one in seeds.preview(table, lines(Stock("a", 5)))]
    assert [one.result for one in run(table, mode, lines(Stock("a", 5)))] == [one.result for one in told]


def test_an_attribute_that_appears_as_null_is_a_change() -> None:
    table = FakeStockTable(Stock("a", 5))
    assert run(table, Mode.UPSERT, lines(Stock("a", 5, {"note": None})))[0].result is Result.CHANGED


def test_the_preview_reads_a_hundred_rows_at_a_time() -> None:
    table = FakeStockTable()
    assert len(list(seeds.preview(table, lines(*(Stock(str(n), 1) for n in range(950)))))) == 950
    assert table.reads == 10


def test_a_row_that_is_no_stock_is_never_overwritten_by_add_or_exact() -> None:
    odd = Odd("a", "quantity is no whole number", {"quantity": "many"})
    for mode in (Mode.CREATE, Mode.ADD, Mode.EXACT):
        table = FakeStockTable(odd)
        outcome = run(table, mode, lines(Stock("a", 5)))[0]
        assert outcome.result is (Result.KEPT if mode is Mode.CREATE else Result.FAILED)
        assert table.rows == {"a": odd}


@pytest.mark.parametrize("mode", list(Mode))
def test_a_fifth_of_ten_thousand_writes_throttled_still_writes_every_row_once(mode: Mode) -> None:
    table = FakeStockTable()
    table.faults = throttle(0.2)
    outcomes = run(table, mode, (Line(n, Stock(f"p{n}", n)) for n in range(10_000)), patience=1e9)
    assert Counter(one.result for one in outcomes) == {Result.CREATED: 10_000}
    assert set(table.writes.values()) == {1}
    assert len(table.rows) == 10_000


def test_rows_that_stay_failed_are_named_and_the_others_written() -> None:
    table = FakeStockTable()
    table.faults = lambda product_id: FailedError("no") if product_id == "b" else None
    outcomes = run(table, Mode.CREATE, lines(Stock("a", 1), Stock("b", 2), Stock("c", 3)))
    assert [one for one in outcomes if one.result is Result.FAILED] == [Seeded(Result.FAILED, "b", 3, reason="no")]
    assert set(table.rows) == {"a", "c"}


@pytest.mark.parametrize("at_once", [1, 25])
def test_missing_permission_ends_the_seed_at_once(at_once: int) -> None:
    table = FakeStockTable(at_once=at_once)
    table.faults = lambda product_id: AuthError("no dynamodb:PutItem")
    taken = 0

    def rows() -> Iterable[Line]:
        nonlocal taken
        for taken in range(1, 10_000):
            yield Line(taken, Stock(str(taken), 1))

    with pytest.raises(AuthError):
        run(table, Mode.CREATE, rows())
    assert taken < 100 * at_once


class LostAnswers:
    """Applies the write, then loses the answer, the first time for each product: the SDK sends it again."""

    def __init__(self, table: FakeStockTable) -> None:
        self.table = table
        self.name = table.name

    def add(self, stock: Stock, mark: str) -> object:
        self.table.add(stock, mark)
        return self.table.add(stock, mark)

    def __getattr__(self, name: str) -> object:
        return getattr(self.table, name)


def test_a_lost_answer_never_adds_twice() -> None:
    table = FakeStockTable(Stock("a", 3))
    pool = Pool(FakeClock())
    list(seeds.seed(LostAnswers(table), Mode.ADD, lines(Stock("a", 10)), pool, mark=MARK))  # type: ignore[arg-type]
    assert table.rows["a"] == Stock("a", 13)


def test_an_exact_write_whose_answer_was_lost_is_found_done() -> None:
    table = FakeStockTable(Stock("a", 3))
    pool = Pool(FakeClock())
    with new_plan() as plan:
        list(plan.keep(seeds.preview(table, lines(Stock("a", 10)))))
        table.replace(Stock("a", 10), Stock("a", 3))
        (outcome,) = seeds.seed_exactly(table, plan, pool)
    assert (outcome.result, outcome.quantity) == (Result.UNCHANGED, 10)


@pytest.mark.parametrize("mode", list(Mode))
def test_no_order_taken_while_seeding_is_lost(mode: Mode) -> None:
    """The balance: what was there, plus what the report says seeding changed, minus what orders took."""
    products = [f"p{n}" for n in range(20)]
    table = FakeStockTable(*(Stock(one, 1_000) for one in products))
    taken: Counter[str] = Counter()
    go = threading.Event()

    def order_away() -> None:
        go.wait()
        dice = random.Random(7)
        for _ in range(1_000):
            product, quantity = dice.choice(products), dice.randint(1, 3)
            if table.take(product, quantity):
                taken[product] += quantity

    orders = threading.Thread(target=order_away)
    orders.start()
    go.set()
    outcomes = run(table, mode, (Line(n, Stock(one, 500 + n)) for n, one in enumerate(products)))
    orders.join()
    change: Counter[str] = Counter()
    for one in outcomes:
        if one.result is Result.CHANGED:
            assert one.was is not None
            change[one.product_id] += int(str(one.quantity)) - int(str(one.was["quantity"]))
    assert {p: r.quantity for p, r in table.rows.items() if isinstance(r, Stock)} == {
        product: 1_000 + change[product] - taken[product] for product in products
    }
    assert sum(taken.values()) > 0


PRODUCTS = st.sampled_from("abcdef")
STOCK = st.builds(Stock, PRODUCTS, st.integers(0, 9), st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STOCK, unique_by=lambda one: one.product_id),
    st.lists(STOCK, unique_by=lambda one: one.product_id),
    st.sampled_from(Mode),
    st.integers(0, 3),
)
def test_stopped_anywhere_and_run_again_a_seed_ends_as_if_run_once(
    there: list[Stock], wanted: list[Stock], mode: Mode, stop_after: int
) -> None:
    whole, broken = FakeStockTable(*there), FakeStockTable(*there)
    run(whole, mode, lines(*wanted))
    calls = 0

    def stop(product_id: str) -> OrderctlError | None:
        nonlocal calls
        calls += 1
        return FailedError("stopped") if calls > stop_after else None

    broken.faults = stop
    run(broken, mode, lines(*wanted))
    broken.faults = lambda product_id: None
    run(broken, mode, lines(*wanted))
    assert broken.rows == whole.rows
