"""`orderctl inventory`: the stock that orders are taken from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of, noun, verb
from orderctl.documents import Format
from orderctl.errors import PartlyDoneError, UsageError
from orderctl.inventory.models import Mode, Odd, Result

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Input
    from orderctl.inventory.seed import Planned
    from orderctl.inventory.seed_file import Checked

app = noun("inventory", "Seed, read and correct the stock.")

COLUMNS = ("product_id", "quantity")
ADJUSTED = ("product_id", "quantity", "was_quantity", "is_repeated")
Product = Annotated[str, typer.Argument(metavar="PRODUCT_ID", help="The product.")]
Confirm = Annotated[str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
FileFormat = Annotated[Format | None, typer.Option("--format", help="Instead of telling it by the file's name.")]


@verb(app, "seed")
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
    fmt: FileFormat = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Most writes at a time.")] = 16,
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
    with documents.opened(file, cli.stdin, fmt=fmt) as source:
        checked = seed_file.check(source)
        cli.stock.check()
        seeding = _Seeding(cli, source, checked, mode, (seed_id or checked.content_id) if mode is Mode.ADD else None)
        if dry_run:
            seeding.foretell()
        else:
            seeding.run(workers, yes=yes, confirm=confirm, again=("inventory", "seed", file, "--mode", mode.value))


class _Seeding:
    """One seed on its way: what stands on the command line beside what was found in the file."""

    def __init__(self, cli: App, source: Input, checked: Checked, mode: Mode, seed_id: str | None) -> None:
        from orderctl.cli.inventory_report import Report
        from orderctl.inventory.models import mark_of

        self._cli, self._source, self._mode, self._seed_id = cli, source, mode, seed_id
        self._rows = checked.rows
        self._mark = mark_of(seed_id or "")
        self._report = Report(cli, mode, checked.rows, seed_id=seed_id)

    def foretell(self) -> None:
        """`--dry-run`: what each row would come to. Reads only."""
        from orderctl.cli.inventory_report import Report
        from orderctl.inventory import seed as seeds
        from orderctl.inventory import seed_file

        report = Report(self._cli, self._mode, self._rows, seed_id=self._seed_id, dry_run=True)
        planned = seeds.preview(self._cli.stock, seed_file.lines(self._source))
        report.fill(seeds.foretell(self._mode, one, self._mark) for one in planned)

    def run(self, workers: int, *, yes: bool, confirm: str | None, again: tuple[str, ...]) -> None:
        """Ask as much as the mode can break, then write."""
        from orderctl.inventory import seed as seeds
        from orderctl.inventory import seed_file
        from orderctl.inventory.plan import new_plan
        from orderctl.pool import Pool

        cli, pool = self._cli, Pool(self._cli.clock, workers=workers)
        named = () if self._seed_id is None else ("--seed-id", self._seed_id)
        with new_plan() as plan:
            if self._mode in (Mode.UPSERT, Mode.EXACT):
                self._show(plan.keep(seeds.preview(cli.stock, seed_file.lines(self._source))))
                guard.acting(cli, f"Write to table {cli.stock.name}?", yes=yes, confirm=confirm)
            else:
                guard.adding(cli, confirm=confirm)
            cli.resume = "what was written is found done: " + cli.command(*again, *named)
            if self._mode is Mode.EXACT:
                outcomes = seeds.seed_exactly(cli.stock, plan, pool)
            else:
                outcomes = seeds.seed(cli.stock, self._mode, seed_file.lines(self._source), pool, mark=self._mark)
            self._report.fill(outcomes)
        failed = self._report.counts[Result.FAILED]
        if failed:
            hint = "rows that were written are found done: " + cli.command(*again, *named)
            raise PartlyDoneError(f"{failed:,} of {self._rows:,} rows failed", hint=hint)

    def _show(self, planned: Iterator[Planned]) -> None:
        from orderctl.cli.inventory_report import differences
        from orderctl.inventory import seed as seeds

        outcomes = (seeds.foretell(self._mode, one, self._mark) for one in planned)
        for line in differences(outcomes):
            self._cli.renderer.say(line)


@verb(app, "get")
def get(ctx: typer.Context, product_id: Product) -> None:
    """One product's stock, as it is at this moment.

    Example: orderctl inventory get widget-1 --output json
    """
    from orderctl.inventory import shelf

    cli = app_of(ctx)
    row = shelf.get(cli.stock, product_id)
    if isinstance(row, Odd):
        cli.renderer.warn(f"this row is no stock: {row.problem}")
    cli.renderer.one(row.document(), tuple(row.document()) if cli.renderer.format == "table" else COLUMNS)


@verb(app, "list")
def list_stock(
    ctx: typer.Context,
    below: Annotated[int | None, typer.Option(min=0, metavar="N", help="Only products with less than N.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, metavar="N", help="At most N products.")] = 1000,
) -> None:
    """Products with the least stock first; reads the whole table.

    Example: orderctl inventory list --below 10 --max 20
    """
    from orderctl.inventory import shelf

    cli = app_of(ctx)
    found = shelf.lowest(cli.stock.scan(below=below), most=most)
    cli.renderer.rows(COLUMNS, (row.document() for row in found.rows))
    _warn_of(cli, found.odd)
    if found.count > most:
        cli.renderer.say(f"the {most:,} lowest of {found.count:,}; more with --max, all with 'inventory export'")


@verb(app, "adjust")
def adjust(
    ctx: typer.Context,
    product_id: Product,
    by: Annotated[int, typer.Option(metavar="N", help="How many come in, or go out if negative.")],
    adjustment_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Done once, however often it is run with this id.")
    ] = None,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Correct a product's stock by a difference; never below zero, safe beside running orders.

    Example: orderctl inventory adjust widget-1 --by -3 --adjustment-id stocktaking-7
    """
    from orderctl.inventory import shelf

    cli = app_of(ctx)
    if by == 0 or adjustment_id == "" or len(str(abs(by))) > 38:
        raise UsageError("--by is a whole number of up to 38 digits and not 0; --adjustment-id is not empty")
    if dry_run:
        cli.renderer.one(shelf.foretell(cli.stock, product_id, by, adjustment_id=adjustment_id), ADJUSTED)
        return
    guard.adding(cli, confirm=confirm)
    adjusted = shelf.adjust(cli.stock, product_id, by, adjustment_id=adjustment_id)
    if adjusted.is_repeated:
        cli.renderer.say(f"adjustment {adjustment_id} was made before; nothing was changed")
    cli.renderer.one(adjusted, ADJUSTED)


