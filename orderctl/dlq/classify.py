"""Tell a dead letter's kind: the message's own mark and the environment's wiring have to agree.

A message alone can be forged or left over from a configuration that is gone; the wiring alone cannot tell
which of several failures filled a shared queue. Where both say the same, there is exactly one consumer that
missed the message. Everything else is refused with the reason: a wrong consumer is worse than a letter that
stays.

One message leaves no mark at all, a raw SNS delivery. It is accepted only where the wiring leaves nothing
else it could be, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from orderctl import rawjson
from orderctl.dlq.models import DeadLetter, Failure, Kind, Message, Wire, Wiring
from orderctl.dlq.shapes import Shape, read_shapes
from orderctl.errors import UsageError


def classify(message: Message, queue_arn: str, wiring: Wiring, *, function: str | None = None) -> DeadLetter:
    """The letter that `message` in the queue is. `function` settles whose a shared Lambda DLQ's letters are."""
    shapes = read_shapes(message)
    if len(shapes) > 1:
        marks = " and ".join(shape.kind.value for shape in shapes)
        return _refused(message, queue_arn, f"its marks contradict each other: {marks}")
    if not shapes:
        return _unmarked(message, queue_arn, wiring)
    shape = shapes[0]
    if shape.kind is Kind.UNKNOWN:
        return _refused(message, queue_arn, shape.refusal or "its kind is not known", shape.failure)
    wires = _confirming(shape, wiring.of(queue_arn, shape.kind), function)
    payload = _payload(shape.kind, message)
    refusal = shape.refusal or _disagreement(shape, wires, wiring, payload)
    return DeadLetter(
        message,
        queue_arn,
        shape.kind,
        wires[0] if wires and refusal is None else None,
        payload or "",
        shape.failure,
        refusal,
    )


def _confirming(shape: Shape, wires: Sequence[Wire], function: str | None) -> tuple[Wire, ...]:
    """The wires that say the same as the message; for a Lambda DLQ, which names nobody, all or the one chosen."""
    match shape.kind:
        case Kind.SQS | Kind.SCHEDULER:
            return tuple(wire for wire in wires if wire.source == shape.named)
        case Kind.LAMBDA_DLQ:
            return tuple(wire for wire in wires if function is None or is_same_function(wire.source, function))
        case Kind.ON_FAILURE:
            return tuple(wire for wire in wires if is_same_function(wire.source, shape.named or ""))
        case Kind.EVENTBRIDGE_TARGET:
            return tuple(w for w in wires if w.source == shape.named and w.target and w.target.arn == shape.target)
        case Kind.SNS:
            of_topic = tuple(wire for wire in wires if wire.topic_arn == shape.named)
            named = tuple(wire for wire in of_topic if wire.source == shape.target)
            return named or (of_topic if shape.target is None else ())
        case Kind.STREAM:
            return tuple(wire for wire in wires if wire.source == shape.named or wire.consumer == shape.named)
        case Kind.UNKNOWN:
            return ()


def _disagreement(shape: Shape, wires: Sequence[Wire], wiring: Wiring, payload: str | None) -> str | None:
    """Why the message must stay although its mark was read, or None where wiring and mark agree on one."""
    if payload is None:
        return "the record's requestPayload cannot be cut out of its text"
    names_nobody = shape.named is None if shape.kind is Kind.LAMBDA_DLQ else shape.target is None
    if wires and names_nobody and shape.kind in wiring.blind and shape.kind in (Kind.LAMBDA_DLQ, Kind.SNS):
        return f"it names no {shape.kind.value} consumer, and not all of that wiring could be read (see the notes)"
    if len(wires) == 1:
        return None
    if not wires:
        if shape.kind in wiring.blind:
            return f"it looks like {shape.kind.value}, but that wiring could not be read (see the notes)"
        named = f" of {shape.named}" if shape.named else ""
        return f"it looks like {shape.kind.value}{named}, but nothing in the environment is wired so to this queue"
    if shape.kind is Kind.LAMBDA_DLQ:
        owners = ", ".join(sorted(wire.source.rsplit(":", 1)[-1] for wire in wires))
        return f"several functions share this queue and the message names none: choose --function of {owners}"
    if shape.kind is Kind.EVENTBRIDGE_TARGET and len({_transform(wire) for wire in wires}) == 1:
        return None
    return f"{len(wires)} wires of kind {shape.kind.value} fit it equally"


def _transform(wire: Wire) -> tuple[object, ...]:
    """What a target does to an event: two targets of one rule that do the same are the same consumer."""
    target = wire.target
    if target is None:
        return ()
    paths = tuple(sorted((target.input_paths or {}).items()))
    return (target.input, target.input_path, paths, target.input_template, target.message_group_id)


def _unmarked(message: Message, queue_arn: str, wiring: Wiring) -> DeadLetter:
    wires = wiring.of(queue_arn)
    bus = next((wire.source for wire in wires if wire.kind is Kind.UNKNOWN), None)
    if bus is not None:
        return _refused(message, queue_arn, f"nothing marks it, and event bus {bus} puts here what it cannot take in")
    if len(wires) == 1 and wires[0].kind is Kind.SNS and wires[0].raw_delivery and not wiring.blind:
        return DeadLetter(message, queue_arn, Kind.SNS, wires[0], message.body, is_by_wiring_alone=True)
    if any(wire.kind is Kind.SQS for wire in wires):
        return _refused(message, queue_arn, "SQS did not move it here: it was probably sent to this queue directly")
    return _refused(message, queue_arn, "nothing in it says where it came from")


def _refused(message: Message, queue_arn: str, reason: str, failure: Failure | None = None) -> DeadLetter:
    return DeadLetter(
        message,
        queue_arn,
        Kind.UNKNOWN,
        payload=message.body,
        failure=failure or Failure(attempts=message.receive_count or None),
        refusal=reason,
    )


def _payload(kind: Kind, message: Message) -> str | None:
    """What the consumer missed. For a record, exactly the text that stands there: no number is read."""
    if kind is not Kind.ON_FAILURE:
        return message.body
    try:
        return rawjson.member(message.body, "requestPayload")
    except (UsageError, ValueError):
        return None


def is_same_function(one: str, other: str) -> bool:
    """Is it the same function and qualifier? A `$LATEST` may be left out, and a name alone stands for its ARN."""
    return _latest(one) == _latest(other) or _latest(one).split(":function:")[-1] == _latest(other)


def _latest(arn: str) -> str:
    return arn.removesuffix(":$LATEST")
