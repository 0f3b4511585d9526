"""What AWS writes into a dead-letter queue, kind by kind: the data of the drills.

Every shape is one recorded on AWS or, where nobody recorded it, documented (Scheduler User Guide
"configuring-schedule-dlq", EventBridge User Guide "eb-rule-dlq"). Nothing is random: the same slot gives the same
letter, and the failure of one function has the same request id in its dead-letter queue and in its on-failure
queue, as on AWS where both are set.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orderctl.dlq.models import Attribute, Kind, ToQueue, Wire

RETRIED = frozenset({"THROTTLING", "TIMEOUT", "ERROR_FROM_TARGET", "INTERNAL_ERROR", "CONNECTION_FAILURE"})
"""Error codes that EventBridge and Scheduler retry; only then is there an exhausted condition."""
TRUNCATED = "TRUNCATED"
"""An `error` for Scheduler: the payload did not fit, and is not redrivable."""
NEVER_INVOKED = "NeverInvoked"
"""An `error` for on-failure records: the event grew too old before the function ran once."""
EVENT_AGE = "EventAgeExceeded"
_API = {"sqs": "sqs:sendMessage", "lambda": "lambda:invoke", "states": "sfn:startExecution", "sns": "sns:publish"}
_CARRIER = {
    "sqs:sendMessage": "MessageBody",
    "lambda:invoke": "Payload",
    "sfn:startExecution": "Input",
    "sns:publish": "Message",
}
"""The parameter of each API that carries the payload."""
_TRUNCATED_AT = 1024
"""Characters of ErrorMessage that Lambda keeps (Lambda Developer Guide, "invocation-async-retain-records")."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One letter to be: the wire it came by, its order, the error as `TYPE` or `TYPE: message`, and when."""

    wire: Wire
    order_id: str
    error: str | None
    at: datetime

    @property
    def time(self) -> str:
        """Milliseconds and `Z`, as Lambda and SNS write it."""
        return self.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.at.microsecond // 1000:03}Z"

    def error_of(self, default: str) -> tuple[str, str]:
        """Type and message of the error."""
        name, _, message = (self.error or default).partition(": ")
        return name, message or f"{name} (drill)"

    def id(self, purpose: str) -> str:
        """An id that is this slot's alone."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{purpose}/{self.order_id}/{self.at.isoformat()}"))

    @property
    def trace_header(self) -> str:
        """An X-Ray header that was not sampled."""
        digits = self.id("trace").replace("-", "")
        return f"Root=1-{int(self.at.timestamp()):08x}-{digits[:24]};Parent={digits[:16]};Sampled=0"


def letter(slot: Slot) -> ToQueue:
    """The letter as it is sent: to the dead-letter queue, but for `sqs` to the source queue it then has to die in."""
    made = _LETTERS[slot.wire.kind](slot)
    if not made.arn.endswith(".fifo"):
        return made
    return replace(made, group_id=f"drill-{slot.order_id}", deduplication_id=slot.id("deduplication"))


def order(slot: Slot) -> dict[str, object]:
    """An order every consumer of the reference stack accepts."""
    return {"order_id": slot.order_id, "user_id": "drill", "product_id": "widget-1", "quantity": 1}


def event(slot: Slot) -> dict[str, object]:
    """The event it came in."""
    _, _, _, region, account, *_ = slot.wire.queue_arn.split(":")
    return {
        "version": "0",
        "id": slot.id("event"),
        "detail-type": "OrderCreated",
        "source": "orders.api",
        "account": account,
        "time": slot.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [],
        "detail": order(slot),
    }


def _of_queue(slot: Slot) -> ToQueue:
    """SQS alone can mark a message as moved, so it goes to the source queue and is received there too often."""
    attributes = _strings({"order_id": slot.order_id})
    return ToQueue(slot.wire.source, _queued(slot), attributes, trace_header=slot.trace_header)


def _queued(slot: Slot) -> str:
    """What the reference stack's queue holds of an order."""
    time = slot.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _text({"event_id": slot.id("event"), "time": time, "order": order(slot)})


