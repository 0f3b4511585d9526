"""The plan of a redrive: what is to become of each letter, and the count of it by kind and consumer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from orderctl.assignments import Change
from orderctl.dlq.classify import classify
from orderctl.dlq.edits import edited_payload
from orderctl.dlq.models import DeadLetter, Kind, Message, Redrivable, Refused, ToQueue
from orderctl.dlq.prepare import Prepared
from orderctl.dlq.routes import plan_delivery
from orderctl.dlq.selection import Selection
from orderctl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Order:
    """What the person asked for."""

    selection: Selection = field(default_factory=Selection)
    changes: Sequence[Change] = ()
    function: str | None = None
    limit: int | None = None
    rate: float | None = None
    concurrency: int = 8
    max_redrives: int = 3


def planner(prepared: Prepared, order: Order) -> Callable[[Message], Redrivable | Refused | None]:
    """What is to become of a message; None where it was not selected."""

    def plan(message: Message) -> Redrivable | Refused | None:
        letter = classify(message, prepared.queue.arn, prepared.wiring, function=order.function)
        try:
            is_selected = order.selection.takes(letter)
        except UsageError as error:  # a --where that does not fit this one letter must not stop the run half-way
            return Refused(letter, error.message)
        return plan_letter(letter, prepared, order) if is_selected else None

    return plan


def plan_letter(letter: DeadLetter, prepared: Prepared, order: Order) -> Redrivable | Refused:
    """The delivery of one selected letter, edits applied, or why it stays."""
    try:
        payload = edited_payload(letter, order.changes) if letter.refusal is None else None
    except UsageError as error:
        return Refused(letter, error.message)
    planned = plan_delivery(letter, payload=payload, queues=prepared.consumers.targets)
    if isinstance(planned, Redrivable):
        arn = planned.delivery.arn
        if arn in prepared.dead:
            return Refused(letter, prepared.dead[arn].message)
        if isinstance(planned.delivery, ToQueue) and arn not in prepared.consumers.targets:
            return Refused(letter, f"its consumer {arn} was not among the wired ones")
    return planned


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: so many letters of a kind to one consumer, or refused for one reason."""

    kind: Kind
    to: str | None
    count: int
    reason: str | None = None
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a look at the queue says a redrive would do."""

    queue: str
    depth: int
    looked_at: int
    is_whole: bool
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]
    ids: tuple[str, ...] = field(default=(), repr=False)

    @property
    def redrivable(self) -> int:
        """How many of the letters looked at would be delivered."""
        return sum(line.count for line in self.lines if line.reason is None)

    @property
    def refused(self) -> int:
        """How many would stay."""
        return sum(line.count for line in self.lines if line.reason is not None)


def make_plan(prepared: Prepared, planned: Iterable[Redrivable | Refused], *, seen: int, is_whole: bool) -> Plan:
    """Count what would happen, by kind and consumer, with one sample each."""
    counts: Counter[tuple[Kind, str | None, str | None]] = Counter()
    samples: dict[tuple[Kind, str | None, str | None], str] = {}
    warnings, ids = list(prepared.warnings), []
    for item in planned:
        letter = item.letter
        to = item.delivery.arn if isinstance(item, Redrivable) else None
        key = (letter.kind, to, item.reason if isinstance(item, Refused) else None)
        counts[key] += 1
        samples.setdefault(key, letter.order_id or letter.message.message_id)
        if isinstance(item, Redrivable):
            ids.append(letter.message.message_id)
        if letter.is_by_wiring_alone:
            text = "raw SNS deliveries carry no mark; they are told by the wiring alone"
            warnings += [] if text in warnings else [text]
    lines = tuple(Line(kind, to, count, why, samples[kind, to, why]) for (kind, to, why), count in counts.most_common())
    queue = prepared.queue
    if queue.dead_letter_arn:
        warnings.append(
            f"the queue has a redrive policy of its own ({queue.dead_letter_arn}): looking can move messages"
        )
    return Plan(queue.name, queue.depth, seen, is_whole, lines, tuple(warnings), tuple(ids))
