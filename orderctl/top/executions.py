"""The executions of the last hour, read anew every few seconds without spending the account's quota.

ListExecutions refills with 2 calls a second for the whole account in most Regions, and it tells no error. So
what has ended is remembered, each look reads the newest pages only as far back as something still ran, and the
error of a failed execution is asked for once, for a few at a time, the newest first.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.orders.cause import decode
from orderctl.orders.models import Execution, ExecutionStatus
from orderctl.orders.ports import Executions
from orderctl.top.models import ExecutionCounts, FailureCount, RunningOrder

PAGE = 100
FIRST_PAGES = 10
"""Pages read at the beginning: 1,000 executions, a tenth of what the account may ask at once."""
MORE_PAGES = 3
"""Pages at each later look."""
FIRST_DESCRIBED = 25
MORE_DESCRIBED = 5
"""DescribeExecution refills with 10 calls a second in most Regions."""
STEPS = 20
"""Steps of time the window is counted in."""
OVERLAP = timedelta(seconds=60)
"""The list is documented as eventually consistent: its last minute is always read again."""
BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED)
UNKNOWN = "(not looked at yet)"


class RecentExecutions:
    """What is known of the executions of one state machine within the window."""

    def __init__(self, executions: Executions, machine: str, clock: Clock, window: timedelta) -> None:
        self._executions, self._machine, self._clock, self._window = executions, machine, clock, window
        self._known: dict[str, Execution] = {}
        self._errors: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self._is_whole = True
        self._read_to: datetime | None = None
        """Up to when everything was read by the last look."""

    def look(self) -> None:
        """Read what is new or was still running, and ask for the errors of some that failed."""
        now = self._clock.now()
        begin = now - self._window
        self._known = {arn: each for arn, each in self._known.items() if _start(each, now) >= begin}
        is_first = self._read_to is None
        seen = self._read(max(begin, self._back_to(now)), PAGE * (FIRST_PAGES if is_first else MORE_PAGES))
        self._read_to = now
        self._ask_after_running(seen)
        self._ask_for_errors(FIRST_DESCRIBED if is_first else MORE_DESCRIBED)

    def counts(self) -> ExecutionCounts:
        """By status, and over time."""
        found = list(self._known.values())
        by_status = Counter(each.status.value for each in found)
        return ExecutionCounts(
            {status.value: by_status[status.value] for status in ExecutionStatus if by_status[status.value]},
            self._over_time(found),
            self._over_time(each for each in found if each.status in BAD),
            self._is_whole,
        )

    def failures(self) -> tuple[FailureCount, ...]:
        """Errors, the most frequent first."""
        by_error: dict[str, list[Execution]] = {}
        for each in self._newest_first():
            if each.status in BAD:
                by_error.setdefault(self._errors.get(each.execution_arn, UNKNOWN), []).append(each)
        counted = [FailureCount(e, len(f), f[0].order_id, f[0].started_at) for e, f in by_error.items()]
        return tuple(sorted(counted, key=lambda each: (-each.count, each.error)))

    def running(self) -> tuple[RunningOrder, ...]:
        """What runs, the longest first."""
        newest = [each for each in self._newest_first() if each.status is ExecutionStatus.RUNNING]
        return tuple(RunningOrder(each.order_id, each.started_at) for each in reversed(newest))

    def _back_to(self, now: datetime) -> datetime:
        if self._read_to is None:
            return now - self._window
        still = [_start(each, now) for each in self._known.values() if not each.status.is_closed]
        return min([self._read_to - OVERLAP, *still])

    def _read(self, since: datetime, most: int) -> set[str]:
        """ARNs of the newest, back to `since`; at most `most`, which is said where it leaves a hole."""
        now = self._clock.now()
        seen: set[str] = set()
        for each in self._executions.list(self._machine, page_size=PAGE):
            if _start(each, now) < since:
                break
            if len(seen) == most:
                self._is_whole &= self._read_to is not None and _start(each, now) < self._read_to - OVERLAP
                break
            self._remember(each)
            seen.add(each.execution_arn)
        return seen

    def _ask_after_running(self, seen: set[str]) -> None:
        """What still ran when it was last seen, and lies too far back to be listed again each time."""
        lost = [arn for arn, each in self._known.items() if not each.status.is_closed and arn not in seen]
        for arn in sorted(lost, key=lambda each: self._asked.get(each, 0))[:MORE_DESCRIBED]:
            self._asked[arn] = self._clock.monotonic()
            self._remember(self._executions.describe(arn))

    def _remember(self, execution: Execution) -> None:
        """A redriven execution is another one as far as its error goes."""
        before = self._known.get(execution.execution_arn)
        if before is not None and before.status is not execution.status:
            self._errors.pop(execution.execution_arn, None)
        self._known[execution.execution_arn] = execution

    def _ask_for_errors(self, most: int) -> None:
        wanted = [e for e in self._newest_first() if e.status in BAD and e.execution_arn not in self._errors]
        for each in wanted[:most]:
            said = self._executions.describe(each.execution_arn)
            self._errors[each.execution_arn] = decode(said.error, said.cause).type or each.status.value

    def _newest_first(self) -> Sequence[Execution]:
        now = self._clock.now()
        return sorted(self._known.values(), key=lambda each: (_start(each, now), each.order_id), reverse=True)

    def _over_time(self, executions: Iterable[Execution]) -> tuple[int, ...]:
        now = self._clock.now()
        steps = [0] * STEPS
        for each in executions:
            share = 1 - (now - _start(each, now)) / self._window
            steps[min(STEPS - 1, max(0, int(share * STEPS)))] += 1
        return tuple(steps)


def _start(execution: Execution, now: datetime) -> datetime:
    return execution.started_at or now
