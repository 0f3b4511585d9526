from __future__ import annotations

import pytest

from orderctl.errors import AuthError, ConflictError, FailedError, NotFoundError, UsageError
from orderctl.orders.models import ExecutionStatus, OnConflict
from orderctl.orders.order import Order, parse_order
from orderctl.orders.submit import submit, submit_express
from tests.fakes.clock import FakeClock
from tests.fakes.executions import EXPRESS, MACHINE, FakeExecutions


class Unreachable(FailedError):
    code = "unreachable"


def order(quantity: int = 2, order_id: str = "o-1") -> Order:
    return parse_order({"order_id": order_id, "user_id": "ada", "product_id": "widget-1", "quantity": quantity})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=[False, True], ids=["as AWS", "as emulators"])
def executions(request: pytest.FixtureRequest, clock: FakeClock) -> FakeExecutions:
    return FakeExecutions(clock, strict=request.param)


def test_a_new_order_starts_one_execution_named_after_it(executions: FakeExecutions) -> None:
    submitted = submit(executions, MACHINE, order())
    assert submitted.execution.execution_arn == MACHINE.replace("stateMachine", "execution") + ":o-1"
    assert (submitted.execution.status, submitted.attached) == (ExecutionStatus.RUNNING, False)
    assert executions.count("start") == 1


def test_submitted_again_while_it_runs_it_is_the_same_execution(executions: FakeExecutions) -> None:
    first = submit(executions, MACHINE, order())
    again = submit(executions, MACHINE, order())
    assert again.execution.execution_arn == first.execution.execution_arn
    assert len(executions.runs) == 1


def test_submitted_again_after_it_closed_is_a_conflict(executions: FakeExecutions, clock: FakeClock) -> None:
    submit(executions, MACHINE, order())
    clock.advance(60)
    with pytest.raises(ConflictError, match="was submitted before and is SUCCEEDED"):
        submit(executions, MACHINE, order())
    assert len(executions.runs) == 1


def test_other_contents_under_the_same_id_are_a_conflict(executions: FakeExecutions) -> None:
    submit(executions, MACHINE, order(2))
    with pytest.raises(ConflictError, match="with other contents, and is RUNNING"):
        submit(executions, MACHINE, order(3))


def test_fail_on_conflict_refuses_a_running_order(executions: FakeExecutions) -> None:
    submit(executions, MACHINE, order())
    with pytest.raises(ConflictError, match="exists already and is RUNNING"):
        submit(executions, MACHINE, order(), on_conflict=OnConflict.FAIL)
    assert executions.count("start") == 1


def test_a_made_id_that_is_taken_was_started_by_this_very_submit(executions: FakeExecutions, clock: FakeClock) -> None:
    """The reply of the first start was lost, the SDK started again, and the order is through already."""
    submit(executions, MACHINE, order())
    clock.advance(60)
    submitted = submit(executions, MACHINE, order(), made_id=True)
    assert (submitted.attached, submitted.execution.status) == (False, ExecutionStatus.SUCCEEDED)


def test_a_standard_order_is_never_started_on_an_express_state_machine(executions: FakeExecutions) -> None:
    with pytest.raises(UsageError, match="EXPRESS"):
        submit(executions, EXPRESS, order())
    assert executions.count("start") == 0


def test_express_is_never_started_on_a_standard_state_machine(executions: FakeExecutions) -> None:
    with pytest.raises(UsageError, match="STANDARD"):
        submit_express(executions, MACHINE, order())
    assert executions.count("start_sync") == 0


def test_who_may_not_describe_the_state_machine_may_still_submit(executions: FakeExecutions) -> None:
    executions.fail("state_machine", AuthError("no permission"))
    submit(executions, MACHINE, order())
    assert executions.count("start") == 1


def test_a_state_machine_that_does_not_exist_is_not_found(executions: FakeExecutions) -> None:
    with pytest.raises(NotFoundError):
        submit(executions, MACHINE + "-gone", order())


@pytest.mark.parametrize("status", [ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT])
def test_express_answers_with_its_outcome(executions: FakeExecutions, status: ExecutionStatus) -> None:
    executions.sync_status = status
    assert submit_express(executions, EXPRESS, order()).status is status


def test_a_lost_reply_never_starts_a_second_express_execution(executions: FakeExecutions) -> None:
    executions.fail("start_sync", Unreachable("read timeout"))
    with pytest.raises(FailedError, match="it may have run, and was not started again"):
        submit_express(executions, EXPRESS, order())
    assert executions.count("start_sync") == 1
