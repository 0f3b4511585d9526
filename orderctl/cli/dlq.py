"""`orderctl dlq`: find, inspect and redrive dead letters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli import guard
from orderctl.cli.dlq_export import export_letters, restore_letters
from orderctl.cli.dlq_purge import purge_letters
from orderctl.cli.dlq_redrive import Wish, carry_out, redrive_queue, resume_run
from orderctl.cli.dlq_tasks import tasks
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import UsageError

app = noun("dlq", "Find, inspect and redrive dead letters.")

QUEUE_COLUMNS = ("name", "kinds", "depth", "in_flight", "oldest_age_seconds", "sources", "route")
QUEUE_TABLE = ("name", "kinds", "depth", "in_flight", "oldest_age_seconds")
LETTER_TABLE = ("order_id", "error", "cause", "attempts", "sent_at", "message_id", "refusal")
LETTER_COLUMNS = ("message_id", "kind", "order_id", "error", "cause", "attempts", "sent_at", "source", "refusal")


@verb(app, "list")
def list_queues(
    ctx: typer.Context,
    queue: Annotated[
        list[str] | None, typer.Argument(metavar="[QUEUE]...", help="Name, URL or ARN; none: all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also queues outside the environment's stack.")] = False,
) -> None:
    """Every dead-letter and on-failure queue that the environment's own wiring names, and what feeds it.

    Example: orderctl dlq list --output json
    """
    from orderctl.dlq.overview import names_of, overview

    cli = app_of(ctx)
    wiring, stack = cli.wiring(), cli.environment.text("stack")
    within = names_of(cli.stacks.resources(stack)) if stack and not everything else None
    found, notes = overview(cli.queues, wiring, cli.queue_ages, named=queue or (), within=within)
    cli.renderer.rows(QUEUE_COLUMNS, found, table=QUEUE_TABLE)
    for note in (*wiring.notes, *notes):
        cli.renderer.warn(note)


@verb(app, "inspect")
def inspect(
    ctx: typer.Context,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Name, URL or ARN.")],
    most: Annotated[int, typer.Option("--max", min=1, help="Messages to show at the most.")] = 100,
    group_by: Annotated[str | None, typer.Option(help="Only count: error, source, kind, order_id or age.")] = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="Show the payloads as well.")] = False,
    kind: options.Kinds = None,
    error: options.Errors = None,
    source: options.Sources = None,
    order_id: options.OrderIds = None,
    message_id: options.Ids = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    function: options.Function = None,
) -> None:
    """Look at dead letters without consuming them: what failed, why, how often, whose.

    Every look is a receive: it adds one to the receive count and hides the message (on a FIFO queue its group)
    until the look is over.

    Example: orderctl dlq inspect orders-order-failures --error ValidationError --max 20
    """
    from orderctl.dlq import look
    from orderctl.dlq.selection import decoded

    cli = app_of(ctx)
    asked = options.asked(cli, kind, error, source, order_id, message_id, since, until, where)
    selection = asked.selection(options.compile_where)
    if group_by is not None and group_by not in look.GROUPINGS:
        raise UsageError(f"--group-by cannot be {group_by!r}", hint="one of: " + ", ".join(look.GROUPINGS))
    wiring, found = cli.wiring(), cli.queues.describe(queue)
    glance = look.Glance()
    letters = look.look(
        cli.queues, found, wiring, cli.clock, selection=selection, limit=most, glance=glance, function=function
    )
    renderer = cli.renderer
    if group_by is not None:
        renderer.rows(("value", "count", "oldest", "newest"), look.group(letters, group_by, cli.clock.now()))
    elif renderer.format == "jsonl":
        for letter in letters:
            renderer.event(decoded(letter))
    else:
        kept = list(letters)
        if not renderer.is_machine:
            options.say_summary(renderer, found, kept, cli.clock.now())
        more = ("payload",) if bodies else ()
        documents = (decoded(letter, as_time=True) for letter in kept)
        renderer.rows((*LETTER_COLUMNS, *more), documents, table=(*LETTER_TABLE, *more))
    options.say_what_looking_cost(renderer, found, glance)
    for note in wiring.notes:
        renderer.warn(note)


@verb(app, "redrive")
def redrive(
    ctx: typer.Context,
    queue: Annotated[str | None, typer.Argument(metavar="[QUEUE]", help="Name, URL or ARN.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run; '@latest' is the last.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Letters to deliver at the most.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Letters a second at the most.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=16, help="Batches in hand at once.")] = 8,
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="auto, own, or native: SQS's move task.")] = "auto",
    max_redrives: Annotated[int, typer.Option(min=1, help="Leave a letter that came back this often.")] = 3,
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
    verify: Annotated[str | None, typer.Option(metavar="SECONDS", help="Then wait and report what came back.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; deliver and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
) -> None:
    """Put every letter back to the one consumer that missed it, and delete only what was acknowledged.

    Each letter is told by the wiring and by its own shape; what cannot be told is refused and stays.

    Example: orderctl dlq redrive orders-order-failures --error Throttled --max 100 --verify 60 --yes
    """
    cli = app_of(ctx)
    asked = options.asked(
        cli, kind, error, source, order_id, message_id, since, until, where, set_, unset, function, most
    )
    wait = None if verify is None else options.seconds(verify, "--verify")
    wish = Wish(asked, guard.Answers(yes, confirm), rate, concurrency, max_redrives, wait, dry_run, plan_out, engine)
    if sum(given is not None for given in (queue, resume, plan)) != 1:
        raise UsageError("name one of: a queue, --plan FILE, --resume RUN", hint=cli.command("dlq", "list"))
    if (resume or plan) and not asked.is_everything:
        raise UsageError("a plan and a run keep their own filters and edits; give none with --plan or --resume")
    if resume is not None:
        resume_run(cli, resume, wish)
    elif plan is not None:
        carry_out(cli, plan, wish)
    else:
        redrive_queue(cli, queue or "", wish)


verb(app, "tasks")(tasks)


verb(app, "export")(export_letters)
verb(app, "restore")(restore_letters)
verb(app, "purge")(purge_letters)
