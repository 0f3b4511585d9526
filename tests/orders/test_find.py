from __future__ import annotations

from datetime import timedelta

from orderctl.orders.find import find
from orderctl.orders.models import ExecutionStatus
from tests.fakes.clock import START, FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, SUCCEEDED


def full() -> FakeExecutions:
    """An order a minute, for 250 minutes; every tenth is out of stock."""
    clock = FakeClock()
    executions = FakeExecutions(clock)
    for number in range(250):
        executions.run(f"o-{number:03}", OUT_OF_STOCK if number % 10 == 0 else SUCCEEDED)
        clock.advance(60)
    return executions


def test_the_newest_come_first_and_no_more_pages_are_read_than_needed() -> None:
    executions = full()
    assert [each.order_id for each in find(executions, MACHINE, limit=3)] == ["o-249", "o-248", "o-247"]
    assert executions.count("list") == 1


def test_it_ends_at_the_first_one_older_than_since() -> None:
    executions = full()
    since = executions.clock.now() - timedelta(minutes=30)
    assert len(list(find(executions, MACHINE, since=since))) == 30
    assert executions.count("list") == 1


def test_until_leaves_out_what_is_newer() -> None:
    found = list(find(full(), MACHINE, until=START + timedelta(minutes=5)))
    assert [each.order_id for each in found] == ["o-004", "o-003", "o-002", "o-001", "o-000"]


def test_status_and_prefix_narrow_it() -> None:
    executions = full()
    assert len(list(find(executions, MACHINE, status=ExecutionStatus.FAILED))) == 25
    assert [each.order_id for each in find(executions, MACHINE, prefix="o-24", status=ExecutionStatus.FAILED)] == [
        "o-240"
    ]


def test_nothing_found_is_an_empty_list() -> None:
    assert list(find(FakeExecutions(FakeClock()), MACHINE)) == []
