"""`dlq redrive` on SQS's own engine: choose it, start the task, follow it, hold it against the queue, report.

A run record is kept like for any other run, with the task in it, so that `--resume RUN` follows it again; Ctrl-C
leaves the task at work and says how to follow and how to cancel it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderctl.cli import dlq_distributed
from orderctl.errors import ConflictError, NotFoundError, OrderctlError, UnreachableError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.engine_choice import Choice, EngineName
    from orderctl.dlq.journal import Journal
    from orderctl.dlq.models import Queue
    from orderctl.dlq.move_tasks import Mark, Moved, MoveTask
    from orderctl.dlq.plan import Order, Plan
    from orderctl.dlq.prepare import Prepared

SAY_EVERY = 30.0
"""Seconds between two lines of progress where no terminal shows it in place."""
NO_RECORD = (
    "the task moved the messages inside AWS: there is no record of each of them, they have new message ids, and "
    "whether one was delivered twice cannot be known"
)


def choose_engine(cli: App, engine: str, prepared: Prepared, order: Order, *, verifies: bool) -> Choice:
    """Before anything is looked at; raises what `choose` raises, with the commands to run instead."""
    from orderctl.dlq import engine_choice
    from orderctl.dlq.engine_choice import Choice, EngineName
    from orderctl.dlq.redrive import runs_folder

    name, queue = engine_name(engine), prepared.queue.name
    if name is EngineName.OWN:
        return Choice()
    if name is EngineName.DISTRIBUTED:
        return dlq_distributed.choose(cli, prepared, order)
    try:
        return engine_choice.choose(
            name, prepared, order, cli.move_tasks, runs_folder(cli.state_dir), cli.clock.now(), verifies=verifies
        )
    except ConflictError as error:
        error.hint = _follow_hint(cli, queue)
        raise


def confirmed_choice(cli: App, choice: Choice, plan: Plan, prepared: Prepared) -> Choice:
    """After the plan; says which engine it is where that is news."""
    from orderctl.dlq import engine_choice
    from orderctl.dlq.redrive import runs_folder

    runs = runs_folder(cli.state_dir)
    choice = engine_choice.confirm_choice(choice, plan, prepared.queue, runs, cli.clock.now())
    if choice.is_native:
        cli.renderer.say("engine: SQS's message move task, each message to its own source (--engine own for ours)")
        cli.renderer.say(
            "  without a record of each message and without --max-redrives, whose count it does not know;"
            " it moves what is visible when it starts, and nothing else"
        )
    if choice.note:
        cli.renderer.warn(choice.note)
    dlq_distributed.say_engine(cli, choice, prepared, plan)
    return choice


def plan_document(plan: Plan, choice: Choice) -> dict[str, object]:
    """The plan of a dry run as JSON."""
    from orderctl import jsontext

    return {**jsontext.plain(plan), "engine": choice.engine.value}


def move(cli: App, prepared: Prepared, rate: float | None, choice: Choice) -> None:
    """Start the task and see it through; raises by how it ended."""
    from orderctl.dlq.redrive import run_name

    cli.resume = "nothing was started"
    queue = _with_nothing_in_flight(cli, prepared.queue)
    name = run_name(cli.clock)
    journal = _begin(cli, queue, name, rate, choice)
    try:
        cli.resume = f"the task may have been started; {_follow_hint(cli, queue.name)}"
        mark = _start(cli, queue, None if rate is None else int(rate), choice, journal)
        cli.resume = f"the move task goes on in AWS; {_follow_hint(cli, queue.name)}"
        cli.renderer.say(f"run {name}: the move task was started; {_follow_hint(cli, queue.name)}")
        started = mark.started_at.isoformat() if mark.started_at else None
        journal.append({"r": "move_task", "task_handle": mark.task_handle, "started_at": started})
        _see_through(cli, queue.arn, queue.url, queue.depth, mark, journal)
    finally:
        journal.close()


def is_native(header: dict[str, Any]) -> bool:
    """Was this run a move task?"""
    from orderctl.dlq.engine_choice import EngineName

    return header.get("engine") == EngineName.NATIVE


def follow_run(cli: App, journal: Journal, header: dict[str, Any]) -> None:
    """`--resume` of a run that is a move task: nothing is started, it is followed and reported again."""
    from orderctl.dlq import move_tasks
    from orderctl.dlq.journal import read_lines
    from orderctl.dlq.move_tasks import Mark

    earlier = frozenset(datetime.fromisoformat(each) for each in header["earlier"])
    found: dict[str, Any] = {}
    for record, _ in read_lines(journal.path):
        if record["r"] == "move_task":
            found.update({name: value for name, value in record.items() if value is not None})
    started = found.get("started_at")
    mark = Mark(found.get("task_handle"), None if started is None else datetime.fromisoformat(started), earlier)
    queue = str(header["queue"])
    cli.resume = f"the move task goes on in AWS; {_follow_hint(cli, queue.rsplit(':', 1)[-1])}"
    try:
        listed = move_tasks.known(cli.move_tasks, queue)
        if "refused" in found or (not found and mark.find(listed) is None):
            raise NotFoundError(
                f"run {journal.run} started no move task: {found.get('refused', 'it was cut off before')}",
                hint=cli.command("dlq", "redrive", queue.rsplit(":", 1)[-1]),
            )
        _see_through(cli, queue, str(header["url"]), int(header["depth"]), mark, journal)
    finally:
        journal.close()


def watch(cli: App, looks: Iterator[MoveTask]) -> Iterator[MoveTask]:
    """Show how a task comes on: in place on a terminal, else a line when its status changes or 30 s have passed."""
    from orderctl.render.style import is_terminal

    status, said_at = "", float("-inf")
    for task in looks:
        if is_terminal(cli.err):
            cli.err.write(f"\r\x1b[2K{task.progress}" + ("\n" if task.has_ended else "\r"))
            cli.err.flush()
        elif task.status != status or cli.clock.monotonic() - said_at >= SAY_EVERY:
            status, said_at = task.status, cli.clock.monotonic()
            cli.renderer.say(task.progress)
        yield task


def _with_nothing_in_flight(cli: App, queue: Queue) -> Queue:
    from orderctl.dlq import move_tasks

    now = cli.queues.describe(queue.url)
    if now.in_flight:
        cli.renderer.say(f"waiting for {now.in_flight} messages in flight: a move task cannot see them")
        now = move_tasks.wait_for_in_flight(cli.queues, queue, cli.clock)
        if now.in_flight:
            cli.renderer.warn(f"{now.in_flight} messages are still in flight; the task will leave them")
    return now


def _begin(cli: App, queue: Queue, name: str, rate: float | None, choice: Choice) -> Journal:
    from orderctl.dlq.engine_choice import EngineName
    from orderctl.dlq.journal import Journal
    from orderctl.dlq.redrive import runs_folder

    header = {
        "queue": queue.arn,
        "url": queue.url,
        "cutoff": cli.clock.now().timestamp(),
        "engine": EngineName.NATIVE.value,
        "depth": queue.depth,
        "earlier": [task.started_at.isoformat() for task in choice.earlier if task.started_at],
        "rate": rate,
        "environment": cli.environment.name,
        "said": {},
    }
    return Journal.begin(runs_folder(cli.state_dir), name, header)


def _start(cli: App, queue: Queue, rate: int | None, choice: Choice, journal: Journal) -> Mark:
    """Start it; a refusal is kept in the record, so that resuming this run never follows somebody else's task."""
    from orderctl.dlq import move_tasks

    try:
        return move_tasks.start(cli.move_tasks, queue, rate, cli.clock, choice.earlier)
    except UnreachableError as error:
        error.hint = f"it may have been started all the same; {_follow_hint(cli, queue.name)}"
        raise
    except OrderctlError as error:
        journal.append({"r": "move_task", "refused": error.message})
        other = _follow_hint(cli, queue.name) if isinstance(error, ConflictError) else "or redrive with --engine own"
        error.hint = f"{error.hint}; {other}" if error.hint else other
        raise


