"""The fake consumers and the wiring around them: Lambda, SNS, EventBridge, Step Functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws_wire import FakeAws
from tests.fakes.lambda_ import Invocation


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("form", ["ship", "ship:live", "{arn}", "{arn}:live", "{arn}:$LATEST"])
def test_an_event_invoke_keeps_the_payloads_bytes(aws: FakeAws, form: str) -> None:
    function = aws.lambda_.create("ship")
    function.aliases["live"] = "1"
    name = form.format(arn=function.arn)
    payload = b'{"price": 1.10, "n": 12345678901234567890}'
    answer = aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    qualifier = name.rpartition(":")[2] if name.endswith((":live", "$LATEST")) else None
    assert aws.lambda_.invocations == [Invocation("ship", qualifier, payload, "Event")]


def test_an_invoke_of_what_is_not_there_or_throttled_is_refused(aws: FakeAws) -> None:
    aws.lambda_.create("slow").throttled = True
    client = aws.client("lambda")
    for name, expected in (
        ("gone", ("ResourceNotFoundException", 404)),
        ("slow:9", ("ResourceNotFoundException", 404)),
        ("slow", ("TooManyRequestsException", 429)),
    ):
        with pytest.raises(ClientError) as caught:
            client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        assert code_of(caught) == expected
    assert aws.lambda_.invocations == []


def test_lambda_wiring_is_listed_page_by_page(aws: FakeAws) -> None:
    aws.lambda_.page_size = 2
    for number in range(5):
        aws.lambda_.create(f"f{number}", dead_letter_arn="arn:aws:sqs:ap-northeast-1:123456789012:dlq")
    function = aws.lambda_.functions["f3"]
    function.on_failure("arn:aws:sqs:ap-northeast-1:123456789012:failures")
    function.on_failure("arn:aws:sqs:ap-northeast-1:123456789012:failures", "live")
    function.aliases["live"] = "1"
    function.reserved_concurrency = 0
    aws.lambda_.map_queue("arn:aws:sqs:ap-northeast-1:123456789012:orders", function)
    client = aws.client("lambda")
    listed = [each for page in client.get_paginator("list_functions").paginate() for each in page["Functions"]]
    assert [each["FunctionName"] for each in listed] == ["f0", "f1", "f2", "f3", "f4"]
    assert listed[0]["DeadLetterConfig"]["TargetArn"].endswith(":dlq")
    configs = client.list_function_event_invoke_configs(FunctionName="f3")["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"].rpartition(":")[2] for each in configs] == ["$LATEST", "live"]
    assert configs[0]["DestinationConfig"]["OnFailure"]["Destination"].endswith(":failures")
    assert client.get_function_concurrency(FunctionName="f3")["ReservedConcurrentExecutions"] == 0
    assert client.get_function_configuration(FunctionName="f3", Qualifier="live")["Version"] == "1"
    assert client.list_aliases(FunctionName="f3")["Aliases"][0]["FunctionVersion"] == "1"
    assert client.list_versions_by_function(FunctionName="f3")["Versions"][0]["Version"] == "$LATEST"
    mappings = client.list_event_source_mappings(FunctionName="f3")["EventSourceMappings"]
    assert [each["EventSourceArn"].rpartition(":")[2] for each in mappings] == ["orders"]


def test_sns_publishes_are_recorded_with_their_attributes(aws: FakeAws) -> None:
    topic = aws.sns.create("notifications")
    attributes: dict[str, Any] = {
        "text": {"DataType": "String", "StringValue": "<&>"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    client = aws.client("sns")
    client.publish(TopicArn=topic, Message="a & b", Subject="s", MessageAttributes=attributes)
    assert aws.sns.published == [
        {"TopicArn": topic, "Message": "a & b", "Subject": "s", "MessageAttributes": attributes}
    ]
    with pytest.raises(ClientError) as caught:
        client.publish(TopicArn=f"{topic}x", Message="x")
    assert code_of(caught) == ("NotFound", 404)


def test_sns_subscriptions_show_their_redrive_policy(aws: FakeAws) -> None:
    topic, other = aws.sns.create("notifications"), aws.sns.create("other")
    aws.sns.page_size = 1
    arn = aws.sns.subscribe(topic, "lambda", "arn:f", dead_letter_arn="arn:dlq", raw=True).arn
    aws.sns.subscribe(topic, "sqs", "arn:q")
    aws.sns.subscribe(other, "sqs", "arn:q")
    client = aws.client("sns")
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    assert [each["Endpoint"] for page in pages for each in page["Subscriptions"]] == ["arn:f", "arn:q"]
    pages = client.get_paginator("list_subscriptions").paginate()
    assert len([each for page in pages for each in page["Subscriptions"]]) == 3
    known = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert json.loads(known["RedrivePolicy"]) == {"deadLetterTargetArn": "arn:dlq"}
    assert (known["RawMessageDelivery"], known["Protocol"]) == ("true", "lambda")


def test_rules_and_targets_are_listed_page_by_page(aws: FakeAws) -> None:
    aws.events.page_size = 2
    aws.events.create_bus("orders")
    rule = aws.events.create_rule("ship", "orders", {"source": ["orders"]})
    for number in range(3):
        rule.target(f"t{number}", f"arn:{number}", dead_letter_arn="arn:dlq", InputPath="$.detail")
    aws.events.create_rule("audit")
    client = aws.client("events")
    assert client.describe_rule(Name="ship", EventBusName="orders")["Arn"].endswith(":rule/orders/ship")
    assert client.list_rules()["Rules"][0]["Arn"].endswith(":rule/audit")
    pages = client.get_paginator("list_targets_by_rule").paginate(Rule="ship", EventBusName="orders")
    targets = [each for page in pages for each in page["Targets"]]
    assert [each["Id"] for each in targets] == ["t0", "t1", "t2"]
    assert targets[0] == {
        "Id": "t0",
        "Arn": "arn:0",
        "InputPath": "$.detail",
        "DeadLetterConfig": {"Arn": "arn:dlq"},
    }
    with pytest.raises(ClientError) as caught:
        client.describe_event_bus(Name="nowhere")
    assert code_of(caught) == ("ResourceNotFoundException", 400)


def test_an_event_for_a_bus_that_does_not_exist_is_answered_and_gone(aws: FakeAws) -> None:
    entry = {"Source": "orders", "DetailType": "OrderPlaced", "Detail": "{}"}
    answer = aws.client("events").put_events(
        Entries=[
            {**entry, "EventBusName": "misspelt"},
            entry,
            {**entry, "Detail": "[1]"},
            {"Source": "orders", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 2
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        None,
        None,
        "MalformedDetail",
        "InvalidArgument",
    ]
    assert (len(aws.events.put), len(aws.events.dropped)) == (1, 1)
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("events").put_events(Entries=[entry] * 11)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ({"source": ["orders"]}, True),
        ({"source": ["other", {"prefix": "ord"}]}, True),
        ({"detail": {"total": [{"numeric": [">", 10, "<=", 20]}]}}, True),
        ({"detail": {"total": [{"numeric": ["<", 10]}]}}, False),
        ({"detail": {"state": [{"anything-but": ["done"]}]}}, True),
        ({"detail": {"state": [{"anything-but": {"prefix": "pa"}}]}}, False),
        ({"detail": {"refund": [{"exists": False}]}}, True),
        ({"detail": {"tags": ["b"]}}, True),
        ({"detail": {"state": [{"wildcard": "p*d"}]}}, True),
        ({"detail": {"state": [{"suffix": {"equals-ignore-case": "ID"}}]}}, True),
        ({"$or": [{"source": ["x"]}, {"detail-type": ["OrderPlaced"]}]}, True),
        ({"detail": {"customer": {"id": [7]}}}, True),
        ({"detail": {"customer": {"id": ["7"]}}}, False),
    ],
)
def test_patterns_match_as_documented(aws: FakeAws, pattern: dict[str, Any], matched: bool) -> None:
    event = {
        "id": "1",
        "account": "123456789012",
        "source": "orders",
        "time": "2026-11-22T03:00:00Z",
        "region": "ap-northeast-1",
        "resources": [],
        "detail-type": "OrderPlaced",
        "detail": {"total": 15, "state": "paid", "tags": ["a", "b"], "customer": {"id": 7}},
    }
    client = aws.client("events")
    assert client.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] is matched


def test_a_named_execution_is_started_once(aws: FakeAws) -> None:
    machine = aws.states.create("orders")
    client = aws.client("stepfunctions")
    first = client.start_execution(stateMachineArn=machine, name="order-1", input='{"a": 1}')
    again = client.start_execution(stateMachineArn=machine, name="order-1", input='{"a": 1}')
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    with pytest.raises(ClientError) as caught:
        client.start_execution(stateMachineArn=machine, name="order-1", input='{"a": 2}')
    assert caught.value.response["Error"] == {
        "Code": "ExecutionAlreadyExists",
        "Message": f"Execution Already Exists: '{first['executionArn']}'",
    }
    aws.states.close("order-1", "FAILED")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        client.start_execution(stateMachineArn=machine, name="order-1", input='{"a": 1}')
    known = client.describe_execution(executionArn=first["executionArn"])
    assert (known["status"], known["input"]) == ("FAILED", '{"a": 1}')
    assert len(aws.states.executions) == 1


def test_express_starts_are_never_joined_and_cannot_be_described(aws: FakeAws) -> None:
    machine = aws.states.create("fast", "EXPRESS")
    client = aws.client("stepfunctions")
    arns = {client.start_execution(stateMachineArn=machine, name="a", input="{}")["executionArn"] for _ in range(2)}
    assert len(arns) == 2
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        client.start_execution(stateMachineArn=f"{machine}x")
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        client.describe_execution(executionArn=machine.replace(":stateMachine:", ":execution:") + ":x")


def test_a_schedules_dead_letter_queue_is_told_by_get_schedule_only(aws: FakeAws) -> None:
    aws.scheduler.page_size = 1
    for name in ("nightly", "weekly"):
        aws.scheduler.create(name, "arn:aws:lambda:x", group="orders", dead_letter_arn="arn:dlq", Input="{}")
    client = aws.client("scheduler")
    pages = client.get_paginator("list_schedules").paginate(GroupName="orders")
    listed = [each for page in pages for each in page["Schedules"]]
    assert [(each["Name"], each["Target"]) for each in listed] == [
        ("nightly", {"Arn": "arn:aws:lambda:x"}),
        ("weekly", {"Arn": "arn:aws:lambda:x"}),
    ]
    known = client.get_schedule(GroupName="orders", Name="nightly")
    assert (known["Target"]["DeadLetterConfig"], known["Target"]["Input"]) == ({"Arn": "arn:dlq"}, "{}")
    with pytest.raises(ClientError) as caught:
        client.get_schedule(Name="nightly")
    assert code_of(caught) == ("ResourceNotFoundException", 404)


def test_the_caller_is_known(aws: FakeAws) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
