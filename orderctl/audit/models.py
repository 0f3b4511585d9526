"""A change as it is written down, and as it is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orderctl.errors import ExecutionEndedError, PartlyDoneError, TimeoutPassedError


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
    """An exit code as the word for what it says of the change, not of what was watched afterwards.

    An order whose workflow FAILED (8) was submitted; where `--timeout` passed (124) only the waiting was cut short.
    """
    if exit_code >= TimeoutPassedError.exit_code:
        return Outcome.INTERRUPTED
    words = {0: Outcome.DONE, PartlyDoneError.exit_code: Outcome.NOT_ALL, ExecutionEndedError.exit_code: Outcome.DONE}
    return words.get(exit_code, Outcome.FAILED)
