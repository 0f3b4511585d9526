from __future__ import annotations

import time
from dataclasses import replace

import pytest

from orderctl.dlq.classify import classify
from orderctl.dlq.models import Attribute, DeadLetter, Kind, Message, Target, Wire, Wiring
from tests.dlq import letters as a


def told(message: Message, wiring: Wiring = a.ALL, function: str | None = None) -> DeadLetter:
    return classify(message, a.DLQ, wiring, function=function)


@pytest.mark.parametrize(
    ("message", "kind", "wire", "error", "order_id"),
    [
        (a.from_queue(), Kind.SQS, a.SQS_WIRE, None, "o-1"),
        (a.lambda_dlq(), Kind.LAMBDA_DLQ, a.LAMBDA_WIRE, "ValidationError", "o-1"),
        (a.record(), Kind.ON_FAILURE, a.ON_FAILURE_WIRE, "UserNotFound", "o-1"),
        (a.rule_target(), Kind.EVENTBRIDGE_TARGET, a.RULE_WIRE, "NO_PERMISSIONS", "o-1"),
        (a.notification(), Kind.SNS, a.SNS_WIRE, None, "o-1"),
        (a.notification(subscription=None), Kind.SNS, a.SNS_WIRE, None, "o-1"),
        (a.schedule(), Kind.SCHEDULER, a.SCHEDULER_WIRE, "AWS.Lambda.ResourceNotFound", None),
        (a.stream_batch(), Kind.STREAM, a.STREAM_WIRE, "RetryAttemptsExhausted", None),
    ],
    ids=lambda value: value.value if isinstance(value, Kind) else "",
)
def test_every_kind_in_one_shared_queue_is_told_message_by_message(
    message: Message, kind: Kind, wire: Wire, error: str | None, order_id: str | None
) -> None:
    letter = told(message)
    assert (letter.kind, letter.wire, letter.failure.error, letter.order_id) == (kind, wire, error, order_id)
    assert letter.refusal is None


def test_the_payload_of_a_record_is_the_text_that_stands_there() -> None:
    context = f'{{"functionArn": "{a.FUNCTION}", "condition": "RetriesExhausted"}}'
    letter = told(a.message(f'{{"requestContext": {context}, "requestPayload": {{"n": 0.10, "b":1E5 }}}}'))
    assert letter.payload == '{"n": 0.10, "b":1E5 }'


def test_a_record_that_was_never_invoked_has_no_response_and_is_told_all_the_same() -> None:
    letter = told(a.record(condition="EventAgeExceeded", responseContext=None, responsePayload=None))
    assert (letter.kind, letter.failure.error, letter.refusal) == (Kind.ON_FAILURE, "EventAgeExceeded", None)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (a.record(condition="Success"), "this records a success"),
        (a.schedule(truncated="true"), "truncated the payload"),
        (a.record(function=a.OTHER_FUNCTION), "nothing in the environment is wired so to this queue"),
        (a.rule_target(target=a.OTHER_FUNCTION), "nothing in the environment is wired so to this queue"),
        (a.rule_target(rule=f"{a.RULE}-old"), "nothing in the environment is wired so to this queue"),
        (a.from_queue(f"{a.SOURCE}-other"), "nothing in the environment is wired so to this queue"),
        (a.notification(topic=f"{a.TOPIC}-other"), "nothing in the environment is wired so to this queue"),
        (a.message({"busArn": "arn:aws:events:x:1:event-busv2/orders/abc"}), "Custom Event Bus"),
        (a.message("hello"), "sent to this queue directly"),
        (a.message('{"order_id": "o-1"}'), "sent to this queue directly"),
    ],
)
def test_what_cannot_be_told_for_sure_is_refused_with_the_reason(message: Message, reason: str) -> None:
    letter = told(message)
    assert letter.refusal is not None
    assert reason in letter.refusal
    assert letter.wire is None


def test_marks_of_two_services_contradict_each_other() -> None:
    forged = replace(a.rule_target(), attributes={**a.rule_target().attributes, **a.lambda_dlq().attributes})
    letter = told(forged)
    assert letter.kind is Kind.UNKNOWN
    assert letter.refusal == "its marks contradict each other: eventbridge-target and lambda-dlq"


def test_the_mark_of_sqs_itself_counts_more_than_what_a_body_or_an_attribute_says() -> None:
    for inner in (a.record(), a.rule_target(), a.notification()):
        moved = replace(inner, system={**inner.system, "DeadLetterQueueSourceArn": a.SOURCE})
        assert told(moved).kind is Kind.SQS


