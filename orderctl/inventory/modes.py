"""The words of seeding: how it treats what is there, and what it made of a row.

They stand apart from the rows themselves because the command line is built from them, and `--help` shall not
have to load what rows are made of.
"""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What seeding does to a product that is in the table already."""

    CREATE = "create"
    """Keeps it and says so."""
    UPSERT = "upsert"
    """Sets quantity and the given attributes; other attributes stay."""
    ADD = "add"
    """Adds the quantity, once for each seed id."""
    EXACT = "exact"
    """Makes it the row in the file, if it still is what the shown difference said."""


class Result(StrEnum):
    """What became of one row of the file."""

    CREATED = "created"
    KEPT = "kept"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
