"""One token bucket for each API: nobody makes one of their own, and whoever is throttled slows all the others."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from orderctl.aws.eventbridge import EventBridgeBus
from orderctl.aws.starter import StepFunctionsStarter
from orderctl.aws.stepfunctions import StepFunctions
from orderctl.dlq.models import NotSent, ToStateMachine
from orderctl.errors import ThrottledError
from orderctl.events.models import Event
from orderctl.orders.find import with_error
from orderctl.orders.history import HistoryReader
from orderctl.orders.models import Execution, ExecutionStatus, StateMachineType
from orderctl.pacing import QUOTAS, SHARE, TokenBuckets
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import SUCCEEDED
from tests.test_architecture import modules, parsed, room

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1"
MAKERS = ("TokenBucket", "TokenBuckets")


def made_in(tree: ast.Module) -> list[int]:
    """Lines on which a bucket is made."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")) in MAKERS
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_only_the_app_makes_token_buckets(path: Path) -> None:
    if path.parts[-2:] != ("context", "settings.py") and room(path) != "pacing":
        assert not made_in(parsed(path)), f"{path}: take the App's `token_buckets`; AWS counts for the whole account"


def test_the_search_for_buckets_finds_them() -> None:
    assert made_in(ast.parse("a = TokenBucket(clock, 1)\nb = pacing.TokenBuckets(clock)\n")) == [1, 2]


class Wires:
    """Every adapter with the one set of buckets, over clients that botocore's Stubber answers."""

    def __init__(self) -> None:
        import botocore.session
        from botocore.config import Config
        from botocore.stub import Stubber

        session = botocore.session.Session()
        session.set_credentials("x", "x")
        once = Config(retries={"total_max_attempts": 1})
        self.clock = FakeClock()
        self.buckets = TokenBuckets(self.clock)
        states: Any = session.create_client("stepfunctions", region_name="us-east-1", config=once)
        events: Any = session.create_client("events", region_name="us-east-1", config=once)
        self.states, self.events = Stubber(states), Stubber(events)
        self.states.activate()
        self.events.activate()
        self.executions = StepFunctions(states, lambda: states, self.buckets)
        self.starter = StepFunctionsStarter(states, self.buckets)
        self.bus = EventBridgeBus(events, "orders", once=events, buckets=self.buckets)

    def speed(self, operation: str) -> float:
        return self.buckets.of(operation).per_second / (QUOTAS[operation].per_second * SHARE)


@pytest.fixture
def wires() -> Wires:
    return Wires()


def test_a_redrive_that_is_throttled_slows_the_orders_that_are_submitted(wires: Wires) -> None:
    wires.states.add_client_error("start_execution", "ThrottlingException", "Rate exceeded", 400)
    outcome = wires.starter.start(ToStateMachine(MACHINE, "o-1", "{}"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_throttled
    assert wires.speed("StartExecution") == 0.5
    for _ in range(10):
        wires.states.add_response("start_execution", {"executionArn": ARN, "startDate": wires.clock.now()})
        wires.executions.start(MACHINE, "o-1", "{}")
    assert wires.clock.elapsed == pytest.approx(10 / (150 * SHARE / 2), rel=0.1)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("start_execution", lambda port: port.start(MACHINE, "o-1", "{}")),
        ("stop_execution", lambda port: port.stop(ARN, error=None, cause=None)),
        ("redrive_execution", lambda port: port.redrive(ARN, "token")),
        ("describe_execution", lambda port: port.describe(ARN)),
        ("describe_execution", lambda port: port.trace_header(ARN)),
        ("list_executions", lambda port: next(port.list(MACHINE))),
        ("describe_state_machine", lambda port: port.state_machine(MACHINE)),
        ("get_execution_history", lambda port: next(port.recorded(ARN))),
    ],
)
def test_every_call_with_a_published_quota_is_paced(wires: Wires, operation: str, call: Any) -> None:
    wires.states.add_client_error(operation, "ThrottlingException", "Rate exceeded", 400)
    with pytest.raises(ThrottledError):
        call(wires.executions)
    assert wires.speed("".join(word.title() for word in operation.split("_"))) == 0.5


def test_orders_are_started_below_the_quota(wires: Wires) -> None:
    for number in range(500):
        wires.states.add_response("start_execution", {"executionArn": ARN, "startDate": wires.clock.now()})
        wires.executions.start(MACHINE, f"o-{number}", "{}")
    assert wires.clock.elapsed == pytest.approx((500 - QUOTAS["StartExecution"].at_once) / (150 * SHARE), rel=0.01)


def test_an_event_throttled_inside_an_answer_that_went_well_slows_the_next_calls(wires: Wires) -> None:
    wires.events.add_response(
        "put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}]}
    )
    wires.bus.put([Event("orders.api", "OrderCreated", "{}")])
    assert wires.speed("PutEvents") == 0.5


def test_a_throttled_search_for_an_error_slows_a_watch() -> None:
    clock = FakeClock()
    executions, bucket = FakeExecutions(clock), TokenBuckets(clock).of("GetExecutionHistory")
    run = executions.run("o-1", SUCCEEDED)
    executions.fail("history", ThrottledError("Rate exceeded"))
    failed = Execution("o-1", run.arn, MACHINE, StateMachineType.STANDARD, ExecutionStatus.FAILED)
    with pytest.raises(ThrottledError):
        list(with_error(executions, [failed], "anything", bucket))
    before = clock.elapsed
    list(HistoryReader(executions, run.arn, bucket).read())
    assert clock.elapsed - before == pytest.approx(1 / (20 * SHARE / 2), rel=0.1)
