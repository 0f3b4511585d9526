from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orderctl.errors import AuthError, ConflictError
from orderctl.orders.redrive import (
    MOST_EVENTS,
    Actionable,
    Decision,
    Refused,
    client_token,
    decide_redrive,
    decide_stop,
    start_anew,
)
from tests.fakes.clock import FakeClock
from tests.fakes.executions import FakeExecutions
from tests.fakes.histories import (
    ABORTED,
    OUT_OF_STOCK,
    RETRIED_THEN_FAILED,
    STARTED,
    SUCCEEDED,
    TIMED_OUT,
    Row,
    entered,
)


def decided(rows: Sequence[Row], after: float = 60) -> Decision:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    run = executions.run("o-1", rows)
    clock.advance(after)
    return decide_redrive(executions, run.arn, clock.now())


@pytest.mark.parametrize("rows", [RETRIED_THEN_FAILED, TIMED_OUT, ABORTED])
def test_what_ended_badly_is_redrivable(rows: list[Row]) -> None:
    found = decided(rows)
    assert isinstance(found, Actionable)
    assert found.warning is None


def test_a_fail_state_would_fail_again_and_that_is_said() -> None:
    found = decided(OUT_OF_STOCK)
    assert isinstance(found, Actionable)
    assert found.warning == "OutOfStock is a Fail state: it is entered again and fails again"


@pytest.mark.parametrize(("rows", "after", "reason"), [
    (SUCCEEDED, 60, "it is SUCCEEDED"),
    (SUCCEEDED, 1, "it is RUNNING"),
    (RETRIED_THEN_FAILED, 15 * 86400, "it ended more than 14 days ago"),
])  # fmt: skip
def test_what_aws_would_refuse_is_refused_first(rows: list[Row], after: float, reason: str) -> None:
    found = decided(rows, after)
    assert isinstance(found, Refused)
    assert found.reason == reason


def test_a_history_that_is_too_long_is_refused() -> None:
    rows: list[Row] = [STARTED, *((1, "WaitStateEntered", n, entered("w")) for n in range(1, MOST_EVENTS - 1))]
    assert isinstance(decided([*rows, (2, "ExecutionAborted", 0, {})]), Refused)
    assert isinstance(decided([*rows[:-1], (2, "ExecutionAborted", 0, {})]), Actionable)


def test_a_running_execution_may_be_stopped_and_an_aborted_one_is_done() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    arn = executions.run("o-1", SUCCEEDED).arn
    assert isinstance(decide_stop(executions, arn), Actionable)
    executions.stop(arn, error=None, cause=None)
    again = decide_stop(executions, arn)
    assert isinstance(again, Refused)
    assert again.is_done


def test_the_token_stays_the_same_for_one_redrive_and_changes_for_the_next() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    it = executions.describe(executions.run("o-1", RETRIED_THEN_FAILED).arn)
    assert client_token(it) == client_token(replace(it, started_at=None))
    assert client_token(it) != client_token(replace(it, redrive_count=1))
    assert 1 <= len(client_token(it)) <= 64


def test_started_anew_twice_is_started_once() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    run = executions.run("o-1", RETRIED_THEN_FAILED, input_json='{"order_id": "o-1"}')
    clock.advance(60)
    first = start_anew(executions, executions.describe(run.arn))
    assert first.new_execution_arn == run.arn + "-new"
    assert executions.runs[run.arn + "-new"].input == run.input
    clock.advance(60)
    with pytest.raises(ConflictError):
        start_anew(executions, executions.describe(run.arn))
    assert len(executions.runs) == 2


def test_a_definition_that_changed_since_is_a_warning_and_one_that_may_not_be_read_is_none() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    run = executions.run("o-1", RETRIED_THEN_FAILED)
    clock.advance(60)
    assert decide_redrive(executions, run.arn, clock.now()) == Actionable(executions.describe(run.arn))
    run.definition = '{"StartAt": "Old"}'
    decision = decide_redrive(executions, run.arn, clock.now())
    assert isinstance(decision, Actionable)
    assert "the definition has changed since" in (decision.warning or "")
    executions.fail("state_machine_of", AuthError("not authorized"))
    assert decide_redrive(executions, run.arn, clock.now()) == Actionable(executions.describe(run.arn))
