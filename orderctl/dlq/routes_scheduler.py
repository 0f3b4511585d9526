"""Where a schedule's dead letter goes: to the one resource that the schedule itself is configured to call.

A templated target is a resource and its own ARN. A universal one (`arn:aws:scheduler:::aws-sdk:sqs:sendMessage`)
is an API, and the resource stands in its input. That input is read twice: as it lies in the letter, which anyone
who may send to the queue could have written, and as the schedule is configured. Both have to name the same
resource. Shapes: Scheduler User Guide "configuring-schedule-dlq" and "managing-targets-universal".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from orderctl import rawjson
from orderctl.dlq.models import DeadLetter, Delivery, Kind, Message, ToFunction, ToStateMachine, Wire
from orderctl.dlq.routes_parts import (
    ONTO_A_BUS,
    MustStay,
    execution_name,
    json_text,
    mark,
    to_queue,
    to_resource,
    to_topic,
    wire_of,
)

_SDK_TARGET = re.compile(r"arn:[\w-]+:scheduler:::aws-sdk:(\w+:\w+)", re.ASCII)


def to_scheduled(letter: DeadLetter, text: str) -> Delivery:
    """A resource is its own target; an `aws-sdk` target is an API, whose input names the resource."""
    if (mark(letter, "IS_PAYLOAD_TRUNCATED") or "").lower() == "true":
        raise MustStay("Scheduler truncated the payload: what the target should get is no longer here")
    wire = wire_of(letter)
    if wire.target is not None and wire.target.unsupported is not None:
        raise MustStay(f"the target has parameters that cannot be reproduced: {wire.target.unsupported}")
    recorded = mark(letter, "TARGET_ARN") or wire.consumer
    name = execution_name(mark(letter, "EXECUTION_ID") or letter.message.message_id, wire.source)
    if (action := _action(recorded)) is None:
        delivery = to_resource(letter, recorded, text, name, wire.target)
    else:
        delivery = _call(letter, action, rawjson.members(text), wire, name)
    configured = scheduled_resource(wire)
    if delivery.arn != configured:
        raise MustStay(f"the message was for {delivery.arn}, the schedule's target is {configured}")
    return delivery


def scheduled_resource(wire: Wire) -> str:
    """The ARN of the resource that a schedule is configured to call.

    Raises MustStay for an API that has no one resource orderctl can deliver to, or whose configured input does
    not name it.
    """
    action = _action(wire.consumer)
    if action is None:
        return wire.consumer
    if wire.target is None or wire.target.input is None:
        raise MustStay(f"the schedule calls {wire.consumer} without an input that names a resource")
    try:
        given = rawjson.members(wire.target.input)
    except rawjson.MalformedJson as error:
        raise MustStay(f"the schedule's own input cannot be read: {error}") from error
    stand_in = DeadLetter(Message("configured", body=""), wire.queue_arn, Kind.SCHEDULER, wire)
    return _call(stand_in, action, given, wire, "configured").arn


def _action(arn: str) -> str | None:
    found = _SDK_TARGET.fullmatch(arn)
    return found[1] if found else None


def _call(letter: DeadLetter, action: str, given: Mapping[str, str], wire: Wire, name: str) -> Delivery:
    """The delivery that an API's input stands for, if nothing in the input would be lost by it."""
    make = _CALLS.get(action)
    if make is None:
        raise MustStay(_UNREPEATABLE.get(action, f"orderctl cannot make the call {action} for a schedule"))
    return make(letter, given, wire, name)


def _send_message(letter: DeadLetter, given: Mapping[str, str], wire: Wire, _name: str) -> Delivery:
    _only(given, "QueueUrl", "MessageBody", "MessageGroupId", "MessageDeduplicationId")
    arn = _queue_arn(_required(given, "QueueUrl"), wire.source)
    return to_queue(letter, arn, _required(given, "MessageBody"), {}, _optional(given, "MessageGroupId"))


def _invoke(_letter: DeadLetter, given: Mapping[str, str], wire: Wire, _name: str) -> Delivery:
    _only(given, "FunctionName", "InvocationType", "Payload", "Qualifier")
    if _optional(given, "InvocationType") == "DryRun":
        raise MustStay("the schedule only tries the invocation (DryRun)")
    return ToFunction(_function_arn(given, wire.source), json_text(_required(given, "Payload")).encode())


def _start_execution(_letter: DeadLetter, given: Mapping[str, str], _wire: Wire, name: str) -> Delivery:
    _only(given, "StateMachineArn", "Input", "Name")
    if own_name := _optional(given, "Name"):
        raise MustStay(f"the schedule starts executions of the name {own_name!r}, and one of that name was started")
    return ToStateMachine(_required(given, "StateMachineArn"), name, _optional(given, "Input") or "{}")


def _publish(letter: DeadLetter, given: Mapping[str, str], _wire: Wire, _name: str) -> Delivery:
    _only(given, "TopicArn", "Message", "Subject", "MessageGroupId", "MessageDeduplicationId")
    return to_topic(
        letter,
        _required(given, "TopicArn"),
        _required(given, "Message"),
        subject=_optional(given, "Subject"),
        group_id=_optional(given, "MessageGroupId"),
    )


_CALLS: Mapping[str, Callable[[DeadLetter, Mapping[str, str], Wire, str], Delivery]] = {
    "sqs:sendMessage": _send_message,
    "lambda:invoke": _invoke,
    "sfn:startExecution": _start_execution,
    "sns:publish": _publish,
}
_UNREPEATABLE: Mapping[str, str] = {
    "eventbridge:putEvents": ONTO_A_BUS,
    "events:putEvents": ONTO_A_BUS,
    "sfn:startSyncExecution": "the schedule waits for the execution's end (StartSyncExecution); start it by hand",
}


def _queue_arn(url: str, schedule_arn: str) -> str:
    """A queue URL ends in account and name; the Region is the host's, or the schedule's."""
    partition, region = schedule_arn.split(":")[1], schedule_arn.split(":")[3]
    try:
        host, path = urlsplit(url).hostname or "", urlsplit(url).path.strip("/").split("/")
    except ValueError as error:
        raise MustStay(f"{url!r} is no queue URL") from error
    if len(path) < 2:
        raise MustStay(f"{url!r} is no queue URL")
    named = re.match(r"sqs\.([a-z0-9-]+)\.", host)
    return f"arn:{partition}:sqs:{named[1] if named else region}:{path[-2]}:{path[-1]}"


def _function_arn(given: Mapping[str, str], schedule_arn: str) -> str:
    _, partition, _, region, account, *_ = schedule_arn.split(":")
    name, qualifier = _required(given, "FunctionName"), _optional(given, "Qualifier")
    arn = name if name.startswith("arn:") else f"arn:{partition}:lambda:{region}:{account}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def _only(given: Mapping[str, str], *known: str) -> None:
    if others := sorted(given.keys() - set(known)):
        raise MustStay(f"the schedule's input has parameters that cannot be reproduced: {', '.join(others)}")


def _required(given: Mapping[str, str], name: str) -> str:
    value = _optional(given, name)
    if value is None:
        raise MustStay(f"the schedule's input has no {name}")
    return value


def _optional(given: Mapping[str, str], name: str) -> str | None:
    if name not in given:
        return None
    value = rawjson.string(given[name])
    if value is None:
        raise MustStay(f"{name} in the schedule's input is no text")
    return value
