from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from orderctl.errors import AuthError, FailedError, NotFoundError, TimeoutPassedError
from orderctl.orders.log_lines import OrderLine
from orderctl.orders.models import StateMachine, StateMachineType
from orderctl.orders.order_logs import follow_lines, order_lines
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import LAMBDA, STARTED, Row, entered, exited
from tests.fakes.logs import FakeGroups, FakeLogs

FIRST, SECOND, ELSE = (f"{n}d52f132-9c3d-485b-9047-b75a2d942142" for n in "abc")
GROUP = "/aws/lambda/validate"
OWN = "/aws/vendedlogs/states/orders"
RESULT = json.dumps({"SdkResponseMetadata": {"RequestId": FIRST}})
CALLED = {**LAMBDA, "region": "us-east-1", "parameters": json.dumps({"FunctionName": "validate"})}


def called(output: str = RESULT) -> list[Row]:
    return [
        STARTED,
        (0, "TaskStateEntered", 0, entered("ValidateOrder")),
        (0, "TaskScheduled", 2, CALLED),
        (2, "TaskSucceeded", 3, {**LAMBDA, "output": output}),
        (2, "TaskStateExited", 4, exited("ValidateOrder")),
        (2, "ExecutionSucceeded", 5, {"output": "{}"}),
    ]


class World:
    def __init__(self, rows: Sequence[Row]) -> None:
        self.clock = FakeClock()
        self.executions = FakeExecutions(self.clock)
        self.logs = FakeLogs(self.clock, GROUP)
        self.groups = FakeGroups()
        self.run = self.executions.run("o-1", rows)
        self.machine: StateMachine | None = StateMachine(MACHINE, StateMachineType.STANDARD, "{}")

    def put(self, message: str, at: float, group: str = GROUP) -> None:
        self.logs.put(group, message, at=self.run.started_at + timedelta(seconds=at))

    def request(self, request_id: str, at: float, *messages: str, group: str = GROUP) -> None:
        self.put(f"START RequestId: {request_id} Version: 1", at, group)
        for message in messages:
            self.put(json.dumps({"message": message, "function_request_id": request_id}), at, group)
        self.put(f"END RequestId: {request_id}", at, group)

    def read(self, after: float = 60) -> tuple[list[OrderLine], list[str], bool]:
        self.clock.advance(after)
        bucket = history_bucket(self.clock)
        return order_lines(
            self.executions, self.logs, self.groups, self.machine, self.run.arn, self.clock, bucket=bucket
        )


def told(lines: Sequence[OrderLine]) -> list[tuple[str, str]]:
    return [(line.match, line.message) for line in lines]


def test_the_lines_of_a_request_the_history_names_are_the_orders_and_no_others() -> None:
    world = World(called())
    world.request(FIRST, 1, "validated")
    world.request(ELSE, 1, "another order")
    lines, notes, has_ended = world.read()
    assert told(lines) == [
        ("request_id", f"START RequestId: {FIRST} Version: 1"),
        ("request_id", "validated"),
        ("request_id", f"END RequestId: {FIRST}"),
    ]
    assert ({line.source for line in lines}, notes, has_ended) == ({"validate"}, [], True)


def test_a_line_that_names_the_order_leads_to_the_rest_of_its_request() -> None:
    world = World(called(output="{}"))
    world.request(SECOND, 1, "order o-1 looks fine", "and so on")
    world.request(ELSE, 1, "order o-12 looks fine")
    lines, _, _ = world.read()
    assert {line.request_id for line in lines} == {SECOND}
    assert [match for match, _ in told(lines)] == ["request_id", "order_id", "request_id", "request_id"]


def test_a_call_that_left_no_id_is_looked_for_by_its_time_and_marked() -> None:
    world = World(called(output="{}"))
    world.request(SECOND, 1, "in its time")
    world.request(ELSE, 30, "long after")
    lines, _, _ = world.read()
    assert ({line.match for line in lines}, {line.request_id for line in lines}) == ({"time"}, {SECOND})


