"""CloudWatch metrics: how old the oldest message of a queue is, and how functions did lately.

Neither is told anywhere else. Both are a few minutes old and miss what CloudWatch has not counted yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from orderctl.aws.errors import aws_call
from orderctl.clock import Clock, SystemClock

WINDOW = timedelta(minutes=15)
"""SQS publishes once a minute, for queues that were active in the last six hours."""
AT_ONCE = 500
"""Queries in one GetMetricData call (API reference)."""


class QueueAges:
    """`ApproximateAgeOfOldestMessage`, the newest value of the last minutes."""

    def __init__(self, client: Any, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()

    def oldest(self, names: Sequence[str]) -> Mapping[str, float]:
        """Queue name to seconds; a queue without a recent value is left out."""
        found: dict[str, float] = {}
        for start in range(0, len(names), AT_ONCE):
            found.update(self._some(names[start : start + AT_ONCE]))
        return found

    def _some(self, names: Sequence[str]) -> dict[str, float]:
        now = self._clock.now()
        queries = [{"Id": f"q{number}", "MetricStat": _metric(name)} for number, name in enumerate(names)]
        with aws_call("cloudwatch", "GetMetricData"):
            answer = self._client.get_metric_data(
                MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now, ScanBy="TimestampDescending"
            )
        results = {result["Id"]: result.get("Values") or [] for result in answer.get("MetricDataResults", [])}
        return {name: float(values[0]) for n, name in enumerate(names) if (values := results.get(f"q{n}"))}


class FunctionHealth:
    """`Errors` beside `Invocations` of functions, all versions together."""

    def __init__(self, client: Any, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()

    def failures(self, functions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Function name to (failed, all) invocations of the last 15 minutes; left out where none was counted."""
        found: dict[str, tuple[int, int]] = {}
        for start in range(0, len(functions), AT_ONCE // 2):
            found.update(self._some(functions[start : start + AT_ONCE // 2]))
        return found

    def _some(self, names: Sequence[str]) -> dict[str, tuple[int, int]]:
        now = self._clock.now()
        queries = [
            {"Id": f"{what.lower()}{number}", "MetricStat": _count(name, what)}
            for number, name in enumerate(names)
            for what in ("Errors", "Invocations")
        ]
        with aws_call("cloudwatch", "GetMetricData"):
            answer = self._client.get_metric_data(MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now)
        sums = {each["Id"]: int(sum(each.get("Values") or [])) for each in answer.get("MetricDataResults", [])}
        counted = {name: (sums.get(f"errors{n}", 0), sums.get(f"invocations{n}", 0)) for n, name in enumerate(names)}
        return {name: both for name, both in counted.items() if any(both)}


def _count(function: str, what: str) -> dict[str, Any]:
    dimensions = [{"Name": "FunctionName", "Value": function}]
    return {
        "Metric": {"Namespace": "AWS/Lambda", "MetricName": what, "Dimensions": dimensions},
        "Period": 60,
        "Stat": "Sum",
    }


def _metric(queue: str) -> dict[str, Any]:
    return {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": queue}],
        },
        "Period": 60,
        "Stat": "Maximum",
    }
