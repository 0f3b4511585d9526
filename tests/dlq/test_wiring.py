"""Finding the wiring through the real adapters, against AWS at the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from orderctl.aws.lambda_ import LambdaFunctions
from orderctl.aws.rules import EventBridgeRules
from orderctl.aws.sns import SnsSubscriptions
from orderctl.aws.sqs import SqsQueues
from orderctl.dlq.models import Kind, Queue, Target, Wire, Wiring
from orderctl.dlq.wiring import find_wiring
from orderctl.errors import AuthError, NotFoundError, OrderctlError, UnreachableError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied, before, expired_credentials, throttle
from tests.fakes.sqs.errors import AwsError

STREAM = "arn:aws:dynamodb:ap-northeast-1:123456789012:table/orders/stream/2026-11-22T00:00:00.000"
SCHEDULE = "arn:aws:scheduler:ap-northeast-1:123456789012:schedule/default/nightly"


class Schedules:
    """Answers these wires (schedule, target, queue), then perhaps fails."""

    def __init__(self, *wires: tuple[str, str, str], error: OrderctlError | None = None) -> None:
        self.wires, self.error = wires, error

    def dead_letter_targets(self) -> Iterator[tuple[Target, str]]:
        yield from ((Target(schedule, "", target), queue) for schedule, target, queue in self.wires)
        if self.error:
            raise self.error


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(FakeClock())


def found(
    aws: FakeAws,
    schedules: Schedules | None = None,
    *,
    bus: str | None = None,
    known: list[Queue] | None = None,
    named: list[Queue] | None = None,
) -> Wiring:
    return find_wiring(
        SqsQueues(aws.client("sqs"), aws.client("sqs"), aws.clock),
        LambdaFunctions(aws.client("lambda"), aws.client("lambda"), aws.clock),
        EventBridgeRules(aws.client("events"), aws.clock),
        SnsSubscriptions(aws.client("sns"), aws.client("sns"), aws.clock),
        schedules or Schedules(),
        bus=bus,
        known=known,
        named=named or (),
    )


def test_every_kind_of_wire_to_one_queue_is_found(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead").arn
    source = aws.sqs.create("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3}))
    function = aws.lambda_.create("process-order", dead_letter_arn=dead)
    function.aliases["live"] = "$LATEST"
    function.on_failure(dead, "live")
    aws.lambda_.map_queue(STREAM, function, DestinationConfig={"OnFailure": {"Destination": dead}})
    rule = aws.events.create_rule("created")
    paths = {"order": "$.detail"}
    transformer = {"InputPathsMap": paths, "InputTemplate": "<order>"}
    rule.target("t", function.arn, dead_letter_arn=dead, InputTransformer=transformer)
    topic = aws.sns.create("orders")
    subscription = aws.sns.subscribe(topic, "sqs", source.arn, dead_letter_arn=dead, raw=True)

    wiring = found(aws, Schedules((SCHEDULE, function.arn, dead)))

    target = Target(rule.arn, "t", function.arn, input_paths=paths, input_template="<order>")
    assert wiring == Wiring(
        wires=(
            Wire(Kind.SQS, dead, source.arn, source.arn),
            Wire(Kind.LAMBDA_DLQ, dead, function.arn, function.arn),
            Wire(Kind.ON_FAILURE, dead, f"{function.arn}:live", f"{function.arn}:live"),
            Wire(Kind.EVENTBRIDGE_TARGET, dead, rule.arn, function.arn, target=target),
            Wire(Kind.SNS, dead, subscription.arn, source.arn, topic_arn=topic, protocol="sqs", raw_delivery=True),
            Wire(Kind.SCHEDULER, dead, SCHEDULE, function.arn, target=Target(SCHEDULE, "", function.arn)),
            Wire(Kind.STREAM, dead, STREAM, "mapping-0"),
        )
    )
    assert wiring.queues() == (dead,)


def test_an_empty_account_has_no_wires_and_no_notes(aws: FakeAws) -> None:
    assert found(aws) == Wiring()


def test_what_leads_elsewhere_than_to_a_queue_is_no_wire(aws: FakeAws) -> None:
    topic = aws.sns.create("failures")
    function = aws.lambda_.create("f", dead_letter_arn=topic)
    function.on_failure("arn:aws:events:ap-northeast-1:123456789012:event-bus/orders")
    assert found(aws).wires == ()


def test_a_success_destination_is_no_wire(aws: FakeAws) -> None:
    queue = aws.sqs.create("done").arn
    function = aws.lambda_.create("f")
    function.invoke_configs["$LATEST"] = {"DestinationConfig": {"OnSuccess": {"Destination": queue}}}
    assert found(aws).wires == ()


def test_the_order_is_the_same_however_the_answers_come(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead").arn
    for number in range(30):
        aws.lambda_.create(f"f-{number:02}").on_failure(dead)
    sources = [wire.source for wire in found(aws).wires]
    assert sources == sorted(sources)
    assert len(sources) == 30


def test_queues_that_are_known_are_not_listed_again(aws: FakeAws) -> None:
    known = [Queue("url", "arn:aws:sqs:ap-northeast-1:123456789012:work", dead_letter_arn="arn:aws:sqs:r:a:dead")]
    [wire] = found(aws, known=known).wires
    assert (wire.kind, wire.source) == (Kind.SQS, known[0].arn)
    assert found(aws, known=[]).wires == ()
    assert aws.count("ListQueues") == 0


def test_one_bus_is_read_when_it_is_named(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead").arn
    aws.events.create_bus("orders")
    for bus in ("default", "orders"):
        aws.events.create_rule("r", bus).target("t", "arn:aws:lambda:r:a:function:f", dead_letter_arn=dead)
    assert len(found(aws).wires) == 2
    [wire] = found(aws, bus="orders").wires
    assert wire.source.endswith("rule/orders/r")


@pytest.mark.parametrize(
    ("operation", "kind", "note"),
    [
        ("ListQueues", Kind.SQS, "cannot read the queues' redrive policies: "),
        ("ListFunctionEventInvokeConfigs", Kind.ON_FAILURE, "cannot read the functions' destinations: "),
        ("ListEventSourceMappings", Kind.STREAM, "cannot read the functions' stream mappings: "),
        ("DescribeEventBus", Kind.UNKNOWN, "cannot read the event buses' own dead-letter queues: "),
        ("ListSubscriptions", Kind.SNS, "cannot read SNS subscriptions: "),
    ],
)
def test_a_missing_permission_blinds_for_one_kind_and_is_noted(
    aws: FakeAws, operation: str, kind: Kind, note: str
) -> None:
    dead = aws.sqs.create("dead").arn
    aws.lambda_.create("f", dead_letter_arn=dead).on_failure(dead)
    aws.faults.on(operation, access_denied())
    wiring = found(aws, Schedules((SCHEDULE, "t", dead)))
    assert wiring.blind == {kind}
    [said] = wiring.notes
    assert said.startswith(note)
    assert f":{operation}" in said
    assert {Kind.LAMBDA_DLQ, Kind.SCHEDULER} <= {wire.kind for wire in wiring.wires}


def test_without_listing_buses_neither_rules_nor_the_buses_own_queues_are_seen(aws: FakeAws) -> None:
    aws.faults.on("ListEventBuses", access_denied())
    assert found(aws).blind == {Kind.EVENTBRIDGE_TARGET, Kind.UNKNOWN}


def test_a_buses_own_dead_letter_queue_is_a_wire_without_a_kind(aws: FakeAws) -> None:
    dead = aws.sqs.create("bus-dlq").arn
    bus = aws.events.create_bus("orders")
    aws.events.buses["orders"]["DeadLetterConfig"] = {"Arn": dead}
    assert found(aws, bus="orders").wires == (Wire(Kind.UNKNOWN, dead, bus, bus),)


def test_a_source_that_cannot_be_listed_is_named_by_its_dead_letter_queue(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead")
    source = aws.sqs.create("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}))
    aws.faults.on("ListQueues", access_denied())
    assert found(aws).wires == ()
    queue = SqsQueues(aws.client("sqs"), aws.client("sqs"), aws.clock).describe("dead")
    wiring = found(aws, named=[queue])
    assert wiring.wires == (Wire(Kind.SQS, dead.arn, source.arn, source.arn),)
    assert wiring.blind == {Kind.SQS}


def test_a_source_in_another_account_is_known_by_its_url(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead")
    aws.sqs.create("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}))
    url = "https://sqs.ap-northeast-1.amazonaws.com/999999999999/theirs"
    aws.faults.on("ListDeadLetterSourceQueues", lambda *_: {"queueUrls": [url]})
    theirs = "arn:aws:sqs:ap-northeast-1:999999999999:theirs"
    assert [wire.source for wire in found(aws).wires] == [theirs, dead.arn.replace(":dead", ":work")][::-1]


def test_who_feeds_a_queue_may_stay_untold_and_blinds_for_nothing(aws: FakeAws) -> None:
    aws.lambda_.create("f", dead_letter_arn=aws.sqs.create("dead").arn)
    aws.faults.on("ListDeadLetterSourceQueues", access_denied())
    wiring = found(aws)
    assert (len(wiring.wires), wiring.blind) == (1, frozenset())
    assert wiring.notes[0].startswith("cannot read the sources of dead-letter queues: ")


def test_a_service_without_the_operation_is_asked_once_and_nothing_is_said(aws: FakeAws) -> None:
    for name in "abc":
        aws.lambda_.create(name, dead_letter_arn=aws.sqs.create(f"{name}-dlq").arn)
    aws.faults.on("ListDeadLetterSourceQueues", before(AwsError("InvalidAction", "no such action")))
    assert (len(found(aws).wires), found(aws).notes) == (3, ())
    assert aws.count("ListDeadLetterSourceQueues") == 2


def test_without_listing_functions_nothing_of_lambda_but_streams_is_seen(aws: FakeAws) -> None:
    aws.faults.on("ListFunctions", access_denied())
    wiring = found(aws)
    assert wiring.blind == {Kind.LAMBDA_DLQ, Kind.ON_FAILURE}
    assert len(wiring.notes) == 2


def test_what_was_found_before_a_denial_counts(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead").arn
    for name in ("a", "b"):
        aws.lambda_.create(name).on_failure(dead)
    denied = access_denied()
    aws.faults.on(
        "ListFunctionEventInvokeConfigs", denied, when=lambda call: call.params["FunctionName"].endswith(":a")
    )
    wiring = found(aws)
    assert [wire.source.split(":")[-2] for wire in wiring.wires] == ["b"]
    assert wiring.blind == {Kind.ON_FAILURE}


def test_a_service_that_is_not_offered_blinds_for_its_kind(aws: FakeAws) -> None:
    aws.faults.on("ListSubscriptions", before(AwsError("InvalidAction", "The action is not valid for this endpoint.")))
    wiring = found(aws)
    assert wiring.blind == {Kind.SNS}
    assert wiring.notes == (
        "cannot read SNS subscriptions: The action is not valid for this endpoint. "
        "(sns ListSubscriptions: InvalidAction)",
    )


def test_a_service_that_cannot_be_reached_blinds_for_its_kind(aws: FakeAws) -> None:
    wiring = found(aws, Schedules(error=UnreachableError("scheduler ListSchedules: Connect timeout")))
    assert wiring.blind == {Kind.SCHEDULER}


def test_expired_credentials_end_the_search(aws: FakeAws) -> None:
    aws.faults.on("ListSubscriptions", expired_credentials())
    with pytest.raises(AuthError, match="expired"):
        found(aws)


def test_missing_credentials_end_the_search(aws: FakeAws) -> None:
    with pytest.raises(AuthError, match="no usable AWS credentials"):
        found(aws, Schedules(error=AuthError("no usable AWS credentials")))


def test_a_bus_that_is_not_there_ends_the_search(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="event bus no-such"):
        found(aws, bus="no-such")


@pytest.mark.parametrize("fault", [access_denied(), before(), throttle("InternalError")])
def test_when_nothing_can_be_read_that_is_the_error(aws: FakeAws, fault: object) -> None:
    aws.faults.on("*", fault)  # type: ignore[arg-type]
    with pytest.raises(OrderctlError):
        found(aws, Schedules(error=UnreachableError("no")))