@verb(app, "export")
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="File to write; - is stdout.")] = "-",
    fmt: FileFormat = None,
) -> None:
    """Write all stock as a file that 'inventory seed' reads back unchanged.

    Example: orderctl inventory export stock.csv
    """
    from orderctl.inventory.export import export as write

    cli = app_of(ctx)
    chosen = fmt or _format_of(file)
    with _target(cli, file) as out:
        count, odd = write(cli.stock.scan(), out, chosen)
    cli.renderer.say(f"{count:,} products")
    _warn_of(cli, odd)
    if odd:
        raise PartlyDoneError(f"{len(odd):,} rows of the table are no stock and were left out")


def _format_of(file: str) -> Format:
    suffix = file.rpartition(".")[2].lower()
    return Format(suffix) if suffix in list(Format) else Format.JSONL


@contextlib.contextmanager
def _target(cli: App, file: str) -> Iterator[TextIO]:
    """stdout, or a file that appears only when it is complete."""
    if file == "-":
        yield cli.out
        return
    from pathlib import Path

    part = Path(f"{file}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _warn_of(cli: App, odd: list[Odd]) -> None:
    for row in odd[:10]:
        cli.renderer.warn(f"{row.product_id}: {row.problem}")
    if len(odd) > 10:
        cli.renderer.warn(f"and {len(odd) - 10:,} more such rows")
