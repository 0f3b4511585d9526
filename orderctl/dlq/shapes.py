"""What a message says of itself, before anybody checks it.

The marks differ in how far they can be trusted, and are read in that order:

1. `DeadLetterQueueSourceArn`, set by SQS itself: no sender can forge it, and a message that carries it went
   through a source queue whatever its body looks like.
2. Message attributes that EventBridge, Scheduler and Lambda add. Two services' marks on one message
   contradict each other.
3. The shape of the body: destination records, stream batches, SNS envelopes. Anybody can write these, and
   an event may legitimately *contain* one (a function chained behind a destination), so they count only
   where no stronger mark is there.

Shapes: AWS Lambda Developer Guide "invocation-async-retain-records", EventBridge User Guide "eb-rule-dlq" and
"eb-custom-bus-retry", Scheduler User Guide "configuring-schedule-dlq", SNS Developer Guide
"sns-dead-letter-queues", each checked against answers recorded on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from orderctl import jsontext
from orderctl.dlq.models import Failure, Kind, Message
from orderctl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shape:
    """One reading of a message: its kind, the ARN it names as what failed, and why it failed."""

    kind: Kind
    named: str | None = None
    """Source queue, function, rule, schedule, topic or stream: what the wiring has to confirm."""
    target: str | None = None
    failure: Failure = field(default_factory=Failure)
    refusal: str | None = None
    """Set where even an undoubted message of this shape cannot be redriven."""


def read_shapes(message: Message) -> list[Shape]:
    """Every reading at the strongest level that has one; several contradict each other, none is unknown."""
    if message.source_arn:
        attempts = message.receive_count or None
        return [Shape(Kind.SQS, message.source_arn, failure=Failure(attempts=attempts, trace_id=_trace(message)))]
    by_attributes = [shape for shape in (_eventbridge(message), _scheduler(message), _lambda(message)) if shape]
    if by_attributes:
        return by_attributes
    document = body_document(message)
    readings = (_on_failure(document, message), _stream(document), _sns(document), _custom_bus(document))
    return [shape for shape in readings if shape] if document is not None else []


def body_document(message: Message) -> Mapping[str, Any] | None:
    """The body as a JSON object, or None where it is none; never an error, a body may be anything."""
    if not message.body.lstrip().startswith("{"):
        return None
    try:
        document = jsontext.loads(message.body)
    except UsageError:
        return None
    return cast(Mapping[str, Any], document) if isinstance(document, dict) else None


def _text(message: Message, name: str) -> str | None:
    attribute = message.attributes.get(name)
    return attribute.text if attribute else None


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else None


def _trace(message: Message) -> str | None:
    """`Root=1-…;Parent=…` names the trace."""
    for part in (message.trace_header or "").split(";"):
        if part.startswith("Root="):
            return part.removeprefix("Root=")
    return None


def _eventbridge(message: Message) -> Shape | None:
    rule, target = _text(message, "RULE_ARN"), _text(message, "TARGET_ARN")
    if not rule or not target:
        return None
    retries = _number(_text(message, "RETRY_ATTEMPTS"))
    exhausted = _text(message, "EXHAUSTED_RETRY_CONDITION")
    cause = _text(message, "ERROR_MESSAGE")
    failure = Failure(
        error=_text(message, "ERROR_CODE"),
        cause=f"{cause} ({exhausted})" if cause and exhausted else cause or exhausted,
        attempts=None if retries is None else retries + 1,
        trace_id=_trace(message),
    )
    return Shape(Kind.EVENTBRIDGE_TARGET, rule, target, failure)


def _scheduler(message: Message) -> Shape | None:
    schedule = _text(message, "SCHEDULE_ARN")
    if not schedule or not _text(message, "EXECUTION_ID"):
        return None
    retries = _number(_text(message, "RETRY_ATTEMPTS"))
    failure = Failure(
        error=_text(message, "ERROR_CODE"),
        cause=_text(message, "ERROR_MESSAGE"),
        attempts=None if retries is None else retries + 1,
        request_id=_text(message, "EXECUTION_ID"),
        trace_id=_trace(message),
    )
    truncated = (_text(message, "IS_PAYLOAD_TRUNCATED") or "").lower() == "true"
    refusal = "Scheduler truncated the payload: what the target should get is no longer here" if truncated else None
    return Shape(Kind.SCHEDULER, schedule, _text(message, "TARGET_ARN"), failure, refusal)


def _lambda(message: Message) -> Shape | None:
    """`ErrorCode` is the HTTP status (a Number), not an error name. No function is named in the message."""
    request_id = _text(message, "RequestID")
    if not request_id or "ErrorCode" not in message.attributes:
        return None
    text = _text(message, "ErrorMessage")
    failure = Failure(
        error=_error_type(text) or f"status {_text(message, 'ErrorCode')}",
        cause=text,
        request_id=request_id,
        trace_id=_trace(message),
    )
    return Shape(Kind.LAMBDA_DLQ, failure=failure)


def _error_type(text: str | None) -> str | None:
    """`ValidationError: quantity must be …` starts with the type, in the runtimes that say it."""
    head, colon, _ = (text or "").partition(":")
    return head if colon and head.replace(".", "").replace("_", "").isalnum() and " " not in head else None


def _on_failure(document: Mapping[str, Any] | None, message: Message) -> Shape | None:
    context = document.get("requestContext") if document else None
    if document is None or not isinstance(context, dict) or "requestPayload" not in document:
        return None
    function, condition = context.get("functionArn"), context.get("condition")
    if not isinstance(function, str) or not isinstance(condition, str):
        return None
    answer = document.get("responsePayload")
    answer = answer if isinstance(answer, dict) else {}
    failure = Failure(
        error=_string(answer.get("errorType")) or condition,
        cause=_string(answer.get("errorMessage")) or condition,
        attempts=_count(context.get("approximateInvokeCount")),
        request_id=_string(context.get("requestId")),
        trace_id=_trace(message),
    )
    refusal = "this records a success: the function has done its work" if condition == "Success" else None
    return Shape(Kind.ON_FAILURE, function, failure=failure, refusal=refusal)


def _stream(document: Mapping[str, Any] | None) -> Shape | None:
    for name in ("DDBStreamBatchInfo", "KinesisBatchInfo"):
        info = document.get(name) if document else None
        if document is not None and isinstance(info, dict):
            context = document.get("requestContext")
            context = context if isinstance(context, dict) else {}
            failure = Failure(
                error=_string(context.get("condition")),
                attempts=_count(context.get("approximateInvokeCount")),
                request_id=_string(context.get("requestId")),
            )
            return Shape(Kind.STREAM, _string(info.get("streamArn")), _string(context.get("functionArn")), failure)
    return None


def _sns(document: Mapping[str, Any] | None) -> Shape | None:
    """The envelope names the topic; the unsubscribe URL is the only place that names the subscription."""
    if document is None or document.get("Type") != "Notification" or "Message" not in document:
        return None
    topic = _string(document.get("TopicArn"))
    if topic is None:
        return None
    _, found, subscription = str(document.get("UnsubscribeURL", "")).partition("SubscriptionArn=")
    return Shape(Kind.SNS, topic, subscription.split("&")[0] if found else None)


def _custom_bus(document: Mapping[str, Any] | None) -> Shape | None:
    bus = _string(document.get("busArn")) if document else None
    if bus is None or ":event-busv2/" not in bus:
        return None
    refusal = "a record of an EventBridge Custom Event Bus (not Classic): orderctl does not redrive these"
    return Shape(Kind.UNKNOWN, bus, refusal=refusal)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
