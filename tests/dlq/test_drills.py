"""Every drill letter is told apart as the kind it plays, and routed as a real one; SQS moves what is worn out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from orderctl.aws.sqs import SqsQueues
from orderctl.dlq import drills
from orderctl.dlq.classify import classify
from orderctl.dlq.models import (
    Attribute,
    DeadLetter,
    Kind,
    Message,
    NotSent,
    Redrivable,
    Sent,
    Target,
    ToFunction,
    ToQueue,
    Wire,
    Wiring,
)
from orderctl.dlq.routes import plan_delivery
from orderctl.errors import NotFoundError, UsageError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import entries_fail

NOW = datetime(2026, 11, 22, 3, 0, 0, 123_000, tzinfo=UTC)
HERE = "ap-northeast-1:123456789012"
DEAD = f"arn:aws:sqs:{HERE}:dead"
FUNCTION = f"arn:aws:lambda:{HERE}:function:process-order"
RULE = f"arn:aws:events:{HERE}:rule/orders/created"
TOPIC = f"arn:aws:sns:{HERE}:orders"
SUBSCRIPTION = f"{TOPIC}:8f4b1d3c-0000-4000-8000-000000000000"
SCHEDULE = f"arn:aws:scheduler:{HERE}:schedule/default/nightly"
TABLE = f"arn:aws:dynamodb:{HERE}:table/orders/stream/2026-11-22T00:00:00.000"
KINESIS = f"arn:aws:kinesis:{HERE}:stream/orders"

WIRES = {
    Kind.SQS: Wire(Kind.SQS, DEAD, f"arn:aws:sqs:{HERE}:work", f"arn:aws:sqs:{HERE}:work"),
    Kind.LAMBDA_DLQ: Wire(Kind.LAMBDA_DLQ, DEAD, FUNCTION, FUNCTION),
    Kind.ON_FAILURE: Wire(Kind.ON_FAILURE, DEAD, f"{FUNCTION}:$LATEST", f"{FUNCTION}:$LATEST"),
    Kind.EVENTBRIDGE_TARGET: Wire(
        Kind.EVENTBRIDGE_TARGET, DEAD, RULE, FUNCTION, target=Target(RULE, "ProcessOrder", FUNCTION)
    ),
    Kind.SNS: Wire(Kind.SNS, DEAD, SUBSCRIPTION, FUNCTION, topic_arn=TOPIC, protocol="lambda"),
    Kind.SCHEDULER: Wire(Kind.SCHEDULER, DEAD, SCHEDULE, FUNCTION),
    Kind.STREAM: Wire(Kind.STREAM, DEAD, TABLE, "mapping-uuid"),
}
WIRING = Wiring(tuple(WIRES.values()))


def one(kind: Kind, wire: Wire | None = None, *, error: str | None = None) -> ToQueue:
    [letter] = drills.build(kind, Wiring((wire or WIRES[kind],)), error=error, order_ids=["o-1"], now=NOW)
    return letter


def told(letter: ToQueue, wiring: Wiring = WIRING, **system: str) -> DeadLetter:
    """What orderctl makes of the letter once it lies in the queue."""
    return classify(Message("m-1", letter.body, letter.attributes, system), DEAD, wiring)


def body(letter: ToQueue) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(letter.body)
    return document


# --- letters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in WIRES if kind is not Kind.SQS])
def test_every_letter_is_told_apart_among_all_kinds_of_wires(kind: Kind) -> None:
    letter = told(one(kind))
    assert (letter.kind, letter.wire) == (kind, WIRES[kind])
    assert letter.refusal is None


def test_a_letter_of_a_source_queue_goes_to_the_source_queue() -> None:
    letter = one(Kind.SQS)
    assert letter.arn == WIRES[Kind.SQS].source
    moved = told(letter, DeadLetterQueueSourceArn=letter.arn)
    assert (moved.kind, moved.order_id, moved.refusal) == (Kind.SQS, "o-1", None)


@pytest.mark.parametrize("kind", [Kind.LAMBDA_DLQ, Kind.ON_FAILURE, Kind.EVENTBRIDGE_TARGET, Kind.SNS, Kind.SCHEDULER])
def test_every_letter_is_redriven_to_the_function_that_missed_it(kind: Kind) -> None:
    planned = plan_delivery(told(one(kind)))
    assert isinstance(planned, Redrivable)
    assert isinstance(planned.delivery, ToFunction)
    assert planned.delivery.arn.removesuffix(":$LATEST") == FUNCTION
    assert b"o-1" in planned.delivery.payload


def test_a_letter_of_a_source_queue_is_redriven_to_the_source_queue() -> None:
    planned = plan_delivery(told(one(Kind.SQS), DeadLetterQueueSourceArn=one(Kind.SQS).arn))
    assert isinstance(planned, Redrivable)
    assert isinstance(planned.delivery, ToQueue)
    assert (planned.delivery.arn, planned.delivery.body) == (one(Kind.SQS).arn, one(Kind.SQS).body)


@pytest.mark.parametrize("kind", [Kind.LAMBDA_DLQ, Kind.ON_FAILURE, Kind.EVENTBRIDGE_TARGET, Kind.SNS])
def test_the_order_is_found_in_the_letter(kind: Kind) -> None:
    assert told(one(kind)).order_id == "o-1"


@pytest.mark.parametrize("kind", WIRES)
def test_the_same_moment_gives_the_same_letter_and_another_another(kind: Kind) -> None:
    later = drills.build(kind, WIRING, order_ids=["o-1"], now=NOW.replace(minute=1))
    assert one(kind) == one(kind)
    assert later != [one(kind)]


def test_a_function_queue_letter_is_the_bare_event_with_three_attributes() -> None:
    letter = one(Kind.LAMBDA_DLQ, error="ValidationError: quantity must be a whole number")
    assert {name: each.data_type for name, each in letter.attributes.items()} == {
        "RequestID": "String",
        "ErrorCode": "Number",
        "ErrorMessage": "String",
    }
    assert letter.attributes["ErrorCode"].text == "200"
    assert letter.attributes["ErrorMessage"].text == "quantity must be a whole number"
    assert body(letter)["detail"]["order_id"] == "o-1"
    assert len(one(Kind.LAMBDA_DLQ, error="E: " + "x" * 5000).attributes["ErrorMessage"].text or "") == 1024


def test_a_destination_record_has_the_recorded_members() -> None:
    record = body(one(Kind.ON_FAILURE, error="ValidationError: no order"))
    assert list(record) == [
        "version",
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    ]
    request_id = record["requestContext"]["requestId"]
    assert record["timestamp"] == "2026-11-22T03:00:00.123Z"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{FUNCTION}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert set(record["responsePayload"]) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert record["responsePayload"]["errorType"] == "ValidationError"
    assert record["responsePayload"]["requestId"] == request_id
    assert one(Kind.ON_FAILURE).attributes == {}


def test_a_record_of_an_event_that_grew_too_old() -> None:
    letter = one(Kind.ON_FAILURE, error="EventAgeExceeded")
    assert body(letter)["requestContext"]["condition"] == "EventAgeExceeded"
    assert body(letter)["requestContext"]["approximateInvokeCount"] == 1
    assert told(letter).refusal is None


def test_a_record_of_a_function_that_never_ran_has_no_response() -> None:
    letter = one(Kind.ON_FAILURE, error="NeverInvoked")
    assert not {"responseContext", "responsePayload"} & set(body(letter))
    assert told(letter).kind is Kind.ON_FAILURE
    assert told(letter).refusal is None


def test_both_letters_of_one_failure_carry_its_request_id() -> None:
    queued, record = one(Kind.LAMBDA_DLQ), one(Kind.ON_FAILURE)
    assert queued.attributes["RequestID"].text == body(record)["requestContext"]["requestId"]
    assert body(record)["requestPayload"] == body(queued)


def test_a_rule_target_letter_is_the_event_with_the_rules_attributes() -> None:
    letter = one(Kind.EVENTBRIDGE_TARGET)
    assert {name: each.text for name, each in letter.attributes.items()} == {
        "RULE_ARN": RULE,
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "NO_PERMISSIONS (drill)",
        "RETRY_ATTEMPTS": "0",
    }
    assert body(letter)["detail-type"] == "OrderCreated"


@pytest.mark.parametrize("kind", [Kind.EVENTBRIDGE_TARGET, Kind.SCHEDULER])
def test_only_an_error_that_is_retried_has_an_exhausted_condition(kind: Kind) -> None:
    assert one(kind, error="THROTTLING: slow down").attributes["EXHAUSTED_RETRY_CONDITION"].text
    assert "EXHAUSTED_RETRY_CONDITION" not in one(kind, error="NO_RESOURCE").attributes


def test_a_raw_subscription_letter_is_the_bare_message_with_its_attributes() -> None:
    wire = Wire(Kind.SNS, DEAD, SUBSCRIPTION, FUNCTION, topic_arn=TOPIC, protocol="sqs", raw_delivery=True)
    letter = one(Kind.SNS, wire)
    assert set(body(letter)) == {"order", "status"}
    assert letter.attributes == {"order_id": Attribute("String", "o-1")}
    alone = told(letter, Wiring((wire,)))
    assert (alone.kind, alone.is_by_wiring_alone) == (Kind.SNS, True)


def test_an_enveloped_subscription_letter_names_topic_and_subscription() -> None:
    envelope = body(one(Kind.SNS))
    assert (envelope["Type"], envelope["TopicArn"]) == ("Notification", TOPIC)
    assert envelope["UnsubscribeURL"].endswith(f"SubscriptionArn={SUBSCRIPTION}")
    assert json.loads(envelope["Message"])["order"]["order_id"] == "o-1"


@pytest.mark.parametrize(
    ("consumer", "action", "member"),
    [
        (FUNCTION, "lambda:invoke", "Payload"),
        (f"arn:aws:sqs:{HERE}:work.fifo", "sqs:sendMessage", "MessageBody"),
        (f"arn:aws:states:{HERE}:stateMachine:orders", "sfn:startExecution", "Input"),
        (TOPIC, "sns:publish", "Message"),
    ],
)
def test_a_schedules_letter_names_the_api_and_holds_its_input(consumer: str, action: str, member: str) -> None:
    letter = one(Kind.SCHEDULER, Wire(Kind.SCHEDULER, DEAD, SCHEDULE, consumer))
    assert letter.attributes["TARGET_ARN"].text == f"arn:aws:scheduler:::aws-sdk:{action}"
    assert json.loads(body(letter)[member])["order_id"] == "o-1"
    assert letter.attributes["SCHEDULED_TIME"].text == "2026-11-22T02:59:00Z"


@pytest.mark.parametrize(
    ("action", "given", "member"),
    [
        ("lambda:invoke", {"FunctionName": FUNCTION, "InvocationType": "Event"}, "Payload"),
        ("sqs:sendMessage", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111111111111/work"}, "MessageBody"),
        ("sfn:startExecution", {"StateMachineArn": f"arn:aws:states:{HERE}:stateMachine:orders"}, "Input"),
        ("sns:publish", {"TopicArn": TOPIC, "Subject": "s"}, "Message"),
    ],
)
def test_a_universal_schedules_letter_is_its_own_input_with_the_order_in_it(
    action: str, given: dict[str, str], member: str
) -> None:
    api = f"arn:aws:scheduler:::aws-sdk:{action}"
    configured = json.dumps({**given, member: "{}"})
    wire = Wire(Kind.SCHEDULER, DEAD, SCHEDULE, api, target=Target(SCHEDULE, "", api, input=configured))
    letter = one(Kind.SCHEDULER, wire)
    assert letter.attributes["TARGET_ARN"].text == api
    assert {name: value for name, value in body(letter).items() if name != member} == given
    found = told(letter, Wiring((wire,)))
    assert found.order_id == "o-1"
    assert isinstance(plan_delivery(found), Redrivable)


def test_a_truncated_schedules_letter_is_refused() -> None:
    letter = one(Kind.SCHEDULER, error="TRUNCATED")
    assert letter.attributes["IS_PAYLOAD_TRUNCATED"].text == "true"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        body(letter)
    assert "truncated" in (told(letter).refusal or "")


@pytest.mark.parametrize(("stream", "member"), [(TABLE, "DDBStreamBatchInfo"), (KINESIS, "KinesisBatchInfo")])
def test_a_stream_letter_says_where_the_batch_lies_and_holds_no_record(stream: str, member: str) -> None:
    wire = Wire(Kind.STREAM, DEAD, stream, "mapping-uuid")
    letter = one(Kind.STREAM, wire)
    assert body(letter)[member]["streamArn"] == stream
    assert not {"payload", "requestPayload", "Records"} & set(body(letter))
    assert told(letter, Wiring((wire,))).kind is Kind.STREAM


def test_an_unknown_letter_is_refused() -> None:
    [letter] = drills.build(Kind.UNKNOWN, WIRING, now=NOW)
    assert letter.arn == DEAD
    assert told(letter).kind is Kind.UNKNOWN


# --- dealing --------------------------------------------------------------------------------------------------


def test_letters_are_dealt_in_turn_to_every_wire_of_the_kind() -> None:
    wires = [Wire(Kind.LAMBDA_DLQ, f"{DEAD}-{name}", f"{FUNCTION}-{name}", f"{FUNCTION}-{name}") for name in "ab"]
    letters = drills.build(Kind.LAMBDA_DLQ, Wiring(tuple(wires)), count=5, now=NOW)
    assert [letter.arn[-1] for letter in letters] == ["a", "b", "a", "b", "a"]
    assert len({body(letter)["detail"]["order_id"] for letter in letters}) == 5


def test_order_ids_are_used_in_turn_and_never_twice() -> None:
    letters = drills.build(Kind.LAMBDA_DLQ, WIRING, count=5, order_ids=["a", "b"], now=NOW)
    assert [body(letter)["detail"]["order_id"] for letter in letters] == ["a", "b", "a-2", "b-2", "a-3"]
    assert len({letter.attributes["RequestID"].text for letter in letters}) == 5


@pytest.mark.parametrize("kind", [Kind.SQS, Kind.SNS, Kind.UNKNOWN])
def test_letters_for_a_fifo_queue_have_a_group_and_their_own_deduplication_id(kind: Kind) -> None:
    wire = Wire(kind, f"{DEAD}.fifo", f"arn:aws:sqs:{HERE}:work.fifo", FUNCTION, topic_arn=TOPIC)
    letters = drills.build(kind, Wiring((wire,)), count=3, now=NOW)
    assert all(letter.group_id for letter in letters)
    assert len({letter.deduplication_id for letter in letters}) == 3


def test_a_kind_that_is_not_wired_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="nothing here is wired as sns"):
        drills.build(Kind.SNS, Wiring(), now=NOW)
    blind = Wiring(notes=("cannot read SNS subscriptions: no",), blind=frozenset({Kind.SNS}))
    with pytest.raises(NotFoundError) as caught:
        drills.build(Kind.SNS, blind, now=NOW)
    assert caught.value.hint == "cannot read SNS subscriptions: no"


def test_no_letters_are_a_usage_error() -> None:
    with pytest.raises(UsageError):
        drills.build(Kind.SQS, WIRING, count=0, now=NOW)


# --- placing --------------------------------------------------------------------------------------------------


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(FakeClock())


class Consumers:
    """Notes who was paused."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def paused(self, queue_arn: str) -> Iterator[None]:
        name = queue_arn.rsplit(":", 1)[-1]
        self.said.append(f"pause {name}")
        yield
        self.said.append(f"resume {name}")


