"""`orderctl inventory seed`: a file of stock into the table, row by row or as one import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of
from orderctl.cli.inventory_common import Confirm, DryRun, FileFormat, Table, Yes, format_of, table_of
from orderctl.errors import PartlyDoneError, UsageError
from orderctl.inventory.modes import Mode, Result

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Input
    from orderctl.inventory.ports import StockTable
    from orderctl.inventory.seed import Planned
    from orderctl.inventory.seed_file import Checked

MANY = 1000
"""Rows from which on it is worth saying that they could be written faster."""


def seed(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, JSON or JSON Lines; - is stdin.")],
    mode: Annotated[
        Mode,
        typer.Option(help="create keeps what is there; upsert sets; add counts up once a seed id; exact shows first."),
    ] = Mode.CREATE,
    seed_id: Annotated[
        str | None, typer.Option(metavar="ID", help="For add: what is added once. Default: the file's content.")
    ] = None,
    table: Table = None,
    fmt: FileFormat = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Most writes at a time.")] = 16,
    via_import: Annotated[
        bool, typer.Option("--via-import", help="Have DynamoDB make a new table of it, through S3.")
    ] = False,
    bucket: Annotated[
        str | None, typer.Option(metavar="NAME", help="For --via-import; default: the configured or artifact bucket.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="For --via-import: stop watching after it; it goes on.")
    ] = None,
    yes: Yes = False,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Put a file of stock into the table; the whole file is checked before the first write.

    Example: orderctl inventory seed stock.csv --mode add --seed-id delivery-42
    """
    from orderctl import documents
    from orderctl.inventory import seed_file

    cli = app_of(ctx)
    if seed_id is not None and (mode is not Mode.ADD or not seed_id):
        raise UsageError("--seed-id goes with --mode add and is not empty")
    _check_import(via_import, mode, bucket, timeout)
    with documents.opened(file, cli.stdin, fmt=format_of(fmt)) as source:
        checked = seed_file.check(source, most_attributes=None if mode is Mode.CREATE else seed_file.MOST_UPDATED)
        again = ("inventory", "seed", file, *(() if table is None else ("--table", table)))
        if via_import:
            from orderctl.cli.inventory_import import Importing

            importing = Importing(cli, source, checked, table, bucket, timeout, (*again, "--via-import"))
            return importing.run(confirm=confirm, dry_run=dry_run)
        to = table_of(cli, table)
        to.check()
        seeding = _Seeding(cli, to, source, checked, mode, seed_id)
        if dry_run:
            seeding.foretell()
        else:
            seeding.run(workers, yes=yes, confirm=confirm, again=(*again, "--mode", mode.value))


def _check_import(via_import: bool, mode: Mode, bucket: str | None, timeout: str | None) -> None:
    if via_import and mode is not Mode.CREATE:
        raise UsageError(f"--via-import makes a new table: there is nothing to {mode.value}")
    if not via_import and (bucket is not None or timeout is not None):
        raise UsageError("--bucket and --timeout go with --via-import")


def _what_again_does(mode: Mode) -> str:
    """An upsert has nothing to know its own rows by: what orders took since is not theirs any more after it."""
    if mode is Mode.UPSERT:
        return "the same line sets every row again, over what orders took since"
    return "rows that were written are found done"


class _Seeding:
    """One seed on its way: what stands on the command line beside what was found in the file."""

    def __init__(
        self, cli: App, table: StockTable, source: Input, checked: Checked, mode: Mode, seed_id: str | None
    ) -> None:
        from orderctl.cli.inventory_report import Report
        from orderctl.inventory.models import mark_of

        self._cli, self._table, self._source, self._mode = cli, table, source, mode
        self._seed_id = (seed_id or checked.content_id) if mode is Mode.ADD else None
        self._rows = checked.rows
        self._mark = mark_of(self._seed_id or "")
        self._report = Report(cli, mode, checked.rows, seed_id=self._seed_id)

    def foretell(self) -> None:
        """`--dry-run`: what each row would come to. Reads only."""
        from orderctl.cli.inventory_report import Report
        from orderctl.inventory import seed as seeds
        from orderctl.inventory import seed_file

        report = Report(self._cli, self._mode, self._rows, seed_id=self._seed_id, dry_run=True)
        planned = seeds.preview(self._table, seed_file.lines(self._source))
        report.fill(seeds.foretell(self._mode, one, self._mark) for one in planned)

    def run(self, workers: int, *, yes: bool, confirm: str | None, again: tuple[str, ...]) -> None:
        """Ask as much as the mode can break, then write."""
        from orderctl.inventory import seed as seeds
        from orderctl.inventory import seed_file
        from orderctl.inventory.plan import new_plan
        from orderctl.pool import Pool

        cli, table, pool = self._cli, self._table, Pool(self._cli.clock, workers=workers)
        named = () if self._seed_id is None else ("--seed-id", self._seed_id)
        with new_plan() as plan:
            if self._mode in (Mode.UPSERT, Mode.EXACT):
                self._show(plan.keep(seeds.preview(table, seed_file.lines(self._source))))
                guard.acting(cli, f"Write to table {table.name}?", yes=yes, confirm=confirm)
            else:
                guard.adding(cli, confirm=confirm)
            cli.resume = f"{_what_again_does(self._mode)}: " + cli.command(*again, *named)
            if self._mode is Mode.EXACT:
                outcomes = seeds.seed_exactly(table, plan, pool)
            else:
                outcomes = seeds.seed(table, self._mode, seed_file.lines(self._source), pool, mark=self._mark)
            self._report.fill(outcomes)
        if self._mode is Mode.CREATE and table.slow_because and self._rows >= MANY:
            cli.renderer.say(f"rows were written one by one, not 25 at a time: {table.slow_because}")
        failed = self._report.counts[Result.FAILED]
        if failed:
            hint = f"{_what_again_does(self._mode)}: " + cli.command(*again, *named)
            raise PartlyDoneError(f"{failed:,} of {self._rows:,} rows failed", hint=hint)

    def _show(self, planned: Iterator[Planned]) -> None:
        from orderctl.cli.inventory_report import differences
        from orderctl.inventory import seed as seeds

        outcomes = (seeds.foretell(self._mode, one, self._mark) for one in planned)
        for line in differences(outcomes):
            self._cli.renderer.say(line)
