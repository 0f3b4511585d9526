"""What is asked of CloudWatch for the screen, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orderctl.aws.cloudwatch_alarms import CloudWatchAlarms, QueueTrends
from orderctl.top.models import Alarm
from orderctl.top.ports import Trend
from tests.fakes.clock import FakeClock

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Client:
    """Answers from a script; keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def get_metric_data(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(wanted)
        return self.answers.pop(0)

    def get_paginator(self, operation: str) -> Client:
        assert operation == "describe_alarms"
        return self

    def paginate(self, **wanted: Any) -> list[dict[str, Any]]:
        self.asked.append(wanted)
        return self.answers


def test_raised_alarms_are_read_over_all_pages_composite_ones_included() -> None:
    raised = {"StateValue": "ALARM", "StateUpdatedTimestamp": AT, "StateReason": "3 >= 1"}
    client = Client(
        {"MetricAlarms": [{"AlarmName": "orders-A", **raised}], "CompositeAlarms": []},
        {"MetricAlarms": [], "CompositeAlarms": [{"AlarmName": "orders-B", "StateValue": "ALARM"}]},
    )
    assert CloudWatchAlarms(client).raised("orders-") == [
        Alarm("orders-A", "ALARM", AT, "3 >= 1"),
        Alarm("orders-B", "ALARM", None, ""),
    ]
    assert client.asked == [
        {"StateValue": "ALARM", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "AlarmNamePrefix": "orders-"}
    ]


def test_without_a_stack_every_alarm_counts() -> None:
    client = Client({})
    assert CloudWatchAlarms(client).raised(None) == []
    assert "AlarmNamePrefix" not in client.asked[0]


def test_queues_are_asked_for_together_and_told_apart_by_their_ids() -> None:
    client = Client(
        {
            "MetricDataResults": [
                {"Id": "d0", "Values": [1.0, 2.0, 9.0]},
                {"Id": "a0", "Values": [60.0, 7200.0]},
                {"Id": "d1", "Values": []},
                {"Id": "a1", "Values": []},
            ]
        }
    )
    assert QueueTrends(client, FakeClock()).of(["full", "quiet"]) == {"full": Trend((1, 2, 9), 7200.0)}
    (asked,) = client.asked
    names = [query["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for query in asked["MetricDataQueries"]]
    assert names == ["full", "full", "quiet", "quiet"]
    assert asked["ScanBy"] == "TimestampAscending"
    assert (asked["EndTime"] - asked["StartTime"]).total_seconds() == 3600


def test_a_call_never_holds_more_queries_than_cloudwatch_takes() -> None:
    client = Client({}, {})
    QueueTrends(client, FakeClock()).of([f"queue-{number}" for number in range(251)])
    assert [len(asked["MetricDataQueries"]) for asked in client.asked] == [500, 2]
