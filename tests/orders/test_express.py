from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from orderctl.errors import FailedError, NotFoundError
from orderctl.orders.explain import explain
from orderctl.orders.express import (
    BothHistories,
    ExpressHistories,
    blind_spots,
    check_is_logged,
    named_executions,
)
from orderctl.orders.find import find_express
from orderctl.orders.follow import News, follow
from orderctl.orders.models import ExecutionStatus, StateMachine, StateMachineType
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import START, FakeClock
from tests.fakes.executions import EXPRESS, EXPRESS_GROUP, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, PARALLEL, RETRIED_THEN_FAILED, SUCCEEDED, TIMED_OUT, Row
from tests.fakes.logs import FakeLogs

ARN = EXPRESS.replace(":stateMachine:", ":express:") + ":o-1:0001"


class World:
    """One log group, and what reads it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.logs = FakeLogs(self.clock, EXPRESS_GROUP)
        began = self.clock.now() - timedelta(hours=1)
        self.express = ExpressHistories(self.logs, lambda machine: EXPRESS_GROUP, self.clock, since=began)
        self.executions = FakeExecutions(self.clock)
        self.histories = BothHistories(self.executions, lambda: self.express)

    def put(self, rows: Sequence[Row], arn: str = ARN, *, level: str = "ALL") -> None:
        self.logs.put_execution(EXPRESS_GROUP, rows, arn, level=level)

    def watch(self, *arns: str, patience: float = 60) -> list[News]:
        return list(
            follow(
                self.histories,
                arns or [ARN],
                clock=self.clock,
                timeout=360,
                patience=patience,
                bucket=history_bucket(self.clock),
            )
        )


@pytest.fixture
def world() -> World:
    return World()


def types(news: Sequence[News]) -> list[str]:
    return [event.type for item in news for event in item.events]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (SUCCEEDED, ExecutionStatus.SUCCEEDED),
        (OUT_OF_STOCK, ExecutionStatus.FAILED),
        (TIMED_OUT, ExecutionStatus.TIMED_OUT),
        (PARALLEL, ExecutionStatus.SUCCEEDED),
    ],
)
def test_an_express_execution_is_watched_through_its_log(
    world: World, rows: Sequence[Row], status: ExecutionStatus
) -> None:
    world.put(rows)
    news = world.watch()
    assert types(news) == [row[1] for row in rows]
    assert news[-1].status is status


def test_lines_that_arrive_late_and_out_of_order_are_told_in_order_and_once(world: World) -> None:
    world.put(SUCCEEDED)
    lateness = {line.id: (number * 7) % 5 for number, line in enumerate(world.logs.groups[EXPRESS_GROUP])}
    world.logs.late = lambda line: lateness[line.id]
    news = world.watch()
    assert types(news) == [row[1] for row in SUCCEEDED]
    assert [notice for item in news for notice in item.notices] == []


def test_a_line_delivered_twice_is_one_event(world: World) -> None:
    world.put(SUCCEEDED)
    world.put(SUCCEEDED)
    assert types(world.watch()) == [row[1] for row in SUCCEEDED]


def test_a_line_that_is_lost_is_told_as_missing_and_the_end_is_still_seen(world: World) -> None:
    world.put(SUCCEEDED)
    del world.logs.groups[EXPRESS_GROUP][4]
    news = world.watch()
    assert news[-1].status is ExecutionStatus.SUCCEEDED
    assert [notice for item in news for notice in item.notices] == [
        "order o-1: event 5 of its history never came; going on"
    ]


def test_a_log_that_has_nothing_yet_is_waited_for(world: World) -> None:
    world.put(SUCCEEDED)
    world.logs.late = lambda line: 20
    assert world.watch()[-1].status is ExecutionStatus.SUCCEEDED
    with pytest.raises(NotFoundError, match="has nothing of it"):
        world.watch(ARN.replace("0001", "0002"), patience=5)


def test_each_read_goes_back_only_over_what_may_still_arrive(world: World) -> None:
    world.put(
        [*SUCCEEDED[:6], *((120.0 + at, kind, previous, details) for at, kind, previous, details in SUCCEEDED[6:])]
    )
    world.watch()
    oldest = [since for _, _, since in world.logs.calls]
    assert oldest[-1] >= world.clock.now() - timedelta(seconds=90)


def test_while_nothing_is_there_the_whole_log_is_searched_once_and_then_only_its_end(world: World) -> None:
    with pytest.raises(NotFoundError):
        world.watch(patience=30)
    first, *others = [since for _, _, since in world.logs.calls]
    assert first == START - timedelta(hours=1)
    assert len(others) > 5
    assert all(since >= START - timedelta(seconds=60) for since in others)


def test_a_failed_one_is_explained_like_any_other(world: World) -> None:
    world.put(RETRIED_THEN_FAILED)
    world.clock.advance(60)
    explained = explain(world.histories, ARN, history_bucket(world.clock))
    assert (explained.type, explained.status, explained.failed_state) == ("EXPRESS", "FAILED", "ValidateOrder")
    assert (explained.error_type, explained.retries, explained.failed_state_input) == ("WarehouseError", 1, {})
    assert explained.next_step == "not redrivable: an Express execution cannot be redriven"


def test_standard_and_express_are_watched_together_by_one_poller(world: World) -> None:
    world.put(OUT_OF_STOCK)
    standard = world.executions.run("s-1", SUCCEEDED)
    ended = {item.execution_arn: item.status for item in world.watch(ARN, standard.arn) if item.status}
    assert ended == {ARN: ExecutionStatus.FAILED, standard.arn: ExecutionStatus.SUCCEEDED}


def test_at_level_error_the_failure_is_seen_and_what_came_before_is_told_as_missing(world: World) -> None:
    world.put(RETRIED_THEN_FAILED, level="ERROR")
    news = world.watch()
    assert types(news) == ["TaskFailed", "TaskFailed", "ExecutionFailed"]
    assert news[-1].status is ExecutionStatus.FAILED
    assert next(notice for item in news for notice in item.notices).startswith("order o-1: events 1 to 4")


def test_all_executions_of_a_name_are_found_and_the_newest_comes_first(world: World) -> None:
    world.put(SUCCEEDED)
    world.clock.advance(60)
    world.put(OUT_OF_STOCK, ARN.replace("0001", "0002"))
    world.put(OUT_OF_STOCK, ARN.replace("o-1", "o-11"))
    world.clock.advance(60)
    began = world.clock.now() - timedelta(hours=1)
    found = named_executions(world.logs, EXPRESS_GROUP, EXPRESS, "o-1", began)
    assert found == [ARN.replace("0001", "0002"), ARN]


@pytest.mark.parametrize(
    ("level", "said"),
    [("ALL", None), ("ERROR", "neither starts nor successes"), ("FATAL", "only failed"), ("OFF", "nothing")],
)
def test_what_a_log_level_cannot_show_is_said(level: str, said: str | None) -> None:
    machine = StateMachine(EXPRESS, StateMachineType.EXPRESS, "{}", level)
    told = blind_spots(machine)
    assert (told is None) if said is None else said in (told or "")
    if level == "OFF":
        with pytest.raises(FailedError, match="nothing"):
            check_is_logged(machine)
    else:
        check_is_logged(machine)


def test_express_executions_are_listed_from_what_their_log_says_of_start_and_end(world: World) -> None:
    began = world.clock.now()
    world.put(SUCCEEDED)
    world.clock.advance(60)
    world.put(OUT_OF_STOCK, ARN.replace("o-1:0001", "p-2:0002"))
    world.put(SUCCEEDED[:3], ARN.replace("o-1:0001", "o-3:0003"))
    world.clock.advance(60)
    everything = find_express(world.logs, EXPRESS_GROUP, EXPRESS, since=began)
    assert {(each.order_id, each.status) for each in everything} == {
        ("o-1", "SUCCEEDED"),
        ("p-2", "FAILED"),
        ("o-3", "RUNNING"),
    }
    assert everything[-1].order_id == "o-1"
    failed = find_express(world.logs, EXPRESS_GROUP, EXPRESS, since=began, status=ExecutionStatus.FAILED)
    assert [(each.order_id, each.error, each.seconds) for each in failed] == [("p-2", "OutOfStock", 0.3)]
    assert len(find_express(world.logs, EXPRESS_GROUP, EXPRESS, since=began, prefix="o-")) == 2
    assert len(find_express(world.logs, EXPRESS_GROUP, EXPRESS, since=began, limit=1)) == 1
