from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pytest

from orderctl.errors import NotFoundError
from orderctl.orders.explain import Explained, explain
from orderctl.orders.models import Execution, ExecutionStatus
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED, Row


def explained(rows: Sequence[Row], after: float = 60) -> Explained:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    run = executions.run("o-1", rows, input_json='{"quantity": 2}')
    clock.advance(after)
    return explain(executions, run.arn, history_bucket(clock))


def test_the_names_of_an_execution_in_json_are_an_api() -> None:
    contract = "order_id execution_arn state_machine_arn type status started_at stopped_at error cause failed_state"
    contract += " redrive_status"
    assert [field.name for field in fields(Execution)] == contract.split()
    assert [field.name for field in fields(Explained)][:11] == contract.split()


def test_a_crash_is_told_with_its_stack_and_its_retries() -> None:
    it = explained(RETRIED_THEN_FAILED)
    assert (it.status, it.failed_state, it.retries) == (ExecutionStatus.FAILED, "ValidateOrder", 1)
    assert (it.error_type, it.error_message) == ("WarehouseError", "no such warehouse")
    assert it.stack == ('  File "/var/task/handler.py", line 2, in handler',)
    assert it.next_step == "redrivable: it goes on from the state that failed"


def test_a_fail_state_is_not_worth_a_redrive_and_that_is_said() -> None:
    it = explained(OUT_OF_STOCK)
    assert it.redrive_status == "REDRIVABLE"
    assert it.next_step == "a redrive enters OutOfStock again and fails again: submit a corrected order under a new id"


def test_a_success_needs_no_next_step_and_shows_what_went_in_and_came_out() -> None:
    it = explained(SUCCEEDED)
    assert (it.next_step, it.input, it.output) == (None, {"quantity": 2}, {})
    assert [line.state for line in it.states] == ["ValidateOrder", "WaitForStock", "OrderAccepted"]


def test_what_runs_can_be_watched() -> None:
    it = explained(SUCCEEDED, after=1)
    assert (it.status, it.next_step) == (ExecutionStatus.RUNNING, "orderctl orders watch o-1")
    assert it.states[-1].duration_seconds is None


def test_what_is_not_there_is_not_found() -> None:
    clock = FakeClock()
    with pytest.raises(NotFoundError):
        explain(FakeExecutions(clock), "arn:aws:states:us-east-1:1:execution:orders:o-1", history_bucket(clock))