def test_an_event_that_contains_a_record_is_still_the_event_of_its_function() -> None:
    letter = told(
        a.lambda_dlq(body={"requestContext": {"functionArn": a.FUNCTION, "condition": "Success"}, "requestPayload": 1})
    )
    assert letter.kind is Kind.LAMBDA_DLQ


def test_a_lambda_dlq_shared_by_functions_needs_the_function_named() -> None:
    shared = Wiring((a.LAMBDA_WIRE, replace(a.LAMBDA_WIRE, source=a.OTHER_FUNCTION, consumer=a.OTHER_FUNCTION)))
    letter = told(a.lambda_dlq(), shared)
    assert letter.refusal == (
        "several functions share this queue and the message names none: choose --function of bill, process"
    )
    chosen = told(a.lambda_dlq(), shared, function="bill")
    assert chosen.wire is not None
    assert chosen.wire.consumer == a.OTHER_FUNCTION


def test_two_targets_of_one_rule_that_differ_in_their_input_cannot_be_told_apart() -> None:
    def wire(target: Target) -> Wire:
        return replace(a.RULE_WIRE, target=target)

    same = Wiring((wire(Target(a.RULE, "t1", a.TARGET)), wire(Target(a.RULE, "t2", a.TARGET))))
    differ = Wiring((wire(Target(a.RULE, "t1", a.TARGET)), wire(Target(a.RULE, "t2", a.TARGET, input_path="$.detail"))))
    assert told(a.rule_target(), same).refusal is None
    assert told(a.rule_target(), differ).refusal == "2 wires of kind eventbridge-target fit it equally"


def test_a_raw_delivery_is_told_by_the_wiring_only_where_nothing_else_is_possible() -> None:
    raw = a.message("bare text", {"attr": Attribute("Binary", None, b"\x00")})
    alone = told(raw, Wiring((a.RAW_WIRE,)))
    assert (alone.kind, alone.refusal, alone.is_by_wiring_alone) == (Kind.SNS, None, True)
    assert told(raw, Wiring((a.RAW_WIRE, a.LAMBDA_WIRE))).kind is Kind.UNKNOWN
    assert told(raw, Wiring((a.RAW_WIRE,), blind=frozenset({Kind.SCHEDULER}))).kind is Kind.UNKNOWN


def test_a_kind_whose_wiring_could_not_be_read_is_refused_as_unchecked() -> None:
    letter = told(a.rule_target(), Wiring((a.SQS_WIRE,), blind=frozenset({Kind.EVENTBRIDGE_TARGET})))
    assert letter.refusal == "it looks like eventbridge-target, but that wiring could not be read (see the notes)"


def test_in_the_queue_of_an_event_bus_itself_nothing_unmarked_is_guessed_at() -> None:
    """What a bus could not take in has no mark of its own, so beside it not even a raw delivery can be told."""
    bus = "arn:aws:events:ap-northeast-1:123456789012:event-bus/orders"
    wires = (a.RAW_WIRE, Wire(Kind.UNKNOWN, a.DLQ, bus, bus))
    letter = told(a.message({"order_id": "o-1"}), Wiring(wires))
    assert (letter.kind, letter.wire) == (Kind.UNKNOWN, None)
    assert letter.refusal == f"nothing marks it, and event bus {bus} puts here what it cannot take in"
    assert told(a.from_queue(), Wiring((a.SQS_WIRE, *wires))).kind is Kind.SQS


def test_a_payload_is_known_again_however_it_was_spaced_and_by_nothing_else() -> None:
    def digest(payload: str) -> str | None:
        return DeadLetter(Message("m", ""), a.DLQ, Kind.LAMBDA_DLQ, payload=payload).digest

    assert digest('{"a": [1, "b  c"]}') == digest('{"a":[1,"b  c"]}') == digest('{ "a" : [\n1,"b  c"] }')
    assert len({digest(text) for text in ('{"a":"b  c"}', '{"a":"b c"}', '{"a":"b \\" c"}', "a b", "ab")}) == 5


def test_a_hostile_payload_is_digested_in_no_time() -> None:
    hostile = ("[" + '\\"' * 500_000, '{"' + '\\"' * 500_000, "[" + " " * 1_000_000, '["' + "\\" * 999_999)
    began = time.perf_counter()
    for payload in hostile:
        assert DeadLetter(Message("m", ""), a.DLQ, Kind.LAMBDA_DLQ, payload=payload).digest
    assert time.perf_counter() - began < 5
