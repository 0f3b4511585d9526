"""Which engine a redrive runs on: our own, SQS's message move task, or a Distributed Map that delivers for us.

The own engine knows every message: it filters, edits, journals, can be held against its consumer, and names what
may have gone twice. A move task knows none of that; it moves a whole queue inside AWS, up to 500 messages a second
for up to 36 hours, without this machine having to stay. So `auto` takes a task only where nothing of the former was
asked for, where it is certain that every message goes where it belongs, and where there is enough to move.

Certain means: every wire of the queue is an SQS redrive policy, no kind of wiring was hidden from us, the sample that
the plan was made from agrees, and this machine remembers no letter there that was delivered before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from orderctl.dlq.history import KEEP, History
from orderctl.dlq.journal import SUFFIX, read_lines
from orderctl.dlq.models import DeadLetter, Kind, Message, Queue
from orderctl.dlq.move_tasks import MOST_A_SECOND, NOT_OFFERED, MoveTask, MoveTasks, known, refuse_second
from orderctl.dlq.plan import Order, Plan
from orderctl.dlq.prepare import Prepared
from orderctl.errors import AuthError, RefusedError, UsageError

WORTH_A_TASK = 1_000
"""Messages above which `auto` takes a task. Up to here the own engine is done in about a minute and keeps a record of
every message, while a task needs a minute just for its counts to be believed."""


class EngineName(StrEnum):
    """The words of `--engine`."""

    AUTO = "auto"
    NATIVE = "native"
    OWN = "own"
    DISTRIBUTED = "distributed"


WORTH_A_BULK = 50_000
"""Messages above which the plan says that there is the distributed engine."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine, and what is worth saying about it."""

    is_native: bool = False
    note: str | None = None
    is_forced: bool = False
    earlier: tuple[MoveTask, ...] = ()
    """The queue's tasks before this one, none of them active."""
    is_distributed: bool = False

    @property
    def is_own(self) -> bool:
        """Are the deliveries made from here, one by one?"""
        return not (self.is_native or self.is_distributed)

    @property
    def engine(self) -> EngineName:
        """What it came to."""
        if self.is_distributed:
            return EngineName.DISTRIBUTED
        return EngineName.NATIVE if self.is_native else EngineName.OWN


def choose(
    name: EngineName, prepared: Prepared, order: Order, tasks: MoveTasks, runs: Path, now: datetime, *, verifies: bool
) -> Choice:
    """Before the first message is looked at. `runs` holds the journals; `verifies`: is `--verify` given?

    Raises, for `native`: UsageError for what a task cannot do, RefusedError where it must not, FailedError where
    there are no tasks; for both: ConflictError while another task is active.
    """
    if name is EngineName.OWN:
        return Choice()
    if name is EngineName.DISTRIBUTED:
        check_distributed(prepared, order.rate)
        return Choice(is_distributed=True)
    is_forced = name is EngineName.NATIVE
    asked, wired = list(_beyond_a_task(order, verifies)), list(_not_from_sqs(prepared))
    if is_forced and asked:
        raise UsageError(f"a message move task cannot do {', '.join(asked)}", hint="--engine own can")
    if is_forced and wired:
        raise RefusedError(f"{prepared.queue.name}: {wired[0]}", hint="--engine own tells each letter's consumer")
    if not is_forced and (asked or wired or prepared.wiring.blind or prepared.queue.depth <= WORTH_A_TASK):
        return Choice()
    run = unsettled_run(runs, prepared.queue.arn, now)
    if run is not None:
        text = f"run {run} delivered letters that may lie in the queue still; a move task would deliver them again"
        if is_forced:
            raise RefusedError(text, hint=f"--resume {run}, or --engine own, which knows them")
        return Choice(note=f"{text}; using the own engine")
    return _if_offered(prepared.queue, tasks, is_forced=is_forced)


def check_distributed(prepared: Prepared, rate: float | None) -> None:
    """Raise UsageError for what functions side by side cannot keep: a rate; RefusedError for a FIFO queue's order."""
    if rate is not None:
        raise UsageError("--rate cannot be kept by functions side by side in AWS", hint="--engine own keeps a rate")
    queue = prepared.queue
    ordered = [wire.consumer for wire in prepared.wiring.of(queue.arn) if wire.consumer.endswith(".fifo")]
    if queue.is_fifo or ordered:
        what = queue.name if queue.is_fifo else f"{ordered[0].rsplit(':', 1)[-1]}, to which its letters go,"
        raise RefusedError(
            f"{what} is FIFO: functions side by side would not keep the order of a group", hint="--engine own keeps it"
        )


