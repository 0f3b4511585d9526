"""A redrive: the engine, its journal and what earlier runs know, put together for one queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orderctl.clock import Clock
from orderctl.dlq import engine, journal
from orderctl.dlq.alone import claim, give_up
from orderctl.dlq.batch import Desk
from orderctl.dlq.classify import classify
from orderctl.dlq.delivery import deliver
from orderctl.dlq.distributed.hands import HAND, LargeHands
from orderctl.dlq.distributed.look_up import LookUp
from orderctl.dlq.distributed.waves import Bulk, Waves
from orderctl.dlq.history import History
from orderctl.dlq.journal import Journal, Standing
from orderctl.dlq.pace import Pace
from orderctl.dlq.plan import Order, planner
from orderctl.dlq.prepare import Prepared, Services
from orderctl.dlq.tally import Tally
from orderctl.dlq.triage import Job
from orderctl.dlq.twins import Settler, twin_queues
from orderctl.errors import NotFoundError, OrderctlError

WAVES_AT_ONCE = 4
"""With a hand of 2,000 each, far below the 120,000 messages that SQS lets be in flight."""


@dataclass(slots=True)
class Run:
    """A run with its journal, ready to go."""

    journal: Journal
    tally: Tally
    engine: engine.Engine
    settler: Settler
    waves: Waves | None = None
    """Where AWS makes the deliveries: its waves."""

    @property
    def name(self) -> str:
        """What `--resume` takes."""
        return self.journal.run

    def go(self) -> None:
        """Do it; the journal is closed whatever happens. Raises what the engine raises."""
        try:
            self.engine.run()
            if self.waves is not None:
                self.waves.finish()
                self.engine.notes += self.waves.notes
            self._settle_twins()
            self.journal.end(self.tally.counts())
        finally:
            self.journal.close()

    def _settle_twins(self) -> None:
        """The redrive is done whatever becomes of this: a twin left behind is refused by every later run."""
        second = self.engine.second_reports
        try:
            self.settler.settle(self.engine.job.queue, again=bool(second))
        except OrderctlError as error:
            self.engine.notes.append(f"not every second report of these failures was settled: {error.message}")
        tally = self.tally
        for message_id, first in second.items():
            is_taken = first in tally.delivered or first in tally.kept or first in tally.refused
            if is_taken and message_id not in tally.settled_twins:
                self.tally.kept.setdefault(message_id, f"it tells the same failure as message {first}")


def begin(
    services: Services,
    prepared: Prepared,
    order: Order,
    folder: Path,
    run: str,
    said: dict[str, object],
    environment: str | None = None,
    bulk: Bulk | None = None,
) -> Run:
    """Open the journal of a new run. `said` is kept in it, for the person and for `--resume`; so are the environment,
    and how fast and how often: a run goes on as it began. The queue's ARN names account and Region. With `bulk` AWS
    makes the deliveries.

    Raises ConflictError while another run is at work on the queue, OSError where no journal can be written.
    """
    at = engine.cutoff(prepared.queue, services.clock)
    how = {"rate": order.rate, "concurrency": order.concurrency, "max_redrives": order.max_redrives}
    said = {**{name: value for name, value in how.items() if value is not None}, **said}
    header = {"queue": prepared.queue.arn, "url": prepared.queue.url, "cutoff": at.timestamp(), "said": said}
    header |= {} if environment is None else {"environment": environment}
    header |= {} if bulk is None else {"engine": "distributed", "bucket": bulk.bucket, "machine": bulk.machine_arn}
    arn = prepared.queue.arn
    locks = claim(folder, run, arn, twin_queues(prepared.wiring, arn), services.clock, services.notice)
    try:
        opened = Journal.begin(folder, run, header)
    except BaseException:
        give_up(locks)
        raise
    opened.hold(locks)
    return _run(services, prepared, order, opened, Tally(run), Standing(), at, bulk)


def resume(
    services: Services,
    prepared: Prepared,
    order: Order,
    opened: Journal,
    standing: Standing,
    at: datetime,
    bulk: Bulk | None = None,
    *,
    by_waves: bool = True,
) -> Run:
    """Go on with an interrupted run: what was delivered is only deleted, what was in doubt is reported.

    With `bulk`, what became of the waves that AWS was delivering is looked at first; without `by_waves` the rest is
    then delivered from here. Raises RefusedError where the queue is not the run's, ConflictError while another run is
    at work on it, and what keeps a wave from being looked at.
    """
    arn = prepared.queue.arn
    standing.check_queue(arn)
    twins = twin_queues(prepared.wiring, arn)
    opened.hold(claim(opened.path.parent, opened.run, arn, twins, services.clock, services.notice))
    begun = 0
    if bulk is not None:
        look_up = LookUp(bulk.store, bulk.machine, services.queues, prepared.queue, services.clock, services.notice)
        begun = look_up.into(opened, standing).begun
    tally = engine.resumed_tally(opened.run, standing)
    return _run(services, prepared, order, opened, tally, standing, at, bulk if by_waves else None, begun)


def _run(
    services: Services,
    prepared: Prepared,
    order: Order,
    opened: Journal,
    tally: Tally,
    standing: Standing,
    at: datetime,
    bulk: Bulk | None = None,
    begun: int = 0,
) -> Run:
    past = History(opened.path.parent, services.clock.now())
    arn = prepared.queue.arn
    damage = past.damage(arn, *twin_queues(prepared.wiring, arn))
    limit = None if order.limit is None else max(0, order.limit - len(tally.delivered))
    job = Job(
        prepared.queue,
        at,
        planner(prepared, order),
        lambda message: classify(message, prepared.queue.arn, prepared.wiring, function=order.function),
        expected=order.selection.ids,
        limit=limit,
        redriven_before=lambda letter: past.objection(letter, order.max_redrives),
        delivered_before=past.was_delivered,
        doubted_before=lambda letter: damage is not None or past.may_be_delivered(letter),
    )
    clock = services.clock
    pace = Pace(clock, order.rate, most_workers(order) if bulk is None else most_waves(order), services.load)
    hands = LargeHands(services.queues, clock, lambda: pace.is_over)
    waves = None
    if bulk is not None:
        queue, consumers = prepared.queue, prepared.consumers
        waves = Waves(bulk, queue, hands, consumers, opened, tally, pace, clock, order.concurrency, begun)
    queues = services.queues if waves is None else hands
    desk = Desk(
        prepared.queue,
        queues,
        waves.deliver if waves else lambda letters, may: deliver(prepared.consumers, letters, may),
        opened,
        tally,
        clock,
        pace,
    )
    machine = engine.Engine(job, queues, desk, tally, clock, standing)
    if waves is not None:
        machine.hand = HAND if limit is None else max(10, min(HAND, limit))
    if damage is not None:
        machine.notes.append(f"{damage}; every letter is named as one that may have been delivered before")
    return Run(opened, tally, machine, Settler(services.queues, prepared.wiring, opened, tally, clock), waves)


def most_waves(order: Order) -> int:
    """How many waves there may be at once; `--concurrency` is how many chunks of each AWS delivers at once."""
    return min(WAVES_AT_ONCE, order.concurrency)


def most_workers(order: Order) -> int:
    """How many workers there may be: `--concurrency`, and no more than a low `--rate` can employ in a minute each."""
    return max(1, order.concurrency if order.rate is None else min(order.concurrency, int(order.rate * 60)))


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
