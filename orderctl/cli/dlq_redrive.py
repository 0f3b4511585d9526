"""The steps of `dlq redrive`: prepare, plan, ask, run, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orderctl.cli import dlq_native, guard
from orderctl.cli.dlq_options import compile_where
from orderctl.context import App
from orderctl.dlq import look
from orderctl.dlq.asked import Asked
from orderctl.dlq.edits import difference, edited_payload
from orderctl.dlq.engine_choice import Choice
from orderctl.dlq.journal import Journal, Standing, look_at
from orderctl.dlq.models import Redrivable
from orderctl.dlq.plan import Order, Plan, make_plan, plan_letter
from orderctl.dlq.plan_file import MOST, check_plan, read_plan, write_plan
from orderctl.dlq.prepare import Prepared, Services, prepare
from orderctl.dlq.redrive import Run, begin, latest, resume, run_name, runs_folder
from orderctl.dlq.tally import Tally
from orderctl.errors import FailedError, NotFoundError, OrderctlError, PartlyDoneError, RefusedError
from orderctl.render.progress import ProgressLine

PLAN_LOOKS_AT = 100
"""Letters a plan is made from; every look costs a receive, so it is a sample of a long queue."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for, filters and edits aside from how they are carried out."""

    asked: Asked
    answers: guard.Answers
    rate: float | None = None
    concurrency: int = 8
    max_redrives: int = 3
    verify: float | None = None
    dry_run: bool = False
    plan_out: Path | None = None
    engine: str = "auto"

    def order(self, asked: Asked | None = None) -> Order:
        """The order for the engine, with other filters and edits where a plan or a run brings its own."""
        return (asked or self.asked).order(
            compile_where, rate=self.rate, concurrency=self.concurrency, max_redrives=self.max_redrives
        )


def redrive_queue(cli: App, queue: str, wish: Wish) -> None:
    """Plan, ask, and redrive one queue; raises by how it ended."""
    prepared, order = _prepared(cli, queue), wish.order()
    choice = dlq_native.choose_engine(cli, wish.engine, prepared, order, verifies=wish.verify is not None)
    plan = _plan(cli, prepared, order, most=MOST if wish.plan_out else PLAN_LOOKS_AT)
    show_plan(cli, plan, dry_run=wish.dry_run)
    if wish.plan_out is not None:
        environment, arn = cli.environment.name, prepared.queue.arn
        write_plan(
            wish.plan_out,
            plan,
            wish.asked,
            environment=environment,
            queue_arn=arn,
            wiring=prepared.wiring,
            now=cli.clock.now(),
        )
        cli.renderer.say(f"carry it out: {cli.command('dlq', 'redrive', '--plan', str(wish.plan_out))}")
        return
    _carry_out(cli, prepared, wish, wish.asked, plan, choice)


def carry_out(cli: App, path: Path, wish: Wish) -> None:
    """Redrive what a plan file names, if it still holds."""
    document = read_plan(path)
    prepared = _prepared(cli, str(document["queue"]))
    asked = check_plan(
        document,
        environment=cli.environment.name,
        queue_arn=prepared.queue.arn,
        wiring=prepared.wiring,
        now=cli.clock.now(),
    )
    order = wish.order(asked)
    choice = dlq_native.choose_engine(cli, wish.engine, prepared, order, verifies=wish.verify is not None)
    plan = _plan(cli, prepared, order, most=len(asked.ids))
    show_plan(cli, plan, dry_run=wish.dry_run)
    _carry_out(cli, prepared, wish, asked, plan, choice)


def _carry_out(cli: App, prepared: Prepared, wish: Wish, asked: Asked, plan: Plan, choice: Choice) -> None:
    if plan.is_whole and not plan.redrivable and (plan.looked_at or asked.ids):
        if plan.refused:
            raise RefusedError(f"none of the {plan.refused} letters can be redriven", hint=_inspect(cli, plan))
        if asked.ids:
            raise NotFoundError("no message with an id asked for is in the queue", hint=_inspect(cli, plan))
        cli.renderer.say("no letter was selected; nothing to do")
    choice = dlq_native.confirmed_choice(cli, choice, plan, prepared)
    if wish.dry_run:
        if cli.renderer.is_machine:
            cli.renderer.one(dlq_native.plan_document(plan, choice))
        return
    if plan.is_whole and not plan.redrivable:
        report(cli, Tally(None))
        return
    count = plan.redrivable if plan.is_whole else f"up to {asked.limit or plan.depth}"
    guard.acting(cli, f"Redrive {count} letters of {plan.queue}?", yes=wish.answers.yes, confirm=wish.answers.confirm)
    if choice.is_native:
        dlq_native.move(cli, prepared, wish.rate, choice)
        return
    run = begin(
        _services(cli), prepared, wish.order(asked), runs_folder(cli.state_dir), run_name(cli.clock), asked.document()
    )
    _work(cli, run, prepared, wish.verify)


def resume_run(cli: App, run: str, wish: Wish) -> None:
    """Go on with an interrupted run: in the state its journal tells, with the filters and edits it began with."""
    folder = runs_folder(cli.state_dir)
    name = latest(folder) if run == "@latest" else run
    if wish.dry_run:
        _say_standing(cli, name, look_at(folder, name))
        return
    opened, standing = Journal.resume(folder, name)
    header = standing.header
    if dlq_native.is_native(header):
        dlq_native.follow_run(cli, opened, header)
        return
    order = wish.order(Asked.read(header["said"]))
    prepared = _prepared(cli, str(header["url"]))
    _say_standing(cli, opened.run, standing)
    guard.acting(cli, "Go on with it?", yes=wish.answers.yes, confirm=wish.answers.confirm)
    at = datetime.fromtimestamp(float(header["cutoff"]), UTC)
    _work(cli, resume(_services(cli), prepared, order, opened, standing, at), prepared, wish.verify)


