from __future__ import annotations

import json
from collections.abc import Sequence

from orderctl.aws.stepfunctions import event_from_api
from orderctl.orders.invocations import Invocation, functions_of, invocations
from orderctl.orders.models import HistoryEvent
from tests.fakes import histories
from tests.fakes.histories import LAMBDA, STARTED, Row, api_events, entered, without_chain

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:validate"
RESULT = json.dumps({"Payload": {}, "StatusCode": 200, "SdkResponseMetadata": {"RequestId": "r-1"}})
CALLED = {**LAMBDA, "region": "us-east-1", "parameters": json.dumps({"FunctionName": FUNCTION, "Payload": {}})}


def events(rows: Sequence[Row], *, chain: bool = True) -> list[HistoryEvent]:
    found = api_events(rows)
    return [event_from_api(event) for event in (found if chain else without_chain(found))]


def told(found: Sequence[Invocation]) -> list[tuple[str, str | None, str | None]]:
    return [(call.state, call.function, call.request_id) for call in found]


def test_the_result_of_a_call_names_its_request() -> None:
    rows: list[Row] = [
        STARTED,
        (0, "TaskStateEntered", 0, entered("ValidateOrder")),
        (0, "TaskScheduled", 2, CALLED),
        (0.1, "TaskStarted", 3, LAMBDA),
        (0.4, "TaskSucceeded", 4, {**LAMBDA, "output": RESULT}),
    ]
    [call] = invocations(events(rows), {})
    assert told([call]) == [("ValidateOrder", FUNCTION, "r-1")]
    assert ((call.until or call.since) - call.since).total_seconds() == 0.4


def test_each_attempt_is_a_call_and_a_failed_one_names_its_request_in_the_cause() -> None:
    calls = invocations(events(histories.RETRIED_THEN_FAILED), {"ValidateOrder": FUNCTION})
    assert told(calls) == [("ValidateOrder", FUNCTION, "5f4c"), ("ValidateOrder", FUNCTION, "5f4c")]


def test_a_function_called_by_its_bare_arn_leaves_no_request_but_its_time() -> None:
    first, second = invocations(events(histories.DIRECT_LAMBDA), {})
    assert (first.function, first.request_id) == ("arn:aws:lambda:us-east-1:1:function:v", "5f4c")
    assert (second.request_id, second.until is not None) == (None, True)


def test_calls_of_branches_are_told_apart_by_their_chain() -> None:
    calls = invocations(events(histories.PARALLEL), {"RecordOrder": "record", "LoadCustomer": "load"})
    assert told(calls) == [
        ("RecordOrder", "record", None),
        ("LoadCustomer", "load", None),
        ("RecordOrder", "record", None),
    ]


def test_without_a_chain_the_calls_are_still_found() -> None:
    calls = invocations(events(histories.RETRIED_THEN_FAILED, chain=False), {"ValidateOrder": FUNCTION})
    assert told(calls) == [("ValidateOrder", FUNCTION, "5f4c"), ("ValidateOrder", FUNCTION, "5f4c")]


def test_tasks_of_other_services_are_no_calls_of_functions() -> None:
    assert invocations(events(histories.OUT_OF_STOCK), {"TakeStock": "nobody"}) == []


def test_a_definition_names_its_functions_wherever_they_stand() -> None:
    inner = {"States": {"Reserve": {"Type": "Task", "Resource": FUNCTION}}}
    definition = {
        "States": {
            "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "a"}},
            "B": {
                "Type": "Task",
                "QueryLanguage": "JSONata",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": {"FunctionName": "b:live"},
            },
            "Dynamic": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "{% $which %}"},
            },
            "Other": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "t"}},
            "Fork": {
                "Type": "Parallel",
                "Branches": [inner, {"States": {"Lines": {"Type": "Map", "ItemProcessor": inner}}}],
            },
        }
    }
    assert functions_of(json.dumps(definition)) == {"A": "a", "B": "b:live", "Reserve": FUNCTION}


def test_a_definition_that_is_none_names_no_function() -> None:
    assert [functions_of(text) for text in ("", "[]", '{"States": []}', '{"States": {"A": 1}}')] == [{}, {}, {}, {}]
