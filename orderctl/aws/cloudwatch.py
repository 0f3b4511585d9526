"""CloudWatch metrics of queues: the only place AWS tells how old the oldest message is."""

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