def _of_function_queue(slot: Slot) -> ToQueue:
    """The bare event; `ErrorCode` is the HTTP status, a Number. Recorded 2025-11-24."""
    _, message = slot.error_of("InjectedFault")
    attributes = {
        "RequestID": Attribute("String", _request_id(slot)),
        "ErrorCode": Attribute("Number", "200"),
        "ErrorMessage": Attribute("String", message[:_TRUNCATED_AT]),
    }
    return ToQueue(slot.wire.queue_arn, _text(event(slot)), attributes, trace_header=slot.trace_header)


def _of_destination(slot: Slot) -> ToQueue:
    """The destination record; without response where the function never ran. Recorded 2025-11-25 and 27."""
    name, message = slot.error_of("InjectedFault")
    has_run = name != NEVER_INVOKED
    is_old = name in (EVENT_AGE, NEVER_INVOKED)
    count = 0 if not has_run else 1 if is_old else 3
    return _record(slot, EVENT_AGE if is_old else "RetriesExhausted", count, _response(slot, name, message, has_run))


def _record(slot: Slot, condition: str, count: int, response: Mapping[str, object]) -> ToQueue:
    body = {
        "version": "1.0",
        "timestamp": slot.time,
        "requestContext": {
            "requestId": _request_id(slot),
            "functionArn": slot.wire.source,
            "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": event(slot),
        **response,
    }
    return ToQueue(slot.wire.queue_arn, _text(body), trace_header=slot.trace_header)


def _response(slot: Slot, name: str, message: str, has_run: bool) -> dict[str, object]:
    if not has_run:
        return {}
    qualifier = slot.wire.source.rsplit(":", 1)[-1]
    return {
        "responseContext": {
            "statusCode": 200,
            "executedVersion": qualifier if qualifier.isdigit() else "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {
            "errorMessage": message,
            "errorType": "InjectedFault" if name == EVENT_AGE else name,
            "requestId": _request_id(slot),
            "stackTrace": ['  File "/var/task/index.py", line 4, in handler\n    raise InjectedFault()\n'],
        },
    }


def _of_rule_target(slot: Slot) -> ToQueue:
    """The event as it came to the rule, not as the target would get it."""
    named = {"RULE_ARN": slot.wire.source, "TARGET_ARN": slot.wire.consumer}
    attributes = _strings({**named, **_why(slot, "NO_PERMISSIONS")})
    return ToQueue(slot.wire.queue_arn, _text(event(slot)), attributes, trace_header=slot.trace_header)


def _why(slot: Slot, default: str) -> dict[str, str]:
    code, message = slot.error_of(default)
    retried = {"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"} if code in RETRIED else {}
    attempts = "185" if code in RETRIED else "0"
    return {"ERROR_CODE": code, "ERROR_MESSAGE": message, "RETRY_ATTEMPTS": attempts, **retried}


def _of_subscription(slot: Slot) -> ToQueue:
    """Raw: the bare message with its attributes. Otherwise SNS's envelope, and no attributes. Recorded 2023-08-24."""
    message = _text({"order": order(slot), "status": "ACCEPTED"})
    if slot.wire.raw_delivery:
        return ToQueue(slot.wire.queue_arn, message, _strings({"order_id": slot.order_id}))
    region = slot.wire.source.split(":")[3]
    host = f"https://sns.{region}.amazonaws.com"
    envelope = {
        "Type": "Notification",
        "MessageId": slot.id("notification"),
        "TopicArn": slot.wire.topic_arn,
        "Message": message,
        "Timestamp": slot.time,
        "SignatureVersion": "1",
        "Signature": "ZHJpbGw=",
        "SigningCertURL": f"{host}/SimpleNotificationService-drill.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={slot.wire.source}",
        "MessageAttributes": {"order_id": {"Type": "String", "Value": slot.order_id}},
    }
    return ToQueue(slot.wire.queue_arn, _text(envelope))


def _of_schedule(slot: Slot) -> ToQueue:
    """The input of the API the schedule calls; TARGET_ARN names that API, not the resource."""
    service = slot.wire.consumer.split(":")[2]
    body = _universal_input(slot) if service == "scheduler" else _api_input(slot)
    is_truncated = (slot.error or "").partition(": ")[0] == TRUNCATED
    why = _why(slot, "NO_PERMISSIONS") | ({"ERROR_CODE": "THROTTLING"} if is_truncated else {})
    attributes = {
        "SCHEDULE_ARN": slot.wire.source,
        "TARGET_ARN": f"arn:aws:scheduler:::aws-sdk:{_API[service]}" if service in _API else slot.wire.consumer,
        "EXECUTION_ID": slot.id("execution"),
        "SCHEDULED_TIME": (slot.at - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "IS_PAYLOAD_TRUNCATED": "true" if is_truncated else "false",
        **why,
    }
    return ToQueue(slot.wire.queue_arn, body[: len(body) // 2] if is_truncated else body, _strings(attributes))


def _api_input(slot: Slot) -> str:
    arn, payload = slot.wire.consumer, _text(order(slot))
    _, _, service, region, account, *name = arn.split(":")
    match service:
        case "sqs":
            group = {"MessageGroupId": "drill"} if arn.endswith(".fifo") else {}
            url = f"https://sqs.{region}.amazonaws.com/{account}/{name[0]}"
            return _text({"MessageBody": payload, "QueueUrl": url, **group})
        case "lambda":
            return _text({"FunctionName": arn, "InvocationType": "Event", "Payload": payload})
        case "states":
            return _text({"StateMachineArn": arn, "Input": payload})
        case "sns":
            return _text({"TopicArn": arn, "Message": payload})
    return payload


def _universal_input(slot: Slot) -> str:
    """What the schedule itself is configured to send, with the drill's order in the place of what it carries."""
    target, action = slot.wire.target, slot.wire.consumer.rpartition("aws-sdk:")[2]
    given = json.loads(target.input or "{}") if target else {}
    carried = _queued(slot) if action == _API["sqs"] else _text(order(slot))
    return _text({**given, _CARRIER[action]: carried} if action in _CARRIER else given)


def _of_stream(slot: Slot) -> ToQueue:
    """Where the batch lies in its shard, and no record of it. The function is made up: the wiring names none."""
    stream = slot.wire.source
    region, account = stream.split(":")[3:5]
    arrived = (slot.at - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = {
        "shardId": "shardId-00000001573689847184-864758bb",
        "startSequenceNumber": "800000000003126276362",
        "endSequenceNumber": "800000000003126276362",
        "approximateArrivalOfFirstRecord": arrived,
        "approximateArrivalOfLastRecord": arrived,
        "batchSize": 1,
        "streamArn": stream,
    }
    body = {
        "requestContext": {
            "requestId": slot.id("request"),
            "functionArn": f"arn:aws:lambda:{region}:{account}:function:drill",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": slot.time,
        "KinesisBatchInfo" if ":kinesis:" in stream else "DDBStreamBatchInfo": where,
    }
    return ToQueue(slot.wire.queue_arn, _text(body))


def _of_nothing(slot: Slot) -> ToQueue:
    """Somebody's message that no service wrote: it must be refused."""
    return ToQueue(slot.wire.queue_arn, _text(order(slot)))


def _request_id(slot: Slot) -> str:
    """One for the function's event, whichever queue it ends in: the twins are joined by it."""
    return slot.id(":".join(slot.wire.source.split(":")[:7]))


def _strings(texts: Mapping[str, str]) -> dict[str, Attribute]:
    return {name: Attribute("String", text) for name, text in texts.items()}


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


_LETTERS: dict[Kind, Callable[[Slot], ToQueue]] = {
    Kind.SQS: _of_queue,
    Kind.LAMBDA_DLQ: _of_function_queue,
    Kind.ON_FAILURE: _of_destination,
    Kind.EVENTBRIDGE_TARGET: _of_rule_target,
    Kind.SNS: _of_subscription,
    Kind.SCHEDULER: _of_schedule,
    Kind.STREAM: _of_stream,
    Kind.UNKNOWN: _of_nothing,
}
