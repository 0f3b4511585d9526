"""What the screen asks for that no other noun does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orderctl.top.models import Alarm


@dataclass(frozen=True, slots=True)
class Trend:
    """What CloudWatch knows of a queue's last hour: depths, oldest first, and the age of its oldest message."""

    depths: tuple[int, ...] = ()
    oldest_age_seconds: float | None = None


class Trends(Protocol):
    """Queues as CloudWatch counted them; SQS itself tells neither the past nor an age."""

    def of(self, names: Sequence[str]) -> Mapping[str, Trend]:
        """Queue name to its trend, minutes old; missing where nothing was counted."""


class Alarms(Protocol):
    """CloudWatch alarms."""

    def raised(self, prefix: str | None) -> list[Alarm]:
        """Alarms in state ALARM whose name begins with `prefix`, all where that is None."""
