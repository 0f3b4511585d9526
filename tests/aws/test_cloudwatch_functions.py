"""How functions did lately, asked of a CloudWatch at the wire."""

from __future__ import annotations

import pytest

from orderctl.aws.cloudwatch import AT_ONCE, WINDOW, FunctionHealth
from orderctl.errors import AuthError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied
from tests.fakes.sqs.errors import Json


class Counted:
    """(failed, all) invocations a minute of each function, as GetMetricData answers them."""

    def __init__(self, **minutes: list[tuple[int, int]]) -> None:
        self.minutes = minutes

    def call(self, operation: str, params: Json) -> Json:
        return {"MetricDataResults": [self._result(query) for query in params["MetricDataQueries"]]}

    def _result(self, query: Json) -> Json:
        metric = query["MetricStat"]["Metric"]
        assert (metric["Namespace"], query["MetricStat"]["Stat"]) == ("AWS/Lambda", "Sum")
        [dimension] = metric["Dimensions"]
        which = 0 if metric["MetricName"] == "Errors" else 1
        values = [float(minute[which]) for minute in self.minutes.get(dimension["Value"], [])]
        return {"Id": query["Id"], "Label": "", "Values": values, "StatusCode": "Complete"}


def adapter(backend: Counted) -> tuple[FakeAws, FunctionHealth]:
    aws = FakeAws(FakeClock())
    aws.services["cloudwatch"] = backend
    return aws, FunctionHealth(aws.client("cloudwatch"), aws.clock)


def test_the_minutes_of_the_last_quarter_of_an_hour_are_summed_and_silence_is_left_out() -> None:
    aws, health = adapter(Counted(process=[(2, 5), (1, 4)], mail=[(0, 3)]))
    assert health.failures(["process", "mail", "quiet"]) == {"process": (3, 9), "mail": (0, 3)}
    [asked] = aws.calls_of("GetMetricData")
    assert asked["EndTime"] - asked["StartTime"] == WINDOW.total_seconds() == 900


def test_more_functions_than_one_call_takes_are_asked_about_in_several() -> None:
    aws, health = adapter(Counted())
    health.failures([f"f{number}" for number in range(AT_ONCE)])
    assert [len(each["MetricDataQueries"]) for each in aws.calls_of("GetMetricData")] == [AT_ONCE, AT_ONCE]


def test_a_missing_permission_is_an_auth_error() -> None:
    aws, health = adapter(Counted())
    aws.faults.on("GetMetricData", access_denied())
    with pytest.raises(AuthError, match="GetMetricData"):
        health.failures(["process"])
