from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import pytest

from orderctl.dlq.models import Kind, Queue, Wire, Wiring
from orderctl.errors import AuthError, FailedError, OrderctlError, ThrottledError
from orderctl.inventory.models import Row, Stock
from orderctl.top.board import DENIED, SLOW, Board
from orderctl.top.executions import RecentExecutions
from orderctl.top.models import Alarm
from orderctl.top.ports import Trend
from orderctl.top.queues import TRENDS_EVERY, WIRING_EVERY, WatchedQueues
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK
from tests.fakes.stock import FakeStockTable

DLQ = "arn:aws:sqs:r:1:orders-dlq"


class Queues:
    """SQS: depths by name, every call counted."""

    def __init__(self) -> None:
        self.depths = {"orders-dlq": 1}
        self.calls = 0

    def describe(self, queue: str) -> Queue:
        self.calls += 1
        name = queue.rpartition(":")[2]
        return Queue(f"https://sqs/{name}", queue, depth=self.depths[name])


class CloudWatch:
    """Trends and alarms, every call counted; `error` is what it fails with."""

    def __init__(self) -> None:
        self.error: OrderctlError | None = None
        self.calls = 0

    def of(self, names: Sequence[str]) -> Mapping[str, Trend]:
        self._called()
        return {name: Trend((4, 2), 7200.0) for name in names}

    def raised(self, prefix: str | None) -> list[Alarm]:
        self._called()
        return [Alarm(f"{prefix}B", "ALARM", None, ""), Alarm(f"{prefix}A", "ALARM", None, "")]

    def _called(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error


class Table(FakeStockTable):
    scans = 0

    def scan(self, *, below: int | None = None) -> Iterator[Row]:
        self.scans += 1
        return super().scan(below=below)


class Room:
    """A board and everything behind it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.executions = FakeExecutions(self.clock)
        self.queues, self.cloudwatch = Queues(), CloudWatch()
        self.table = Table(Stock("sold-out", 0), Stock("w-1", 9), Stock("w-2", 10))
        self.wirings = 0
        self.board = Board(
            self.clock,
            "prod",
            timedelta(hours=1),
            executions=lambda: RecentExecutions(self.executions, MACHINE, self.clock, timedelta(hours=1)),
            queues=lambda: WatchedQueues(
                self.queues,  # type: ignore[arg-type]
                self._wiring,
                lambda: None,
                self.cloudwatch,
                self.clock,
            ),
            stock=lambda: self.table,
            alarms=lambda: self.cloudwatch,
            alarm_prefix="orders-",
        )

    def _wiring(self) -> Wiring:
        self.wirings += 1
        return Wiring((Wire(Kind.SQS, DLQ, "arn:aws:sqs:r:1:orders", "arn:aws:sqs:r:1:orders"),))

    def looks(self, seconds: float = 0) -> list[str]:
        self.clock.advance(seconds)
        return list(self.board.refresh())


@pytest.fixture
def room() -> Room:
    return Room()


def test_every_part_is_read_at_its_own_pace(room: Room) -> None:
    assert room.looks() == ["executions", "dead_letter_queues", "alarms", "low_stock"]
    assert room.looks(9) == []
    assert room.looks(1) == ["executions", "dead_letter_queues"]
    assert room.board.next_due == 20
    assert room.looks(SLOW) == ["executions", "dead_letter_queues", "alarms", "low_stock"]


def test_a_refresh_that_was_asked_for_reads_everything(room: Room) -> None:
    room.looks()
    assert len(list(room.board.refresh(everything=True))) == 4


def test_the_snapshot_holds_all_parts(room: Room) -> None:
    room.executions.run("a", OUT_OF_STOCK)
    room.clock.advance(5)
    room.looks()
    found = room.board.snapshot()
    assert found.executions.by_status == {"FAILED": 1}
    assert [each.error for each in found.failures] == ["OutOfStock"]
    (queue,) = found.dead_letter_queues
    assert (queue.name, queue.depth, queue.depths, queue.oldest_age_seconds) == ("orders-dlq", 1, (4, 2, 1), 7200)
    assert queue.trend < 0
    assert [(each.product_id, each.quantity) for each in found.low_stock] == [("sold-out", 0), ("w-1", 9)]
    assert [each.name for each in found.alarms] == ["orders-A", "orders-B"]
    assert found.notes == ()


def test_an_hour_of_looks_costs_few_calls_of_what_is_slow_or_charged(room: Room) -> None:
    for _ in range(360):
        room.looks(10)
    assert room.wirings <= 3600 / WIRING_EVERY + 1
    assert room.cloudwatch.calls <= 2 * (3600 / TRENDS_EVERY + 1)
    assert room.table.scans <= 3600 / SLOW + 1
    assert room.queues.calls == 360


def test_a_missing_permission_leaves_a_note_and_the_other_parts(room: Room) -> None:
    room.cloudwatch.error = AuthError("not allowed (cloudwatch DescribeAlarms: AccessDenied)")
    room.looks()
    found = room.board.snapshot()
    assert found.dead_letter_queues
    assert found.low_stock
    assert found.missing == ("alarms",)
    assert found.notes == (
        "alarms: not allowed (cloudwatch DescribeAlarms: AccessDenied)",
        "trends and ages of queues: not allowed (cloudwatch DescribeAlarms: AccessDenied)",
    )
    assert "alarms" not in room.looks(SLOW + 1)
    room.cloudwatch.error = None
    assert "alarms" in room.looks(DENIED)
    assert room.board.snapshot().notes == room.board.snapshot().missing == ()


def test_a_part_that_fails_keeps_what_it_knew(room: Room) -> None:
    room.looks()
    room.cloudwatch.error = FailedError("gone")
    room.looks(SLOW)
    assert len(room.board.snapshot().alarms) == 2
    assert "alarms: gone" in room.board.snapshot().notes


def test_throttling_makes_a_part_wait_twice_as_long_each_time(room: Room) -> None:
    room.executions.fail("list", ThrottledError("slow down"), times=2)
    room.looks()
    assert "executions" not in room.looks(19)
    assert "executions" in room.looks(1)
    assert "executions" not in room.looks(39)
    assert "executions" in room.looks(1)
    assert "executions" in room.looks(10)


def test_nothing_readable_at_all_is_an_error(room: Room) -> None:
    room.cloudwatch.error = AuthError("no usable AWS credentials")
    room.looks()
    room.board.raise_if_blind()
    blind = Board(room.clock, "prod", timedelta(hours=1), alarms=lambda: room.cloudwatch)
    assert list(blind.refresh()) == ["alarms"]
    with pytest.raises(AuthError, match="no usable"):
        blind.raise_if_blind()


def test_a_network_that_is_gone_for_a_while_ends_nothing(room: Room) -> None:
    board = Board(room.clock, "prod", timedelta(hours=1), alarms=lambda: room.cloudwatch)
    assert list(board.refresh()) == ["alarms"]
    room.cloudwatch.error = FailedError("no route to host")
    room.clock.advance(SLOW)
    assert list(board.refresh()) == ["alarms"]
    board.raise_if_blind()
    assert len(board.snapshot().alarms) == 2
    assert board.snapshot().notes == ("alarms: no route to host",)


def test_no_stock_is_read_where_none_is_wanted(room: Room) -> None:
    board = Board(room.clock, "prod", timedelta(hours=1), stock=lambda: room.table, low=0)
    assert list(board.refresh()) == []
    assert room.table.scans == 0
