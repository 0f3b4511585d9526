"""Taps and replays against moto, which delivers from rules to queues in-process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from orderctl.aws.event_replays import EventReplays
from orderctl.aws.event_taps import EventTaps
from orderctl.errors import ConflictError, NotFoundError, UsageError
from orderctl.events.tap import BUS, OWNER, PREFIX, Tap
from tests.fakes.clock import START

NAME = f"{PREFIX}1"
TAGS = {BUS: "orders", OWNER: "me"}


@pytest.fixture
def clients() -> Iterator[tuple[Any, Any]]:
    with mock_aws():
        keys: Any = {"region_name": "ap-northeast-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        events, queues = boto3.client("events", **keys), boto3.client("sqs", **keys)
        events.create_event_bus(Name="orders")
        yield events, queues


def test_a_tap_receives_what_its_pattern_wants_and_goes_without_trace(clients: tuple[Any, Any]) -> None:
    events, queues = clients
    taps = EventTaps(events, queues)
    tap = Tap(NAME, "orders", taps.make_queue(NAME, TAGS))
    taps.connect(tap, '{"source": ["wanted"]}')
    for source in ("wanted", "other"):
        entry = {"EventBusName": "orders", "Source": source, "DetailType": "t", "Detail": '{"n": 1}'}
        events.put_events(Entries=[entry])
    (delivery,) = taps.receive(tap, 1)
    assert json.loads(delivery.body)["source"] == "wanted"
    taps.settle(tap, [delivery])
    taps.remove(tap)
    assert events.list_rules(EventBusName="orders")["Rules"] == []
    assert list(taps.all()) == []
    taps.remove(tap)


def test_only_the_rule_may_send_to_the_queue(clients: tuple[Any, Any]) -> None:
    events, queues = clients
    taps = EventTaps(events, queues)
    tap = Tap(NAME, "orders", taps.make_queue(NAME, TAGS))
    taps.connect(tap, '{"source": ["x"]}')
    found = queues.get_queue_attributes(QueueUrl=tap.queue_url, AttributeNames=["Policy"])
    (statement,) = json.loads(found["Attributes"]["Policy"])["Statement"]
    arn = events.describe_rule(Name=NAME, EventBusName="orders")["Arn"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}


def test_a_pattern_eventbridge_does_not_take_is_a_mistake_on_the_command_line(clients: tuple[Any, Any]) -> None:
    events, queues = clients
    taps = EventTaps(events, queues)
    tap = Tap(NAME, "orders", taps.make_queue(NAME, TAGS))
    with Stubber(events) as stub:
        stub.add_client_error("put_rule", "InvalidEventPatternException", "Event pattern is not valid.")
        with pytest.raises(UsageError, match="--pattern: event bus orders: Event pattern is not valid"):
            taps.connect(tap, '{"a": 1}')


def test_taps_are_found_by_name_with_their_tags(clients: tuple[Any, Any]) -> None:
    events, queues = clients
    taps = EventTaps(events, queues)
    queues.create_queue(QueueName="orders-dlq")
    url = taps.make_queue(NAME, TAGS)
    taps.renew(Tap(NAME, "orders", url), {OWNER: "you"})
    assert list(taps.all()) == [(Tap(NAME, "orders", url), {BUS: "orders", OWNER: "you"})]


def test_a_replay_goes_to_the_rules_given_and_is_started_once(clients: tuple[Any, Any]) -> None:
    events, _ = clients
    bus = events.describe_event_bus(Name="orders")["Arn"]
    events.create_archive(ArchiveName="kept", EventSourceArn=bus)
    rule = events.put_rule(Name="r", EventBusName="orders", EventPattern='{"source": ["x"]}')["RuleArn"]
    replays = EventReplays(events)
    archive = replays.archive("kept")
    assert (archive.name, archive.bus_arn, archive.bus_name) == ("kept", bus, "orders")
    replays.start("again", archive, START - timedelta(hours=1), START, [rule])
    assert events.describe_replay(ReplayName="again")["Destination"] == {"Arn": bus, "FilterArns": [rule]}
    assert replays.describe("again").name == "again"
    assert [one.name for one in replays.list(archive)] == ["again"]
    with pytest.raises(ConflictError):
        replays.start("again", archive, START - timedelta(hours=1), START, [rule])
    with pytest.raises(NotFoundError):
        replays.archive("nothing")
