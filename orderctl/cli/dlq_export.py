"""`orderctl dlq export` and `orderctl dlq restore`: dead letters to a file, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli import guard
from orderctl.cli.framework import app_of
from orderctl.errors import OrderctlError, PartlyDoneError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.export import Exported
    from orderctl.dlq.models import Queue, Wiring
    from orderctl.dlq.restore import Line, Report
    from orderctl.dlq.restore_source import Source

EXPORTED = ("queue", "file", "exported", "not_selected", "is_whole")


def export_letters(
    ctx: typer.Context,
    queue: options.Queues = None,
    file: Annotated[str, typer.Option(help="File to write, there when it is whole; - is stdout.")] = "-",
    most: Annotated[int | None, typer.Option("--max", min=1, help="Letters of each queue to export at most.")] = None,
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
    """Write letters as JSON Lines that 'dlq restore' puts back byte for byte; the queue keeps them.

    It looks as 'dlq inspect' does: the receive count goes up by one, and no completeness is promised. The file
    holds whole messages: it is made readable for you alone. Each letter knows its queue, so one file may hold several.

    Example: orderctl dlq export orders-order-failures --file letters.jsonl
    """
    from orderctl.dlq import export

    cli = app_of(ctx)
    asked = options.asked(
        cli, kind, error, source, order_id, message_id, since, until, where, function=function, limit=most
    )
    queues, wiring = options.queues_of(cli, queue or ())
    if file == "-":
        for each in queues:
            _export(cli, each, wiring, asked, file, lambda line: cli.out.write(export.text_of(line)), len(queues) > 1)
    else:
        with export.whole_file(Path(file)) as out:
            done = [
                _export(cli, each, wiring, asked, file, lambda line: out.append([line], sync=False), len(queues) > 1)
                for each in queues
            ]
        if len(done) == 1:
            cli.renderer.one(done[0])
        else:
            cli.renderer.rows(EXPORTED, done)
    for note in wiring.notes:
        cli.renderer.warn(note)


def _export(
    cli: App,
    queue: Queue,
    wiring: Wiring,
    asked: Asked,
    file: str,
    write: Callable[[Mapping[str, object]], object],
    has_many: bool,
) -> Exported:
    """The letters of one queue, handed on as they are seen."""
    from orderctl.dlq import export
    from orderctl.dlq.look import Glance

    glance, count = Glance(), 0
    letters = export.letters(
        cli.queues,
        queue,
        wiring,
        cli.clock,
        selection=asked.selection(options.compile_where),
        limit=asked.limit,
        glance=glance,
        function=asked.function,
    )
    with contextlib.closing(letters):
        for letter in letters:
            write(export.line_of(letter, cli.clock.now()))
            count += 1
    options.say_what_looking_cost(cli.renderer, queue, glance, is_named=has_many)
    cli.renderer.say(f"{count} letters exported, {glance.not_selected} not selected")
    if queue.dead_letter_arn:
        cli.renderer.warn(f"the queue has a redrive policy of its own ({queue.dead_letter_arn}): looking moves letters")
    return export.Exported(queue.name, file, count, glance.not_selected, glance.is_whole)


def restore_letters(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="What export or purge wrote; - is stdin.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="What this redrive deleted, from its journal; or '@latest'.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="QUEUE", help="Into this queue, not the one they lay in.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was restored there before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
) -> None:
    """Put exported, purged or redriven letters back into the queue they lay in, each once however often it is run.

    The whole file is checked before the first is sent. SQS gives each a new message id.

    Example: orderctl dlq restore letters.jsonl --dry-run
    """
    from orderctl.dlq import restore

    cli = app_of(ctx)
    if (file is None) == (run is None):
        raise UsageError("name either a file or --run RUN", hint=cli.command("dlq", "restore", "FILE"))
    with _source(cli, file, run) as letters:
        override = None if queue is None else cli.queues.describe(queue)
        folder = restore.restores_folder(cli.state_dir)
        plan = restore.make_plan(cli.queues, letters, folder, override=override, again=again)
        _show(cli, plan, letters, dry_run=dry_run, is_undo=run is not None)
        report = restore.Report(not_deleted=letters.not_deleted)
        report.restored_before = sum(line.restored_before for line in plan)
        if not any(line.count for line in plan):
            cli.renderer.say("nothing to restore")
        if dry_run or not any(line.count for line in plan):
            cli.renderer.one(_rows(plan) if dry_run and cli.renderer.is_machine else _document(cli, report))
            return
        count = sum(line.count for line in plan)
        guard.acting(cli, f"Put {count} letters back?", yes=yes, confirm=confirm)
        words = [file] if file is not None else ["--run", run or ""]
        words += ["--queue", queue] if queue is not None else []
        _restore(cli, letters, plan, override, again, "again with: " + cli.command("dlq", "restore", *words))


@contextlib.contextmanager
def _source(cli: App, file: str | None, run: str | None) -> Iterator[Source]:
    """The letters, checked."""
    from orderctl import documents
    from orderctl.dlq.restore_source import FileSource, RunSource, torn_line

    if file is None:
        from orderctl.dlq.redrive import latest, runs_folder

        folder = runs_folder(cli.state_dir)
        found = RunSource(folder, latest(folder) if run == "@latest" else run or "")
        if found.unplaced:
            cli.renderer.warn(f"{found.unplaced} settled twins stay out: the journal does not say where they lay")
        yield found
        return
    with documents.opened(file, cli.stdin, fmt=documents.Format.JSONL) as opened:
        source = FileSource(opened, torn_line(file))
        source.check()
        yield source


def _show(cli: App, plan: list[Line], source: Source, *, dry_run: bool, is_undo: bool) -> None:
    say = cli.renderer.say
    say("Plan (dry run)" if dry_run else "Plan")
    for line in plan:
        before = f", {line.restored_before} restored before" if line.restored_before else ""
        say(f"  {line.count:6} -> {line.queue.arn}{before}")
        if line.in_doubt:
            cli.renderer.warn(f"{line.in_doubt} of them may be in {line.queue.name} already: possible duplicates")
    if source.not_deleted:
        say(f"  {source.not_deleted:6} stay out: they were never deleted")
    if is_undo:
        cli.renderer.warn("the redrive delivered these letters; what their consumer did with them is not undone")


def _restore(cli: App, source: Source, plan: list[Line], override: Queue | None, again: bool, on: str) -> None:
    from orderctl.dlq import restore
    from orderctl.dlq.sweep import stoppable

    cli.resume = on
    report = restore.Report()
    folder = restore.restores_folder(cli.state_dir)
    try:
        stoppable(
            lambda stop: restore.restore(
                cli.queues, cli.clock, source, plan, folder, report, override=override, again=again, stop=stop
            )
        )
    except OrderctlError as error:
        error.hint = f"{error.hint}; then {on}" if error.hint else on
        raise
    finally:
        _report(cli, report)
    if report.failed:
        raise PartlyDoneError(f"{len(report.failed)} letters could not be put back", hint=on)


def _report(cli: App, report: Report) -> None:
    from orderctl.dlq.restore import kinds_lost

    cli.renderer.one(_document(cli, report))
    if report.restored:
        cli.renderer.say("SQS gave each restored letter a new message id, and its age starts again")
    lost = kinds_lost(report)
    if lost is not None:
        cli.renderer.warn(lost)
    for title, found in (("failed", report.failed), ("possible duplicate", report.possible_duplicates)):
        say_some(cli, title, found)


def say_some(cli: App, title: str, found: Mapping[str, str]) -> None:
    """The first twenty of a list of ids with reasons, on stderr."""
    for message_id, reason in list(found.items())[:20]:
        cli.renderer.say(f"{title}: {message_id}: {reason}")
    if len(found) > 20:
        cli.renderer.say(f"{title}: and {len(found) - 20} more; all of them are in -o json")


def _document(cli: App, report: Report) -> dict[str, object]:
    return report.document() if cli.renderer.is_machine else dict(report.counts())


def _rows(plan: list[Line]) -> dict[str, object]:
    return {
        "plan": [
            {
                "queue": line.queue.arn,
                "count": line.count,
                "restored_before": line.restored_before,
                "in_doubt": line.in_doubt,
                "from_sqs": line.from_sqs,
            }
            for line in plan
        ]
    }
