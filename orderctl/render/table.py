"""The table a person reads on a terminal.

rich lays it out (widths of wide characters, wrapping); cells arrive cleaned, and markup is off, so that
`[red]` in a body is five characters and not a colour. An id is never cut: where the ids need more than the
terminal has, each item becomes a block of its own, a field a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

_WHOLE = ("id", "arn", "name", "url", "queue", "run", "_at", "status", "kind", "type", "quantity", "depth")


def write_table(out: TextIO, titles: Sequence[str], rows: Sequence[Sequence[str]], *, width: int, color: bool) -> None:
    """Write one table; with no rows, nothing."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold" if color else "")
    for title in titles:
        whole = any(title == word or title.endswith(word) for word in _WHOLE)
        table.add_column(Text(title.replace("_", " ").upper()), no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(
        file=out,
        width=width,
        color_system="standard" if color else None,
        force_terminal=color,
        markup=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    needed = Measurement.get(console, console.options.update(width=100_000), table).minimum
    if needed > width:
        write_blocks(out, titles, rows)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        out.write(line.rstrip() + "\n")


def write_blocks(out: TextIO, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Each item as a block: its first field stands for itself, the others are named; empty ones are left out."""
    broad = max(len(title) for title in titles)
    for row in rows:
        out.write(row[0] + "\n")
        for title, cell in zip(titles[1:], row[1:], strict=True):
            if cell:
                out.write(f"  {title.replace('_', ' ').ljust(broad)}  {cell}\n")