def _say_standing(cli: App, run: str, standing: Standing) -> None:
    cli.renderer.say(
        f"run {run} of {standing.header['queue']}: {len(standing.deleted)} delivered and deleted, "
        f"{len(standing.to_delete)} delivered but not deleted, {len(standing.in_doubt)} in doubt"
    )


def show_plan(cli: App, plan: Plan, *, dry_run: bool) -> None:
    """The plan on stderr, the same words with and without --dry-run."""
    say = cli.renderer.say
    sample = "" if plan.is_whole else f", planned from the {plan.looked_at} that SQS handed out first"
    say(f"{'Plan (dry run)' if dry_run else 'Plan'} for {plan.queue}: about {plan.depth} messages{sample}")
    for line in plan.lines:
        what = f"-> {line.to}" if line.reason is None else f"stays: {line.reason}"
        say(f"  {line.count:6} {line.kind.value:19} {what}  (such as {line.sample})")
    for warning in plan.warnings:
        cli.renderer.warn(warning)


def _prepared(cli: App, queue: str) -> Prepared:
    found = cli.queues.describe(queue)
    wiring = cli.wiring()
    for note in wiring.notes:
        cli.renderer.warn(note)
    return prepare(_services(cli), found, wiring)


def _plan(cli: App, prepared: Prepared, order: Order, *, most: int) -> Plan:
    glance = look.Glance()
    letters = look.look(
        cli.queues,
        prepared.queue,
        prepared.wiring,
        cli.clock,
        selection=order.selection,
        limit=min(order.limit or most, most),
        glance=glance,
        function=order.function,
    )
    planned = [plan_letter(letter, prepared, order) for letter in letters]
    changed = [item for item in planned if isinstance(item, Redrivable)] if order.changes else []
    for item in changed[:3]:
        cli.renderer.say(difference(item.letter, edited_payload(item.letter, order.changes) or ""))
    return make_plan(prepared, planned, seen=glance.seen, is_whole=glance.is_whole)


def _work(cli: App, run: Run, prepared: Prepared, verify: float | None) -> None:
    again = cli.command("dlq", "redrive", "--resume", run.name)
    cli.resume = f"go on with: {again}"
    cli.renderer.say(f"run {run.name}")
    progress = ProgressLine(cli.err)
    run.engine.progress = lambda tally: progress.show(
        f"delivered {len(tally.delivered)}, kept {len(tally.kept)}, refused {len(tally.refused)}"
    )
    error: OrderctlError | None = None
    try:
        run.go()
        progress.clear()
        if verify is not None:
            _verify(cli, run, prepared, verify)
    except OrderctlError as ended:
        error = ended
    except OSError as ended:
        error = FailedError(f"the journal cannot be written: {ended.strerror}", hint="free some space")
    finally:
        progress.clear()
        for note in run.engine.notes:
            cli.renderer.warn(note)
        report(cli, run.tally)
    if error is not None:
        error.hint = f"{error.hint}; then: {again}" if error.hint else f"go on with: {again}"
        raise error
    _end(run.tally, again)


def report(cli: App, tally: Tally) -> None:
    """What became of the letters: counts to read, ids for what needs a second look."""
    counts = tally.counts()
    if cli.renderer.is_machine:
        cli.renderer.one(tally.document())
    else:
        cli.renderer.one({"run": tally.run, **counts})
    for title, found in (
        ("kept", tally.kept),
        ("refused", tally.refused),
        ("possible duplicate", tally.possible_duplicates),
        ("came back", tally.came_back),
    ):
        for message_id, reason in list(found.items())[:20]:
            cli.renderer.say(f"{title}: {message_id}: {reason}")
        if len(found) > 20:
            cli.renderer.say(f"{title}: and {len(found) - 20} more; all of them are in -o json")


def _end(tally: Tally, again: str) -> None:
    undone = len(tally.kept) + len(tally.undeleted)
    if undone:
        raise PartlyDoneError(f"{undone} letters were not redriven to the end", hint=f"go on with: {again}")
    if tally.left:
        raise PartlyDoneError(f"about {tally.left} messages are left that SQS handed nobody", hint=f"later: {again}")
    if tally.came_back:
        raise PartlyDoneError(f"{len(tally.came_back)} letters came back: their consumer failed again")
    if tally.refused and not tally.delivered:
        raise RefusedError(f"{len(tally.refused)} letters were refused; nothing was delivered")
    if tally.refused:
        raise PartlyDoneError(f"{len(tally.refused)} letters were refused and stay")


def _verify(cli: App, run: Run, prepared: Prepared, seconds: float) -> None:
    """Wait, then look whether a delivered letter lies in the queue again."""
    from orderctl.dlq.verify import find_returned

    cli.renderer.say(f"waiting {seconds:g} s to see what comes back")
    cli.clock.sleep(seconds)
    run.tally.came_back.update(find_returned(cli.queues, prepared.queue, prepared.wiring, run.tally, cli.clock))


def _services(cli: App) -> Services:
    return Services(cli.queues, cli.functions, cli.subscriptions, cli.starter, cli.clock)


def _inspect(cli: App, plan: Plan) -> str:
    return cli.command("dlq", "inspect", plan.queue)
