"""`orderctl local drill`: dead letters to practise on, put on the queues that the local stack's own wiring names.

The emulator never fills most of these queues itself, so the letters are made here (`orderctl.dlq.drills`), and
everything after that is real: the queues, the wiring, the commands, the consumers they are redriven to. Three
kinds have no queue in the reference stack, which has no schedule, no stream and nothing unknown: for them a queue
of their own is wired, beside the stack and not in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from orderctl.clock import Clock
from orderctl.dlq import drills
from orderctl.dlq.classify import classify
from orderctl.dlq.models import Kind, Message, NotSent, Redrivable, Sent, ToQueue, Unknown, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.routes import plan_delivery
from orderctl.errors import NotFoundError
from orderctl.inventory.models import Stock, Written
from orderctl.inventory.ports import StockTable

PRODUCT = "widget-1"
"""What the orders in the letters order, one each."""
STOCK = 1000
"""How many are put there where the product is not in stock at all."""
BESIDE_THE_STACK = (Kind.SCHEDULER, Kind.STREAM, Kind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Drill:
    """What is asked for. `count` is letters of each kind, dealt in turn to its wires; None is one letter a wire,
    or where orders are named, one of each order."""

    kinds: tuple[Kind, ...]
    count: int | None = None
    error: str | None = None
    order_ids: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    """Names of the only queues to use; none is every queue of the stack."""

    @property
    def needs_practice_wires(self) -> bool:
        """Is there a kind the reference stack has no queue for?"""
        return not self.queues and any(kind in BESIDE_THE_STACK for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to be: where it will lie, and what orderctl itself makes of it there."""

    kind: Kind
    queue: str
    order_id: str | None
    is_redrivable: bool
    sent: ToQueue


@dataclass(frozen=True, slots=True)
class Drilled:
    """One letter as it was put; the field names are the JSON's. `message_id` is None where it is not there."""

    queue: str
    kind: Kind
    message_id: str | None
    order_id: str | None
    is_redrivable: bool
    problem: str | None = None


class PracticeWires(Protocol):
    """The queue beside the stack."""

    @property
    def queue(self) -> str:
        """Its name."""

    def ensure(self) -> None:
        """Make the queue, and schedules and a stream mapping that name it, switched off; safe to repeat."""


def plan(drill: Drill, wiring: Wiring, within: Collection[str], practice: str, now: datetime) -> list[Letter]:
    """Every letter of the drill; `within` are names of the stack's own queues, `practice` that of the one beside.

    Of several kinds, those nothing is wired as are left out, as are those beside the stack while nothing is made
    for them; a single other one raises NotFoundError, as does a queue that no wire names. All letters have the
    same moment, so with the same order ids a function's dead letter and its destination record are twins: one
    failure.
    """
    unwired = set(drill.queues) - {_name(wire.queue_arn) for wire in wiring.wires}
    if unwired:
        raise NotFoundError(
            f"nothing is wired to queue {min(unwired)}", hint="'orderctl dlq list' shows which queues are"
        )
    letters: list[Letter] = []
    for kind in drill.kinds:
        own = (practice,) if kind is Kind.UNKNOWN else (practice, *within)
        mine = replace(wiring, wires=tuple(w for w in wiring.wires if _name(w.queue_arn) in (drill.queues or own)))
        is_wanted = len(drill.kinds) == 1 and not drill.needs_practice_wires
        if _count(kind, mine) or is_wanted:
            letters += _letters(kind, drill, mine, wiring, now)
    if not letters and not drill.needs_practice_wires:
        raise NotFoundError("nothing is wired to those queues as any of these kinds")
    return letters


def carry_out(letters: Sequence[Letter], queues: Queues, consumers: drills.Consumers, clock: Clock) -> list[Drilled]:
    """Put the letters where they belong, in the order given; a letter of a source queue has to die in it first."""
    straight = [letter for letter in letters if letter.kind is not Kind.SQS]
    dying = [letter for letter in letters if letter.kind is Kind.SQS]
    placed = drills.place(queues, [letter.sent for letter in straight])
    placed += drills.place_and_move(queues, consumers, [letter.sent for letter in dying], clock)
    became = {id(each.letter): each for each in placed}
    return [_drilled(letter, became[id(letter.sent)]) for letter in letters]


def stock_up(table: StockTable) -> Written:
    """Put `PRODUCT` in stock if it is not there; what is there stays."""
    return table.create(Stock(PRODUCT, STOCK))


def _letters(kind: Kind, drill: Drill, mine: Wiring, wiring: Wiring, now: datetime) -> list[Letter]:
    count = drill.count or max(_count(kind, mine), 1)
    ids = drill.order_ids or [f"drill-{kind.value}-{now:%Y%m%dT%H%M%S}-{number + 1}" for number in range(count)]
    parts = [mine]
    if drill.count is None and drill.order_ids and _count(kind, mine):
        parts, count = _one_by_one(kind, mine), len(ids)
    return [
        _told(kind, each, part, wiring)
        for part in parts
        for each in drills.build(kind, part, count=count, error=drill.error, order_ids=ids, now=now)
    ]


def _one_by_one(kind: Kind, wiring: Wiring) -> list[Wiring]:
    """A wiring for each wire of the kind; for what is unknown, for each queue."""
    wires = {wire.queue_arn: wire for wire in wiring.wires}.values() if kind is Kind.UNKNOWN else wiring.wires
    return [replace(wiring, wires=(wire,)) for wire in wires if kind in (wire.kind, Kind.UNKNOWN)]


def _count(kind: Kind, wiring: Wiring) -> int:
    """How many wires of the kind there are; what is unknown fits every queue."""
    return len(wiring.queues()) if kind is Kind.UNKNOWN else sum(wire.kind is kind for wire in wiring.wires)


def _told(kind: Kind, sent: ToQueue, mine: Wiring, wiring: Wiring) -> Letter:
    """What orderctl will say of the letter once it lies there, marked by SQS where SQS moves it."""
    queue_arn = _resting_place(kind, sent, mine)
    system = {"DeadLetterQueueSourceArn": sent.arn} if kind is Kind.SQS else {}
    if sent.group_id is not None:
        system["MessageGroupId"] = sent.group_id
    letter = classify(Message("drill", sent.body, sent.attributes, system), queue_arn, wiring)
    is_redrivable = isinstance(plan_delivery(letter), Redrivable)
    return Letter(kind, _name(queue_arn), letter.order_id, is_redrivable, sent)


def _resting_place(kind: Kind, sent: ToQueue, wiring: Wiring) -> str:
    """The queue it lies in at last: what is sent to a source queue is moved from there."""
    if kind is not Kind.SQS:
        return sent.arn
    return next(wire.queue_arn for wire in wiring.wires if wire.kind is kind and wire.source == sent.arn)


def _drilled(letter: Letter, placed: drills.Placed) -> Drilled:
    match placed.outcome:
        case Sent(new_id):
            problem = None if placed.is_dead else "it was sent, but a live consumer took it before it could die"
        case NotSent(reason) | Unknown(reason):
            new_id, problem = None, reason
    return Drilled(
        letter.queue,
        letter.kind,
        new_id if placed.is_dead else None,
        letter.order_id,
        letter.is_redrivable,
        problem,
    )


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
