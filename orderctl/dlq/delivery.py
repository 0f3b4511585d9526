"""Deliver a handful of letters, each to its own consumer, and say of every one what became of it.

Queue deliveries go out in batches as large as SQS takes; invocations and starts go one by one. Before every single
call the caller is asked which of its letters may go (`May`): a pass of ten calls may take longer than the messages
stay hidden, and Ctrl-C may have come meanwhile. A consumer that asks for less is left alone for the rest of the pass.

On a FIFO queue a batch never holds two messages of one group: an entry that fails inside a batch whose next entry
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


May = Callable[[Sequence[Redrivable]], list[Redrivable]]
"""Which of these letters may be delivered now, in one call."""
Deliver = Callable[[Sequence[Redrivable], May], dict[str, Outcome]]


def deliver(consumers: Consumers, letters: Sequence[Redrivable], may: May = list) -> dict[str, Outcome]:
    """At most one attempt for every letter, in order; answers message id to outcome. Never raises for an outcome.

    A letter that might not go, or whose consumer had asked for less just before, has no outcome.
    """
    outcomes: dict[str, Outcome] = {}
    by_queue: dict[str, list[Redrivable]] = defaultdict(list)
    busy: set[str] = set()
    for letter in letters:
        match letter.delivery:
            case ToQueue():
                by_queue[letter.delivery.arn].append(letter)
            case ToFunction() | ToStateMachine() | ToTopic():
                if letter.delivery.arn not in busy and may([letter]):
                    outcome = outcomes[_id(letter)] = _one(consumers, letter.delivery)
                    busy.update([letter.delivery.arn] if is_throttled(outcome) else [])
            case _:
                assert_never(letter.delivery)
    for arn, waiting in by_queue.items():
        outcomes.update(_to_queue(consumers.queues, consumers.targets[arn], waiting, may))
    return outcomes


def is_throttled(outcome: Outcome | None) -> bool:
    """Did the service ask for less?"""
    return isinstance(outcome, NotSent) and outcome.is_throttled


def _one(consumers: Consumers, delivery: ToFunction | ToStateMachine | ToTopic) -> Outcome:
    match delivery:
        case ToFunction():
            return consumers.functions.invoke(delivery)
        case ToStateMachine():
            return consumers.starter.start(delivery)
        case ToTopic():
            return consumers.subscriptions.publish(delivery)


def _to_queue(queues: Queues, queue: Queue, letters: Sequence[Redrivable], may: May) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    blocked: set[str] = set()
    for wave in _waves(letters) if queue.is_fifo else [letters]:
        outcomes.update({_id(x): NotSent(HELD_BACK, is_retryable=True) for x in wave if _group(x) in blocked})
        for batch in _batches([letter for letter in wave if _group(letter) not in blocked], queue.max_message_bytes):
            outcomes.update(_send(queues, queue, may(batch)))
            if any(is_throttled(outcomes.get(_id(letter))) for letter in batch):
                return outcomes
        if queue.is_fifo:
            failed = [letter for letter in wave if not isinstance(outcomes.get(_id(letter)), Sent)]
            blocked.update(_group(letter) for letter in failed)
    return outcomes


def _send(queues: Queues, queue: Queue, letters: Sequence[Redrivable]) -> dict[str, Outcome]:
    entries = {_id(letter): letter.delivery for letter in letters if isinstance(letter.delivery, ToQueue)}
    answered = queues.send(queue, entries) if entries else {}
    return {message_id: answered.get(message_id, Unknown("no answer for this entry")) for message_id in entries}


def _waves(letters: Sequence[Redrivable]) -> Iterator[list[Redrivable]]:
    """The first message of every group, then the second ones, and so on."""
    groups: dict[str, list[Redrivable]] = defaultdict(list)
    for letter in letters:
        groups[_group(letter)].append(letter)
    for depth in range(max(map(len, groups.values()), default=0)):
        yield [members[depth] for members in groups.values() if len(members) > depth]


def _id(letter: Redrivable) -> str:
    return letter.letter.message.message_id


def fifo_group(letter: Redrivable) -> str | None:
    """The group whose order the delivery has to keep, or None: only a FIFO destination has a deduplication id."""
    delivery = letter.delivery
    return delivery.group_id if isinstance(delivery, ToQueue) and delivery.deduplication_id else None


def _group(letter: Redrivable) -> str:
    delivery: Delivery = letter.delivery
    return (delivery.group_id or "") if isinstance(delivery, ToQueue) else ""


def _batches(letters: Sequence[Redrivable], most_bytes: int) -> Iterator[list[Redrivable]]:
    """As few batches as count and bytes allow, in order; a queue may be set to take less at once."""
    limit = min(BATCH_BYTES, most_bytes)
    batch: list[Redrivable] = []
    size = 0
    for letter in letters:
        assert isinstance(letter.delivery, ToQueue)
        bytes_ = message_bytes(letter.delivery)
        if batch and (len(batch) == BATCH_ENTRIES or size + bytes_ > limit):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += bytes_
    if batch:
        yield batch


def message_bytes(delivery: ToQueue) -> int:
    """What SQS counts: the body, and every attribute's name, type and value (not the trace header).

    Half of a surrogate pair counts as the three bytes it would take; SQS refuses the text when it is sent.
    """
    size = len(delivery.body.encode("utf-8", "surrogatepass"))
    for name, attribute in delivery.attributes.items():
        text = (attribute.text or "").encode("utf-8", "surrogatepass")
        size += len(name.encode()) + len(attribute.data_type.encode()) + len(attribute.binary or text)
    return size
