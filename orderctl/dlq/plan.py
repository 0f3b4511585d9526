"""The plan of a redrive: what is to become of each letter, and the count of it by kind and consumer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from orderctl.assignments import Change
from orderctl.dlq.classify import classify
from orderctl.dlq.edits import edited_payload
from orderctl.dlq.foresee import Action, Foreseen
from orderctl.dlq.models import DeadLetter, Kind, Message, Redrivable, Refused, ToFunction, ToQueue
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
    concurrency: int = 16
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
        return Refused(letter, f"the edits do not fit it: {error.message}", is_unfit=True)
    planned = plan_delivery(letter, payload=payload, queues=prepared.consumers.targets)
    if isinstance(planned, Redrivable):
        arn = planned.delivery.arn
        problem = prepared.problem_with(arn)
        if problem is not None:
            return Refused(letter, problem.message)
        if isinstance(planned.delivery, ToQueue) and arn not in prepared.consumers.targets:
            return Refused(letter, f"its consumer {arn} was not among the wired ones")
        return _remembering(planned)
    return planned


def _remembering(planned: Redrivable) -> Redrivable:
    """With the text its function is sent: should it fail again, that is what comes back."""
    if not isinstance(planned.delivery, ToFunction):
        return planned
    sent = planned.delivery.payload.decode()
    return planned if sent == planned.letter.payload else replace(planned, letter=replace(planned.letter, sent=sent))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: so many letters of a kind, what becomes of them, and to whom or why not."""

    kind: Kind
    to: str | None
    count: int
    reason: str | None = None
    sample: str | None = None
    action: Action = Action.DELIVER


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
    is_full: bool = False
    """Did the look end because there are as many to deliver as `--max` allows?"""
    expected_seconds: float | None = None

    @property
    def redrivable(self) -> int:
        """How many of the letters looked at would be delivered."""
        return self._count(Action.DELIVER)

    @property
    def refused(self) -> int:
        """How many would stay."""
        return self._count(Action.STAY)

    @property
    def has_work(self) -> bool:
        """Is there anything to do: to deliver, or to delete because it was delivered already?"""
        return any(line.action is not Action.STAY for line in self.lines)

    def _count(self, action: Action) -> int:
        return sum(line.count for line in self.lines if line.action is action)


def make_plan(
    prepared: Prepared, foreseen: Iterable[Foreseen], *, seen: int, is_whole: bool, is_full: bool = False
) -> Plan:
    """Count what would happen, by kind, fate and consumer, with one sample each."""
    counts: Counter[tuple[Kind, str | None, str | None, Action]] = Counter()
    samples: dict[tuple[Kind, str | None, str | None, Action], str] = {}
    warnings, ids, doubted = list(prepared.warnings), [], 0
    for each in foreseen:
        letter = each.item.letter
        delivery = each.item.delivery if isinstance(each.item, Redrivable) and each.action is Action.DELIVER else None
        key = (letter.kind, delivery.arn if delivery else None, each.reason, each.action)
        counts[key] += 1
        samples.setdefault(key, letter.order_id or letter.message.message_id)
        doubted += each.is_doubted
        if delivery:
            ids.append(letter.message.message_id)
        if letter.is_by_wiring_alone:
            text = "raw SNS deliveries carry no mark; they are told by the wiring alone"
            warnings += [] if text in warnings else [text]
    if doubted:
        warnings.append(f"an earlier run may have delivered {doubted} of them already: possible duplicates")
    if prepared.queue.dead_letter_arn:
        arn = prepared.queue.dead_letter_arn
        warnings.append(f"the queue has a redrive policy of its own ({arn}): looking can move messages")
    lines = tuple(
        Line(kind, to, count, why, samples[kind, to, why, action], action)
        for (kind, to, why, action), count in counts.most_common()
    )
    queue = prepared.queue
    return Plan(queue.name, queue.depth, seen, is_whole, lines, tuple(warnings), tuple(ids), is_full)
