"""`orderctl dlq redrive`: what may be asked of it. The steps it then takes are in `dlq_run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli import guard
from orderctl.cli.framework import Verb, app_of, as_verb
from orderctl.errors import OrderctlError, UsageError

if TYPE_CHECKING:
    from typer._click import Context

    from orderctl.context import App

VERIFY = "--verify"
VERIFY_SECONDS = "30"


class Redrive(Verb):
    """`--verify` may stand alone, which typer has no way to declare: what follows is its value only if it is a time."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        found = [*args]
        for place, word in enumerate(args):
            after = args[place + 1] if place + 1 < len(args) else ""
            if word == VERIFY and not after[:1].isdigit():
                found[place] = f"{VERIFY}={VERIFY_SECONDS}"
        return super().parse_args(ctx, found)


@as_verb(Redrive)
def redrive_letters(
    ctx: typer.Context,
    queue: Annotated[list[str] | None, typer.Argument(metavar="[QUEUE]", help="Name, URL or ARN.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run; '@latest' is the last.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Letters to deliver at the most.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Letters a second at the most.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=16, help="Batches in hand at once; 16 if not said.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE", help="auto, own, native (SQS's move task), or distributed: AWS makes the deliveries."
        ),
    ] = "auto",
    max_redrives: Annotated[
        int | None, typer.Option(min=1, help="Leave a letter that came back this often; 3 if not said.")
    ] = None,
    set_: options.Sets = None,
    unset: options.Unsets = None,
    kind: options.Kinds = None,
    error: options.Errors = None,
    source: options.Sources = None,
    order_id: options.OrderIds = None,
    message_id: options.Ids = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    function: options.Function = None,
    plan_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plan, of every letter; do nothing.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Carry out a written plan.")] = None,
    verify: Annotated[
        str | None,
        typer.Option(VERIFY, metavar="[SECONDS]", help="Then wait, 30 s if not said, and report what came back."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; deliver and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
) -> None:
    """Put every letter back to the one consumer that missed it, and delete only what was acknowledged.

    Each letter is told by the wiring and by its own shape; what cannot be told is refused and stays. An edit
    whose path is not in every selected letter is refused before the first delivery.

    Example: orderctl dlq redrive orders-order-failures --error Throttled --max 100 --verify 60 --yes
    """
    from orderctl.cli import dlq_run as steps

    cli = app_of(ctx)
    asked = options.asked(
        cli, kind, error, source, order_id, message_id, since, until, where, set_, unset, function, most
    )
    asked = replace(asked, rate=rate, concurrency=concurrency, max_redrives=max_redrives)
    wait = None if verify is None else options.seconds(verify, VERIFY)
    answers = guard.Answers(yes, confirm)
    wish = steps.Wish(asked, answers, rate, concurrency, max_redrives, wait, dry_run, plan_out, engine)
    if sum(given is not None for given in (queue or None, resume, plan)) != 1:
        raise UsageError("name one of: a queue, --plan FILE, --resume RUN", hint=_full_queues(cli))
    if (resume or plan) and not asked.is_everything:
        raise UsageError("a plan and a run keep their own filters and edits; give none with --plan or --resume")
    if resume is not None:
        steps.resume_run(cli, resume, wish)
    elif plan is not None:
        steps.carry_out(cli, plan, wish)
    else:
        steps.redrive_queue(cli, _one(cli, queue or []), wish)


def _one(cli: App, queues: list[str]) -> str:
    """One queue a run: each has a plan to agree to, a journal and a `--resume` of its own."""
    if len(queues) > 1:
        lines = "; ".join(cli.command("dlq", "redrive", each) for each in queues)
        raise UsageError("a redrive is of one queue, with its own plan and run", hint=f"one after another: {lines}")
    return queues[0]


def _full_queues(cli: App) -> str:
    """The commands for the queues that hold something, where that can be told."""
    try:
        found = [queue for queue in options.environment_queues(cli, cli.wiring()) if queue.depth]
    except OrderctlError:
        found = []
    commands = [f"{cli.command('dlq', 'redrive', queue.name)} (about {queue.depth})" for queue in found[:5]]
    return "; ".join(commands) or cli.command("dlq", "list")
