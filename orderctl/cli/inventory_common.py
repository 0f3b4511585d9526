"""What the verbs of `orderctl inventory` share: their options, and the table they work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Format
    from orderctl.inventory.models import Odd
    from orderctl.inventory.ports import StockTable

Table = Annotated[str | None, typer.Option("--table", metavar="NAME", help="Stock table; default: the environment's.")]
Confirm = Annotated[str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
FileFormat = Annotated[
    Literal["csv", "json", "jsonl"] | None, typer.Option("--format", help="Instead of telling it by the file's name.")
]


def table_of(cli: App, named: str | None) -> StockTable:
    """The table named on the line, else the environment's."""
    return cli.stock if named is None else cli.stock_tables(named)


def format_of(said: str | None) -> Format | None:
    """`--format` as documents know it."""
    from orderctl.documents import Format

    return None if said is None else Format(said)


def warn_of(cli: App, odd: list[Odd]) -> None:
    """Name the rows that are no stock, the first ten of them."""
    for row in odd[:10]:
        cli.renderer.warn(f"{row.product_id}: {row.problem}")
    if len(odd) > 10:
        cli.renderer.warn(f"and {len(odd) - 10:,} more such rows")
