"""Writing stock to a file that `seed` reads back: seeding an export and exporting again gives the same bytes.

A scan comes in no order, so rows pass through a temporary SQLite table, which sorts them on disk. In CSV a
column whose cells are all plain text is written as it is; any other is named `NAME:json` and holds JSON.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.documents import JSON_COLUMN, Format
from orderctl.inventory.models import Odd, Row

_SPECIAL = re.compile('[",\r\n]')


def export(rows: Iterable[Row], out: TextIO, fmt: Format) -> tuple[int, list[Odd]]:
    """Write every row of stock in order of product id; gives how many, and what was left out as no stock."""
    odd: list[Odd] = []
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as spool:
        spool.execute("PRAGMA journal_mode = OFF")
        spool.execute("CREATE TABLE stock (product_id BLOB PRIMARY KEY, document TEXT) WITHOUT ROWID")
        spool.execute("BEGIN")
        columns: dict[str, bool] = {}
        for row in rows:
            if isinstance(row, Odd):
                odd.append(row)
                continue
            document = row.document()
            _note(columns, document)
            key, text = row.product_id.encode(), jsontext.dumps(document)
            spool.execute("INSERT OR REPLACE INTO stock VALUES (?, ?)", (key, text))
        texts = (text for (text,) in spool.execute("SELECT document FROM stock ORDER BY product_id"))
        count = _write(texts, out, fmt, columns)
    return count, odd


def _write(texts: Iterator[str], out: TextIO, fmt: Format, columns: Mapping[str, bool]) -> int:
    if fmt is Format.CSV:
        return _write_csv(texts, out, columns)
    count = 0
    if fmt is Format.JSON:
        out.write("[")
    for count, text in enumerate(texts, 1):
        if fmt is Format.JSON:
            out.write(",\n" if count > 1 else "\n")
        out.write(text if fmt is Format.JSON else text + "\n")
    if fmt is Format.JSON:
        out.write("\n]\n" if count else "]\n")
    return count


def _write_csv(texts: Iterator[str], out: TextIO, columns: Mapping[str, bool]) -> int:
    names = ["product_id", "quantity", *sorted(name for name in columns if name not in ("product_id", "quantity"))]
    is_text = [name == "quantity" or columns.get(name, True) for name in names]
    _write_row(out, [name if plain else name + JSON_COLUMN for name, plain in zip(names, is_text, strict=True)])
    count = 0
    for text in texts:
        document = jsontext.loads(text, source="spool")
        count += 1
        _write_row(out, [_cell(document, name, plain) for name, plain in zip(names, is_text, strict=True)])
    return count


def _write_row(out: TextIO, cells: list[str]) -> None:
    """One line; csv.writer of Python 3.11 leaves a carriage return bare."""
    out.write(",".join('"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell for cell in cells) + "\n")


def _cell(document: Mapping[str, Json], name: str, is_text: bool) -> str:
    if name not in document:
        return ""
    return str(document[name]) if is_text else jsontext.dumps(document[name])


def _note(columns: dict[str, bool], document: Mapping[str, Json]) -> None:
    """Remember for each attribute whether all its values so far are text that a bare cell gives back."""
    for name, value in document.items():
        is_plain = isinstance(value, str) and value != "" and value.isprintable() and _is_bare(name)
        columns[name] = columns.get(name, True) and is_plain


def _is_bare(name: str) -> bool:
    return not name.endswith(JSON_COLUMN) and name == name.strip()
