"""What is read of logs and traces: lines as they are, the events of executions among them, segments of a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orderctl.orders.models import HistoryEvent


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a log group; `id` is CloudWatch's own, the same each time it is read."""

    id: str
    timestamp: datetime
    group: str
    stream: str
    message: str


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event of an execution, as the state machine's log group tells it."""

    execution_arn: str
    event: HistoryEvent

    @property
    def key(self) -> tuple[str, int, int]:
        """The same for the same event, however often it was delivered."""
        return self.execution_arn, self.event.id, self.event.redrive_count


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of work in an X-Ray trace; `is_inner` for a part of another one."""

    trace_id: str
    name: str
    started_at: datetime
    seconds: float | None
    error: str | None = None
    is_inner: bool = False


class Logs(Protocol):
    """CloudWatch Logs."""

    def lines(
        self, group: str, *, since: datetime, until: datetime | None = None, containing: str = ""
    ) -> Iterator[LogLine]:
        """Lines of a group that hold `containing`, the oldest first, paged as they are read.

        Raises NotFoundError where there is no such group, and errors coded `throttled`.
        """

    def events(
        self,
        group: str,
        *,
        since: datetime,
        until: datetime | None = None,
        execution: str = "",
        ends_only: bool = False,
        with_data: bool = False,
    ) -> Iterator[LoggedEvent]:
        """Events of executions in a state machine's group, in the order of the log, which is not theirs.

        `execution` is an ARN, where `*` stands for anything. `ends_only` leaves out what happened in between
        the start and the end of each.
        """


class FunctionGroups(Protocol):
    """Lambda, as far as logs are concerned."""

    def log_group(self, function: str) -> str:
        """The log group a function writes to; `function` is a name or an ARN. Raises NotFoundError, AuthError."""


class OrderRecords(Protocol):
    """The table orders are recorded in when their stock is taken."""

    def find(self, order_id: str) -> Mapping[str, object] | None:
        """The record of one order, or None where there is none."""


class Traces(Protocol):
    """X-Ray."""

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Segment]:
        """The segments and subsegments of some traces, in the order they began."""
