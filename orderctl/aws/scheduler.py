"""EventBridge Scheduler as wiring; and `each_of`, the way every adapter looks at many things one by one.

Listing gives names only, so each schedule (queue, function, subscription) costs a call of its own: a few at a
time, slower when AWS throttles. What vanished since it was listed is left out. What may not be looked at does
not hide the rest: it is told at the very end, so that a caller keeps what it got and knows it is not all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from orderctl.aws.errors import EXPIRED, aws_call
from orderctl.clock import Clock, SystemClock
from orderctl.dlq.models import Target
from orderctl.errors import AuthError, NotFoundError
from orderctl.pool import Failed, Pool

if TYPE_CHECKING:
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

T = TypeVar("T")
R = TypeVar("R")

_UNDERSTOOD = frozenset({"Arn", "RoleArn", "Input", "SqsParameters", "DeadLetterConfig", "RetryPolicy"})
"""Keys of a target that are applied, or are Scheduler's own affair; any other makes the target unsupported."""
AT_ONCE = 8
"""Calls in flight: the control planes asked here allow 15 (Lambda) to 50 a second for the whole account."""


class SchedulerSchedules:
    """Schedules of every group."""

    def __init__(self, client: EventBridgeSchedulerClient, clock: Clock | None = None) -> None:
        self._client = client
        self._clock: Clock = clock or SystemClock()

    def dead_letter_targets(self) -> Iterator[tuple[Target, str]]:
        """(target, its dead-letter queue ARN), in no order. A denial is raised after the last."""
        return each_of(self._target, self._names(), self._clock)

    def _names(self) -> Iterator[tuple[str, str]]:
        pages = self._client.get_paginator("list_schedules").paginate()
        with aws_call("scheduler", "ListSchedules"):
            for page in pages:
                yield from ((row["GroupName"], row["Name"]) for row in page["Schedules"])

    def _target(self, schedule: tuple[str, str]) -> list[tuple[Target, str]]:
        group, name = schedule
        with aws_call("scheduler", "GetSchedule", subject=f"schedule {group}/{name}"):
            said = self._client.get_schedule(GroupName=group, Name=name)
        queue = said["Target"].get("DeadLetterConfig", {}).get("Arn")
        return [(_target(said["Arn"], said["Target"]), queue)] if queue else []


def _target(schedule_arn: str, said: Mapping[str, Any]) -> Target:
    """A templated target's input is the event, a universal one's the parameters of the API it calls."""
    return Target(
        rule_arn=schedule_arn,
        target_id="",
        arn=said["Arn"],
        input=said.get("Input"),
        message_group_id=said.get("SqsParameters", {}).get("MessageGroupId"),
        unsupported=", ".join(sorted(said.keys() - _UNDERSTOOD)) or None,
    )


def each_of(work: Callable[[T], list[R]], items: Iterable[T], clock: Clock) -> Iterator[R]:
    """What `work` finds for each item, `AT_ONCE` at a time, as they end.

    Left out: items that are not found any more. After the last: one AuthError for all items that were denied.
    At once: expired credentials, and whatever else `work` raises.
    """
    denied: list[AuthError] = []

    def careful(item: T) -> list[R]:
        try:
            return work(item)
        except NotFoundError:
            return []
        except AuthError as error:
            if error.aws is None or error.aws.code in EXPIRED:
                raise
            denied.append(error)
            return []

    for outcome in Pool(clock, workers=AT_ONCE).each(careful, items):
        if isinstance(outcome, Failed):
            raise outcome.error
        yield from outcome.result
    if denied:
        first, more = denied[0], len(denied) - 1
        raise AuthError(first.message + (f" (and {more} more)" if more else ""), hint=first.hint, aws=first.aws)
