"""A user, what creating one came to, and one line of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class User:
    """One user. `extra` holds the fields beside the three every user has; no body is shown in a repr."""

    user_id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)

    def as_body(self) -> dict[str, object]:
        """The JSON object the API takes and gives."""
        return {"user_id": self.user_id, "email": self.email, "name": self.name, **self.extra}


class HowCreated(StrEnum):
    """How it is known that the user exists."""

    ANSWERED = "answered"
    """The API said so."""
    FOUND = "found"
    """The answer was lost or unclear, and the user was then there with the same content."""


@dataclass(frozen=True, slots=True)
class Created:
    """A user that now exists, and how that is known."""

    user: User
    how: HowCreated
    not_kept: tuple[str, ...] = ()
    """Fields that were sent and that the API does not store."""


class RowOutcome(StrEnum):
    """What became of one row of an import."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    """The user existed already with the same content."""
    DONE_BEFORE = "done-before"
    """An earlier, interrupted import of this file settled the row."""
    CONFLICT = "conflict"
    """The user exists with other content; it was left as it is."""
    FAILED = "failed"


SETTLED = frozenset({RowOutcome.CREATED, RowOutcome.UNCHANGED, RowOutcome.DONE_BEFORE})
"""Outcomes that a resumed import does not touch again."""


@dataclass(frozen=True, slots=True)
class Row:
    """One user of an import file and the line it stands on."""

    line: int
    user: User


@dataclass(frozen=True, slots=True)
class RowReport:
    """One line of an import's report."""

    line: int
    user_id: str
    outcome: RowOutcome
    message: str | None = None
