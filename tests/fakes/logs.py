"""CloudWatch Logs as the orders package sees it: lines that arrive late, out of order, or not at all."""

from __future__ import annotations

import fnmatch
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from orderctl.aws.execution_logs import event_from_log
from orderctl.errors import NotFoundError, OrderctlError
from orderctl.orders.log_models import LoggedEvent, LogLine, Segment
from tests.fakes.clock import FakeClock
from tests.fakes.histories import Row, log_lines

ENDS = ("ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
ERRORS = ("Failed", "TimedOut", "Aborted", "FailStateEntered")


class FakeLogs:
    """`app.logs` of a test. A line can be read `late` seconds after its time."""

    def __init__(self, clock: FakeClock, *groups: str) -> None:
        self.clock = clock
        self.late: Callable[[LogLine], float] = lambda line: 0.0
        self.groups: dict[str, list[LogLine]] = {group: [] for group in groups}
        self.calls: list[tuple[str, str, datetime]] = []
        self._faults: list[OrderctlError] = []

    # --- for tests -----------------------------------------------------------------------------------------

    def put(self, group: str, message: str, *, at: datetime | None = None, stream: str = "s") -> None:
        lines = self.groups.setdefault(group, [])
        lines.append(LogLine(f"{group}/{len(lines):06d}", at or self.clock.now(), group, stream, message))

    def put_execution(self, group: str, rows: Sequence[Row], arn: str, *, level: str = "ALL") -> None:
        """What a state machine logs of an execution that starts now."""
        start = self.clock.now()
        for (at, kind, _, _), line in zip(rows, log_lines(rows, arn, start), strict=True):
            if level == "ALL" or kind.endswith(ERRORS):
                self.put(group, json.dumps(line), at=start + timedelta(seconds=at))

    def fail(self, error: OrderctlError, *, times: int = 1) -> None:
        self._faults += [error] * times

    # --- the port ------------------------------------------------------------------------------------------

    def lines(
        self, group: str, *, since: datetime, until: datetime | None = None, containing: str = ""
    ) -> Iterator[LogLine]:
        yield from [line for line in self._read(group, containing, since, until) if containing in line.message]

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
        for line in self._read(group, execution, since, until):
            found = event_from_log(line.message, with_data=with_data)
            if found is None or not fnmatch.fnmatchcase(found[0], execution or "*"):
                continue
            if not ends_only or found[1].type in ENDS:
                yield LoggedEvent(*found)

    def _read(self, group: str, what: str, since: datetime, until: datetime | None) -> list[LogLine]:
        self.calls.append((group, what, since))
        if self._faults:
            raise self._faults.pop(0)
        if group not in self.groups:
            raise NotFoundError(f"log group {group}: The specified log group does not exist.")
        now = self.clock.now()
        readable = [
            line
            for line in self.groups[group]
            if line.timestamp + timedelta(seconds=self.late(line)) <= now
            and since <= line.timestamp
            and (until is None or line.timestamp < until)
        ]
        return sorted(readable, key=lambda line: line.timestamp)


class FakeGroups:
    """`app.function_groups`: a group a function, as Lambda does it, or the one it was given."""

    def __init__(self, **groups: str) -> None:
        self.groups = groups
        self.error: OrderctlError | None = None

    def log_group(self, function: str) -> str:
        if self.error is not None:
            raise self.error
        name = function.rpartition(":function:")[2]
        return self.groups.get(name, f"/aws/lambda/{name}")


class FakeRecords:
    """`app.order_records`."""

    def __init__(self) -> None:
        self.records: dict[str, Mapping[str, object]] = {}
        self.error: OrderctlError | None = None

    def find(self, order_id: str) -> Mapping[str, object] | None:
        if self.error is not None:
            raise self.error
        return self.records.get(order_id)


class FakeTraces:
    """`app.traces`."""

    def __init__(self) -> None:
        self.traces: dict[str, list[Segment]] = defaultdict(list)
        self.error: OrderctlError | None = None
        self.asked: list[str] = []

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Segment]:
        self.asked += trace_ids
        if self.error is not None:
            raise self.error
        return [segment for trace_id in trace_ids for segment in self.traces.get(trace_id, [])]
