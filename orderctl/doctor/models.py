"""What an examination says: one finding a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orderctl.errors import AuthError, OrderctlError, RefusedError, UsageError


class Status(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARN = "warn"
    """Works, and somebody should know."""
    FAIL = "fail"
    SKIPPED = "skipped"
    """Not looked at; the detail says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look came to. `exit_code` counts only for a failure."""

    status: Status
    detail: str | None = None
    hint: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, of what, and how it came out. `exit_code` is what a failure ends the command with."""

    check: str
    subject: str
    status: Status
    detail: str | None = None
    hint: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials these are. `skew` is how many seconds our clock is ahead of AWS's."""

    account: str
    arn: str
    skew: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the account that the commands run into first."""

    name: str
    value: float


CONCURRENCY = "lambda concurrent executions"


def ok(detail: str | None = None) -> Outcome:
    """It is as it should be."""
    return Outcome(Status.OK, detail)


def skipped(why: str, hint: str | None = None) -> Outcome:
    """It was not looked at."""
    return Outcome(Status.SKIPPED, why, hint)


def warning(detail: str, hint: str | None = None) -> Outcome:
    """It works, but."""
    return Outcome(Status.WARN, detail, hint)


def failure(error: OrderctlError) -> Outcome:
    """It does not work: 4, 7 and 2 keep their meaning, everything else is 1."""
    code = error.exit_code if isinstance(error, AuthError | RefusedError | UsageError) else 1
    return Outcome(Status.FAIL, error.message, error.hint, code)


def verdict(findings: Mapping[Status, list[Finding]]) -> int:
    """The exit code of an examination: pins first, then sign-in and permission, then anything else."""
    codes = {finding.exit_code for finding in findings.get(Status.FAIL, [])}
    return next((code for code in (2, 7, 4, 1) if code in codes), 0)
