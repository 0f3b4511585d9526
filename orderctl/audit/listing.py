"""The trail read back: each change with how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orderctl.audit.models import Change, Outcome
from orderctl.audit.trail import Trail

_ENDS_COME_WITHIN = 1_000
"""Changes kept beyond those asked for, so that a long one finds its end among many short ones."""


@dataclass(frozen=True, slots=True)
class Found:
    """The changes, newest first, and how many lines could not be read."""

    changes: tuple[Change, ...]
    damaged: int


def find(trail: Trail, *, most: int, since: datetime | None = None, environment: str | None = None) -> Found:
    """The last `most` changes begun at or after `since` in `environment`; memory is bounded by `most`."""
    kept: dict[str, Change] = {}
    damaged = 0
    for line in trail.lines():
        try:
            if line is not None and line["phase"] == "ended":
                _end(kept, line)
                continue
            change = _change(line or {})
        except (KeyError, ValueError, TypeError):
            damaged += 1
            continue
        if (since is None or change.at >= since) and environment in (None, change.environment):
            kept[change.id] = change
            if len(kept) > most + _ENDS_COME_WITHIN:
                del kept[next(iter(kept))]
    return Found(tuple(list(kept.values())[::-1][:most]), damaged)


def _change(line: Mapping[str, Any]) -> Change:
    return Change(
        id=str(line["id"]),
        at=_moment(line["at"]),
        who=line.get("who"),
        environment=str(line["environment"]),
        account=line.get("account"),
        region=line.get("region"),
        command=str(line["command"]),
        reason=line.get("reason"),
        outcome=Outcome.UNKNOWN,
        exit_code=None,
        counts=None,
        ended_at=None,
        note=line.get("note"),
    )


def _end(kept: dict[str, Change], line: Mapping[str, Any]) -> None:
    begun = kept.get(str(line["id"]))
    if begun is not None:
        kept[begun.id] = replace(
            begun,
            outcome=Outcome(line["outcome"]),
            exit_code=line.get("exit_code"),
            counts=line.get("counts"),
            ended_at=_moment(line["at"]),
        )


def _moment(text: str) -> datetime:
    """A time with its offset; one without could not be compared, so its line is damaged."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without offset")
    return found
