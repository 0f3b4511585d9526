"""CloudWatch for `orderctl top`: raised alarms, and how the queues went in the last hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from orderctl.aws.errors import aws_call
from orderctl.clock import Clock, SystemClock
from orderctl.top.models import Alarm
from orderctl.top.ports import Trend

HOUR = timedelta(hours=1)
STEP = 300
"""Seconds of a step of the trend: twelve in an hour."""
AT_ONCE = 250
"""Queues in one call: GetMetricData takes 500 queries (API reference), and each queue needs two."""


class CloudWatchAlarms:
    """DescribeAlarms; composite alarms included, because they may be the only ones with an action."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def raised(self, prefix: str | None) -> list[Alarm]:
        """Alarms in state ALARM whose name begins with `prefix`."""
        wanted: dict[str, Any] = {"StateValue": "ALARM", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        if prefix:
            wanted["AlarmNamePrefix"] = prefix
        found: list[Alarm] = []
        with aws_call("cloudwatch", "DescribeAlarms"):
            for page in self._client.get_paginator("describe_alarms").paginate(**wanted):
                both = (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
                found += [_alarm(each) for each in both]
        return found


class QueueTrends:
    """GetMetricData, once for all queues: depths over an hour and the newest age of the oldest message."""

    def __init__(self, client: Any, clock: Clock | None = None) -> None:
        self._client, self._clock = client, clock or SystemClock()

    def of(self, names: Sequence[str]) -> Mapping[str, Trend]:
        """Queue name to its trend; a queue without values is left out."""
        found: dict[str, Trend] = {}
        for start in range(0, len(names), AT_ONCE):
            found.update(self._some(names[start : start + AT_ONCE]))
        return found

    def _some(self, names: Sequence[str]) -> dict[str, Trend]:
        now = self._clock.now()
        queries = [
            query
            for number, name in enumerate(names)
            for query in (
                _query(f"d{number}", name, "ApproximateNumberOfMessagesVisible"),
                _query(f"a{number}", name, "ApproximateAgeOfOldestMessage"),
            )
        ]
        with aws_call("cloudwatch", "GetMetricData"):
            answer = self._client.get_metric_data(
                MetricDataQueries=queries, StartTime=now - HOUR, EndTime=now, ScanBy="TimestampAscending"
            )
        values = {each["Id"]: each.get("Values") or [] for each in answer.get("MetricDataResults", [])}
        told = {
            name: Trend(
                tuple(int(value) for value in values.get(f"d{number}", [])),
                float(ages[-1]) if (ages := values.get(f"a{number}")) else None,
            )
            for number, name in enumerate(names)
        }
        return {name: trend for name, trend in told.items() if trend != Trend()}


def _query(identifier: str, queue: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "QueueName", "Value": queue}]
    return {
        "Id": identifier,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SQS", "MetricName": metric, "Dimensions": dimensions},
            "Period": STEP,
            "Stat": "Maximum",
        },
    }


def _alarm(said: Mapping[str, Any]) -> Alarm:
    reason = str(said.get("StateReason") or "")
    return Alarm(str(said["AlarmName"]), str(said["StateValue"]), said.get("StateUpdatedTimestamp"), reason)
