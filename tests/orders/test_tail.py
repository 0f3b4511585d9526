from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orderctl.errors import FailedError, NoConnectionError, TimeoutPassedError
from orderctl.orders.models import ExecutionStatus
from orderctl.orders.tail import MOST_AT_ONCE, Ended, Notice, StandardTail, tail
from orderctl.orders.watching import Step
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, STARTED, SUCCEEDED, Row


class Throttled(FailedError):
    code = "throttled"


class Busy(FakeClock):
    """A shop: an order comes in at each of the given seconds."""

    def __init__(self, arrivals: Sequence[tuple[float, str, Sequence[Row]]]) -> None:
        super().__init__()
        self.arrivals = list(arrivals)
        self.executions = FakeExecutions(self)

    def sleep(self, seconds: float) -> None:
        end = self.elapsed + max(0.0, seconds)
        while self.arrivals and self.arrivals[0][0] <= end:
            at, name, rows = self.arrivals.pop(0)
            self.elapsed = max(self.elapsed, at)
            self.executions.run(name, rows)
        self.elapsed = max(self.elapsed, end)


def standard(clock: Busy, since: datetime | None = None) -> StandardTail:
    return StandardTail(clock.executions, MACHINE, clock, since=since, bucket=history_bucket(clock))


def collect(happened: Iterator[Step | Ended | Notice]) -> list[Step | Ended | Notice]:
    found = []
    try:
        for item in happened:
            found.append(item)
    except TimeoutPassedError:
        return found
    raise AssertionError("a tail ended by itself")


def ended(found: Sequence[Step | Ended | Notice]) -> list[tuple[str, ExecutionStatus]]:
    return [(item.execution.order_id, item.execution.status) for item in found if isinstance(item, Ended)]


def test_every_new_execution_is_followed_to_its_end_and_old_ones_are_not() -> None:
    clock = Busy([(1, "a", SUCCEEDED), (2, "b", OUT_OF_STOCK), (30, "c", SUCCEEDED)])
    clock.executions.run("old", SUCCEEDED)
    clock.advance(0.5)
    found = collect(tail([standard(clock)], clock, timeout=60))
    assert sorted(ended(found)) == [
        ("a", ExecutionStatus.SUCCEEDED),
        ("b", ExecutionStatus.FAILED),
        ("c", ExecutionStatus.SUCCEEDED),
    ]
    for name, rows in (("a", SUCCEEDED), ("b", OUT_OF_STOCK), ("c", SUCCEEDED)):
        assert [item.type for item in found if isinstance(item, Step) and item.order_id == name] == [r[1] for r in rows]


def test_since_goes_back() -> None:
    clock = Busy([])
    began = clock.now()
    clock.executions.run("old", SUCCEEDED)
    clock.advance(30)
    found = collect(tail([standard(clock, since=began)], clock, timeout=20))
    assert ended(found) == [("old", ExecutionStatus.SUCCEEDED)]


def test_an_idle_tail_asks_rarely() -> None:
    clock = Busy([])
    collect(tail([standard(clock)], clock, timeout=60))
    assert len(clock.executions.calls) <= 13


def test_a_busy_minute_stays_inside_the_quotas() -> None:
    clock = Busy([(n / 2, f"o-{n}", SUCCEEDED) for n in range(100)])
    found = collect(tail([standard(clock)], clock, timeout=90))
    assert len(ended(found)) == 100
    assert clock.executions.count("list") <= 20
    times = [at for operation, at in clock.executions.calls if operation == "history"]
    assert max(sum(1 for at in times if begin <= at < begin + 1) for begin in range(90)) <= 31


def test_throttling_of_the_list_is_told_and_waited_out() -> None:
    clock = Busy([(1, "a", SUCCEEDED)])
    clock.executions.fail("list", Throttled("Rate exceeded"), times=2)
    found = collect(tail([standard(clock)], clock, timeout=90))
    assert [item.text for item in found if isinstance(item, Notice)] == [
        "Rate exceeded; looking again in 10s",
        "Rate exceeded; looking again in 20s",
    ]
    assert ended(found) == [("a", ExecutionStatus.SUCCEEDED)]


def test_more_than_can_be_followed_wait_in_line_and_none_is_lost() -> None:
    names = [f"o-{n}" for n in range(MOST_AT_ONCE + 20)]
    clock = Busy([(1, name, SUCCEEDED) for name in names])
    found = collect(tail([standard(clock)], clock, timeout=120))
    assert sorted(name for name, _ in ended(found)) == sorted(names)
    for name in names:
        steps = [item.type for item in found if isinstance(item, Step) and item.order_id == name]
        assert steps == [row[1] for row in SUCCEEDED]


def test_too_many_at_once_are_told_once() -> None:
    clock = Busy([(1, f"o-{n}", [STARTED]) for n in range(MOST_AT_ONCE + 20)])
    found = collect(tail([standard(clock)], clock, timeout=30))
    assert len([item for item in found if isinstance(item, Notice)]) == 1


def test_one_deleted_while_followed_does_not_end_the_tail() -> None:
    clock = Busy([(1, "a", SUCCEEDED), (20, "b", SUCCEEDED)])
    happened = tail([standard(clock)], clock, timeout=60)
    next(happened)
    del clock.executions.runs[next(iter(clock.executions.runs))]
    found = collect(happened)
    assert ended(found) == [("b", ExecutionStatus.SUCCEEDED)]
    assert len([item for item in found if isinstance(item, Notice)]) == 1


def test_a_network_that_is_gone_for_minutes_ends_no_tail_and_loses_no_order() -> None:
    class Tunnel(Busy):
        """No connection between the 2nd and the 200th second."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if 2 <= self.elapsed < 200:
                for operation in ("history", "list"):
                    if not self.executions._faults[operation]:
                        self.executions.fail(operation, NoConnectionError("could not connect"))

    clock = Tunnel([(1, "a", SUCCEEDED), (100, "b", OUT_OF_STOCK)])
    found = collect(tail([standard(clock)], clock, timeout=400))
    assert sorted(ended(found)) == [("a", ExecutionStatus.SUCCEEDED), ("b", ExecutionStatus.FAILED)]
    assert sum(isinstance(item, Notice) for item in found) < 30


def test_the_timeout_of_a_busy_tail_is_kept() -> None:
    clock = Busy([(1, f"o-{n}", [STARTED]) for n in range(100)])
    collect(tail([standard(clock)], clock, timeout=30))
    assert clock.elapsed <= 30.5