def _see_through(cli: App, queue_arn: str, url: str, before: int, mark: Mark, journal: Journal) -> None:
    from orderctl.dlq import move_tasks
    from orderctl.dlq.move_tasks import Moved

    task: MoveTask | None = None
    moved: Moved | None = None
    try:
        for each in watch(cli, move_tasks.follow(cli.move_tasks, queue_arn, mark, cli.clock)):
            if task is None and each.started_at is not None:
                journal.append({"r": "move_task", "started_at": each.started_at.isoformat()})
            task = each
        if task is not None:
            cli.resume = "the move task has ended; only the queue's last counts were not waited for"
            counts = move_tasks.settled_counts(cli.queues, cli.queues.describe(url), cli.clock)
            moved = Moved(task, before, counts)
            journal.append({"r": "move_task", "status": task.status, "moved": task.moved})
            journal.end({"moved": task.moved, "left": moved.left})
    except OrderctlError as error:
        error.hint = cli.resume if error.hint is None else f"{error.hint}; {cli.resume}"
        raise
    finally:
        if task is not None:
            cli.renderer.one(_document(journal.run, task, moved))
    if moved is not None:
        _end(cli, moved)


def _document(run: str, task: MoveTask, moved: Moved | None) -> dict[str, object]:
    """The report; what cannot be known is null."""
    from orderctl import jsontext
    from orderctl.dlq.engine_choice import EngineName

    return {
        "run": run,
        "engine": EngineName.NATIVE.value,
        **jsontext.plain(task),
        "left": None if moved is None else moved.left,
        "in_flight": None if moved is None else moved.queue.in_flight,
        "possible_duplicates": None,
    }


def _end(cli: App, moved: Moved) -> None:
    from orderctl.dlq import move_tasks

    if moved.task.moved:
        cli.renderer.say(NO_RECORD)
    verdict = moved.verdict()
    if verdict is None:
        if moved.is_short:
            cli.renderer.warn(
                f"SQS counted {moved.task.to_move} to move; those it did not move are gone: they expired,"
                " or somebody else took them"
            )
        return
    own = cli.command("dlq", "redrive", moved.queue.name, "--engine", "own")
    inspect = cli.command("dlq", "inspect", moved.queue.name)
    fix = move_tasks.remedy(moved.task)
    rest = f"the rest with: {own}; look with: {inspect}"
    verdict.hint = f"{fix}; {rest}" if fix else rest
    raise verdict


def _follow_hint(cli: App, queue: str) -> str:
    follow = cli.command("dlq", "tasks", queue, "--follow")
    return f"follow it with: {follow}; cancel it with: {cli.command('dlq', 'tasks', queue, '--cancel')}"


def engine_name(text: str) -> EngineName:
    """`--engine` as given on the command line."""
    from orderctl.dlq.engine_choice import EngineName

    try:
        return EngineName(text)
    except ValueError as error:
        raise UsageError(f"--engine cannot be {text!r}", hint="one of: " + ", ".join(EngineName)) from error
