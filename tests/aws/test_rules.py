"""The EventBridge adapter against a fake EventBridge at the wire."""

from __future__ import annotations

import pytest

from orderctl.aws.rules import EventBridgeRules
from orderctl.dlq.models import Target
from orderctl.errors import AuthError, NotFoundError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied

FUNCTION = "arn:aws:lambda:ap-northeast-1:123456789012:function:process-order"
QUEUE = "arn:aws:sqs:ap-northeast-1:123456789012:analytics.fifo"
DEAD = "arn:aws:sqs:ap-northeast-1:123456789012:target-dlq"


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws(FakeClock())
    aws.events.create_bus("orders")
    return aws


def adapter(aws: FakeAws) -> EventBridgeRules:
    return EventBridgeRules(aws.client("events"), aws.clock)


def test_a_target_keeps_what_it_does_to_an_event(aws: FakeAws) -> None:
    rule = aws.events.create_rule("created", "orders")
    rule.target("plain", FUNCTION, dead_letter_arn=DEAD, RoleArn="arn:aws:iam::123456789012:role/r")
    rule.target(
        "constant", FUNCTION, dead_letter_arn=DEAD, Input='{"a": 1.10}', RetryPolicy={"MaximumRetryAttempts": 3}
    )
    rule.target("path", FUNCTION, dead_letter_arn=DEAD, InputPath="$.detail")
    paths, template = {"id": "$.id", "order": "$.detail"}, '{"event_id": "<id>", "order": <order>}'
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    group = {"MessageGroupId": "orders"}
    rule.target("transformed", QUEUE, dead_letter_arn=DEAD, InputTransformer=transformer, SqsParameters=group)
    rule.target("lost", FUNCTION)
    found = {target.target_id: (target, queue) for target, queue in adapter(aws).dead_letter_targets("orders")}
    assert found == {
        "plain": (Target(rule.arn, "plain", FUNCTION), DEAD),
        "constant": (Target(rule.arn, "constant", FUNCTION, input='{"a": 1.10}'), DEAD),
        "path": (Target(rule.arn, "path", FUNCTION, input_path="$.detail"), DEAD),
        "transformed": (
            Target(
                rule.arn, "transformed", QUEUE, input_paths=paths, input_template=template, message_group_id="orders"
            ),
            DEAD,
        ),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HttpParameters", {"HeaderParameters": {"a": "b"}}),
        ("KinesisParameters", {"PartitionKeyPath": "$.id"}),
        ("RunCommandParameters", {"RunCommandTargets": [{"Key": "tag:a", "Values": ["b"]}]}),
        ("BatchParameters", {"JobDefinition": "d", "JobName": "n"}),
        ("SageMakerPipelineParameters", {"PipelineParameterList": [{"Name": "a", "Value": "b"}]}),
        ("RedshiftDataParameters", {"Database": "d", "Sql": "select 1"}),
        ("AppSyncParameters", {"GraphQLOperation": "mutation { a }"}),
        ("EcsParameters", {"TaskDefinitionArn": "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/t:1"}),
    ],
)
def test_parameters_that_cannot_be_reproduced_are_named(aws: FakeAws, name: str, value: object) -> None:
    aws.events.create_rule("created", "orders").target("t", FUNCTION, dead_letter_arn=DEAD, **{name: value})
    [(target, _)] = adapter(aws).dead_letter_targets("orders")
    assert target.unsupported == name


def test_rules_and_targets_are_read_over_pages(aws: FakeAws) -> None:
    aws.events.page_size = 2
    for number in range(5):
        rule = aws.events.create_rule(f"rule-{number}", "orders")
        for place in range(5):
            rule.target(f"{number}/{place}", FUNCTION, dead_letter_arn=DEAD)
    found = {target.target_id for target, _ in adapter(aws).dead_letter_targets("orders")}
    assert found == {f"{number}/{place}" for number in range(5) for place in range(5)}


def test_without_a_bus_every_bus_is_read_over_pages(aws: FakeAws) -> None:
    aws.events.page_size = 1
    aws.events.create_bus("partner")
    rules = [aws.events.create_rule("same-name", bus) for bus in ("default", "orders", "partner")]
    for rule in rules:
        rule.target("t", FUNCTION, dead_letter_arn=DEAD)
    found = {target.rule_arn for target, _ in adapter(aws).dead_letter_targets(None)}
    assert found == {rule.arn for rule in rules}


def test_a_bus_that_is_named_is_the_only_one_read(aws: FakeAws) -> None:
    for bus in ("default", "orders"):
        aws.events.create_rule("r", bus).target("t", FUNCTION, dead_letter_arn=DEAD)
    [(target, _)] = adapter(aws).dead_letter_targets("orders")
    assert target.rule_arn.endswith(":rule/orders/r")
    assert aws.count("ListEventBuses") == 0


def test_a_bus_that_is_not_there_is_not_found(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="event bus no-such"):
        list(adapter(aws).dead_letter_targets("no-such"))


def test_a_denied_rule_is_told_after_the_others(aws: FakeAws) -> None:
    for name in ("a", "b"):
        aws.events.create_rule(name, "orders").target(name, FUNCTION, dead_letter_arn=DEAD)
    aws.faults.on("ListTargetsByRule", access_denied(), when=lambda call: call.params["Rule"] == "a")
    found: list[str] = []
    ids = (target.target_id for target, _ in adapter(aws).dead_letter_targets("orders"))
    with pytest.raises(AuthError, match=r"rule a: .*events:ListTargetsByRule"):
        found.extend(ids)
    assert found == ["b"]


def test_the_buses_own_dead_letter_queues_are_found(aws: FakeAws) -> None:
    aws.events.buses["orders"]["DeadLetterConfig"] = {"Arn": DEAD}
    arn = aws.events.buses["orders"]["Arn"]
    assert list(adapter(aws).bus_queues(None)) == list(adapter(aws).bus_queues("orders")) == [(arn, DEAD)]
    assert list(adapter(aws).bus_queues("default")) == []