def adapter(aws: FakeAws) -> SqsQueues:
    return SqsQueues(aws.client("sqs"), aws.client("sqs"), aws.clock)


def test_letters_are_sent_ten_at_a_time_and_each_has_its_outcome(aws: FakeAws) -> None:
    for name in ("a", "b"):
        aws.sqs.create(name)
    letters = [ToQueue(f"arn:aws:sqs:{HERE}:{'ab'[number % 2]}", f"body-{number}") for number in range(25)]
    aws.faults.on("SendMessageBatch", entries_fail({0}), nth=1)
    placed = drills.place(adapter(aws), letters)
    assert [each.letter for each in placed] == letters
    assert isinstance(placed[0].outcome, NotSent)
    assert all(isinstance(each.outcome, Sent) for each in placed[1:])
    assert len(aws.sqs.bodies("a")) == 12
    assert aws.sqs.bodies("b") == [f"body-{number}" for number in range(1, 25, 2)]


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_letters_are_worn_out_until_sqs_moves_them_and_strangers_stay(aws: FakeAws, suffix: str) -> None:
    dead = aws.sqs.create(f"dead{suffix}")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3})
    work = aws.sqs.create(f"work{suffix}", RedrivePolicy=policy)
    for number in range(3):
        aws.sqs.seed(work, f"stranger-{number}", source=None, MessageGroupId="theirs")
    queues = adapter(aws)
    wire = Wire(Kind.SQS, dead.arn, work.arn, work.arn)
    letters = drills.build(Kind.SQS, Wiring((wire,)), count=25, now=NOW)
    consumers = Consumers()
    placed = drills.place_and_move(queues, consumers, letters, aws.clock)
    assert [each.letter for each in placed] == letters
    assert all(each.is_dead for each in placed)
    assert consumers.said == [f"pause {work.name}", f"resume {work.name}"]
    assert sorted(aws.sqs.bodies(work.name)) == ["stranger-0", "stranger-1", "stranger-2"]
    assert len(aws.sqs.bodies(dead.name)) == 25
    assert queues.describe(work.arn).depth == 3
    assert max(message.receive_count for message in work.messages.values()) == 1
    letter = queues.receive(queues.describe(dead.arn), up_to=1, hide_for=30, wait=0)[0]
    assert classify(letter, dead.arn, Wiring((wire,))).wire == wire


