"""POST /orders publishes one OrderCreated and answers with the order id."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import ANY, Stubber

from orderctl.stack.functions import orders_api
from orderctl.stack.functions.orders_api import make_app
from orderctl.stack.package import HERE
from tests.stack.functions.invocation import ORDER, Context, answer, http_event, unconnected

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

EventBridge = tuple["EventBridgeClient", Stubber]


@pytest.fixture
def events() -> Iterator[EventBridge]:
    client = unconnected("events")
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def entry(detail: object) -> dict[str, Any]:
    return {
        "Entries": [{"EventBusName": "orders", "Source": "orders.api", "DetailType": "OrderCreated", "Detail": detail}]
    }


def post(events: EventBridge, body: object) -> tuple[int, Any]:
    return answer(make_app(events[0], "orders").resolve(http_event("POST", "/orders", body), Context()))


def test_an_order_is_published_and_its_id_answered(events: EventBridge) -> None:
    taken = {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}
    events[1].add_response("put_events", taken, entry(json.dumps({**ORDER, "note": "gift"}, sort_keys=True)))
    assert post(events, {**ORDER, "note": "gift"}) == (202, {"order_id": "o-1"})


def test_an_order_without_an_id_is_given_one(events: EventBridge) -> None:
    events[1].add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}, entry(ANY))
    status, body = post(events, {name: value for name, value in ORDER.items() if name != "order_id"})
    assert status == 202
    assert len(body["order_id"]) == 36


def test_an_event_the_bus_refused_is_503_although_the_call_was_200(events: EventBridge) -> None:
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "later"}]}
    events[1].add_response("put_events", refused, entry(ANY))
    assert post(events, ORDER)[0] == 503


def test_a_call_that_failed_is_503_and_names_the_id_to_submit_again(events: EventBridge) -> None:
    events[1].add_client_error("put_events", "ThrottlingException")
    status, body = post(events, ORDER)
    assert (status, "submit it again as o-1" in body["message"]) == (503, True)


def test_the_event_is_sent_once_because_every_consumer_would_get_a_second_one() -> None:
    code = "from orders_common.clients import event_bridge; print(event_bridge().meta.config.retries)"
    environ = {"PYTHONPATH": str(HERE / "layers"), "AWS_DEFAULT_REGION": "eu-central-1"}
    said = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert "'total_max_attempts': 1" in said.stdout


def test_an_accepted_order_is_one_line_of_the_log_with_its_id(
    events: EventBridge, caplog: pytest.LogCaptureFixture
) -> None:
    events[1].add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}, entry(ANY))
    orders_api.publish(ORDER, events[0], "orders")
    (line,) = [vars(record) for record in caplog.records]
    assert (line["message"], line["order_id"], line["event_id"]) == ("order accepted", "o-1", "e-1")


def test_an_order_larger_than_a_workflow_takes_is_413_and_not_published(events: EventBridge) -> None:
    assert post(events, {**ORDER, "note": "x" * 262_144})[0] == 413


@pytest.mark.parametrize("body", ["[" * 100_000, json.dumps(ORDER)[:-1] + ', "weight": 1e400}'])
def test_a_body_python_or_eventbridge_would_choke_on_is_400(events: EventBridge, body: str) -> None:
    assert post(events, body)[0] == 400


@pytest.mark.parametrize("body", ["{", "[1]", {}, {**ORDER, "quantity": 0}, {**ORDER, "quantity": 1.5}])
def test_what_is_no_order_is_400_and_not_published(events: EventBridge, body: object) -> None:
    assert post(events, body)[0] == 400
