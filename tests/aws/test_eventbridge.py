"""The adapter at the wire: a real client, a fake bus behind it, and the connection broken on purpose."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from orderctl.aws.eventbridge import EventBridgeBus
from orderctl.errors import AuthError, FailedError, NotFoundError, ThrottledError
from orderctl.events.models import AnswerLostError, Event, Rule, Taken, Target
from orderctl.pacing import TokenBuckets
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import START, FakeClock
from tests.fakes.sqs.effects import reply_lost

EVENT = Event("orders.api", "OrderCreated", '{"n": 1}')


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.events.create_bus("orders")
    return aws


def bus_of(aws: FakeAws, name: str = "orders") -> EventBridgeBus:
    return EventBridgeBus(
        aws.client("events", attempts=3), name, once=aws.client("events", attempts=1), buckets=TokenBuckets(FakeClock())
    )


def stubbed() -> tuple[EventBridgeBus, Stubber]:
    client: Any = boto3.client("events", region_name="x", aws_access_key_id="x", aws_secret_access_key="x")
    return EventBridgeBus(client, "orders", once=client, buckets=TokenBuckets(FakeClock())), Stubber(client)


def test_a_missing_bus_is_not_found_although_putting_to_it_would_answer_well(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="event bus nowhere"):
        bus_of(aws, "nowhere").arn()
    assert bus_of(aws, "nowhere").put([EVENT])[0].event_id is not None
    assert bus_of(aws).arn() == "arn:aws:events:ap-northeast-1:123456789012:event-bus/orders"


def test_every_field_of_an_event_is_sent(aws: FakeAws) -> None:
    time = datetime(2026, 11, 22, 3, tzinfo=UTC)
    (taken,) = bus_of(aws).put([Event("s", "t", '{"price": 1.50}', time, ("arn:x",))])
    (put,) = aws.events.put
    assert put == {
        "EventId": taken.event_id,
        "EventBusName": "orders",
        "Source": "s",
        "DetailType": "t",
        "Detail": '{"price": 1.50}',
        "Time": int(time.timestamp()),
        "Resources": ["arn:x"],
    }


def test_failed_entries_of_a_200_come_back_at_their_places() -> None:
    bus, stub = stubbed()
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "again"}
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, failed, {"EventId": "3"}]})
    with stub:
        assert bus.put([EVENT] * 3) == [Taken("1"), Taken(None, "InternalFailure", "again"), Taken("3")]


def test_a_lost_reply_is_said_to_be_lost_and_the_events_were_sent_once(aws: FakeAws) -> None:
    aws.faults.on("PutEvents", reply_lost(), nth=1)
    with pytest.raises(AnswerLostError):
        bus_of(aws).put([EVENT])
    assert len(aws.events.put) == 1


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InternalFailure", 500, AnswerLostError),
        ("ServiceUnavailable", 503, AnswerLostError),
        ("ThrottlingException", 400, ThrottledError),
        ("AccessDeniedException", 400, AuthError),
    ],
)
def test_refusals_are_told_from_answers_that_leave_it_open(code: str, status: int, error: type[Exception]) -> None:
    bus, stub = stubbed()
    stub.add_client_error("put_events", code, "no", status)
    with stub, pytest.raises(error):
        bus.put([EVENT])


def test_an_endpoint_that_is_not_there_took_nothing() -> None:
    from botocore.config import Config

    client = boto3.client(
        "events", region_name="x", endpoint_url="http://127.0.0.1:9", aws_access_key_id="x",
        aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )  # fmt: skip
    with pytest.raises(FailedError, match="Could not connect"):
        EventBridgeBus(client, "orders", once=client, buckets=TokenBuckets(FakeClock())).put([EVENT])


def test_an_answer_of_another_length_is_no_answer() -> None:
    bus, stub = stubbed()
    stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    with stub, pytest.raises(AnswerLostError):
        bus.put([EVENT, EVENT])


def test_rules_and_targets_come_from_every_page(aws: FakeAws) -> None:
    aws.events.page_size = 2
    for number in range(5):
        made = aws.events.create_rule(f"r{number}", "orders", {"source": ["orders.api"]})
    made.target("a", "arn:1", Input="{}")
    made.target("b", "arn:2", InputTransformer={"InputPathsMap": {"x": "$.id"}, "InputTemplate": "<x>"})
    made.target("c", "arn:3", InputPath="$.detail")
    bus = bus_of(aws)
    rules = list(bus.rules())
    assert rules[4] == Rule("r4", made.arn, "ENABLED", '{"source": ["orders.api"]}')
    assert list(bus.targets(rules[4])) == [
        Target(made.arn, "a", "arn:1", input="{}"),
        Target(made.arn, "b", "arn:2", input_paths={"x": "$.id"}, input_template="<x>"),
        Target(made.arn, "c", "arn:3", input_path="$.detail"),
    ]


def test_the_envelope_has_all_that_testing_a_pattern_wants(aws: FakeAws) -> None:
    bus = bus_of(aws)
    envelope = EVENT.envelope(bus.arn(), START)
    assert bus.matches('{"source": ["orders.api"], "detail": {"n": [1]}}', envelope)
    assert not bus.matches('{"source": ["other"]}', envelope)
    assert json.loads(envelope)["region"] == "ap-northeast-1"


def test_a_rule_that_aws_made_for_an_archive_is_told_apart() -> None:
    bus, stub = stubbed()
    archive = {"Name": "Events-Archive-orders", "Arn": "arn:a", "EventPattern": '{"source": ["orders.api"]}'}
    with stub:
        rules = [{**archive, "ManagedBy": "prod.vhs.events.aws.internal"}, {"Name": "mine", "Arn": "arn:m"}]
        stub.add_response("list_rules", {"Rules": rules})
        assert [(rule.managed_by, rule.is_consumer) for rule in bus.rules()] == [
            ("prod.vhs.events.aws.internal", False),
            (None, True),
        ]