def test_letters_that_a_consumer_took_are_not_counted_as_moved(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3})
    work = aws.sqs.create("work", RedrivePolicy=policy)
    mine = aws.sqs.seed(work, "mine")
    started = aws.clock.monotonic()
    moved = drills.wear_out(adapter(aws), adapter(aws).describe("work"), {mine.message_id, "gone"}, aws.clock)
    assert moved == {mine.message_id}
    assert aws.clock.monotonic() - started < drills.PATIENCE + 1


def test_a_letter_that_was_not_sent_is_not_dead(aws: FakeAws) -> None:
    dead = aws.sqs.create("dead")
    work = aws.sqs.create("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}))
    aws.faults.on("SendMessageBatch", entries_fail({0}))
    letters = [ToQueue(work.arn, "a"), ToQueue(work.arn, "b")]
    placed = drills.place_and_move(adapter(aws), Consumers(), letters, aws.clock)
    assert [each.is_dead for each in placed] == [False, True]
    assert aws.sqs.bodies("dead") == ["b"]


def test_a_queue_without_a_redrive_policy_is_a_usage_error(aws: FakeAws) -> None:
    aws.sqs.create("work")
    with pytest.raises(UsageError, match="no redrive policy"):
        drills.wear_out(adapter(aws), adapter(aws).describe("work"), {"m"}, aws.clock)
