from __future__ import annotations

from datetime import timedelta

import pytest

from orderctl.errors import ThrottledError
from orderctl.top.executions import FIRST_DESCRIBED, MORE_DESCRIBED, STEPS, UNKNOWN, RecentExecutions
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import ABORTED, OUT_OF_STOCK, SUCCEEDED, TIMED_OUT

HOUR = timedelta(hours=1)
FOREVER = SUCCEEDED[:1]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def executions(clock: FakeClock) -> FakeExecutions:
    return FakeExecutions(clock)


def recent(executions: FakeExecutions, window: timedelta = HOUR) -> RecentExecutions:
    return RecentExecutions(executions, MACHINE, executions.clock, window)


def test_executions_are_counted_by_status_and_over_time(clock: FakeClock, executions: FakeExecutions) -> None:
    for name, rows in (("a", SUCCEEDED), ("b", OUT_OF_STOCK), ("c", FOREVER)):
        executions.run(name, rows)
    clock.advance(1800)
    executions.run("d", OUT_OF_STOCK)
    clock.advance(60)
    found = recent(executions)
    found.look()
    assert found.counts().by_status == {"RUNNING": 1, "SUCCEEDED": 1, "FAILED": 2}
    assert sum(found.counts().started) == 4
    assert found.counts().started[9] == 3
    assert found.counts().failed[-1] == found.counts().failed[9] == 1
    assert len(found.counts().started) == STEPS
    assert [each.order_id for each in found.running()] == ["c"]


def test_failures_are_told_by_their_error_with_the_newest_order(clock: FakeClock, executions: FakeExecutions) -> None:
    for name, rows in (("a", OUT_OF_STOCK), ("b", OUT_OF_STOCK), ("c", TIMED_OUT), ("d", ABORTED)):
        executions.run(name, rows)
        clock.advance(60)
    found = recent(executions)
    found.look()
    assert [(each.error, each.count, each.order_id) for each in found.failures()] == [
        ("OutOfStock", 2, "b"),
        ("ABORTED", 1, "d"),
        ("States.Timeout", 1, "c"),
    ]


def test_what_has_left_the_window_is_forgotten(clock: FakeClock, executions: FakeExecutions) -> None:
    executions.run("a", OUT_OF_STOCK)
    found = recent(executions)
    found.look()
    clock.advance(3700)
    found.look()
    assert not found.counts().by_status
    assert not found.failures()


def test_an_execution_that_ran_at_the_last_look_is_read_until_it_has_ended(
    clock: FakeClock, executions: FakeExecutions
) -> None:
    executions.run("slow", [*SUCCEEDED[:7], (900.0, "ExecutionSucceeded", 7, {"output": "{}"})])
    found = recent(executions)
    found.look()
    for _ in range(8):
        clock.advance(120)
        executions.run(f"after-{clock.elapsed:g}", SUCCEEDED)
        found.look()
    clock.advance(10)
    found.look()
    assert found.counts().by_status == {"SUCCEEDED": 9}


def test_one_that_runs_too_far_back_to_be_listed_is_asked_after_by_itself(
    clock: FakeClock, executions: FakeExecutions
) -> None:
    executions.run("slow", [*SUCCEEDED[:7], (600.0, "ExecutionSucceeded", 7, {"output": "{}"})])
    found = recent(executions)
    found.look()
    for number in range(500):
        clock.advance(2)
        executions.run(f"o-{number}", SUCCEEDED)
    before = executions.count("list")
    found.look()
    assert executions.count("list") - before <= 4
    assert executions.count("describe") == 1
    assert not found.running() or found.running()[-1].order_id != "slow"


def test_a_hole_in_what_was_read_is_said(clock: FakeClock, executions: FakeExecutions) -> None:
    for number in range(1001):
        executions.run(f"o-{number}", SUCCEEDED)
        clock.advance(1)
    found = recent(executions)
    found.look()
    assert not found.counts().is_whole
    assert sum(found.counts().by_status.values()) == 1000


def test_a_night_of_looks_stays_far_below_the_account_s_quota(clock: FakeClock, executions: FakeExecutions) -> None:
    """ListExecutions refills with 2 a second, DescribeExecution with 10; half of the account's is for others."""
    found = recent(executions)
    for look in range(360):
        for number in range(5):
            executions.run(f"o-{look}-{number}", OUT_OF_STOCK if number == 0 else SUCCEEDED)
        clock.advance(10)
        found.look()
    assert executions.count("list") / clock.elapsed <= 0.3
    assert executions.count("describe") / clock.elapsed <= 0.5
    assert executions.count("history") == 0


def test_a_burst_of_failures_is_asked_after_a_few_at_a_time(clock: FakeClock, executions: FakeExecutions) -> None:
    for number in range(FIRST_DESCRIBED + MORE_DESCRIBED + 1):
        executions.run(f"o-{number}", OUT_OF_STOCK)
    clock.advance(10)
    found = recent(executions)
    found.look()
    assert executions.count("describe") == FIRST_DESCRIBED
    assert {each.error for each in found.failures()} == {"OutOfStock", UNKNOWN}
    for _ in range(2):
        found.look()
    assert executions.count("describe") == FIRST_DESCRIBED + MORE_DESCRIBED + 1
    assert {each.error for each in found.failures()} == {"OutOfStock"}
    found.look()
    assert executions.count("describe") == FIRST_DESCRIBED + MORE_DESCRIBED + 1


def test_a_look_that_was_throttled_loses_nothing_for_the_next(clock: FakeClock, executions: FakeExecutions) -> None:
    executions.run("a", SUCCEEDED)
    clock.advance(10)
    found = recent(executions)
    executions.fail("list", ThrottledError("slow down"))
    with pytest.raises(ThrottledError):
        found.look()
    found.look()
    assert found.counts().by_status == {"SUCCEEDED": 1}
