"""What stands on the screen of the person on call; the field names are the JSON's.

A part that could not be read is empty and has a note: a screen that shows less is better than none at 03:00.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExecutionCounts:
    """Executions started within the window, by status; `started` and `failed` count them in equal steps of time.

    `is_whole` says whether every execution of the window was read: else the numbers are those of the newest.
    """

    by_status: Mapping[str, int] = field(default_factory=dict)
    started: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Executions that failed with the same error; `order_id` is the newest of them."""

    error: str
    count: int
    order_id: str
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunningOrder:
    """An execution that has not ended."""

    order_id: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """One dead-letter or on-failure queue; `depths` are earlier counts, oldest first, the last one is `depth`."""

    name: str
    depth: int
    in_flight: int
    oldest_age_seconds: float | None
    depths: tuple[int, ...] = ()

    @property
    def trend(self) -> int:
        """Above 0 where it fills, below where it empties."""
        return self.depths[-1] - self.depths[0] if self.depths else 0


@dataclass(frozen=True, slots=True)
class LowStock:
    """A product with less than asked for."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm that is not OK; `state` is CloudWatch's word."""

    name: str
    state: str
    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `missing` names the parts that were never read, `notes` say what is missing or old."""

    taken_at: datetime
    environment: str
    window_seconds: float
    executions: ExecutionCounts = ExecutionCounts()
    failures: tuple[FailureCount, ...] = ()
    running: tuple[RunningOrder, ...] = ()
    dead_letter_queues: tuple[DeadLetterQueue, ...] = ()
    low_stock: tuple[LowStock, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
