"""Durations and moments as people type them: `10m`, `2h`, `1h30m`, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from orderctl.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


def seconds(text: str, flag: str) -> float:
    """`10m` as 600.0; raises UsageError naming the flag."""
    if not _DURATION.fullmatch(text):
        raise UsageError(f"{flag} wants a duration, not {text!r}", hint="such as 30s, 10m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def moment(text: str, flag: str, now: datetime) -> datetime:
    """That long ago for `2h`, else the ISO 8601 time (UTC where it names no offset); raises UsageError."""
    if _DURATION.fullmatch(text):
        return now - timedelta(seconds=seconds(text, flag))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "such as 2h or 2026-11-22T03:00:00Z"
        raise UsageError(f"{flag} wants a time or how long ago, not {text!r}", hint=hint) from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
