"""Drills: dead letters as AWS would have written them, put on the queues that the wiring names.

A team practises on them, and the runbooks are tested with them. `build` makes the letters (pure), `place` sends
them. A dead letter of an SQS source queue cannot be sent, because only SQS marks a message as moved: so
`place_and_move` pauses the consumers, and receives it in its source queue until SQS moves it. For a local stack:
what else lies in the source queue is received once more by that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle, islice
from typing import Protocol

from orderctl.clock import Clock
from orderctl.dlq.drill_letters import Slot, letter
from orderctl.dlq.models import Kind, Message, Outcome, Queue, Sent, ToQueue, Wire, Wiring
from orderctl.dlq.ports import Queues
from orderctl.errors import NotFoundError, UsageError

BATCH = 10
PATIENCE = 5.0
"""Seconds without any of the drill's messages before the rest is given up."""
PAUSE = 0.2
HOLD = 60
"""Seconds a stranger's message is kept out of the way; it is given back at the end."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One letter and what became of sending it."""

    letter: ToQueue
    outcome: Outcome
    is_dead: bool
    """Does it lie in the dead-letter queue now?"""


class Consumers(Protocol):
    """Whoever reads a source queue by itself: a drill has to be alone with it."""

    def paused(self, queue_arn: str) -> AbstractContextManager[None]:
        """Nothing reads the queue inside; afterwards everybody who did before does again."""


def build(
    kind: Kind,
    wiring: Wiring,
    *,
    count: int = 1,
    error: str | None = None,
    order_ids: Sequence[str] = (),
    now: datetime,
) -> list[ToQueue]:
    """`count` letters, dealt in turn to every wire of the kind; `sqs` letters go to the source queue.

    `error` is `TYPE` or `TYPE: message`, in the words of the service; for on-failure also EventAgeExceeded and
    NeverInvoked, for Scheduler TRUNCATED. `order_ids` are used in turn; without any they are `drill-TIME-N`. With
    the same `now` and ids, a Lambda's dead letter and its on-failure record are twins. `unknown` letters go to
    every queue that some wire names. Raises NotFoundError when the wiring has no such wire.
    """
    if count < 1:
        raise UsageError(f"a drill needs at least one letter, not {count}")
    wires = _wires(kind, wiring)
    ids = list(order_ids) or [f"drill-{now:%Y%m%dT%H%M%S}-{number + 1}" for number in range(count)]
    slots = zip(cycle(wires), cycle(ids), range(count), strict=False)
    return [letter(Slot(wire, _own(order_id, number // len(ids)), error, now)) for wire, order_id, number in slots]


def _own(order_id: str, again: int) -> str:
    """An order id used again gets a suffix, or two letters would be one to a FIFO queue."""
    return f"{order_id}-{again + 1}" if again else order_id


def _wires(kind: Kind, wiring: Wiring) -> list[Wire]:
    if kind is Kind.UNKNOWN:
        wires = [Wire(kind, arn, source=arn, consumer=arn) for arn in wiring.queues()]
    else:
        wires = [wire for wire in wiring.wires if wire.kind is kind]
    if not wires:
        hint = "; ".join(wiring.notes) or "'orderctl dlq list' shows which kinds are wired"
        raise NotFoundError(f"nothing here is wired as {kind.value}", hint=hint)
    return wires


def place(queues: Queues, letters: Sequence[ToQueue]) -> list[Placed]:
    """Send every letter to its queue, ten at a time; an outcome each, in the order given."""
    outcomes: dict[int, Outcome] = {}
    for arn in dict.fromkeys(each.arn for each in letters):
        queue = queues.describe(arn)
        mine = iter([(place, each) for place, each in enumerate(letters) if each.arn == arn])
        while batch := dict(islice(mine, BATCH)):
            sent = queues.send(queue, {str(place): each for place, each in batch.items()})
            outcomes |= {place: sent[str(place)] for place in batch}
    return [Placed(each, outcomes[place], isinstance(outcomes[place], Sent)) for place, each in enumerate(letters)]


def place_and_move(queues: Queues, consumers: Consumers, letters: Sequence[ToQueue], clock: Clock) -> list[Placed]:
    """Send letters to their source queues and have SQS move them to the dead-letter queues, queue by queue."""
    placed: list[Placed] = []
    for arn in dict.fromkeys(each.arn for each in letters):
        with consumers.paused(arn):
            sent = place(queues, [each for each in letters if each.arn == arn])
            ids = {each.outcome.new_id for each in sent if isinstance(each.outcome, Sent)}
            moved = wear_out(queues, queues.describe(arn), {found for found in ids if found}, clock)
        placed += [replace(each, is_dead=_id_of(each) in moved) for each in sent]
    return placed


def _id_of(placed: Placed) -> str | None:
    return placed.outcome.new_id if isinstance(placed.outcome, Sent) else None


def wear_out(queues: Queues, source: Queue, ids: Collection[str], clock: Clock) -> frozenset[str]:
    """Receive the messages `ids` in their source queue until SQS moves them; which of them it moved.

    A message that was received `max_receive_count` times is moved when it would be received once more, so it is
    taken as moved when it has been seen that often and is not found any more. The others were taken by a live
    consumer, or did not turn up for `PATIENCE`. Raises UsageError where the queue has no redrive policy.
    """
    if source.max_receive_count is None:
        raise UsageError(f"queue {source.name} has no redrive policy: nothing it holds is ever moved")
    worn: set[str] = set()
    strangers: dict[str, Message] = {}
    give_up = clock.monotonic() + PATIENCE
    try:
        while clock.monotonic() < give_up:
            found = queues.receive(source, up_to=BATCH, hide_for=HOLD, wait=0)
            strangers |= {message.message_id: message for message in found if message.message_id not in ids}
            ours = [message for message in found if message.message_id in ids]
            queues.hide(source, ours, 0)
            worn |= {message.message_id for message in ours if message.receive_count >= source.max_receive_count}
            if not ours and worn.issuperset(ids):
                break
            if ours:
                give_up = clock.monotonic() + PATIENCE
            else:
                clock.sleep(PAUSE)
    finally:
        queues.hide(source, list(strangers.values()), 0)
    return frozenset(worn)
