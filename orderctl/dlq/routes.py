"""Where one dead letter goes: to the one consumer that missed it, or nowhere, with the reason.

This is where a redrive is right or wrong, so it is pure: a letter in, a delivery or a refusal out. Three
mistakes are ruled out by the shape of what it can say: nothing here can put an event back on its bus or publish
to a topic that a message only passed through (every healthy consumer would run again); a destination record's
payload is cut out of its text, never read and written (no number passes through a float); and a FIFO message
never keeps a deduplication id that SQS may have seen in the last five minutes (see `deduplication_id`).

What a message says of its consumer is believed only where the wiring says the same: bodies and attributes can
be written by anyone who may send to the queue. Shapes: Lambda Developer Guide "invocation-async-retain-records"
and "with-sns", EventBridge User Guide "eb-rule-dlq", Scheduler User Guide "configuring-schedule-dlq" and
"managing-targets-universal", SNS Developer Guide "sns-large-payload-raw-message-delivery".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import assert_never

from orderctl import rawjson
from orderctl.dlq.models import DeadLetter, Delivery, Kind, Queue, Redrivable, Refused, ToFunction
from orderctl.dlq.routes_parts import MustStay, execution_name, mark, to_queue, to_resource, wire_of
from orderctl.dlq.routes_scheduler import to_scheduled
from orderctl.dlq.routes_sizes import check_size
from orderctl.events.transform import NotReproducible, target_input

_ENVELOPE_TO_RECORD = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def plan_delivery(
    letter: DeadLetter, *, payload: str | None = None, queues: Mapping[str, Queue] | None = None
) -> Redrivable | Refused:
    """The one delivery for a letter. Never raises for anything a message can contain.

    `payload` is an edited `letter.payload`: the body, or for an on-failure record the `requestPayload` alone.
    `queues` are destination queues by ARN, for their own size limits; for one that is missing SQS's limit counts.
    """
    if letter.refusal is not None:
        return Refused(letter, letter.refusal)
    try:
        delivery = _delivery(letter, payload)
        check_size(delivery, queues or {})
    except MustStay as stays:
        return Refused(letter, str(stays))
    except NotReproducible as error:
        return Refused(letter, f"what the target received cannot be made again: {error.reason}")
    except rawjson.MalformedJson as error:
        return Refused(letter, f"its text cannot be read: {error}")
    except UnicodeEncodeError:
        return Refused(letter, "it has half of a surrogate pair, which no service can be sent")
    return Redrivable(letter, delivery)


def _delivery(letter: DeadLetter, payload: str | None) -> Delivery:
    text = letter.message.body if payload is None else payload
    match letter.kind:
        case Kind.SQS:
            return _to_source_queue(letter, text)
        case Kind.LAMBDA_DLQ:
            return ToFunction(wire_of(letter).consumer, text.encode())
        case Kind.ON_FAILURE:
            return _to_recorded_function(letter, payload)
        case Kind.EVENTBRIDGE_TARGET:
            return _to_target(letter, text)
        case Kind.SNS:
            return _to_subscriber(letter, text)
        case Kind.SCHEDULER:
            return to_scheduled(letter, text)
        case Kind.STREAM:
            raise MustStay(_how_to_read_again(text))
        case Kind.UNKNOWN:
            raise MustStay("its kind cannot be told, so neither can its consumer")
    assert_never(letter.kind)


def _to_source_queue(letter: DeadLetter, body: str) -> Delivery:
    """SQS's own word for where it came from; the wiring must not say otherwise."""
    source = wire_of(letter).source
    if letter.message.source_arn not in (None, source):
        raise MustStay(f"SQS says it came from {letter.message.source_arn}, the wiring says {source}")
    return to_queue(letter, source, body, letter.message.attributes, letter.message.group_id)


