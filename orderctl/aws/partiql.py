"""INSERT statements whose values are parameters: nothing out of a file ever becomes part of a statement's text.

What does stand in the text are the names of the table and of the attributes. Those are let in only as plain words,
so that no quoting has to be trusted; a row with other names is written by PutItem, where names are data too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from orderctl.aws.dynamodb_items import to_wire
from orderctl.inventory.models import Stock

LONGEST = 8192
"""Characters of a statement (DynamoDB API reference, BatchStatementRequest)."""
_WORD = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TABLE = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_SOME_TABLE = "t" * 255


def is_table_name(table: str) -> bool:
    """A name, and no ARN, which PutItem takes as well."""
    return _TABLE.fullmatch(table) is not None


def is_insertable(row: Stock) -> bool:
    """Are its attributes plain words, and few enough for one statement?"""
    return all(map(_WORD.fullmatch, row.attributes)) and len(_text(_SOME_TABLE, row.document())) <= LONGEST


def insert(table: str, row: Stock) -> dict[str, Any]:
    """The statement that writes an insertable row if its key is new; the values as PutItem has them."""
    document = row.document()
    return {"Statement": _text(table, document), "Parameters": [to_wire(value) for value in document.values()]}


def _text(table: str, names: Iterable[str]) -> str:
    places = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{places}}}'
