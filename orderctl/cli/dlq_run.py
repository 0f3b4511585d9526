"""The steps of `dlq redrive`: prepare, plan, ask, run, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orderctl.cli import dlq_distributed, dlq_plan, dlq_report, guard
from orderctl.cli.dlq_options import compile_where
from orderctl.errors import FailedError, NotFoundError, OrderctlError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from orderctl.context import App
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.engine_choice import Choice
    from orderctl.dlq.journal import Standing
    from orderctl.dlq.plan import Order, Plan
    from orderctl.dlq.prepare import Prepared
    from orderctl.dlq.redrive import Run
    from orderctl.dlq.verify import Verified
    from orderctl.render.progress import ProgressLine


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for, filters and edits aside from how they are carried out."""

    asked: Asked
    answers: guard.Answers
    rate: float | None = None
    concurrency: int | None = None
    max_redrives: int | None = None
    verify: float | None = None
    dry_run: bool = False
    plan_out: Path | None = None
    engine: str = "auto"

    def order(self, asked: Asked | None = None) -> Order:
        """The order for the engine, with other filters and edits where a plan or a run brings its own.

        How fast and how often is what the command line says, else what the plan or the run was made with.
        """
        return (asked or self.asked).order(
            compile_where, rate=self.rate, concurrency=self.concurrency, max_redrives=self.max_redrives
        )


def redrive_queue(cli: App, queue: str, wish: Wish) -> None:
    """Plan, ask, and redrive one queue; raises by how it ended."""
    from orderctl.dlq.plan_file import MOST, write_plan

    ready, order = dlq_plan.prepared(cli, queue), wish.order()
    choice = _choose(cli, ready, order, wish)
    most = MOST if wish.plan_out else dlq_plan.LOOKS_AT
    plan = _planned(cli, ready, order, wish, choice, most=most)
    if wish.plan_out is None:
        _carry_out(cli, ready, wish, wish.asked, plan, choice)
        return
    write_plan(
        wish.plan_out,
        plan,
        wish.asked,
        environment=cli.environment.name,
        queue_arn=ready.queue.arn,
        wiring=ready.wiring,
        now=cli.clock.now(),
    )
    cli.renderer.say(f"carry it out: {cli.command('dlq', 'redrive', '--plan', str(wish.plan_out))}")


def carry_out(cli: App, path: Path, wish: Wish) -> None:
    """Redrive what a plan file names, if it still holds."""
    from orderctl.dlq.plan_file import check_plan, read_plan

    document = read_plan(path)
    ready = dlq_plan.prepared(cli, str(document["queue"]))
    asked = check_plan(
        document,
        environment=cli.environment.name,
        queue_arn=ready.queue.arn,
        wiring=ready.wiring,
        now=cli.clock.now(),
    )
    order = wish.order(asked)
    choice = _choose(cli, ready, order, wish)
    plan = _planned(cli, ready, order, wish, choice, most=len(asked.ids))
    _carry_out(cli, ready, wish, asked, plan, choice)


def _choose(cli: App, ready: Prepared, order: Order, wish: Wish) -> Choice:
    from orderctl.cli.dlq_native import choose_engine

    return choose_engine(cli, wish.engine, ready, order, verifies=wish.verify is not None)


def _planned(cli: App, ready: Prepared, order: Order, wish: Wish, choice: Choice, *, most: int) -> Plan:
    """Made and shown; edits that do not fit end it here."""
    plan, foreseen = dlq_plan.make(cli, ready, order, most=most, is_native=not choice.is_own)
    dlq_plan.show(cli, plan, dry_run=wish.dry_run)
    dlq_plan.show_edits(cli, foreseen, order)
    return plan


def _carry_out(cli: App, ready: Prepared, wish: Wish, asked: Asked, plan: Plan, choice: Choice) -> None:
    from orderctl.cli import dlq_native
    from orderctl.dlq.redrive import begin, run_name, runs_folder
    from orderctl.dlq.tally import Tally

    has_nothing = plan.is_whole and not plan.has_work
    if has_nothing:
        _say_nothing(cli, plan, asked)
    choice = dlq_native.confirmed_choice(cli, choice, plan, ready)
    if wish.dry_run:
        if cli.renderer.is_machine:
            cli.renderer.one(dlq_native.plan_document(plan, choice))
        return
    if has_nothing:
        dlq_report.report(cli, Tally(None))
        return
    ready = dlq_plan.as_of_now(cli, ready)
    question = f"Redrive {_count(plan, asked)} letters of {plan.queue}?"
    guard.acting(cli, question, yes=wish.answers.yes, confirm=wish.answers.confirm)
    if choice.is_native:
        dlq_native.move(cli, ready, wish.rate, choice)
        return
    folder, name = runs_folder(cli.state_dir), run_name(cli.clock)
    bulk = dlq_distributed.proved(cli) if choice.is_distributed else None
    said, where = asked.document(), cli.environment.name
    run = begin(dlq_plan.services(cli), ready, wish.order(asked), folder, name, said, where, bulk)
    _work(cli, run, ready, wish.verify)