def _to_recorded_function(letter: DeadLetter, edited: str | None) -> Delivery:
    record = letter.message.body
    if rawjson.text_of(record, "requestContext", "condition") in ("Success", None):
        raise MustStay("the record does not say that the function failed: there is nothing to do again")
    function = rawjson.text_of(record, "requestContext", "functionArn")
    payload = rawjson.member(record, "requestPayload")
    if function is None or payload is None:
        raise MustStay("the record names no function or has no requestPayload")
    if _unqualified(function) != _unqualified(wire_of(letter).consumer):
        raise MustStay(f"the record names {function}, the wiring {wire_of(letter).consumer}")
    return ToFunction(function, (payload if edited is None else edited).encode())


def _to_target(letter: DeadLetter, event: str) -> Delivery:
    """The rule's target alone, with the input that target is configured to get. Never the bus."""
    target = wire_of(letter).target
    if target is None:
        raise MustStay("the rule's target is not known")
    for name, configured in (("RULE_ARN", target.rule_arn), ("TARGET_ARN", target.arn)):
        recorded = mark(letter, name)
        if recorded not in (None, configured):
            raise MustStay(f"the message says {name} {recorded}, the wiring {configured}")
    if target.unsupported is not None:
        raise MustStay(f"the target has parameters that cannot be reproduced: {target.unsupported}")
    event_id = rawjson.text_of(event, "id")
    if event_id is None:
        raise MustStay("it is no EventBridge event: it has no id")
    name = execution_name(event_id, target.rule_arn, target.target_id, target.arn)
    return to_resource(letter, target.arn, target_input(target, event), name, target)


def _to_subscriber(letter: DeadLetter, body: str) -> Delivery:
    """The one subscription's endpoint: to publish again would reach every subscriber."""
    wire, message = wire_of(letter), letter.message
    is_enveloped = wire.protocol == "lambda" or not wire.raw_delivery
    if is_enveloped != _is_envelope(body, wire.topic_arn):
        expected = "enveloped" if is_enveloped else "raw"
        raise MustStay(f"the subscription delivers messages {expected}, and this one is not: it was changed since")
    match wire.protocol:
        case "sqs":
            return to_queue(letter, wire.consumer, body, {} if is_enveloped else message.attributes, message.group_id)
        case "lambda":
            return ToFunction(wire.consumer, _sns_event(wire.source, body).encode())
    raise MustStay(f"orderctl cannot deliver to a subscription of protocol {wire.protocol}")


def _is_envelope(body: str, topic_arn: str | None) -> bool:
    try:
        topic, kind = rawjson.text_of(body, "TopicArn"), rawjson.text_of(body, "Type")
    except rawjson.MalformedJson:
        return False
    return topic is not None and kind == "Notification" and topic_arn in (None, topic)


def _sns_event(subscription: str, envelope: str) -> str:
    """The event Lambda makes of an envelope, with its values as they stand; member names as recorded on AWS."""
    values = {"Subject": "null", "MessageAttributes": "{}"} | rawjson.members(envelope)
    record = ",".join(f"{json.dumps(_ENVELOPE_TO_RECORD.get(k, k))}:{v}" for k, v in values.items())
    return (
        '{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0",'
        f'"EventSubscriptionArn":{json.dumps(subscription)},"Sns":{{{record}}}}}]}}'
    )


def _how_to_read_again(body: str) -> str:
    """Stream records lie in the stream until its retention ends; the message has only where."""
    told = "a stream record has no payload; read the shard again while the stream still keeps it"
    for info, command, option in (
        ("KinesisBatchInfo", "kinesis", "--starting-sequence-number"),
        ("DDBStreamBatchInfo", "dynamodbstreams", "--sequence-number"),
    ):
        keys = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
        stream, shard, start, end = (rawjson.text_of(body, info, key) for key in keys)
        if stream and shard and start:
            arguments = ("--stream-arn", stream, "--shard-id", shard, option, start)
            call = f"aws {command} get-shard-iterator --shard-iterator-type AT_SEQUENCE_NUMBER {shlex.join(arguments)}"
            return f"{told}: {call}, then aws {command} get-records up to sequence number {end or 'the last'}"
    return told


def _unqualified(function_arn: str) -> str:
    return ":".join(function_arn.split(":")[:7])
