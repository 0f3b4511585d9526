"""Where letters that failed again are looked for, and how they are known."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orderctl.dlq.models import DeadLetter, Kind, Message, Target, Wire, Wiring
from orderctl.dlq.tally import Tally
from orderctl.dlq.verify import Verified, Verifier, failure_queues, is_execution
from tests.dlq.world import World
from tests.fakes.sqs.effects import access_denied

HERE = "ap-northeast-1:123456789012"
FUNCTION = f"arn:aws:lambda:{HERE}:function:process"
RULE = f"arn:aws:events:{HERE}:rule/orders/created"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:orders"
EXECUTION = f"arn:aws:states:{HERE}:execution:orders:event-1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def wired(world: World) -> Wiring:
    """The queue of a rule's target, and the function's own two queues."""
    dead, failed = world.aws.sqs.create("process-dlq").arn, world.aws.sqs.create("process-failures").arn
    return Wiring(
        (
            Wire(Kind.EVENTBRIDGE_TARGET, world.dlq.arn, RULE, FUNCTION, target=Target(RULE, "t", FUNCTION)),
            Wire(Kind.LAMBDA_DLQ, dead, FUNCTION, FUNCTION),
            Wire(Kind.ON_FAILURE, failed, f"{FUNCTION}:$LATEST", f"{FUNCTION}:$LATEST"),
            Wire(Kind.LAMBDA_DLQ, world.aws.sqs.create("other-dlq").arn, f"{FUNCTION}-other", f"{FUNCTION}-other"),
        )
    )


def verify(world: World, wiring: Wiring, tally: Tally, seconds: float = 30, since: datetime | None = None) -> Verified:
    services = world.services
    queue = services.queues.describe(world.dlq_name)
    verifier = Verifier(services.queues, services.starter, wiring, world.clock)
    return verifier.verify(queue, tally, seconds, since or world.clock.now() - timedelta(hours=1))


def record(request_id: str | None, payload: object) -> str:
    context = {"functionArn": f"{FUNCTION}:$LATEST", "condition": "RetriesExhausted"}
    if request_id:
        context["requestId"] = request_id
    return json.dumps({"version": "1.0", "requestContext": context, "requestPayload": payload})


def test_the_queues_of_the_consumer_are_looked_in_and_no_others(world: World) -> None:
    found = [arn.rsplit(":", 1)[-1] for arn in failure_queues(wired(world), world.dlq.arn)]
    assert found == ["orders-dlq", "process-dlq", "process-failures"]


def test_a_letter_that_failed_in_the_function_it_went_to_is_found_there(world: World) -> None:
    wiring, tally = wired(world), Tally("run")
    tally.sent({"m-1": "request-1", "m-2": "request-2"})
    world.aws.sqs.seed("process-failures", record("request-2", {}))
    verified = verify(world, wiring, tally)
    assert list(tally.came_back) == ["m-2"]
    assert tally.came_back["m-2"].endswith(" in process-failures")
    assert verified.looked_in == ["orders-dlq", "process-dlq", "process-failures"]
    assert world.clock.elapsed >= 30


def test_without_an_id_the_payload_tells_unless_it_lay_there_before(world: World) -> None:
    wiring, tally, payload = wired(world), Tally("run"), '{"order_id": "o-1"}'
    letter = DeadLetter(Message("m-1", payload), world.dlq.arn, Kind.EVENTBRIDGE_TARGET, payload=payload)
    tally.sent({"m-1": None})
    tally.invoked(letter)
    world.aws.sqs.seed("process-failures", record(None, {"order_id": "o-1"}))
    later = world.clock.now() + timedelta(seconds=5)
    assert verify(world, wiring, tally, since=later).looked_in
    assert tally.came_back == {}
    verify(world, wiring, tally)
    assert list(tally.came_back) == ["m-1"]


def test_a_queue_that_may_not_be_looked_in_is_named(world: World) -> None:
    tally, wiring = Tally("run"), wired(world)
    world.aws.faults.on("ReceiveMessage", access_denied(), when=lambda call: "failures" in call.params["QueueUrl"])
    verified = verify(world, wiring, tally)
    assert verified.looked_in == ["orders-dlq", "process-dlq"]
    assert verified.notes[0].startswith("process-failures was not looked at: ")


# --- executions -------------------------------------------------------------------------------------------------


def started(world: World, *names: str) -> Tally:
    world.aws.states.create("orders")
    tally = Tally("run")
    for name in names:
        world.aws.states.call("StartExecution", {"stateMachineArn": MACHINE, "name": name})
        tally.sent({f"m-{name}": EXECUTION.replace("event-1", name)})
    return tally


def test_an_execution_that_failed_came_back_and_one_that_succeeded_did_not(world: World) -> None:
    tally = started(world, "event-1", "event-2")
    world.aws.states.close("event-1", "FAILED", "OutOfStock")
    world.aws.states.close("event-2")
    verified = verify(world, Wiring(), tally)
    assert tally.came_back == {"m-event-1": f"its execution FAILED (OutOfStock): {EXECUTION}"}
    assert verified.statuses == {"FAILED": 1, "SUCCEEDED": 1}
    assert world.clock.elapsed < 30, "with all executions ended there is nothing to wait for"


def test_an_execution_that_still_runs_is_waited_for_and_said_to_run(world: World) -> None:
    tally = started(world, "event-1")
    verified = verify(world, Wiring(), tally, 12)
    assert verified.executions == {EXECUTION: "RUNNING"}
    assert tally.came_back == {}
    assert world.clock.elapsed >= 12


def test_what_cannot_be_asked_for_is_unknown_and_noted(world: World) -> None:
    tally = started(world, "event-1")
    express = f"arn:aws:states:{HERE}:express:quick:a:b"
    tally.sent({"m-x": express})
    world.aws.faults.on("DescribeExecution", access_denied())
    verified = verify(world, Wiring(), tally, 5)
    assert verified.executions == {EXECUTION: "UNKNOWN", express: "UNKNOWN"}
    [note] = verified.notes
    assert note.startswith("executions could not be looked at: ")


def test_what_is_not_asked_in_time_is_not_said_to_be_anything(world: World) -> None:
    tally = started(world, *(f"event-{number}" for number in range(60)))
    verified = verify(world, Wiring(), tally, 0)
    assert verified.statuses == {"RUNNING": 50, "UNKNOWN": 10}


@pytest.mark.parametrize(("new_id", "is_one"), [(EXECUTION, True), ("4f1c", False), ("x:execution:y", False)])
def test_an_execution_is_known_by_its_arn(new_id: str, is_one: bool) -> None:
    assert is_execution(new_id) is is_one
