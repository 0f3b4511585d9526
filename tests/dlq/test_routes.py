"""Where each kind of dead letter goes. Messages have the shapes that AWS answered with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl.dlq.models import (
    Attribute,
    DeadLetter,
    Delivery,
    Kind,
    Message,
    Queue,
    Redrivable,
    Refused,
    Target,
    ToFunction,
    ToQueue,
    ToStateMachine,
    ToTopic,
    Wire,
)
from orderctl.dlq.routes import plan_delivery
from orderctl.dlq.routes_parts import deduplication_id, execution_name
from orderctl.dlq.routes_sizes import message_bytes

HERE = "eu-west-1:111111111111"
DLQ = f"arn:aws:sqs:{HERE}:orders-dlq"
QUEUE = f"arn:aws:sqs:{HERE}:orders"
FIFO = f"arn:aws:sqs:{HERE}:orders.fifo"
FUNCTION = f"arn:aws:lambda:{HERE}:function:process-order"
RULE = f"arn:aws:events:{HERE}:rule/orders/order-created"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:orders"
TOPIC = f"arn:aws:sns:{HERE}:order-notifications"
SUBSCRIPTION = f"{TOPIC}:5be8e1d2-0000-4000-8000-000000000001"
SCHEDULE = f"arn:aws:scheduler:{HERE}:schedule/default/nightly"
MESSAGE_ID = "0b2d4e6f-1111-4222-8333-444455556666"
EVENT = (
    '{"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":"OrderCreated","source":"orders",'
    '"account":"111111111111","time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":[],'
    '"detail":{"order_id":"o-1","total":10.50,"big":12345678901234567890.5}}'
)
EVENT_MARKS = {
    "RULE_ARN": Attribute("String", RULE),
    "TARGET_ARN": Attribute("String", FUNCTION),
    "ERROR_CODE": Attribute("String", "NO_PERMISSIONS"),
    "RETRY_ATTEMPTS": Attribute("String", "0"),
}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def _letter(
    kind: Kind,
    body: str,
    consumer: str,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    system: Mapping[str, str] | None = None,
    **wire: Any,
) -> DeadLetter:
    message = Message(MESSAGE_ID, body, attributes or {}, system or {})
    return DeadLetter(message, DLQ, kind, Wire(kind, DLQ, wire.pop("source", consumer), consumer, **wire), body)


def _delivery(letter: DeadLetter, payload: str | None = None) -> Delivery:
    planned = plan_delivery(letter, payload=payload)
    assert isinstance(planned, Redrivable), planned
    assert planned.letter is letter
    return planned.delivery


def _reason(letter: DeadLetter, payload: str | None = None, queues: Mapping[str, Queue] | None = None) -> str:
    planned = plan_delivery(letter, payload=payload, queues=queues)
    assert isinstance(planned, Refused), planned
    assert planned.letter is letter
    return planned.reason


# -- SQS ---------------------------------------------------------------------------------------------------------


def _from_queue(source: str = QUEUE, body: str = '{"n": 0.10}', **system: str) -> DeadLetter:
    attributes = {
        "text": Attribute("String.custom", "x"),
        "number": Attribute("Number", "0.10"),
        "bytes": Attribute("Binary", binary=b"\x00\xff"),
    }
    system = {"DeadLetterQueueSourceArn": source, "AWSTraceHeader": TRACE} | system
    return _letter(Kind.SQS, body, source, attributes=attributes, system=system)


def test_a_letter_of_a_queue_goes_back_to_it_with_everything_it_had() -> None:
    letter = _from_queue(MessageGroupId="customer-7")
    assert _delivery(letter) == ToQueue(
        QUEUE, '{"n": 0.10}', letter.message.attributes, "customer-7", None, trace_header=TRACE
    )


def test_an_edited_body_replaces_the_body_and_nothing_else() -> None:
    letter = _from_queue()
    sent = _delivery(letter)
    assert isinstance(sent, ToQueue)
    assert _delivery(letter, '{"n": 2}') == replace(sent, body='{"n": 2}')


def test_a_fifo_letter_keeps_its_group_and_never_the_deduplication_id_it_had() -> None:
    letter = _from_queue(FIFO, MessageGroupId="g", MessageDeduplicationId=MESSAGE_ID)
    sent = _delivery(letter)
    assert isinstance(sent, ToQueue)
    assert sent.group_id == "g"
    assert re.fullmatch(f"{MESSAGE_ID}-r-[0-9a-f]{{12}}", sent.deduplication_id or "")
    assert sent.deduplication_id not in letter.message.system.values()


def test_the_deduplication_id_is_the_same_at_a_second_try_and_another_for_another_body() -> None:
    letter = _from_queue(FIFO, MessageGroupId="g")
    first, second, edited = _delivery(letter), _delivery(letter), _delivery(letter, "{}")
    assert isinstance(first, ToQueue)
    assert isinstance(edited, ToQueue)
    assert first == second
    assert first.deduplication_id != edited.deduplication_id


@given(st.text(min_size=1, max_size=400), st.text())
def test_a_deduplication_id_always_fits_sqs(message_id: str, body: str) -> None:
    found = deduplication_id(message_id, body.encode("utf-8", "replace").decode())
    assert found.startswith(message_id[:113])
    assert len(found) <= 128


def test_a_fifo_letter_without_a_group_stays() -> None:
    assert _reason(_from_queue(FIFO)) == "orders.fifo is a FIFO queue and no message group id is known"


def test_sqs_and_the_wiring_have_to_name_the_same_source() -> None:
    letter = _from_queue()
    assert letter.wire is not None
    moved = replace(letter, wire=replace(letter.wire, source=FIFO, consumer=FIFO))
    assert _reason(moved) == f"SQS says it came from {QUEUE}, the wiring says {FIFO}"


# -- Lambda ------------------------------------------------------------------------------------------------------


def test_a_lambda_dead_letter_is_invoked_with_its_body_and_no_attributes() -> None:
    marks = {
        "RequestID": Attribute("String", "r-1"),
        "ErrorCode": Attribute("Number", "200"),
        "ErrorMessage": Attribute("String", "intentional"),
    }
    letter = _letter(Kind.LAMBDA_DLQ, '{"raise_error": 1.0, "é": "\\u00e9"}', FUNCTION, attributes=marks)
    assert _delivery(letter) == ToFunction(FUNCTION, '{"raise_error": 1.0, "é": "\\u00e9"}'.encode())


def _record(payload: str, *, condition: str = "RetriesExhausted", arn: str = f"{FUNCTION}:$LATEST") -> str:
    return (
        '{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"requestId":"r-1",'
        f'"functionArn":"{arn}","condition":"{condition}","approximateInvokeCount":3}},'
        f'"requestPayload": {payload} ,"responseContext":{{"statusCode":200,"executedVersion":"$LATEST",'
        '"functionError":"Unhandled"},"responsePayload":{"errorMessage":"boom","requestPayload":{"not":"this"}}}'
    )


def _on_failure(payload: str = '{"order_id":"o-1"}', **record: str) -> DeadLetter:
    letter = _letter(Kind.ON_FAILURE, _record(payload, **record), f"{FUNCTION}:$LATEST")
    return replace(letter, payload=payload)


def test_an_on_failure_record_invokes_the_recorded_function_with_the_request_payload_alone() -> None:
    payload = '{"n": [0.10, 1E400, 12345678901234567890.5], "s": "\\u00e9\\/", "a":1, "a":2}'
    assert _delivery(_on_failure(payload)) == ToFunction(f"{FUNCTION}:$LATEST", payload.encode())


def test_the_recorded_qualifier_is_kept() -> None:
    letter = _on_failure(arn=f"{FUNCTION}:live")
    assert _delivery(letter).arn == f"{FUNCTION}:live"


SPACES = st.text(alphabet=" \t\r\n", max_size=3)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
LEAVES = NUMBERS | st.text(max_size=8).map(json.dumps) | st.sampled_from(["true", "null", '"\\u00e9\\/\\ud83d"'])
PAYLOADS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(st.tuples(SPACES, inner, SPACES).map("".join), max_size=4).map(lambda v: f"[{','.join(v)}]")
        | st.lists(st.tuples(st.text(max_size=3).map(json.dumps), SPACES, inner), max_size=4).map(
            lambda found: "{" + ",".join(f"{key}{space}:{value}" for key, space, value in found) + "}"
        )
    ),
    max_leaves=15,
)


@given(PAYLOADS)
def test_the_request_payload_arrives_byte_for_byte(payload: str) -> None:
    assert _delivery(_on_failure(payload)) == ToFunction(f"{FUNCTION}:$LATEST", payload.encode())


def test_an_edited_request_payload_is_what_is_sent() -> None:
    assert _delivery(_on_failure(), '{"order_id":"o-2"}') == ToFunction(f"{FUNCTION}:$LATEST", b'{"order_id":"o-2"}')


def test_a_record_of_an_invocation_that_never_ran_has_no_response_and_is_redriven() -> None:
    body = f'{{"requestContext":{{"functionArn":"{FUNCTION}","condition":"EventAgeExceeded"}},"requestPayload":1}}'
    assert _delivery(_letter(Kind.ON_FAILURE, body, FUNCTION)) == ToFunction(FUNCTION, b"1")


def test_a_record_of_a_success_stays() -> None:
    assert "does not say that the function failed" in _reason(_on_failure(condition="Success"))


def test_a_record_that_names_another_function_than_the_wiring_stays() -> None:
    other = f"arn:aws:lambda:{HERE}:function:somebody-elses"
    assert _reason(_on_failure(arn=other)) == f"the record names {other}, the wiring {FUNCTION}:$LATEST"


@pytest.mark.parametrize(
    "body", ["no json", "[]", '{"requestContext":{"condition":"RetriesExhausted"}}', _record("1")[:-1], _record("{")]
)
def test_a_record_that_cannot_be_read_stays(body: str) -> None:
    assert _reason(_letter(Kind.ON_FAILURE, body, FUNCTION))


# -- EventBridge -------------------------------------------------------------------------------------------------


def _of_rule(arn: str = FUNCTION, *, body: str = EVENT, **target: Any) -> DeadLetter:
    marks = EVENT_MARKS | {"TARGET_ARN": Attribute("String", arn)}
    wired = Target(RULE, "the-target", arn, **target)
    system = {"AWSTraceHeader": TRACE}
    return _letter(Kind.EVENTBRIDGE_TARGET, body, arn, attributes=marks, system=system, source=RULE, target=wired)


def test_an_event_goes_to_the_one_function_that_missed_it_and_not_to_the_bus() -> None:
    assert _delivery(_of_rule()) == ToFunction(FUNCTION, EVENT.encode())


def test_the_targets_input_transformer_is_applied() -> None:
    letter = _of_rule(input_paths={"total": "$.detail.total"}, input_template='{"total": <total>, "rule": "x"}')
    assert _delivery(letter) == ToFunction(FUNCTION, b'{"total":10.50,"rule":"x"}')


def test_an_edited_event_goes_through_the_transformer_too() -> None:
    letter = _of_rule(input_path="$.detail.total")
    assert _delivery(letter, EVENT.replace("10.50", "11.90")) == ToFunction(FUNCTION, b"11.90")


def test_a_queue_target_gets_its_group_and_none_of_the_failures_attributes() -> None:
    sent = _delivery(_of_rule(QUEUE, message_group_id="orders"))
    assert sent == ToQueue(QUEUE, EVENT, {}, "orders", None, TRACE)


def test_a_fifo_queue_target_gets_a_deduplication_id_of_its_own() -> None:
    sent = _delivery(_of_rule(FIFO, message_group_id="orders"))
    assert sent == ToQueue(FIFO, EVENT, {}, "orders", deduplication_id(MESSAGE_ID, EVENT), TRACE)


def test_a_topic_target_is_published_to() -> None:
    assert _delivery(_of_rule(TOPIC, input_path="$.detail.order_id")) == ToTopic(TOPIC, '"o-1"')


def test_a_state_machine_target_starts_one_execution_named_after_the_event() -> None:
    sent, again = _delivery(_of_rule(MACHINE)), _delivery(_of_rule(MACHINE))
    assert isinstance(sent, ToStateMachine)
    assert sent == again
    assert sent.name.startswith("7bf73129-1428-4cd3-a780-95db273d1602-")
    assert sent.input == EVENT


def test_two_targets_of_one_event_start_two_executions() -> None:
    one, other = _delivery(_of_rule(MACHINE)), _delivery(_of_rule(f"{MACHINE}-express"))
    assert isinstance(one, ToStateMachine)
    assert isinstance(other, ToStateMachine)
    assert one.name != other.name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_an_execution_name_always_fits_step_functions(event_id: str) -> None:
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", execution_name(event_id, RULE))
    assert execution_name(event_id, RULE) == execution_name(event_id, RULE) != execution_name(event_id, "other")


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (f"arn:aws:events:{HERE}:event-bus/orders", "its target is an event bus: every rule there would run again"),
        (f"arn:aws:ecs:{HERE}:cluster/c", "orderctl cannot deliver to"),
        (f"arn:aws:events:{HERE}:api-destination/d/1", "orderctl cannot deliver to"),
        (f"arn:aws:states:{HERE}:activity:a", "orderctl cannot deliver to"),
        (f"{TOPIC}.fifo", "FIFO topic"),
        (FIFO, "no message group id is known"),
    ],
)
def test_other_targets_stay(arn: str, why: str) -> None:
    assert why in _reason(_of_rule(arn))


def test_a_target_with_parameters_we_cannot_reproduce_stays() -> None:
    assert "EcsParameters" in _reason(_of_rule(unsupported="EcsParameters"))


def test_an_event_whose_input_cannot_be_made_again_stays() -> None:
    letter = _of_rule(input_template='{"at": <aws.events.event.ingestion-time>}')
    assert _reason(letter).startswith("what the target received cannot be made again: the template uses")


@pytest.mark.parametrize("mark", ["RULE_ARN", "TARGET_ARN"])
def test_an_event_of_another_rule_or_target_than_the_wiring_says_stays(mark: str) -> None:
    letter = _of_rule()
    forged = dict(letter.message.attributes) | {mark: Attribute("String", f"{QUEUE}-other")}
    assert f"{mark} {QUEUE}-other" in _reason(replace(letter, message=replace(letter.message, attributes=forged)))


@pytest.mark.parametrize("body", ["no json", "{}", "[]", '{"id":7}'])
def test_a_body_that_is_no_event_stays(body: str) -> None:
    assert _reason(_of_rule(body=body))


def test_text_that_a_function_cannot_take_stays() -> None:
    assert "cannot be read" in _reason(_of_rule(input_template='"one"\n"two"'))


# -- SNS ---------------------------------------------------------------------------------------------------------

ENVELOPE = (
    '{\n  "Type" : "Notification",\n  "MessageId" : "m-1",\n  "TopicArn" : "' + TOPIC + '",\n'
    '  "Message" : "{\\"n\\": 0.10, \\"e\\": \\"\\u00e9\\"}",\n  "Timestamp" : "2026-01-02T03:04:05.678Z",\n'
    '  "SignatureVersion" : "1",\n  "Signature" : "c2ln",\n  "SigningCertURL" : "https://sns.example/cert.pem",\n'
    '  "UnsubscribeURL" : "https://sns.example/?Action=Unsubscribe&SubscriptionArn=' + SUBSCRIPTION + '",\n'
    '  "MessageAttributes" : {\n    "attr1" : {"Type":"Number","Value":"1"}\n  }\n}'
)


def _of_topic(endpoint: str, protocol: str, body: str = ENVELOPE, **more: Any) -> DeadLetter:
    return _letter(Kind.SNS, body, endpoint, source=SUBSCRIPTION, topic_arn=TOPIC, protocol=protocol, **more)


def test_a_notification_goes_to_the_subscribed_queue_in_its_envelope() -> None:
    assert _delivery(_of_topic(QUEUE, "sqs")) == ToQueue(QUEUE, ENVELOPE)


def test_a_raw_notification_goes_to_the_subscribed_queue_bare_and_with_its_attributes() -> None:
    attributes = {"attr1": Attribute("Number", "111"), "attr2": Attribute("Binary", binary=b"\x02\x03\x04")}
    letter = _of_topic(QUEUE, "sqs", "bare", raw_delivery=True, attributes=attributes)
    assert _delivery(letter) == ToQueue(QUEUE, "bare", attributes)


def test_a_notification_of_a_fifo_topic_keeps_its_group() -> None:
    system = {"MessageGroupId": "g", "MessageDeduplicationId": "its-own"}
    sent = _delivery(_of_topic(FIFO, "sqs", "bare", raw_delivery=True, system=system))
    assert sent == ToQueue(FIFO, "bare", {}, "g", deduplication_id(MESSAGE_ID, "bare"))


@pytest.mark.parametrize("raw", [False, True])
def test_a_subscribed_function_gets_the_event_that_lambda_makes_of_the_envelope(raw: bool) -> None:
    sent = _delivery(_of_topic(FUNCTION, "lambda", raw_delivery=raw))
    assert isinstance(sent, ToFunction)
    assert sent.arn == FUNCTION
    assert json.loads(sent.payload) == {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": SUBSCRIPTION,
                "Sns": {
                    "Type": "Notification",
                    "MessageId": "m-1",
                    "TopicArn": TOPIC,
                    "Subject": None,
                    "Message": '{"n": 0.10, "e": "é"}',
                    "Timestamp": "2026-01-02T03:04:05.678Z",
                    "SignatureVersion": "1",
                    "Signature": "c2ln",
                    "SigningCertUrl": "https://sns.example/cert.pem",
                    "UnsubscribeUrl": f"https://sns.example/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}",
                    "MessageAttributes": {"attr1": {"Type": "Number", "Value": "1"}},
                },
            }
        ]
    }
    assert b'"{\\"n\\": 0.10, \\"e\\": \\"\\u00e9\\"}"' in sent.payload


def test_a_function_sees_a_subject_and_empty_attributes_as_lambda_shows_them() -> None:
    body = f'{{"Type":"Notification","TopicArn":"{TOPIC}","Subject":"Hi","Message":"m"}}'
    sent = _delivery(_of_topic(FUNCTION, "lambda", body))
    assert isinstance(sent, ToFunction)
    sns = json.loads(sent.payload)["Records"][0]["Sns"]
    assert (sns["Subject"], sns["MessageAttributes"]) == ("Hi", {})


@pytest.mark.parametrize("protocol", ["https", "email", "firehose", ""])
def test_other_protocols_stay(protocol: str) -> None:
    assert "protocol" in _reason(_of_topic("https://example.test", protocol))


@pytest.mark.parametrize(
    ("body", "raw"), [("bare", False), (ENVELOPE, True), (ENVELOPE.replace(TOPIC + '"', TOPIC + '-other"'), False)]
)
def test_a_message_that_is_not_in_the_form_its_subscription_delivers_stays(body: str, raw: bool) -> None:
    assert "it was changed since" in _reason(_of_topic(QUEUE, "sqs", body, raw_delivery=raw))


# -- Scheduler ---------------------------------------------------------------------------------------------------

SDK = "arn:aws:scheduler:::aws-sdk:"


def _scheduled(arn: str, body: str, consumer: str | None = None, **more: Any) -> DeadLetter:
    marks = {
        "SCHEDULE_ARN": Attribute("String", SCHEDULE),
        "EXECUTION_ID": Attribute("String", "ad06616e51cdf74a"),
        "IS_PAYLOAD_TRUNCATED": Attribute("String", more.pop("truncated", "false")),
        "TARGET_ARN": Attribute("String", arn),
    }
    if arn.startswith(SDK) and consumer is None:
        more.setdefault("target", Target(SCHEDULE, "", arn, input=body))
    return _letter(Kind.SCHEDULER, body, consumer or arn, attributes=marks, source=SCHEDULE, **more)


def _wired(consumer: str, **target: Any) -> Target:
    return Target(SCHEDULE, "", consumer, **target)


@pytest.mark.parametrize(
    ("api", "body", "delivery"),
    [
        (
            "sqs:sendMessage",
            '{"MessageBody": "{\\"n\\":0.10}", "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/111111111111/q"}',
            ToQueue("arn:aws:sqs:eu-central-1:111111111111:q", '{"n":0.10}'),
        ),
        (
            "sqs:sendMessage",
            '{"MessageBody":"b","MessageGroupId":"g","QueueUrl":"http://127.0.0.1:4566/111111111111/orders.fifo"}',
            ToQueue(FIFO, "b", {}, "g", deduplication_id(MESSAGE_ID, "b")),
        ),
        (
            "lambda:invoke",
            f'{{"FunctionName":"{FUNCTION}","InvocationType":"Event","Payload":"{{\\"n\\":0.10}}"}}',
            ToFunction(FUNCTION, b'{"n":0.10}'),
        ),
        (
            "lambda:invoke",
            '{"FunctionName":"process-order","Qualifier":"live","Payload":"1"}',
            ToFunction(f"{FUNCTION}:live", b"1"),
        ),
        (
            "sfn:startExecution",
            f'{{"StateMachineArn":"{MACHINE}","Input":"{{ }}"}}',
            ToStateMachine(MACHINE, execution_name("ad06616e51cdf74a", SCHEDULE), "{ }"),
        ),
        ("sns:publish", f'{{"TopicArn":"{TOPIC}","Message":"hi"}}', ToTopic(TOPIC, "hi")),
        ("sns:publish", f'{{"TopicArn":"{TOPIC}","Message":"hi","Subject":"s"}}', ToTopic(TOPIC, "hi", "s")),
        (
            "sns:publish",
            f'{{"TopicArn":"{TOPIC}.fifo","Message":"hi","MessageGroupId":"g","MessageDeduplicationId":"seen"}}',
            ToTopic(f"{TOPIC}.fifo", "hi", group_id="g", deduplication_id=deduplication_id(MESSAGE_ID, "hi")),
        ),
    ],
)
def test_an_api_target_is_the_resource_in_its_input(api: str, body: str, delivery: Delivery) -> None:
    assert _delivery(_scheduled(SDK + api, body)) == delivery


@pytest.mark.parametrize(
    ("arn", "delivery"),
    [
        (QUEUE, ToQueue(QUEUE, '{"n":0.10}')),
        (FUNCTION, ToFunction(FUNCTION, b'{"n":0.10}')),
        (MACHINE, ToStateMachine(MACHINE, execution_name("ad06616e51cdf74a", SCHEDULE), '{"n":0.10}')),
        (TOPIC, ToTopic(TOPIC, '{"n":0.10}')),
    ],
)
def test_a_templated_target_is_the_resource_itself(arn: str, delivery: Delivery) -> None:
    assert _delivery(_scheduled(arn, '{"n":0.10}')) == delivery


def test_a_templated_target_may_be_recorded_as_the_api_it_stands_for() -> None:
    body = '{"MessageBody":"b","QueueUrl":"https://sqs.eu-west-1.amazonaws.com/111111111111/orders"}'
    assert _delivery(_scheduled(f"{SDK}sqs:sendMessage", body, QUEUE)) == ToQueue(QUEUE, "b")


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (_scheduled(QUEUE, "b", truncated="true"), "truncated"),
        (_scheduled(f"{SDK}ec2:stopInstances", "{}"), "cannot make the call ec2:stopInstances"),
        (_scheduled(f"{SDK}sqs:sendMessage", "{}"), "has no QueueUrl"),
        (_scheduled(f"{SDK}sqs:sendMessage", '{"QueueUrl":"x","MessageBody":"b"}'), "is no queue URL"),
        (_scheduled(f"{SDK}sqs:sendMessage", '{"QueueUrl":"http://[","MessageBody":"b"}'), "is no queue URL"),
        (_scheduled(f"{SDK}sns:publish", '{"TopicArn":"t","Message":"\\ud800"}'), "surrogate"),
        (_scheduled(f"{SDK}sqs:sendMessage", '{"QueueUrl":"x","DelaySeconds":3}'), "DelaySeconds"),
        (_scheduled(f"{SDK}sqs:sendMessage", "no json"), "cannot be read"),
        (_scheduled(f"{SDK}sns:publish", '{"TopicArn":"t.fifo","Message":"m"}'), "no message group id"),
        (_scheduled(f"{SDK}sns:publish", '{"TopicArn":"t","MessageStructure":"json","Message":"m"}'), "Structure"),
        (_scheduled(f"{SDK}eventbridge:putEvents", '{"Entries":[]}'), "every rule there would run again"),
        (_scheduled(f"{SDK}sfn:startSyncExecution", '{"StateMachineArn":"m"}'), "start it by hand"),
        (_scheduled(f"{SDK}lambda:invoke", '{"FunctionName":"f","Payload":{"a":1}}'), "Payload in the schedule's"),
        (_scheduled(f"{SDK}lambda:invoke", '{"FunctionName":"f","InvocationType":"DryRun"}'), "DryRun"),
        (_scheduled(f"{SDK}lambda:invoke", '{"FunctionName":"f","Payload":"{"}'), "cannot be read"),
        (_scheduled(f"arn:aws:ecs:{HERE}:cluster/c", "{}"), "orderctl cannot deliver to"),
        (_scheduled(QUEUE, "b", FUNCTION), "the schedule's target is"),
        (_scheduled(QUEUE, "b", f"{SDK}sqs:sendMessage"), "without an input"),
        (_scheduled(f"{SDK}lambda:invoke", '{"FunctionName":"f","Payload":"1"}', target=None), "without an input"),
        (
            _scheduled(
                f"{SDK}sns:publish",
                f'{{"TopicArn":"{TOPIC}","Message":"m"}}',
                target=_wired(f"{SDK}sns:publish", input="{"),
            ),
            "the schedule's own input cannot be read",
        ),
        (_scheduled(f"{SDK}sfn:startExecution", f'{{"StateMachineArn":"{MACHINE}","Name":"mine"}}'), "name 'mine'"),
        (_scheduled(QUEUE, "b", target=_wired(QUEUE, unsupported="EcsParameters")), "EcsParameters"),
        (
            _scheduled(
                f"{SDK}sns:publish",
                f'{{"TopicArn":"{TOPIC}","Message":"m"}}',
                target=_wired(f"{SDK}sns:publish", input=f'{{"TopicArn":"{TOPIC}-other","Message":"m"}}'),
            ),
            "the schedule's target is",
        ),
    ],
)
def test_what_a_schedule_cannot_be_given_again_stays(letter: DeadLetter, why: str) -> None:
    assert why in _reason(letter)


# -- the rest ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "stream", "command"),
    [
        (
            "KinesisBatchInfo",
            f"arn:aws:kinesis:{HERE}:stream/s",
            "aws kinesis get-shard-iterator --shard-iterator-type AT_SEQUENCE_NUMBER "
            f"--stream-arn arn:aws:kinesis:{HERE}:stream/s --shard-id shardId-0 --starting-sequence-number 11, "
            "then aws kinesis get-records up to sequence number 22",
        ),
        (
            "DDBStreamBatchInfo",
            f"arn:aws:dynamodb:{HERE}:table/t/stream/x; rm -rf",
            "aws dynamodbstreams get-shard-iterator --shard-iterator-type AT_SEQUENCE_NUMBER "
            f"--stream-arn 'arn:aws:dynamodb:{HERE}:table/t/stream/x; rm -rf' --shard-id shardId-0 "
            "--sequence-number 11, then aws dynamodbstreams get-records up to sequence number 22",
        ),
    ],
)
def test_a_stream_record_stays_and_says_how_to_read_the_shard_again(info: str, stream: str, command: str) -> None:
    body = (
        '{"requestContext":{"requestId":"r","condition":"RetryAttemptsExhausted","approximateInvokeCount":3},'
        f'"{info}":{{"shardId":"shardId-0","startSequenceNumber":"11","endSequenceNumber":"22","batchSize":2,'
        f'"streamArn":"{stream}"}}}}'
    )
    assert _reason(_letter(Kind.STREAM, body, FUNCTION)).endswith(command)


def test_an_unknown_letter_stays() -> None:
    assert "cannot be told" in _reason(_letter(Kind.UNKNOWN, "x", QUEUE))


@pytest.mark.parametrize("kind", Kind)
def test_a_refused_letter_stays_whatever_it_is(kind: Kind) -> None:
    assert _reason(replace(_letter(kind, EVENT, FUNCTION), refusal="forged")) == "forged"


@pytest.mark.parametrize("kind", Kind)
def test_a_letter_without_a_wire_stays_whatever_it_is(kind: Kind) -> None:
    body = _record("1") if kind is Kind.ON_FAILURE else EVENT
    assert _reason(replace(_letter(kind, body, FUNCTION), wire=None))


@pytest.mark.parametrize("kind", Kind)
@given(body=st.text(st.characters(exclude_categories=["Cs"])) | PAYLOADS)
def test_no_body_whatever_raises(kind: Kind, body: str) -> None:
    letter = _letter(kind, body, FUNCTION, source=RULE, target=Target(RULE, "t", FUNCTION), protocol="lambda")
    assert isinstance(plan_delivery(letter), Redrivable | Refused)


def test_the_destination_queues_own_limit_counts_attributes_too() -> None:
    letter = _from_queue(body="x" * 1000)
    sent = _delivery(letter)
    assert isinstance(sent, ToQueue)
    size = 1000 + len("textString.customx") + len("numberNumber0.10") + len("bytesBinary") + 2
    assert message_bytes(sent) == size
    fitting = {QUEUE: Queue("url", QUEUE, max_message_bytes=size)}
    assert isinstance(plan_delivery(letter, queues=fitting), Redrivable)
    small = {QUEUE: Queue("url", QUEUE, max_message_bytes=size - 1)}
    assert _reason(letter, queues=small) == f"{size} bytes are more than {QUEUE} takes ({size - 1})"


@pytest.mark.parametrize(
    ("letter", "limit"),
    [
        (_of_rule(FUNCTION), 1_048_576),
        (_of_rule(QUEUE), 1_048_576),
        (_of_rule(TOPIC), 262_144),
        (_of_rule(MACHINE), 262_144),
    ],
)
def test_a_payload_larger_than_the_consumer_takes_stays(letter: DeadLetter, limit: int) -> None:
    longest = EVENT[:-1].ljust(limit - 1) + "}"
    assert isinstance(plan_delivery(letter, payload=longest), Redrivable)
    assert _reason(letter, longest + " ").startswith(f"{limit + 1} bytes are more than ")
