"""Deliver a handful of letters, each to its own consumer, and say of every one what became of it.

Queue deliveries go out in batches as large as SQS takes; invocations and starts go one by one. On a FIFO
queue a batch never holds two messages of one group: an entry that fails inside a batch whose next entry
succeeds would turn their order round. The second message of a group waits for the first one's
acknowledgement, and a failed one holds back the rest of its group and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from orderctl.dlq.models import (
    Delivery,
    NotSent,
    Outcome,
    Queue,
    Redrivable,
    Sent,
    ToFunction,
    ToQueue,
    ToStateMachine,
    ToTopic,
    Unknown,
)
from orderctl.dlq.ports import Functions, Queues, Starter, Subscriptions

BATCH_ENTRIES = 10
BATCH_BYTES = 1_048_576
"""SQS SendMessageBatch, the API reference's own limits; one message's attributes count too."""

HELD_BACK = "an earlier message of its group was not delivered"


@dataclass(frozen=True, slots=True)
class Consumers:
    """Everything a letter can be delivered to."""

    queues: Queues
    functions: Functions
    subscriptions: Subscriptions
    starter: Starter
    targets: Mapping[str, Queue]
    """Destination queues by ARN, looked up before the first message was touched."""


Deliver = Callable[[Sequence[Redrivable]], Mapping[str, Outcome]]


def deliver(consumers: Consumers, letters: Sequence[Redrivable]) -> dict[str, Outcome]:
    """One attempt for every letter, in order; answers message id to outcome. Never raises for an outcome."""
    outcomes: dict[str, Outcome] = {}
    by_queue: dict[str, list[Redrivable]] = defaultdict(list)
    for letter in letters:
        match letter.delivery:
            case ToQueue():
                by_queue[letter.delivery.arn].append(letter)
            case ToFunction() | ToStateMachine() | ToTopic():
                outcomes[letter.letter.message.message_id] = _one(consumers, letter.delivery)
            case _:
                assert_never(letter.delivery)
    for arn, waiting in by_queue.items():
        outcomes.update(_to_queue(consumers, consumers.targets[arn], waiting))
    return outcomes


def _one(consumers: Consumers, delivery: ToFunction | ToStateMachine | ToTopic) -> Outcome:
    match delivery:
        case ToFunction():
            return consumers.functions.invoke(delivery)
        case ToStateMachine():
            return consumers.starter.start(delivery)
        case ToTopic():
            return consumers.subscriptions.publish(delivery)


def _to_queue(consumers: Consumers, queue: Queue, letters: Sequence[Redrivable]) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    blocked: set[str] = set()
    for wave in _waves(letters) if queue.is_fifo else [letters]:
        ready = [letter for letter in wave if _group(letter) not in blocked]
        for letter in wave:
            if _group(letter) in blocked:
                outcomes[letter.letter.message.message_id] = NotSent(HELD_BACK, is_retryable=True)
        for batch in _batches(ready):
            answered = consumers.queues.send(queue, batch)
            for message_id in batch:
                outcomes[message_id] = answered.get(message_id, Unknown("no answer for this entry"))
        if queue.is_fifo:
            failed = [x for x in ready if not isinstance(outcomes[x.letter.message.message_id], Sent)]
            blocked.update(_group(letter) for letter in failed)
    return outcomes


def _waves(letters: Sequence[Redrivable]) -> Iterator[list[Redrivable]]:
    """The first message of every group, then the second ones, and so on."""
    groups: dict[str, list[Redrivable]] = defaultdict(list)
    for letter in letters:
        groups[_group(letter)].append(letter)
    for depth in range(max(map(len, groups.values()), default=0)):
        yield [members[depth] for members in groups.values() if len(members) > depth]


def fifo_group(letter: Redrivable) -> str | None:
    """The group whose order the delivery has to keep, or None: only a FIFO destination has a deduplication id."""
    delivery = letter.delivery
    return delivery.group_id if isinstance(delivery, ToQueue) and delivery.deduplication_id else None


def _group(letter: Redrivable) -> str:
    delivery: Delivery = letter.delivery
    return (delivery.group_id or "") if isinstance(delivery, ToQueue) else ""


def _batches(letters: Sequence[Redrivable]) -> Iterator[dict[str, ToQueue]]:
    """As few batches as count and bytes allow, in order."""
    batch: dict[str, ToQueue] = {}
    size = 0
    for letter in letters:
        delivery = letter.delivery
        assert isinstance(delivery, ToQueue)
        bytes_ = message_bytes(delivery)
        if batch and (len(batch) == BATCH_ENTRIES or size + bytes_ > BATCH_BYTES):
            yield batch
            batch, size = {}, 0
        batch[letter.letter.message.message_id] = delivery
        size += bytes_
    if batch:
        yield batch


def message_bytes(delivery: ToQueue) -> int:
    """What SQS counts: the body, and every attribute's name, type and value (not the trace header)."""
    size = len(delivery.body.encode("utf-8", "surrogatepass"))
    for name, attribute in delivery.attributes.items():
        value = attribute.binary if attribute.binary is not None else (attribute.text or "").encode()
        size += len(name.encode()) + len(attribute.data_type.encode()) + len(value)
    return size
