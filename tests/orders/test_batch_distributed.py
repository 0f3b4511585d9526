"""A file of orders by waves: each started once, whatever dies, and a result line as without waves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.aws.bulk import S3BulkStore, StepFunctionsBulk
from orderctl.aws.stepfunctions import StepFunctions
from orderctl.errors import AuthError, FailedError, OrderctlError
from orderctl.orders.batch import BatchLine, submit_all
from orderctl.orders.batch_distributed import OrderBulk, submit_by_waves
from orderctl.orders.order import Order, parse_order
from orderctl.pacing import TokenBuckets
from tests.dlq.test_killed import Died, die
from tests.fakes.aws_wire import FakeAws
from tests.fakes.bulk import FakeBulk, Killed
from tests.fakes.clock import FakeClock
from tests.fakes.sqs import effects


class Shop:
    """A state machine for orders, and what starts them by waves."""

    def __init__(self, run: str = "20261122T030000Z-aaaaaa") -> None:
        self.aws = FakeAws(clock=FakeClock())
        self.far = FakeBulk(self.aws)
        self.machine = self.aws.states.create("orders")
        client, buckets = self.aws.client("stepfunctions"), TokenBuckets(self.aws.clock)
        self.executions = StepFunctions(client, lambda: client, buckets)
        store = S3BulkStore(self.far.client, lambda: self.aws.account)  # type: ignore[arg-type]
        self.bulk = OrderBulk(store, StepFunctionsBulk(client, buckets), "bulk", self.far.machine, run)

    def again(self) -> None:
        """The command is run again: a batch of its own."""
        self.bulk = replace(self.bulk, run="20261122T040000Z-bbbbbb")

    def submit(self, orders: list[Order]) -> Iterator[BatchLine]:
        def one_by_one(rest: object) -> Iterator[BatchLine]:
            return submit_all(self.executions, self.machine, rest, self.aws.clock)  # type: ignore[arg-type]

        return submit_by_waves(self.bulk, self.machine, list(enumerate(orders, 1)), self.aws.clock, one_by_one)

    def started(self) -> list[str]:
        return sorted(each.name for each in self.aws.states.executions if each.state_machine_arn == self.machine)


def orders(count: int, quantity: int = 1) -> list[Order]:
    rows = [json.dumps({"order_id": f"o-{n:03}", "user_id": "ann", "product_id": "w", "quantity": quantity})
            for n in range(count)]  # fmt: skip
    return [parse_order(json.loads(row), source="test") for row in rows]


def results(lines: Iterator[BatchLine]) -> list[str]:
    return [line.result.value for line in lines]


def test_every_order_is_started_by_aws_in_the_files_order() -> None:
    shop = Shop()
    wanted = orders(250)
    lines = list(shop.submit(wanted))
    assert [(line.line, line.order_id) for line in lines] == [(n, o.order_id) for n, o in enumerate(wanted, 1)]
    assert {line.result.value for line in lines} == {"started"}
    assert shop.started() == [order.order_id for order in wanted]
    arn = lines[0].execution_arn
    assert arn is not None
    assert arn.endswith(":execution:orders:o-000")
    assert shop.aws.count("StartExecution") == 1, "the bulk's own"
    assert shop.far.s3.keys("bulk") == []
    first = next(each for each in shop.aws.states.executions if each.name == "o-000")
    assert json.loads(first.input) == json.loads(wanted[0].input_json)


def test_run_again_it_starts_nothing_twice_and_says_what_is_there() -> None:
    shop = Shop()
    list(shop.submit(orders(4)))
    shop.aws.states.close("o-001")
    shop.again()
    assert results(shop.submit(orders(4))) == ["started", "already", "started", "started"]
    assert len(shop.started()) == 4


def test_another_order_of_the_same_id_is_a_conflict() -> None:
    shop = Shop()
    list(shop.submit(orders(1)))
    shop.again()
    assert results(shop.submit(orders(2, quantity=2))) == ["conflict", "started"]


def test_what_a_dead_function_leaves_is_looked_at_one_by_one() -> None:
    shop = Shop()

    def killed(_call: object) -> None:
        raise Killed

    shop.far.inside.faults.on("StartExecution", effects.barrier(after=killed), nth=3)
    assert set(results(shop.submit(orders(6)))) == {"started"}
    assert len(shop.started()) == 6


def test_throttled_starts_go_through() -> None:
    shop = Shop()
    shop.far.inside.faults.on("StartExecution", effects.throttle(), nth=range(2, 20))
    assert results(shop.submit(orders(5))) == ["started"] * 5
    assert len(shop.started()) == 5


def test_a_function_that_may_not_start_them_ends_the_batch() -> None:
    shop = Shop()
    shop.far.inside.faults.on("StartExecution", effects.access_denied(), start=3)
    lines = shop.submit(orders(5))
    assert [next(lines).order_id, next(lines).order_id] == ["o-000", "o-001"]
    with pytest.raises(AuthError, match="BulkDeliver"):
        next(lines)
    assert shop.started() == ["o-000", "o-001"]


def test_a_map_that_cannot_begin_is_an_error_and_no_slow_success() -> None:
    shop = Shop()
    shop.far.fails_with = "States.ItemReaderFailed"
    with pytest.raises(FailedError, match="ItemReaderFailed"):
        list(shop.submit(orders(3)))
    assert shop.started() == []


def test_ctrl_c_stops_the_bulk_and_the_file_can_be_run_again() -> None:
    shop = Shop()

    def press(_call: object) -> None:
        raise KeyboardInterrupt

    shop.aws.faults.on("DescribeExecution", effects.barrier(after=press), nth=2)
    with pytest.raises(KeyboardInterrupt):
        list(shop.submit(orders(250)))
    assert shop.aws.count("StopExecution") == 1
    assert 0 < len(shop.started()) < 250
    shop.again()
    assert set(results(shop.submit(orders(250)))) == {"started"}
    assert len(shop.started()) == 250


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_that_dies_anywhere_starts_each_order_once_when_it_is_run_again(when: str, tmp_path: Path) -> None:
    for place in itertools.count(1):
        shop = Shop()
        barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        shop.aws.faults.on("*", barrier, nth=place)
        died = False
        try:
            list(shop.submit(orders(120)))
        except (Died, OrderctlError):
            died = True
        shop.aws.faults.clear()
        shop.far.go_on()
        shop.again()
        assert set(results(shop.submit(orders(120)))) <= {"started", "attached", "already"}
        assert shop.started() == [order.order_id for order in orders(120)]
        if not died:
            break
    assert place > 5
