"""Redrive: what has to be known before the first message is touched, the plan, and the run.

Everything that can make a run impossible is asked first: the wiring, every consumer the queue's wires lead
to. A consumer that is gone or denied is found here, when no receive count has changed yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orderctl.assignments import Change
from orderctl.clock import Clock
from orderctl.dlq import engine, journal
from orderctl.dlq.batch import Desk
from orderctl.dlq.classify import classify
from orderctl.dlq.delivery import Consumers, deliver
from orderctl.dlq.edits import edited_payload
from orderctl.dlq.history import History
from orderctl.dlq.journal import Journal, Standing
from orderctl.dlq.models import DeadLetter, Kind, Message, Queue, Redrivable, Refused, ToQueue, Wiring
from orderctl.dlq.ports import Functions, Queues, Starter, Subscriptions
from orderctl.dlq.routes import plan_delivery
from orderctl.dlq.selection import Selection
from orderctl.dlq.tally import Tally
from orderctl.dlq.twins import Settler
from orderctl.errors import AuthError, NotFoundError, OrderctlError, RefusedError, UsageError


@dataclass(frozen=True, slots=True)
class Services:
    """The ports a redrive works through."""

    queues: Queues
    functions: Functions
    subscriptions: Subscriptions
    starter: Starter
    clock: Clock


@dataclass(frozen=True, slots=True)
class Prepared:
    """A queue that can be redriven, and to whom."""

    queue: Queue
    wiring: Wiring
    consumers: Consumers
    dead: dict[str, OrderctlError]
    """Consumers that are gone or denied, by ARN."""
    warnings: tuple[str, ...] = ()


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


def prepare(services: Services, queue: Queue, wiring: Wiring) -> Prepared:
    """Look at every consumer the queue's wires lead to.

    Raises RefusedError when nothing is wired to the queue, and the error of a missing or denied consumer when
    no wire of the queue leads to a usable one.
    """
    targets: dict[str, Queue] = {}
    dead: dict[str, OrderctlError] = {}
    warnings: list[str] = []
    wires = wiring.of(queue.arn)
    if not wires:
        hint = "; ".join(wiring.notes) or "see what is wired: orderctl dlq list --all"
        raise RefusedError(f"nothing in the environment is wired to {queue.name}: no consumer is known", hint=hint)
    for arn in dict.fromkeys(wire.consumer for wire in wires if wire.kind is not Kind.STREAM):
        try:
            if arn.split(":")[2] == "sqs":
                targets[arn] = services.queues.describe(arn)
            elif arn.split(":")[2] == "lambda":
                services.functions.check(arn)
                if services.functions.reserved_concurrency(arn) == 0:
                    warnings.append(f"{arn} is throttled to 0 (reserved concurrency): what is sent there comes back")
        except (NotFoundError, AuthError) as error:
            dead[arn] = error
    if dead and not any(wire.consumer not in dead for wire in wires):
        raise next(iter(dead.values()))
    warnings += [f"{arn} cannot be delivered to: {error.message}" for arn, error in dead.items()]
    consumers = Consumers(services.queues, services.functions, services.subscriptions, services.starter, targets)
    return Prepared(queue, wiring, consumers, dead, tuple(warnings))


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


@dataclass(slots=True)
class Run:
    """A run with its journal, ready to go."""

    journal: Journal
    tally: Tally
    engine: engine.Engine
    settler: Settler

    @property
    def name(self) -> str:
        """What `--resume` takes."""
        return self.journal.run

    def go(self) -> None:
        """Do it; the journal is closed whatever happens. Raises what the engine raises."""
        try:
            self.engine.run()
            self._settle_twins()
            self.journal.end(self.tally.counts())
        finally:
            self.journal.close()

    def _settle_twins(self) -> None:
        """The redrive is done whatever becomes of this: a twin left behind is refused by every later run."""
        try:
            self.settler.settle(self.engine.job.queue)
        except OrderctlError as error:
            self.engine.notes.append(f"not every second report of these failures was settled: {error.message}")


def begin(services: Services, prepared: Prepared, order: Order, folder: Path, run: str, said: dict[str, object]) -> Run:
    """Open the journal of a new run. `said` is kept in it, for the person and for `--resume`."""
    at = engine.cutoff(prepared.queue, services.clock)
    header = {"queue": prepared.queue.arn, "url": prepared.queue.url, "cutoff": at.timestamp(), "said": said}
    opened = Journal.begin(folder, run, header)
    return _run(services, prepared, order, opened, Tally(run), Standing(), at)


def resume(
    services: Services, prepared: Prepared, order: Order, opened: Journal, standing: Standing, at: datetime
) -> Run:
    """Go on with an interrupted run: what was delivered is only deleted, what was in doubt is reported."""
    return _run(services, prepared, order, opened, engine.resumed_tally(opened.run, standing), standing, at)


def _run(
    services: Services,
    prepared: Prepared,
    order: Order,
    opened: Journal,
    tally: Tally,
    standing: Standing,
    at: datetime,
) -> Run:
    past = History(opened.path.parent, services.clock.now())
    limit = None if order.limit is None else max(0, order.limit - len(tally.delivered))
    job = engine.Job(
        prepared.queue,
        at,
        planner(prepared, order),
        lambda message: classify(message, prepared.queue.arn, prepared.wiring, function=order.function),
        expected=order.selection.ids,
        limit=limit,
        concurrency=order.concurrency,
        rate=order.rate,
        redriven_before=lambda letter: past.objection(letter, order.max_redrives),
        delivered_before=past.was_delivered,
        doubted_before=past.may_be_delivered,
    )
    clock = services.clock
    desk = Desk(
        prepared.queue,
        services.queues,
        lambda letters: deliver(prepared.consumers, letters),
        opened,
        tally,
        clock,
        lambda _seconds: True,
    )
    machine = engine.Engine(job, services.queues, desk, tally, clock, standing)
    desk.pause = machine.pause
    return Run(opened, tally, machine, Settler(services.queues, prepared.wiring, opened, tally, clock))


def run_name(clock: Clock) -> str:
    """A name that sorts by time and is not used twice: `20261122T030000Z-4f1c9a`."""
    import secrets

    return f"{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def runs_folder(state_dir: Path) -> Path:
    """Where journals lie."""
    return state_dir / "redrives"


def latest(folder: Path) -> str:
    """The run begun last; raises NotFoundError where there is none."""
    names = journal.runs(folder)
    if not names:
        raise NotFoundError("no run was journaled on this machine")
    return names[0]
