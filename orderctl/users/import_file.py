"""Checking a file of users whole, before anything is sent.

Every problem of content is collected with its line, so that one run shows all of them (up to `MAX_SHOWN`); a
file that cannot be read any further ends the check where it breaks. A file is known again by what its rows say,
not by its name or its format.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from orderctl import jsontext
from orderctl.documents import Input
from orderctl.errors import UsageError
from orderctl.users.models import Row
from orderctl.users.validation import problems_of, user_from

MAX_SHOWN = 20
"""Problems listed in the error; the rest is counted."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A checked file: its rows, and the digest that an interrupted import is known by again."""

    name: str
    digest: str
    rows: tuple[Row, ...]


def read_import(source: Input) -> ImportFile:
    """The rows of a file; raises UsageError listing every line that is wrong and why."""
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    digest = hashlib.sha256()
    try:
        for record in source.records():
            found = problems_of(record.values)
            user_id = str(record.values.get("user_id"))
            if not found and user_id in seen:
                found = [f"user_id {user_id!r} stands on line {seen[user_id]} too"]
            problems += [f"{source.where(record.line)}: {one}" for one in found]
            seen.setdefault(user_id, record.line)
            if not found:
                rows.append(Row(record.line, user_from(record.values)))
                digest.update(f"{record.line} {jsontext.dumps(record.values)}\n".encode())
    except UsageError as error:
        problems.append(error.message)
    if problems:
        raise _all_of(problems)
    if not rows:
        raise UsageError(f"{source.name}: no user in it")
    return ImportFile(source.name, digest.hexdigest(), tuple(rows))


def _all_of(problems: list[str]) -> UsageError:
    more = len(problems) - MAX_SHOWN
    shown = problems[:MAX_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    return UsageError("\n".join(shown), hint="nothing was sent; mend the file and run it again")
