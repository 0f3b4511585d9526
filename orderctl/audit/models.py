"""A change as it is written down, and as it is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How the command that changed something ended."""

    DONE = "done"
    NOT_ALL = "partly done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"
    """It has not ended, or was killed before it could say how."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be changed. `who` is None where no AWS identity was to be had, and `note` says why."""

    who: str | None
    environment: str
    account: str | None
    region: str | None
    command: str
    reason: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One command that was let through to change something, begun at `at`."""

    id: str
    at: datetime
    who: str | None
    environment: str
    account: str | None
    region: str | None
    command: str
    reason: str | None
    outcome: Outcome
    exit_code: int | None
    counts: Mapping[str, int] | None
    ended_at: datetime | None
    note: str | None


def outcome_of(exit_code: int) -> Outcome:
    """An exit code as the word for what it says of the change."""
    if exit_code in (0, 6):
        return Outcome.DONE if exit_code == 0 else Outcome.NOT_ALL
    return Outcome.INTERRUPTED if exit_code > 128 else Outcome.FAILED
