"""CloudWatch Logs, X-Ray, Lambda's log groups and the table of orders, answered by botocore's Stubber."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from orderctl.aws.function_groups import LambdaGroups
from orderctl.aws.logs import CloudWatchLogs
from orderctl.aws.order_records import DynamoDbOrders
from orderctl.aws.xray import XRayTraces
from orderctl.errors import AuthError, FailedError, NotFoundError
from orderctl.pacing import TokenBuckets
from tests.fakes.clock import FakeClock
from tests.fakes.executions import EXPRESS_GROUP
from tests.fakes.histories import SUCCEEDED, log_lines

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MS = int(NOON.timestamp() * 1000)
ARN = "arn:aws:states:us-east-1:123456789012:express:orders-express:o-1:0c1e"
OTHER = ARN.replace("o-1", "o-2")


def stubbed(service: str) -> tuple[Any, Stubber]:
    session = botocore.session.Session()
    session.set_credentials("x", "x")
    client = session.create_client(service, region_name="us-east-1")
    stub = Stubber(client)
    stub.activate()
    return client, stub


def said(message: str, *, at: int = MS, number: int = 0) -> dict[str, Any]:
    return {"logStreamName": "s", "timestamp": at, "message": message, "eventId": f"e{number}"}


def test_lines_are_read_page_by_page_and_an_empty_page_is_no_end() -> None:
    client, stub = stubbed("logs")
    asked = {"logGroupName": "/g", "startTime": MS, "endTime": MS + 60_000, "filterPattern": '"o-1"'}
    stub.add_response("filter_log_events", {"events": [], "nextToken": "a"}, asked)
    stub.add_response(
        "filter_log_events", {"events": [said("about o-1\n")], "nextToken": "b"}, {**asked, "nextToken": "a"}
    )
    stub.add_response("filter_log_events", {"events": [said("o-1 again", number=1)]}, {**asked, "nextToken": "b"})
    logs = CloudWatchLogs(client, TokenBuckets(FakeClock()))
    found = list(logs.lines("/g", since=NOON, until=NOON + timedelta(minutes=1), containing="o-1"))
    assert [(line.id, line.timestamp, line.message) for line in found] == [
        ("e0", NOON, "about o-1"),
        ("e1", NOON, "o-1 again"),
    ]


def test_what_a_filter_let_through_is_looked_at_again() -> None:
    """As an emulator answers that ignores the pattern."""
    client, stub = stubbed("logs")
    mine, others = log_lines(SUCCEEDED, ARN), log_lines(SUCCEEDED, OTHER)
    events = [said(json.dumps(line)) for line in (*mine, *others)] + [said("not an event")]
    stub.add_response("filter_log_events", {"events": events})
    logs = CloudWatchLogs(client, TokenBuckets(FakeClock()))
    found = list(logs.events(EXPRESS_GROUP, since=NOON, execution=ARN.replace("0c1e", "*"), ends_only=True))
    assert [(each.execution_arn, each.event.type) for each in found] == [
        (ARN, "ExecutionStarted"),
        (ARN, "ExecutionSucceeded"),
    ]


def test_a_pattern_is_quoted_so_that_an_order_id_cannot_change_it() -> None:
    client, stub = stubbed("logs")
    stub.add_response(
        "filter_log_events", {"events": []}, {"logGroupName": "/g", "startTime": MS, "filterPattern": '"a\\" || \\"b"'}
    )
    assert list(CloudWatchLogs(client, TokenBuckets(FakeClock())).lines("/g", since=NOON, containing='a" || "b')) == []


def test_calls_are_paced_below_the_smallest_quota() -> None:
    client, stub = stubbed("logs")
    clock = FakeClock()
    for number in range(20):
        stub.add_response("filter_log_events", {"events": [], "nextToken": f"t{number}"})
    stub.add_response("filter_log_events", {"events": []})
    list(CloudWatchLogs(client, TokenBuckets(clock)).lines("/g", since=NOON))
    assert clock.elapsed >= 4


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ResourceNotFoundException", NotFoundError),
        ("AccessDeniedException", AuthError),
        ("ThrottlingException", FailedError),
    ],
)
def test_what_goes_wrong_is_told_in_our_words(code: str, kind: type[Exception]) -> None:
    client, stub = stubbed("logs")
    stub.add_client_error("filter_log_events", code, "no")
    with pytest.raises(kind, match="log group /g"):
        list(CloudWatchLogs(client, TokenBuckets(FakeClock())).lines("/g", since=NOON))


@pytest.mark.parametrize(
    ("config", "group"), [({"LogGroup": "/orders/functions"}, "/orders/functions"), (None, "/aws/lambda/validate")]
)
def test_a_function_logs_where_it_was_told_or_under_its_name(config: dict[str, str] | None, group: str) -> None:
    client, stub = stubbed("lambda")
    answer: dict[str, Any] = {"FunctionName": "validate", **({"LoggingConfig": config} if config else {})}
    stub.add_response("get_function_configuration", answer, {"FunctionName": "arn:f:validate"})
    groups = LambdaGroups(client)
    assert [groups.log_group("arn:f:validate") for _ in range(2)] == [group, group]


def test_an_orders_record_is_read_with_its_numbers_exact() -> None:
    client, stub = stubbed("dynamodb")
    item = {"order_id": {"S": "o-1"}, "quantity": {"N": "2"}, "status": {"S": "ACCEPTED"}}
    asked = {"TableName": "orders", "Key": {"order_id": {"S": "o-1"}}, "ConsistentRead": True}
    stub.add_response("get_item", {"Item": item}, asked)
    stub.add_response("get_item", {}, asked)
    orders = DynamoDbOrders(client, "orders")
    assert orders.find("o-1") == {"order_id": "o-1", "quantity": Decimal(2), "status": "ACCEPTED"}
    assert orders.find("o-1") is None


def test_segments_come_with_their_parts_in_the_order_they_began() -> None:
    client, stub = stubbed("xray")
    trace = "1-67480000-0123456789abcdef01234567"
    late = {"name": "process-order", "start_time": MS / 1000 + 2, "end_time": MS / 1000 + 3}
    early = {
        "name": "orders-api",
        "start_time": MS / 1000,
        "end_time": MS / 1000 + 0.5,
        "subsegments": [
            {
                "name": "EventBridge",
                "start_time": MS / 1000 + 0.1,
                "fault": True,
                "cause": {"exceptions": [{"type": "Timeout", "message": "no answer"}]},
            }
        ],
    }
    segments = [{"Id": str(n), "Document": json.dumps(each)} for n, each in enumerate((late, early))]
    stub.add_response("batch_get_traces", {"Traces": [{"Id": trace, "Segments": segments}]}, {"TraceIds": [trace]})
    found = XRayTraces(client).segments([trace])
    assert [(each.name, each.is_inner, each.seconds, each.error) for each in found] == [
        ("orders-api", False, 0.5, None),
        ("EventBridge", True, None, "Timeout: no answer"),
        ("process-order", False, 1.0, None),
    ]


def test_traces_are_asked_for_five_at_a_time() -> None:
    client, stub = stubbed("xray")
    for some in ([f"t{n}" for n in range(5)], ["t5", "t6"]):
        stub.add_response("batch_get_traces", {"Traces": []}, {"TraceIds": some})
    assert XRayTraces(client).segments([f"t{n}" for n in range(7)]) == []
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "forged",
    [
        {"id": "x"},
        {"event_timestamp": "9" * 30},
        {"details": "text"},
        {"event_timestamp": None},
        {"redrive_count": "?"},
    ],
)
def test_a_line_that_only_looks_like_an_event_is_left_out_and_ends_nothing(forged: dict[str, object]) -> None:
    client, stub = stubbed("logs")
    good = log_lines(SUCCEEDED, ARN)[0]
    events = [said(json.dumps({**good, **forged})), said(json.dumps(good), number=1)]
    stub.add_response("filter_log_events", {"events": events})
    assert len(list(CloudWatchLogs(client, TokenBuckets(FakeClock())).events(EXPRESS_GROUP, since=NOON))) == 1
