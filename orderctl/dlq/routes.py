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
import re
import shlex
from collections.abc import Mapping
from hashlib import sha256
from typing import assert_never
from urllib.parse import urlsplit

from orderctl import rawjson
from orderctl.dlq.models import (
    Attribute,
    DeadLetter,
    Delivery,
    Kind,
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
from orderctl.events.transform import NotReproducible, target_input

MAX_FUNCTION_BYTES = 1_048_576
"""Asynchronous Lambda.Invoke (lambda/latest/api/API_Invoke)."""
MAX_QUEUE_BYTES = 1_048_576
"""SQS.SendMessage, attributes included; a queue may be set lower (`Queue.max_message_bytes`)."""
MAX_TOPIC_BYTES = 262_144
"""SNS.Publish (sns/latest/api/API_Publish)."""
MAX_INPUT_BYTES = 262_144
"""States.StartExecution (step-functions/latest/dg/service-quotas)."""

_NAME_CHARACTERS = re.compile(r"[^0-9A-Za-z_-]")
_ENVELOPE_TO_RECORD = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
_SDK_TARGET = re.compile(r"arn:[\w-]+:scheduler:::aws-sdk:(\w+:\w+)", re.ASCII)


class _MustStay(Exception):
    """Why the letter at hand must not be delivered."""


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
        _check_size(delivery, queues or {})
    except _MustStay as stays:
        return Refused(letter, str(stays))
    except NotReproducible as error:
        return Refused(letter, f"what the target received cannot be made again: {error.reason}")
    except rawjson.MalformedJson as error:
        return Refused(letter, f"its text cannot be read: {error}")
    except UnicodeEncodeError:
        return Refused(letter, "it has half of a surrogate pair, which no service can be sent")
    return Redrivable(letter, delivery)


def deduplication_id(message_id: str, body: str) -> str:
    """A message deduplication id for sending a dead letter to a FIFO queue: at most 128 characters.

    Not the one the message has: SQS takes an id it has seen within five minutes without delivering it
    (API_SendMessage), and a message that was just dead-lettered or redriven would be gone. Message id and body
    make it the same at each try, so a send repeated after a lost reply is swallowed, which is what it should be;
    an edited body makes another. Coming back to the dead-letter queue, the message has a new message id.
    """
    return f"{message_id[:113]}-r-{_digest(body)}"


def execution_name(event_id: str, *consumer: str) -> str:
    """An execution name for an event and its target: at most 80 of `0-9A-Za-z_-`, the same at each try.

    A second start with it is the same execution on a Standard state machine (API_StartExecution); an Express
    one starts again.
    """
    return f"{_NAME_CHARACTERS.sub('-', event_id)[:67]}-{_digest(chr(10).join((event_id, *consumer)))}"


def _delivery(letter: DeadLetter, payload: str | None) -> Delivery:
    text = letter.message.body if payload is None else payload
    match letter.kind:
        case Kind.SQS:
            return _to_source_queue(letter, text)
        case Kind.LAMBDA_DLQ:
            return ToFunction(_wire(letter).consumer, text.encode())
        case Kind.ON_FAILURE:
            return _to_recorded_function(letter, payload)
        case Kind.EVENTBRIDGE_TARGET:
            return _to_target(letter, text)
        case Kind.SNS:
            return _to_subscriber(letter, text)
        case Kind.SCHEDULER:
            return _to_scheduled(letter, text)
        case Kind.STREAM:
            raise _MustStay(_how_to_read_again(text))
        case Kind.UNKNOWN:
            raise _MustStay("its kind cannot be told, so neither can its consumer")
    assert_never(letter.kind)


def _to_source_queue(letter: DeadLetter, body: str) -> Delivery:
    """SQS's own word for where it came from; the wiring must not say otherwise."""
    source = _wire(letter).source
    if letter.message.source_arn not in (None, source):
        raise _MustStay(f"SQS says it came from {letter.message.source_arn}, the wiring says {source}")
    return _queue(letter, source, body, letter.message.attributes, letter.message.group_id)


def _to_recorded_function(letter: DeadLetter, edited: str | None) -> Delivery:
    record = letter.message.body
    if rawjson.text_of(record, "requestContext", "condition") in ("Success", None):
        raise _MustStay("the record does not say that the function failed: there is nothing to do again")
    function = rawjson.text_of(record, "requestContext", "functionArn")
    payload = rawjson.member(record, "requestPayload")
    if function is None or payload is None:
        raise _MustStay("the record names no function or has no requestPayload")
    if _unqualified(function) != _unqualified(_wire(letter).consumer):
        raise _MustStay(f"the record names {function}, the wiring {_wire(letter).consumer}")
    return ToFunction(function, (payload if edited is None else edited).encode())


def _to_target(letter: DeadLetter, event: str) -> Delivery:
    """The rule's target alone, with the input that target is configured to get. Never the bus."""
    target = _wire(letter).target
    if target is None:
        raise _MustStay("the rule's target is not known")
    for name, configured in (("RULE_ARN", target.rule_arn), ("TARGET_ARN", target.arn)):
        recorded = _text(letter, name)
        if recorded not in (None, configured):
            raise _MustStay(f"the message says {name} {recorded}, the wiring {configured}")
    if target.unsupported is not None:
        raise _MustStay(f"the target has parameters that cannot be reproduced: {target.unsupported}")
    event_id = rawjson.text_of(event, "id")
    if event_id is None:
        raise _MustStay("it is no EventBridge event: it has no id")
    name = execution_name(event_id, target.rule_arn, target.target_id, target.arn)
    return _to_resource(letter, target.arn, target_input(target, event), name, target)


def _to_resource(letter: DeadLetter, arn: str, text: str, name: str, target: Target | None) -> Delivery:
    """What a rule or a schedule does with its target. The dead letter's own attributes tell of the failure: they stay.

    A message group id comes from the target's SqsParameters and nowhere else.
    """
    match _service(arn):
        case "lambda":
            return ToFunction(arn, _json(text).encode())
        case "sqs":
            return _queue(letter, arn, text, {}, target.message_group_id if target else None)
        case "sns":
            return _topic(arn, text)
        case "states" if ":stateMachine:" in arn:
            return ToStateMachine(arn, name, _json(text))
        case "events" if ":event-bus/" in arn:
            raise _MustStay("its target is an event bus: every rule there would run again")
    raise _MustStay(f"orderctl cannot deliver to {arn}")


def _to_subscriber(letter: DeadLetter, body: str) -> Delivery:
    """The one subscription's endpoint: to publish again would reach every subscriber."""
    wire, message = _wire(letter), letter.message
    is_enveloped = wire.protocol == "lambda" or not wire.raw_delivery
    if is_enveloped != _is_envelope(body, wire.topic_arn):
        expected = "enveloped" if is_enveloped else "raw"
        raise _MustStay(f"the subscription delivers messages {expected}, and this one is not: it was changed since")
    match wire.protocol:
        case "sqs":
            return _queue(letter, wire.consumer, body, {} if is_enveloped else message.attributes, message.group_id)
        case "lambda":
            return ToFunction(wire.consumer, _sns_event(wire.source, body).encode())
    raise _MustStay(f"orderctl cannot deliver to a subscription of protocol {wire.protocol}")


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


def _to_scheduled(letter: DeadLetter, text: str) -> Delivery:
    """A resource is its own target; an `aws-sdk` target is an API, whose input names the resource."""
    if (_text(letter, "IS_PAYLOAD_TRUNCATED") or "").lower() == "true":
        raise _MustStay("Scheduler truncated the payload: what the target should get is no longer here")
    wire = _wire(letter)
    recorded = _text(letter, "TARGET_ARN") or wire.consumer
    name = execution_name(_text(letter, "EXECUTION_ID") or letter.message.message_id, wire.source)
    if wire.target is not None and wire.target.unsupported is not None:
        raise _MustStay(f"the target has parameters that cannot be reproduced: {wire.target.unsupported}")
    if (action := _SDK_TARGET.fullmatch(recorded)) is None:
        delivery = _to_resource(letter, recorded, text, name, wire.target)
    else:
        delivery = _api_call(letter, action[1], rawjson.members(text), wire, name)
    configured = _configured(letter, wire, name)
    if configured is None:
        raise _MustStay(
            f"the schedule calls {wire.consumer}, and the wiring does not hold its input to check this one by"
        )
    if delivery.arn != configured:
        raise _MustStay(f"the message was for {delivery.arn}, the schedule's target is {configured}")
    return delivery


def _configured(letter: DeadLetter, wire: Wire, name: str) -> str | None:
    """The resource the schedule itself names; None for an API target whose input the wiring does not hold."""
    action = _SDK_TARGET.fullmatch(wire.consumer)
    if action is None:
        return wire.consumer
    if wire.target is None or wire.target.input is None:
        return None
    return _api_call(letter, action[1], rawjson.members(wire.target.input), wire, name).arn


def _api_call(letter: DeadLetter, action: str, given: Mapping[str, str], wire: Wire, name: str) -> Delivery:
    """The delivery that an API's input stands for, if nothing in the input would be lost by it."""
    match action:
        case "sqs:sendMessage":
            _only(given, "QueueUrl", "MessageBody", "MessageGroupId", "MessageDeduplicationId")
            arn = _queue_arn(_required(given, "QueueUrl"), wire.source)
            return _queue(letter, arn, _required(given, "MessageBody"), {}, _optional(given, "MessageGroupId"))
        case "lambda:invoke":
            _only(given, "FunctionName", "InvocationType", "Payload", "Qualifier")
            if _optional(given, "InvocationType") == "DryRun":
                raise _MustStay("the schedule only tries the invocation (DryRun)")
            payload = _json(_required(given, "Payload")).encode()
            return ToFunction(_function_arn(given, wire.source), payload)
        case "sfn:startExecution":
            _only(given, "StateMachineArn", "Input", "Name")
            if own_name := _optional(given, "Name"):
                raise _MustStay(
                    f"the schedule starts executions of the name {own_name!r}, and one of that name was started"
                )
            return ToStateMachine(_required(given, "StateMachineArn"), name, _optional(given, "Input") or "{}")
        case "sns:publish":
            _only(given, "TopicArn", "Message")
            return _topic(_required(given, "TopicArn"), _required(given, "Message"))
    raise _MustStay(f"orderctl cannot make the call {action} for a schedule")


def _queue(
    letter: DeadLetter, arn: str, body: str, attributes: Mapping[str, Attribute], group_id: str | None
) -> ToQueue:
    is_fifo = arn.endswith(".fifo")
    if is_fifo and group_id is None:
        raise _MustStay(f"{arn.rsplit(':', 1)[-1]} is a FIFO queue and no message group id is known")
    deduplication = deduplication_id(letter.message.message_id, body) if is_fifo else None
    return ToQueue(arn, body, attributes, group_id, deduplication, letter.message.trace_header)


def _topic(arn: str, message: str) -> ToTopic:
    if arn.endswith(".fifo"):
        raise _MustStay(f"{arn.rsplit(':', 1)[-1]} is a FIFO topic and no message group id is known")
    return ToTopic(arn, message)


def _json(text: str) -> str:
    """`text`, once it is known that a function or a state machine can take it."""
    rawjson.check(text)
    return text


def _check_size(delivery: Delivery, queues: Mapping[str, Queue]) -> None:
    match delivery:
        case ToQueue():
            queue = queues.get(delivery.arn)
            _fits(message_bytes(delivery), queue.max_message_bytes if queue else MAX_QUEUE_BYTES, delivery.arn)
        case ToFunction():
            _fits(len(delivery.payload), MAX_FUNCTION_BYTES, delivery.arn)
        case ToTopic():
            _fits(len(delivery.message.encode()), MAX_TOPIC_BYTES, delivery.arn)
        case ToStateMachine():
            _fits(len(delivery.input.encode()), MAX_INPUT_BYTES, delivery.arn)
        case _:
            assert_never(delivery)


def message_bytes(delivery: ToQueue) -> int:
    """What SQS counts: the body, and name, type and value of each attribute (SQSDeveloperGuide/quotas-messages)."""
    attributes = sum(
        len(name.encode()) + len(a.data_type.encode()) + len((a.text or "").encode()) + len(a.binary or b"")
        for name, a in delivery.attributes.items()
    )
    return len(delivery.body.encode()) + attributes


def _fits(size: int, limit: int, arn: str) -> None:
    if size > limit:
        raise _MustStay(f"{size} bytes are more than {arn} takes ({limit})")


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


def _wire(letter: DeadLetter) -> Wire:
    if letter.wire is None:
        raise _MustStay("nothing in the wiring says whose it is")
    return letter.wire


def _text(letter: DeadLetter, name: str) -> str | None:
    attribute = letter.message.attributes.get(name)
    return attribute.text if attribute else None


def _service(arn: str) -> str:
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""


def _unqualified(function_arn: str) -> str:
    return ":".join(function_arn.split(":")[:7])


def _queue_arn(url: str, schedule_arn: str) -> str:
    """A queue URL ends in account and name; the Region is the host's, or the schedule's."""
    partition, region = schedule_arn.split(":")[1], schedule_arn.split(":")[3]
    try:
        host, path = urlsplit(url).hostname or "", urlsplit(url).path.strip("/").split("/")
    except ValueError as error:
        raise _MustStay(f"{url!r} is no queue URL") from error
    if len(path) < 2:
        raise _MustStay(f"{url!r} is no queue URL")
    named = re.match(r"sqs\.([a-z0-9-]+)\.", host)
    return f"arn:{partition}:sqs:{named[1] if named else region}:{path[-2]}:{path[-1]}"


def _function_arn(given: Mapping[str, str], schedule_arn: str) -> str:
    _, partition, _, region, account, *_ = schedule_arn.split(":")
    name, qualifier = _required(given, "FunctionName"), _optional(given, "Qualifier")
    arn = name if name.startswith("arn:") else f"arn:{partition}:lambda:{region}:{account}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def _only(given: Mapping[str, str], *known: str) -> None:
    if others := sorted(given.keys() - set(known)):
        raise _MustStay(f"the schedule's input has parameters that cannot be reproduced: {', '.join(others)}")


def _required(given: Mapping[str, str], name: str) -> str:
    value = _optional(given, name)
    if value is None:
        raise _MustStay(f"the schedule's input has no {name}")
    return value


def _optional(given: Mapping[str, str], name: str) -> str | None:
    if name not in given:
        return None
    value = rawjson.string(given[name])
    if value is None:
        raise _MustStay(f"{name} in the schedule's input is no text")
    return value


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
