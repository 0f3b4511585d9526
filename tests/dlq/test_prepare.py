"""Every consumer is looked at before the first message is; and what speaks against them is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.dlq.models import (
    DeadLetter,
    Failure,
    Kind,
    Message,
    Redrivable,
    Target,
    ToFunction,
    ToQueue,
    Wire,
    Wiring,
)
from orderctl.dlq.outlook import outlook
from orderctl.dlq.prepare import Prepared, Services, prepare, resource_of
from orderctl.errors import AuthError, NotFoundError, OrderctlError
from tests.dlq.world import World
from tests.fakes.sqs.effects import access_denied

HERE = "ap-northeast-1:123456789012"
SCHEDULE = f"arn:aws:scheduler:{HERE}:schedule/default/nightly"
SEND = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def universal(world: World, text: str) -> Wire:
    return Wire(Kind.SCHEDULER, world.dlq.arn, SCHEDULE, SEND, target=Target(SCHEDULE, "", SEND, input=text))


def ready(world: World, *wires: Wire) -> Prepared:
    services = world.services
    return prepare(services, services.queues.describe(world.dlq_name), Wiring(wires))


def test_the_queue_a_universal_schedule_sends_to_is_a_target(world: World) -> None:
    wire = universal(world, json.dumps({"QueueUrl": world.source.url, "MessageBody": "b"}))
    assert resource_of(wire) == world.source.arn
    assert list(ready(world, wire).consumers.targets) == [world.source.arn]


def test_the_queue_a_universal_schedule_sends_to_may_be_gone(world: World) -> None:
    wire = universal(world, json.dumps({"QueueUrl": world.source.url + "-gone", "MessageBody": "b"}))
    with pytest.raises(NotFoundError):
        ready(world, wire)
    assert world.aws.count("ReceiveMessage") == 0


@pytest.mark.parametrize("text", ["{", "{}", '{"QueueUrl": 3}'])
def test_a_universal_schedule_that_names_no_resource_has_none(world: World, text: str) -> None:
    assert resource_of(universal(world, text)) is None


def test_an_endpoint_that_is_no_arn_is_no_consumer_to_look_at(world: World) -> None:
    wire = Wire(Kind.SNS, world.dlq.arn, "subscription", "ops@example.com", topic_arn="t", protocol="email")
    assert ready(world, wire).dead == {}


def machine_wire(world: World, arn: str) -> Wire:
    rule = f"arn:aws:events:{HERE}:rule/created"
    return Wire(Kind.EVENTBRIDGE_TARGET, world.dlq.arn, rule, arn, target=Target(rule, "t", arn))


def test_a_state_machine_is_looked_at_and_may_be_gone_or_going(world: World) -> None:
    arn = world.aws.states.create("orders")
    assert list(ready(world, machine_wire(world, arn)).machines) == [arn]
    world.aws.states.deleting.add(arn)
    with pytest.raises(NotFoundError, match="is DELETING"):
        ready(world, machine_wire(world, arn))
    with pytest.raises(NotFoundError):
        ready(world, machine_wire(world, arn + "-gone"))


def test_a_state_machine_that_may_not_be_looked_at_may_still_be_started(world: World) -> None:
    arn = world.aws.states.create("orders")
    world.aws.faults.on("DescribeStateMachine", access_denied())
    found = ready(world, machine_wire(world, arn))
    assert found.dead == {}
    assert found.warnings[0].startswith(f"whether {arn} can be delivered to is not known: ")


def test_a_topic_that_is_gone_is_found(world: World) -> None:
    with pytest.raises(NotFoundError):
        ready(world, machine_wire(world, f"arn:aws:sns:{HERE}:gone"))


def test_a_dead_function_is_known_with_and_without_its_qualifier(world: World) -> None:
    arn = f"arn:aws:lambda:{HERE}:function:gone"
    sqs = Wire(Kind.SQS, world.dlq.arn, world.source.arn, world.source.arn)
    found = ready(world, sqs, Wire(Kind.ON_FAILURE, world.dlq.arn, f"{arn}:$LATEST", f"{arn}:$LATEST"))
    assert found.problem_with(arn) is not None
    assert found.problem_with(world.source.arn) is None


# --- the outlook ------------------------------------------------------------------------------------------------


class Health:
    """CloudWatch, or its refusal."""

    def __init__(self, counted: Mapping[str, tuple[int, int]], error: OrderctlError | None = None) -> None:
        self.counted, self.error, self.asked = counted, error, list[str]()

    def failures(self, functions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        self.asked += functions
        if self.error:
            raise self.error
        return self.counted


def to_function(arn: str, error: str | None = None) -> Redrivable:
    letter = DeadLetter(Message("m", "{}"), "dlq", Kind.ON_FAILURE, failure=Failure(error=error))
    return Redrivable(letter, ToFunction(arn, b"{}"))


def said(world: World, health: Health, *letters: Redrivable, workflows: Sequence[str] = ()) -> list[str]:
    services: Services = replace(world.services, health=health)
    return outlook(services, world.prepared(), letters, workflows)


def test_a_function_that_fails_these_days_is_warned_about(world: World) -> None:
    function = world.aws.lambda_.create("process")
    health = Health({"process": (7, 9)})
    [text] = said(world, health, to_function(f"{function.arn}:$LATEST"))
    assert text == "process failed 7 of 9 invocations in the last 15 minutes: letters may come back"
    assert said(world, Health({"process": (0, 9)}), to_function(function.arn)) == []


def test_of_a_queue_its_reader_is_asked_about(world: World) -> None:
    function = world.aws.lambda_.create("process")
    world.aws.lambda_.map_queue(world.source.arn, function)
    health = Health({})
    letter = Redrivable(to_function("").letter, ToQueue(world.source.arn, "{}"))
    assert said(world, health, letter) == []
    assert health.asked == ["process"]
    world.aws.lambda_.mappings[0]["State"] = "Disabled"
    assert said(world, health, letter) == ["no function reads orders now: its event source mapping is switched off"]


def test_what_may_not_be_asked_is_said_and_stops_nothing(world: World) -> None:
    function = world.aws.lambda_.create("process")
    [text] = said(world, Health({}, AuthError("denied")), to_function(function.arn))
    assert text == "how the consumers did lately is not known: denied"


DEFINITION = json.dumps({"States": {"NoStock": {"Type": "Fail", "Error": "OutOfStock"}}})


@pytest.mark.parametrize(("error", "is_warned"), [("OutOfStock", True), ("NoStock", True), ("Throttled", False)])
def test_an_error_a_state_machine_ends_in_on_purpose_is_warned_about(world: World, error: str, is_warned: bool) -> None:
    arn = world.aws.states.create("orders", definition=DEFINITION)
    function = world.aws.lambda_.create("process")
    found = said(world, Health({}), to_function(function.arn, error), workflows=[arn])
    text = (
        f"1 letters failed with {error}, in which orders ends on purpose (Fail state NoStock): "
        "the same input fails again, unless it is edited (--set)"
    )
    assert found == ([text] if is_warned else [])
