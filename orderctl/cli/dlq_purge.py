"""`orderctl dlq purge`: show, have the name typed, write down, delete, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli import guard
from orderctl.cli.dlq_export import say_some
from orderctl.cli.framework import app_of
from orderctl.errors import OrderctlError, PartlyDoneError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.export import LetterFile
    from orderctl.dlq.purge import Order, Report

PLAN_LOOKS_AT = 100


def purge_letters(
    ctx: typer.Context,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Name, URL or ARN.")],
    export: Annotated[bool, typer.Option("--export/--no-export", help="Write the letters down before.")] = True,
    all_at_once: Annotated[
        bool, typer.Option("--all-at-once", help="SQS's own purge: also what is in flight or arrives meanwhile.")
    ] = False,
    kind: options.Kinds = None,
    error: options.Errors = None,
    source: options.Sources = None,
    order_id: options.OrderIds = None,
    message_id: options.Ids = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    function: options.Function = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; write and delete nothing.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="NAME", help="The queue's name, to confirm it.")] = None,
) -> None:
    """Delete letters for good, each only after it was written to a file that 'dlq restore' puts back.

    What arrives after it began is left. In a protected environment --confirm takes the environment's name.

    Example: orderctl dlq purge orders-order-failures --error ValidationError --confirm orders-order-failures
    """
    from orderctl.dlq.purge import Order

    cli = app_of(ctx)
    asked = options.asked(cli, kind, error, source, order_id, message_id, since, until, where, function=function)
    selection = asked.selection(options.compile_where)
    if all_at_once and not selection.is_everything:
        raise UsageError("--all-at-once takes everything; it cannot go with filters")
    found = cli.queues.describe(queue)
    wiring = cli.wiring([found])
    for note in wiring.notes:
        cli.renderer.warn(note)
    order = Order(found, wiring, selection, function, asked.document())
    _show(cli, order, export=export, all_at_once=all_at_once, dry_run=dry_run)
    if dry_run:
        return
    guard.destroying(cli, found.name, confirm=confirm)
    words = [*_filters(asked), *([] if export else ["--no-export"]), *(["--all-at-once"] if all_at_once else [])]
    _purge(cli, order, cli.command("dlq", "purge", queue, *words), export=export, all_at_once=all_at_once)


def _show(cli: App, order: Order, *, export: bool, all_at_once: bool, dry_run: bool) -> None:
    """The plan on stderr; what a filter selects is told from a look, which gives everything back."""
    from orderctl.dlq.purge import purges_folder

    renderer, queue = cli.renderer, order.queue
    renderer.say(
        f"{'Plan (dry run)' if dry_run else 'Plan'} for {queue.name}: about {queue.depth} messages, "
        f"{queue.in_flight} in flight"
    )
    if order.selection.is_everything:
        renderer.say("  delete every letter" + (" at once (PurgeQueue)" if all_at_once else ""))
    else:
        _show_selected(cli, order)
    if export:
        renderer.say(f"  each is written down before, in {purges_folder(cli.state_dir)}")
    else:
        renderer.warn("nothing is written down: what is deleted cannot be restored")
    if all_at_once:
        renderer.warn("messages in flight and those that arrive within the next minute go too, unseen and unwritten")
    if queue.dead_letter_arn:
        renderer.warn(f"the queue has a redrive policy of its own ({queue.dead_letter_arn}): looking moves letters")


def _show_selected(cli: App, order: Order) -> None:
    from orderctl.dlq import look

    glance = look.Glance()
    letters = look.look(
        cli.queues,
        order.queue,
        order.wiring,
        cli.clock,
        selection=order.selection,
        limit=PLAN_LOOKS_AT,
        glance=glance,
        function=order.function,
    )
    count = sum(1 for _ in letters)
    at_least = "" if glance.is_whole else "at least "
    cli.renderer.say(f"  delete {at_least}{count} selected letters, of {glance.seen} looked at")


def _purge(cli: App, order: Order, again: str, *, export: bool, all_at_once: bool) -> None:
    from orderctl.dlq import purge
    from orderctl.dlq.redrive import run_name
    from orderctl.dlq.sweep import stoppable

    report = purge.Report(run_name(cli.clock), order.queue.arn)
    file: LetterFile | None = None
    if export:
        file = purge.begin_file(purge.purges_folder(cli.state_dir), report.run, order, cli.clock.now())
        report.file = str(file.path)
        cli.resume = f"what was deleted is in {file.path}; go on with: {again}"
    work = purge.Purge(order, cli.queues, cli.clock, report, file)
    try:
        if all_at_once:
            purge.purge_all(cli.purger, order, cli.queues, cli.clock, report, file)
        else:
            stoppable(work.run)
    except OrderctlError as error:
        error.hint = error.hint or f"go on with: {again}"
        raise
    finally:
        if file is not None:
            file.close()
        _report(cli, report)
    if report.kept:
        raise PartlyDoneError(f"{len(report.kept)} letters could not be deleted", hint=f"go on with: {again}")


def _report(cli: App, report: Report) -> None:
    renderer = cli.renderer
    counts = {"run": report.run, **report.counts(), "file": report.file}
    renderer.one(report.document() if renderer.is_machine else counts)
    say_some(cli, "kept", report.kept)
    if report.purged_all:
        renderer.say("SQS may take a minute to delete everything")
    elif not report.is_whole:
        renderer.warn("the queue may hold more: messages in flight, or behind an unselected one of their FIFO group")
    if report.file is not None and report.deleted:
        renderer.say("to undo it: " + cli.command("dlq", "restore", report.file))


def _filters(asked: Asked) -> list[str]:
    """The filters as words of a command line, `--since` and `--until` as the moments they meant."""
    flags = {"kinds": "kind", "errors": "error", "sources": "source", "order_ids": "order-id", "ids": "id"}
    words: list[str] = []
    for name, value in asked.document().items():
        for each in value if isinstance(value, tuple) else (value,):
            words += [f"--{flags.get(name, name)}", str(each)]
    return words
