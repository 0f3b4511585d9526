from __future__ import annotations

from collections.abc import Sequence

import pytest

from orderctl.errors import AuthError, ThrottledError
from orderctl.orders.models import ExecutionStatus
from orderctl.orders.tail import Ended, Happened, Notice, StandardTail, Tailed, tail
from orderctl.orders.tail_express import ExpressTail
from orderctl.orders.watching import Step
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import EXPRESS, EXPRESS_GROUP, MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED, Row
from tests.fakes.logs import FakeLogs
from tests.orders.test_tail import collect, ended


class Shop(FakeClock):
    """Express executions that start at the given seconds, each logging as it goes."""

    def __init__(self, *arrivals: tuple[float, str, Sequence[Row]], level: str = "ALL") -> None:
        super().__init__()
        self.logs = FakeLogs(self, EXPRESS_GROUP)
        for at, name, rows in arrivals:
            self.elapsed = at
            self.logs.put_execution(EXPRESS_GROUP, rows, arn(name), level=level)
        self.elapsed = 0.0

    def tail(self, timeout: float = 60, *, is_whole: bool = True) -> list[Happened]:
        tailed = ExpressTail(self.logs, EXPRESS_GROUP, EXPRESS, self, is_whole=is_whole)
        return collect(tail([tailed], self, timeout=timeout))


def arn(name: str) -> str:
    return EXPRESS.replace(":stateMachine:", ":express:") + f":{name}:0001"


def steps(found: Sequence[Happened], name: str) -> list[str]:
    return [item.type for item in found if isinstance(item, Step) and item.order_id == name]


def test_every_express_execution_is_told_once_and_in_its_own_order() -> None:
    shop = Shop((1, "a", SUCCEEDED), (1.5, "b", OUT_OF_STOCK), (30, "c", SUCCEEDED))
    shop.logs.late = lambda line: float(int(line.id[-6:]) * 5 % 7)
    found = shop.tail()
    assert sorted(ended(found)) == [
        ("a", ExecutionStatus.SUCCEEDED),
        ("b", ExecutionStatus.FAILED),
        ("c", ExecutionStatus.SUCCEEDED),
    ]
    for name, rows in (("a", SUCCEEDED), ("b", OUT_OF_STOCK), ("c", SUCCEEDED)):
        assert steps(found, name) == [row[1] for row in rows]


def test_a_line_that_never_comes_holds_the_rest_back_for_some_reads_only() -> None:
    shop = Shop((1, "a", SUCCEEDED))
    del shop.logs.groups[EXPRESS_GROUP][2]
    found = shop.tail()
    assert len(steps(found, "a")) == len(SUCCEEDED) - 1
    assert ended(found) == [("a", ExecutionStatus.SUCCEEDED)]


def test_where_the_log_has_only_errors_nothing_is_held_back() -> None:
    shop = Shop((1, "a", OUT_OF_STOCK), (2, "b", SUCCEEDED), level="ERROR")
    found = shop.tail(6, is_whole=False)
    assert (steps(found, "a"), steps(found, "b")) == (["TaskFailed", "FailStateEntered", "ExecutionFailed"], [])


def test_throttling_is_told_and_waited_out_and_nothing_is_missed() -> None:
    shop = Shop((1, "a", SUCCEEDED))
    shop.logs.fail(ThrottledError("Rate exceeded"), times=3)
    found = shop.tail()
    assert [item.text for item in found if isinstance(item, Notice)][:2] == [
        "Rate exceeded; reading again in 4s",
        "Rate exceeded; reading again in 8s",
    ]
    assert steps(found, "a") == [row[1] for row in SUCCEEDED]


def test_a_permission_that_is_missing_ends_it() -> None:
    shop = Shop()
    shop.logs.fail(AuthError("not authorized"))
    with pytest.raises(AuthError):
        shop.tail()


def test_an_idle_tail_stays_far_below_the_quota_and_remembers_little() -> None:
    shop = Shop(*((n / 10, f"o-{n}", OUT_OF_STOCK) for n in range(300)))
    tailed = ExpressTail(shop.logs, EXPRESS_GROUP, EXPRESS, shop)
    found = collect(tail([tailed], shop, timeout=200))
    assert len(ended(found)) == 300
    assert len(shop.logs.calls) <= 101
    assert (tailed._queues, tailed._seen) == ({}, {})


def test_both_kinds_are_followed_by_turns() -> None:
    shop = Shop((1, "e", SUCCEEDED))
    executions = FakeExecutions(shop)
    both: list[Tailed] = [
        StandardTail(executions, MACHINE, shop, bucket=history_bucket(shop)),
        ExpressTail(shop.logs, EXPRESS_GROUP, EXPRESS, shop),
    ]
    executions.run("s", OUT_OF_STOCK)
    found = collect(tail(both, shop, timeout=30))
    assert sorted(name for name, _ in ended(found)) == ["e", "s"]
    assert any(isinstance(item, Ended) for item in found)


def test_executions_whose_end_is_never_logged_are_forgotten_after_their_lifetime() -> None:
    """Level ERROR logs the failed attempt of an order that then succeeds, and nothing after it."""
    shop = Shop(*((n * 10, f"o-{n}", RETRIED_THEN_FAILED[:-1]) for n in range(100)))
    tailed = ExpressTail(shop.logs, EXPRESS_GROUP, EXPRESS, shop, is_whole=False)
    collect(tail([tailed], shop, timeout=2000))
    assert not tailed._queues
    assert not tailed._watching.trackers


def test_a_line_that_arrives_most_of_a_minute_late_is_still_told() -> None:
    shop = Shop((1, "a", SUCCEEDED))
    shop.logs.late = lambda line: 50.0
    found = shop.tail(timeout=120)
    assert steps(found, "a") == [row[1] for row in SUCCEEDED]
