"""OrderCreated starts one execution an order, and what is no order fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber
from orders_common.order import ValidationError

from orderctl.stack.functions.process_order import InjectedFault, fail_while_asked_to, handler, start
from tests.stack.functions.invocation import ORDER, Context, unconnected

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:orders:o-1"
SENT = {"stateMachineArn": MACHINE, "name": "o-1", "input": json.dumps(ORDER, sort_keys=True)}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

StepFunctions = tuple["SFNClient", Stubber]


@pytest.fixture
def workflows() -> Iterator[StepFunctions]:
    client = unconnected("stepfunctions")
    with Stubber(client) as stub:
        yield client, stub


def test_the_execution_is_named_after_the_order(workflows: StepFunctions) -> None:
    workflows[1].add_response("start_execution", {"executionArn": EXECUTION, "startDate": NOON}, SENT)
    assert start(ORDER, workflows[0], MACHINE) == {"order_id": "o-1", "execution_arn": EXECUTION}


def test_a_second_delivery_of_the_same_order_starts_nothing_and_is_no_failure(workflows: StepFunctions) -> None:
    workflows[1].add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=SENT)
    assert start(ORDER, workflows[0], MACHINE) == {"order_id": "o-1", "execution_arn": EXECUTION}


def test_any_other_refusal_is_a_failure(workflows: StepFunctions) -> None:
    workflows[1].add_client_error("start_execution", "ExecutionLimitExceeded")
    with pytest.raises(workflows[0].exceptions.ExecutionLimitExceeded):
        start(ORDER, workflows[0], MACHINE)


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": "text"}, {"detail": {**ORDER, "quantity": "2"}}])
def test_a_poison_event_fails_under_its_own_name(event: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        handler(event, Context())


def test_an_injected_fault_lasts_until_the_time_the_order_names() -> None:
    order = {**ORDER, "fail_until": "2026-01-01T12:00:00Z"}
    with pytest.raises(InjectedFault, match="order o-1 fails until"):
        fail_while_asked_to(order, lambda: NOON.replace(hour=11))
    fail_while_asked_to(order, lambda: NOON)


def test_an_order_that_asks_for_no_fault_has_none() -> None:
    fail_while_asked_to(ORDER, lambda: NOON)


@pytest.mark.parametrize("asked", [5, "soon", ""])
def test_a_fault_asked_for_at_no_time_is_no_order(asked: object) -> None:
    with pytest.raises(ValidationError):
        fail_while_asked_to({**ORDER, "fail_until": asked}, lambda: NOON)