def _count(plan: Plan, asked: Asked) -> str:
    is_exact = plan.is_whole or plan.is_full
    return str(plan.redrivable) if is_exact else f"up to {asked.limit or plan.depth}"


def _say_nothing(cli: App, plan: Plan, asked: Asked) -> None:
    """Why there is nothing to do; raises where that is not what was meant."""
    hint = cli.command("dlq", "inspect", plan.queue)
    if plan.refused:
        raise RefusedError(f"none of the {plan.refused} letters can be redriven", hint=hint)
    if asked.ids:
        raise NotFoundError("no message with an id asked for is in the queue", hint=hint)
    if plan.looked_at:
        cli.renderer.say("no letter was selected; nothing to do")


def resume_run(cli: App, run: str, wish: Wish) -> None:
    """Go on with an interrupted run: in the state its journal tells, with the filters and edits it began with."""
    from orderctl.cli import dlq_native
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.journal import Journal, look_at
    from orderctl.dlq.redrive import latest, resume, runs_folder

    folder = runs_folder(cli.state_dir)
    name = latest(folder) if run == "@latest" else run
    found = look_at(folder, name)
    found.check_environment(cli.environment.name)  # before anything is written
    if wish.dry_run:
        _say_standing(cli, name, found)
        return
    if dlq_native.is_native(found.header):
        opened, standing = Journal.resume(folder, name)
        dlq_native.follow_run(cli, opened, standing.header)
        return
    order = wish.order(Asked.read(found.header["said"]))
    goes_on = dlq_distributed.GoesOn.of(cli, wish.engine, found.header, order)
    opened, standing = Journal.resume(folder, name)
    header = standing.header
    ready = dlq_plan.prepared(cli, str(header["url"]))
    _say_standing(cli, opened.run, standing)
    guard.acting(cli, "Go on with it?", yes=wish.answers.yes, confirm=wish.answers.confirm)
    at = datetime.fromtimestamp(float(header["cutoff"]), UTC)
    goes_on.check(ready, order)
    services, bulk = dlq_plan.services(cli), goes_on.bulk
    begun = resume(services, ready, order, opened, standing, at, bulk, by_waves=goes_on.by_waves)
    _work(cli, begun, ready, wish.verify)


def _say_standing(cli: App, run: str, standing: Standing) -> None:
    done = len(standing.deleted - standing.only_deleted)
    cli.renderer.say(
        f"run {run} of {standing.header['queue']}: {done} delivered and deleted, "
        f"{len(standing.to_delete)} delivered but not deleted, {len(standing.in_doubt)} in doubt"
    )


def _work(cli: App, run: Run, ready: Prepared, verify: float | None) -> None:
    from orderctl.render.progress import ProgressLine

    again = cli.command("dlq", "redrive", "--resume", run.name)
    cli.resume = f"go on with: {again}"
    cli.renderer.say(f"run {run.name}")
    progress = ProgressLine(cli.err)
    run.engine.progress = lambda tally: progress.show(
        f"delivered {len(tally.delivered)}, kept {len(tally.kept)}, refused {len(tally.refused)}"
    )
    run.engine.on_interrupt = lambda: _say_stopping(cli, progress)
    error: OrderctlError | None = None
    verified: Verified | None = None
    try:
        run.go()
        progress.clear()
        if verify is not None:
            verified = _verify(cli, run, ready, verify)
    except OrderctlError as ended:
        error = ended
    except OSError as ended:
        error = FailedError(f"the journal cannot be written: {ended.strerror}", hint="free some space")
    finally:
        progress.clear()
        for note in run.engine.notes:
            cli.renderer.warn(note)
        dlq_report.report(cli, run.tally, verified)
    if error is not None:
        error.hint = f"{error.hint}; then: {again}" if error.hint else f"go on with: {again}"
        raise error
    end = dlq_report.verdict(run.tally, again)
    if end is not None:
        raise end


def _say_stopping(cli: App, progress: ProgressLine) -> None:
    """The answer to the first Ctrl-C, at once: a call in hand may take a while."""
    cli.has_said_stopping = True
    progress.clear()
    cli.renderer.say("stopping: calls in hand end, the rest goes back; Ctrl-C again leaves at once")


def _verify(cli: App, run: Run, ready: Prepared, seconds: float) -> Verified:
    """Wait, then look where a delivered letter would lie had it failed again."""
    from orderctl.dlq.verify import Verifier

    cli.renderer.say(f"waiting {seconds:g} s to see what comes back")
    since = run.engine.job.cutoff - timedelta(seconds=1)
    return Verifier(cli.queues, cli.starter, ready.wiring, cli.clock).verify(ready.queue, run.tally, seconds, since)
