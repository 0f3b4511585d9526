"""CloudWatch Logs, as the orders package reads it: by FilterLogEvents, never by a live tail.

A live tail shows lines a second sooner, but is billed by the minute, samples what comes faster than 500 lines
a second, ends after three hours, allows 15 sessions an account, and sees nothing of what was before. Reading
again with an overlap misses nothing and needs no session to be renewed.

Empty pages with a token are normal and no end. A filter is a help for the service, not a promise: emulators
ignore some, so what comes is looked at again here.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.execution_logs import event_from_log
from orderctl.orders.log_models import LoggedEvent, LogLine
from orderctl.orders.models import TERMINAL, HistoryEvent
from orderctl.pacing import TokenBuckets

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ENDS = ("ExecutionStarted", "ExecutionRedriven", *TERMINAL)


class CloudWatchLogs:
    """Log groups of one account and Region; calls are paced below the smallest quota there is."""

    def __init__(self, client: CloudWatchLogsClient, buckets: TokenBuckets) -> None:
        self._client: Any = client
        self._buckets = buckets

    def lines(
        self, group: str, *, since: datetime, until: datetime | None = None, containing: str = ""
    ) -> Iterator[LogLine]:
        """Lines from `since` to before `until`; `containing` is looked for as it is written."""
        for line in self._read(group, since, until, _quoted(containing) if containing else ""):
            if containing in line.message:
                yield line

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
        """Events of executions; a line that is none is left out."""
        wanted = re.compile(re.escape(execution or "*").replace(r"\*", ".*"))
        for line in self._read(group, since, until, _pattern(execution, ends_only)):
            found = _event(line.message, with_data=with_data)
            if found is None or not wanted.fullmatch(found[0]) or (ends_only and found[1].type not in _ENDS):
                continue
            yield LoggedEvent(*found)

    def _read(self, group: str, since: datetime, until: datetime | None, pattern: str) -> Iterator[LogLine]:
        asked: dict[str, Any] = {"logGroupName": group, "startTime": _milliseconds(since)}
        if until is not None:
            asked["endTime"] = _milliseconds(until)
        if pattern:
            asked["filterPattern"] = pattern
        while True:
            with (
                self._buckets.paced("FilterLogEvents"),
                aws_call("logs", "FilterLogEvents", subject=f"log group {group}"),
            ):
                answer = self._client.filter_log_events(**asked)
            for event in answer.get("events", []):
                yield _line(group, event)
            token = answer.get("nextToken")
            if not token or token == asked.get("nextToken"):
                return
            asked["nextToken"] = token


def _event(message: str, *, with_data: bool) -> tuple[str, HistoryEvent] | None:
    """The event of a line, or None: whoever may write to the group can write what only looks like one."""
    try:
        return event_from_log(message, with_data=with_data)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _pattern(execution: str, ends_only: bool) -> str:
    parts = [f"$.execution_arn = {_quoted(execution)}"] if execution else []
    if ends_only:
        parts.append("(" + " || ".join(f'$.type = "{kind}"' for kind in _ENDS) + ")")
    return f"{{ {' && '.join(parts)} }}" if parts else ""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _line(group: str, event: dict[str, Any]) -> LogLine:
    at = _EPOCH + int(event["timestamp"]) * _MILLISECOND
    message = str(event.get("message", "")).rstrip("\n")
    return LogLine(str(event.get("eventId", "")), at, group, str(event.get("logStreamName", "")), message)