def confirm_choice(choice: Choice, plan: Plan, queue: Queue, runs: Path, now: datetime) -> Choice:
    """The choice once the plan's sample was looked at; raises RefusedError where `native` was asked for."""
    if not choice.is_native:
        return choice
    strange = plan.refused or any(line.kind is not Kind.SQS for line in plan.lines)
    if strange:
        text = "not every letter that was looked at can go back to a source queue; a move task would fail at it"
    elif _have_come_back(plan, queue, runs, now):
        text = "some letters came back from an earlier redrive; only the own engine counts how often"
    else:
        return choice
    if choice.is_forced and strange:
        raise RefusedError(f"{plan.queue}: {text}", hint="--engine own leaves those and moves the others")
    return (
        Choice(True, text, True, choice.earlier) if choice.is_forced else Choice(note=f"{text}; using the own engine")
    )


def unsettled_run(runs: Path, queue_arn: str, now: datetime) -> str | None:
    """The latest run on this machine whose journal says of a letter of this queue that it was, or may have been,
    delivered and not that it was deleted; None where everything is settled."""
    oldest, open_ids = f"{now - KEEP:%Y%m%dT%H%M%SZ}", dict[str, str]()
    for path in sorted(runs.glob(f"*{SUFFIX}")):
        run = path.name.removesuffix(SUFFIX)
        if run < oldest:
            continue
        try:
            _take_in(path, run, queue_arn, open_ids)
        except RefusedError:  # what a damaged journal says is not known: nothing of it is settled
            open_ids[str(path)] = run
    return max(open_ids.values(), default=None)


def _take_in(path: Path, run: str, queue_arn: str, open_ids: dict[str, str]) -> None:
    """Note what one journal leaves open, and what it settles; nothing where it is another queue's."""
    queue, unsure = None, set[str]()
    for record, _ in read_lines(path):
        queue = record.get("queue") if record["r"] == "run" else queue
        if queue != queue_arn:
            return
        if record["r"] == "taken":
            open_ids.update({letter["id"]: run for letter in record["letters"]})
        elif record["r"] in ("delivered", "unknown"):
            open_ids.update(dict.fromkeys(record["ids"], run))
            unsure.update(record["ids"])
        elif record["r"] in ("deleted", "kept"):
            for message_id in record["ids"]:
                if record["r"] == "deleted" or message_id not in unsure:
                    open_ids.pop(message_id, None)


def _if_offered(queue: Queue, tasks: MoveTasks, *, is_forced: bool) -> Choice:
    try:
        found = known(tasks, queue.arn) if is_forced else tasks.of(queue.arn)
    except AuthError as error:
        if is_forced:
            raise
        return Choice(note=f"no message move task: {error.message}; using the own engine")
    if found is None:
        return Choice(note=f"{NOT_OFFERED}; using the own engine")
    refuse_second(found)
    return Choice(True, is_forced=is_forced, earlier=tuple(found))


def _beyond_a_task(order: Order, verifies: bool) -> Iterator[str]:
    """What of the order only the own engine can do, as the person wrote it."""
    rate = order.rate
    asked = {
        "filters": not order.selection.is_everything,
        "--set and --unset": bool(order.changes),
        "--max": order.limit is not None,
        "--function": order.function is not None,
        "--max-redrives": order.max_redrives != Order().max_redrives,
        "--verify": verifies,
        f"--rate {rate:g} (whole numbers from 1 to {MOST_A_SECOND})" if rate else "": rate is not None
        and not (rate == int(rate) and 1 <= rate <= MOST_A_SECOND),
    }
    yield from (what for what, is_asked in asked.items() if is_asked)


def _not_from_sqs(prepared: Prepared) -> Iterator[str]:
    """Why the queue as it is wired cannot be left to a task."""
    queue = prepared.queue
    wires = prepared.wiring.of(queue.arn)
    if not wires:
        yield "no queue's redrive policy names it, so a message move task does not know where its messages belong"
    others = dict.fromkeys(wire.kind.value for wire in wires if wire.kind is not Kind.SQS)
    if others:
        yield f"it also holds dead letters of other kinds ({', '.join(others)}), which a message move task cannot place"
    if prepared.dead:
        yield f"{next(iter(prepared.dead))} cannot be delivered to"
    if any(wire.kind is Kind.SQS and wire.consumer.endswith(".fifo") != queue.is_fifo for wire in wires):
        yield "a message move task moves FIFO messages to FIFO queues only, and standard ones to standard ones"


def _have_come_back(plan: Plan, queue: Queue, runs: Path, now: datetime) -> bool:
    past = History(runs, now)
    return any(past.redriven(DeadLetter(Message(each, body=""), queue.arn, Kind.SQS)) for each in plan.ids)
