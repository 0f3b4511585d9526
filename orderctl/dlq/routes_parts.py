"""What the routes of every kind are made of: one reading of a letter, one way to send to each kind of resource.

A route either ends in a delivery or raises `MustStay` with the reason; nothing here guesses. Ids that a service
recognises a repetition by (deduplication id, execution name) are derived from the letter, so a second try has the
same one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from orderctl import rawjson
from orderctl.dlq.models import (
    Attribute,
    DeadLetter,
    Delivery,
    Target,
    ToFunction,
    ToQueue,
    ToStateMachine,
    ToTopic,
    Wire,
)

_NAME_CHARACTERS = re.compile(r"[^0-9A-Za-z_-]")


class MustStay(Exception):
    """Why the letter at hand must not be delivered."""


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


def to_resource(letter: DeadLetter, arn: str, text: str, name: str, target: Target | None) -> Delivery:
    """What a rule or a schedule does with its target. The dead letter's own attributes tell of the failure: they stay.

    A message group id comes from the target's SqsParameters and nowhere else.
    """
    match service_of(arn):
        case "lambda":
            return ToFunction(arn, json_text(text).encode())
        case "sqs":
            return to_queue(letter, arn, text, {}, target.message_group_id if target else None)
        case "sns":
            return to_topic(letter, arn, text)
        case "states" if ":stateMachine:" in arn:
            return ToStateMachine(arn, name, json_text(text))
        case "events" if ":event-bus/" in arn:
            raise MustStay(ONTO_A_BUS)
    raise MustStay(f"orderctl cannot deliver to {arn}")


ONTO_A_BUS = "its target is an event bus: every rule there would run again"


def to_queue(
    letter: DeadLetter, arn: str, body: str, attributes: Mapping[str, Attribute], group_id: str | None
) -> ToQueue:
    """Send to one queue; a FIFO queue wants a group, and gets a deduplication id of its own."""
    is_fifo = arn.endswith(".fifo")
    if is_fifo and group_id is None:
        raise MustStay(f"{arn.rsplit(':', 1)[-1]} is a FIFO queue and no message group id is known")
    deduplication = deduplication_id(letter.message.message_id, body) if is_fifo else None
    return ToQueue(arn, body, attributes, group_id, deduplication, letter.message.trace_header)


def to_topic(
    letter: DeadLetter, arn: str, message: str, *, subject: str | None = None, group_id: str | None = None
) -> ToTopic:
    """Publish to one topic; a FIFO topic wants a group, and gets a deduplication id of its own."""
    is_fifo = arn.endswith(".fifo")
    if is_fifo and group_id is None:
        raise MustStay(f"{arn.rsplit(':', 1)[-1]} is a FIFO topic and no message group id is known")
    deduplication = deduplication_id(letter.message.message_id, message) if is_fifo else None
    return ToTopic(arn, message, subject, group_id, deduplication)


def json_text(text: str) -> str:
    """`text`, once it is known that a function or a state machine can take it."""
    rawjson.check(text)
    return text


def wire_of(letter: DeadLetter) -> Wire:
    """The wire that agrees with the letter."""
    if letter.wire is None:
        raise MustStay("nothing in the wiring says whose it is")
    return letter.wire


def mark(letter: DeadLetter, name: str) -> str | None:
    """The text of one message attribute."""
    attribute = letter.message.attributes.get(name)
    return attribute.text if attribute else None


def service_of(arn: str) -> str:
    """`lambda`, `sqs`, …; empty for what is no ARN."""
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
