"""`orderctl dlq tasks`: SQS's message move tasks, whoever started them: list, follow, cancel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of
from orderctl.errors import AuthError, FailedError, NotFoundError, OrderctlError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.models import Queue
    from orderctl.dlq.move_tasks import MoveTask

COLUMNS = ("queue", "status", "moved", "to_move", "started_at", "rate", "destination_arn", "failure_reason")


def tasks(
    ctx: typer.Context,
    queue: Annotated[
        list[str] | None, typer.Argument(metavar="[QUEUE]...", help="Name, URL or ARN; none: all.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Follow the queue's task to its end.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the queue's task and wait for its end.")] = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop waiting after it; the task goes on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be cancelled; cancel nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
) -> None:
    """SQS's message move tasks of dead-letter queues that other queues feed; a cancelled one moves on for a while.

    Example: orderctl dlq tasks orders-payments-dlq --cancel --timeout 5m --yes
    """
    from orderctl import times
    from orderctl.dlq import move_tasks

    cli = app_of(ctx)
    seconds = None if timeout is None else times.span(timeout, "--timeout")
    if not follow and not cancel:
        _list(cli, queue or ())
        return
    if (follow and cancel) or len(queue or ()) != 1:
        raise UsageError("--follow and --cancel want one queue, and one of them", hint=cli.command("dlq", "tasks"))
    found = cli.queues.describe((queue or [""])[0])
    listed = move_tasks.known(cli.move_tasks, found.arn)
    if cancel:
        _cancel(cli, found, listed, seconds, guard.Answers(yes, confirm), dry_run=dry_run)
    else:
        _follow(cli, found, listed, seconds)


def _list(cli: App, named: Sequence[str]) -> None:
    """Those at work first, then the latest."""
    arns = [cli.queues.describe(each).arn for each in named] if named else list(_fed_by_queues(cli))
    found = [task for arn in arns for task in _tasks_of(cli, arn, is_named=bool(named))]
    found.sort(key=lambda task: (task.is_active, task.started_at.timestamp() if task.started_at else 0), reverse=True)
    cli.renderer.rows(COLUMNS, found)


def _fed_by_queues(cli: App) -> Iterator[str]:
    """The queues that some queue's redrive policy names."""
    yield from dict.fromkeys(queue.dead_letter_arn for queue in cli.queues.all() if queue.dead_letter_arn)


def _tasks_of(cli: App, arn: str, *, is_named: bool) -> list[MoveTask]:
    from orderctl.dlq import move_tasks

    try:
        found = cli.move_tasks.of(arn)
    except (AuthError, NotFoundError, FailedError) as error:
        if is_named:
            raise
        cli.renderer.warn(error.message)
        return []
    if found is None:
        cli.renderer.warn(f"{arn.rsplit(':', 1)[-1]}: {move_tasks.NOT_OFFERED}")
    return found or []


def _follow(cli: App, queue: Queue, listed: Sequence[MoveTask], seconds: float | None) -> None:
    from orderctl.dlq import move_tasks

    task = _task(cli, queue, listed)
    if task.has_ended:
        cli.renderer.say(f"no move task is at work on {queue.name}; the latest: {task.progress}")
        cli.renderer.one(task, COLUMNS)
    else:
        again = cli.command("dlq", "tasks", queue.name, "--follow")
        cli.resume = f"the move task goes on; follow it with: {again}"
        mark = move_tasks.mark_of(task, listed)
        task = _shown(cli, move_tasks.follow(cli.move_tasks, queue.arn, mark, cli.clock, timeout=seconds))
    if task.status == "FAILED":
        raise FailedError(f"the message move task failed: {move_tasks.explain(task)}", hint=move_tasks.remedy(task))


def _cancel(
    cli: App,
    queue: Queue,
    listed: Sequence[MoveTask],
    seconds: float | None,
    answers: guard.Answers,
    *,
    dry_run: bool,
) -> None:
    """What it is for is that nothing moves any more: exit 0 however the task ended, also when it had ended before."""
    from orderctl.dlq import move_tasks

    task = _task(cli, queue, listed)
    if not task.is_active or dry_run:
        what = "would cancel" if task.is_active else "nothing to cancel on"
        cli.renderer.say(f"{what} {queue.name}: {task.progress}")
        cli.renderer.one(task, COLUMNS)
        return
    cli.renderer.say(f"{queue.name}: {task.progress}; what was moved stays moved")
    guard.acting(cli, f"Cancel the move task of {queue.name}?", yes=answers.yes, confirm=answers.confirm)
    if task.status == "CANCELLING":
        cli.renderer.say("it is being cancelled already; waiting for its end")
    again = cli.command("dlq", "tasks", queue.name, "--follow")
    cli.resume = f"it is asked to stop, and has not yet; follow it with: {again}"
    ended = _shown(cli, move_tasks.cancel(cli.move_tasks, queue.arn, listed, cli.clock, timeout=seconds))
    if ended.status == "COMPLETED":
        cli.renderer.warn("the task completed before it could be cancelled")
    elif ended.status == "FAILED":
        cli.renderer.warn(f"the task failed before it could be cancelled: {move_tasks.explain(ended)}")


def _task(cli: App, queue: Queue, listed: Sequence[MoveTask]) -> MoveTask:
    """The active task, else the latest; raises NotFoundError where there is none."""
    from orderctl.dlq import move_tasks

    if not listed:
        raise NotFoundError(f"SQS lists no message move task of {queue.name}", hint=cli.command("dlq", "tasks"))
    return move_tasks.active_of(listed) or listed[0]


def _shown(cli: App, looks: Iterator[MoveTask]) -> MoveTask:
    """Progress on stderr, the task as it was last seen on stdout, whatever ends the watch."""
    from orderctl.cli.dlq_native import watch

    last: MoveTask | None = None
    try:
        for task in watch(cli, looks):
            last = task
    except OrderctlError as error:
        error.hint = error.hint or cli.resume
        raise
    finally:
        if last is not None:
            cli.renderer.one(last, COLUMNS)
    assert last is not None
    return last