def test_what_the_state_machine_logs_itself_is_merged_in_time_order() -> None:
    world = World(called())
    world.machine = StateMachine(MACHINE, StateMachineType.STANDARD, "{}", "ALL", True, OWN)
    world.logs.put_execution(OWN, called(), world.run.arn)
    world.request(FIRST, 1, "validated")
    lines, _, _ = world.read()
    assert [(line.source, line.message) for line in lines if line.message != f"END RequestId: {FIRST}"] == [
        ("execution", "ExecutionStarted"),
        ("execution", "TaskStateEntered ValidateOrder"),
        ("execution", "TaskScheduled"),
        ("validate", f"START RequestId: {FIRST} Version: 1"),
        ("validate", "validated"),
        ("execution", "TaskSucceeded"),
        ("execution", "TaskStateExited ValidateOrder"),
        ("execution", "ExecutionSucceeded"),
    ]


def test_functions_the_definition_names_are_looked_at_though_the_history_does_not_tell() -> None:
    """As an emulator writes it: no parameters."""
    rows = [row if row[1] != "TaskScheduled" else (row[0], row[1], row[2], dict(LAMBDA)) for row in called()]
    world = World(rows)
    definition = {"States": {"ValidateOrder": {"Resource": "arn:aws:lambda:us-east-1:1:function:validate"}}}
    world.machine = StateMachine(MACHINE, StateMachineType.STANDARD, json.dumps(definition))
    world.request(FIRST, 1, "validated")
    assert "validated" in [line.message for line in world.read()[0]]


def test_a_group_that_does_not_exist_is_a_note() -> None:
    world = World(called())
    del world.logs.groups[GROUP]
    assert world.read() == ([], [f"log group {GROUP} does not exist (yet)"], True)


@pytest.mark.parametrize("error", [AuthError("not authorized"), FailedError("broken")])
def test_what_cannot_be_read_is_a_note_and_the_rest_is_shown(error: Exception) -> None:
    world = World(called())
    world.machine = StateMachine(MACHINE, StateMachineType.STANDARD, "{}", "ALL", True, OWN)
    world.logs.put_execution(OWN, called(), world.run.arn)
    world.groups.error = error  # type: ignore[assignment]
    lines, notes, _ = world.read()
    assert len(lines) == 6
    assert notes == [f"function validate: where it logs cannot be read: {error}"]


def test_without_permission_to_describe_the_state_machine_the_history_is_enough() -> None:
    world = World(called())
    world.machine = None
    world.request(FIRST, 1, "validated")
    lines, notes, _ = world.read()
    assert len(lines) == 3
    assert len(notes) == 1


def test_an_order_that_does_not_exist_is_not_found() -> None:
    world = World(called())
    del world.executions.runs[world.run.arn]
    with pytest.raises(NotFoundError):
        world.read()


def test_following_tells_each_line_once_and_ends_when_the_log_is_quiet_after_the_end() -> None:
    world = World(called())
    world.request(FIRST, 1, "validated")
    world.logs.late = lambda line: 6 if line.message.startswith("END") else 0

    def gather() -> tuple[list[OrderLine], bool]:
        lines, _, has_ended = world.read(after=0)
        return lines, has_ended

    messages = [line.message for line in follow_lines(gather, world.clock, timeout=300)]
    assert sorted(messages) == sorted({*messages})
    assert len(messages) == 3
    assert world.clock.elapsed < 30


def test_following_ends_with_its_timeout_where_the_execution_does_not() -> None:
    world = World(called()[:3])

    def gather() -> tuple[list[OrderLine], bool]:
        lines, _, has_ended = world.read(after=0)
        return lines, has_ended

    with pytest.raises(TimeoutPassedError):
        list(follow_lines(gather, world.clock, timeout=20))
    assert world.clock.elapsed == pytest.approx(20)
