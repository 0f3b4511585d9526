"""`--since`, `--until`, `--timeout`: a moment or a span, the same everywhere.

`10m`, `2h`, `1d`, `90s`, `1h30m` or ISO 8601; an ISO time without a zone is UTC, as everything orderctl
prints. A span as a moment is that long ago.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from orderctl.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def span(text: str, flag: str) -> float:
    """Seconds in `10m`, `1h30m` or a bare number; raises UsageError naming the flag."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if not _SPAN.fullmatch(text):
        raise UsageError(f"{flag}: not a duration: {text!r}", hint="such as 90s, 10m, 2h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def moment(text: str, now: datetime, flag: str) -> datetime:
    """The moment `text` means, aware, in UTC; raises UsageError naming the flag."""
    if _SPAN.fullmatch(text):
        return now - timedelta(seconds=span(text, flag))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "such as 10m, 2h, or 2026-11-22T03:00:00Z"
        raise UsageError(f"{flag}: not a time: {text!r}", hint=hint) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
