"""`orderctl inventory`: the stock that orders are taken from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of, noun, verb
from orderctl.cli.inventory_common import Confirm, DryRun, FileFormat, Table, format_of, table_of, warn_of
from orderctl.cli.inventory_seed import seed
from orderctl.errors import PartlyDoneError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Format
    from orderctl.inventory.models import Stock

app = noun("inventory", "Seed, read and correct the stock.")

COLUMNS = ("product_id", "quantity")
ADJUSTED = ("product_id", "quantity", "was_quantity", "is_repeated")
Product = Annotated[str, typer.Argument(metavar="PRODUCT_ID", help="The product.")]

verb(app, "seed")(seed)


@verb(app, "get")
def get(ctx: typer.Context, product_id: Product, table: Table = None) -> None:
    """One product's stock, as it is at this moment.

    Example: orderctl inventory get widget-1 --output json
    """
    from orderctl.inventory import shelf
    from orderctl.inventory.models import Odd

    cli = app_of(ctx)
    row = shelf.get(table_of(cli, table), product_id)
    if isinstance(row, Odd):
        cli.renderer.warn(f"this row is no stock: {row.problem}")
    cli.renderer.one(row.document(), tuple(row.document()) if cli.renderer.format == "table" else COLUMNS)


@verb(app, "list")
def list_stock(
    ctx: typer.Context,
    below: Annotated[int | None, typer.Option(min=0, metavar="N", help="Only products with less than N.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, metavar="N", help="At most N products.")] = 1000,
    after: Annotated[
        str | None, typer.Option(metavar="QUANTITY:PRODUCT_ID", help="The page after the one that ended so.")
    ] = None,
    where: Annotated[str | None, typer.Option(metavar="JMESPATH", help="Only rows this finds true.")] = None,
    table: Table = None,
) -> None:
    """Products with the least stock first; reads the whole table.

    Example: orderctl inventory list --below 10 --max 20
    """
    from orderctl.inventory import shelf

    cli = app_of(ctx)
    place = None if after is None else shelf.place_of(after)
    rows = table_of(cli, table).scan(below=below)
    found = shelf.lowest(rows, most=most, after=place, wanted=_wanted(where))
    cli.renderer.rows(COLUMNS, (row.document() for row in found.rows))
    warn_of(cli, found.odd)
    if found.rows and found.count > most:
        last = found.rows[-1]
        page = cli.command("inventory", "list", "--after", f"{last.quantity}:{last.product_id}")
        cli.renderer.say(f"the {most:,} lowest of {found.count:,}; with the same filters the next: {page}")


def _wanted(where: str | None) -> Callable[[Stock], bool]:
    """`--where` as a question about a row; raises UsageError for what is no JMESPath."""
    if where is None:
        return lambda row: True
    from orderctl.render.query import Query

    query = Query(where, flag="--where")
    return lambda row: bool(query.search(row.document()))


@verb(app, "adjust")
def adjust(
    ctx: typer.Context,
    product_id: Product,
    by: Annotated[int, typer.Option(metavar="N", help="How many come in, or go out if negative.")],
    adjustment_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Done once, however often it is run with this id.")
    ] = None,
    table: Table = None,
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
    stock = table_of(cli, table)
    if dry_run:
        cli.renderer.one(shelf.foretell(stock, product_id, by, adjustment_id=adjustment_id), ADJUSTED)
        return
    guard.adding(cli, confirm=confirm)
    adjusted = shelf.adjust(stock, product_id, by, adjustment_id=adjustment_id)
    if adjusted.is_repeated:
        cli.renderer.say(f"adjustment {adjustment_id} was made before; nothing was changed")
    cli.counts = {"adjusted": 0 if adjusted.is_repeated else 1}
    cli.renderer.one(adjusted, ADJUSTED)


@verb(app, "export")
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="File to write; - is stdout.")] = "-",
    fmt: FileFormat = None,
    table: Table = None,
) -> None:
    """Write all stock as a file that 'inventory seed' reads back unchanged.

    Example: orderctl inventory export stock.csv
    """
    from orderctl.inventory.export import export as write

    cli = app_of(ctx)
    chosen = format_of(fmt) or _format_of(file)
    with _target(cli, file) as out:
        count, odd = write(table_of(cli, table).scan(), out, chosen)
    cli.renderer.say(f"{count:,} products")
    warn_of(cli, odd)
    if odd:
        raise PartlyDoneError(f"{len(odd):,} rows of the table are no stock and were left out")


def _format_of(file: str) -> Format:
    from orderctl.documents import Format

    suffix = file.rpartition(".")[2].lower()
    return Format(suffix) if suffix in list(Format) else Format.JSONL


@contextlib.contextmanager
def _target(cli: App, file: str) -> Iterator[TextIO]:
    """stdout, or a file that appears only when it is complete."""
    if file == "-":
        yield cli.out
        return
    from pathlib import Path

    if Path(file).is_dir() or not Path(file).absolute().parent.is_dir():
        raise UsageError(f"{file} is a directory" if Path(file).is_dir() else f"there is no folder for {file}")
    part = Path(f"{file}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
