"""The calls behind `orderctl doctor`: one describing read a resource, one smallest read a permission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orderctl.errors import NotFoundError

NOBODY = "orderctl-doctor"
"""The name of what is looked for and cannot exist."""
_PATTERN = '{"source": ["a"]}'
_SAMPLE = (
    '{"id": "1", "source": "a", "account": "1", "time": "2020-01-01T00:00:00Z", "region": "r",'
    ' "resources": [], "detail-type": "t", "detail": {}}'
)


@dataclass(frozen=True, slots=True)
class Describe:
    """How one resource is looked at: the call, and what to say of its answer."""

    service: str
    operation: str
    parameters: Callable[[str], Mapping[str, Any]]
    told: Callable[[Any, str], str]


@dataclass(frozen=True, slots=True)
class Read:
    """A read of nearly nothing, on the resource `name`; `is_on_nobody` asks for what does not exist."""

    service: str
    parameters: Callable[[str, datetime], Mapping[str, Any]] = lambda name, now: {}
    is_on_nobody: bool = False


def _name(answer: Any, value: str) -> str:
    return value.rpartition(":")[2].rpartition("/")[2]


def _log_group(answer: Any, value: str) -> str:
    """The list is by prefix; the group itself has to be in it."""
    if value not in [group["logGroupName"] for group in answer["logGroups"]]:
        raise NotFoundError(f"log group {value} does not exist")
    return value


_MACHINE = Describe(
    "stepfunctions",
    "DescribeStateMachine",
    lambda value: {"stateMachineArn": value},
    lambda answer, value: str(answer["type"]),
)
_TABLE = Describe(
    "dynamodb",
    "DescribeTable",
    lambda value: {"TableName": value},
    lambda answer, value: str(answer["Table"]["TableStatus"]),
)
_GROUP = Describe("logs", "DescribeLogGroups", lambda value: {"logGroupNamePrefix": value}, _log_group)

RESOURCES: Mapping[str, Describe] = {
    "state_machine": _MACHINE,
    "express_state_machine": _MACHINE,
    "event_bus": Describe("events", "DescribeEventBus", lambda value: {"Name": value}, _name),
    "event_archive": Describe("events", "DescribeArchive", lambda value: {"ArchiveName": value}, _name),
    "inventory_table": _TABLE,
    "users_table": _TABLE,
    "orders_table": _TABLE,
    "function_log_group": _GROUP,
    "express_log_group": _GROUP,
    "notification_topic": Describe("sns", "GetTopicAttributes", lambda value: {"TopicArn": value}, _name),
    "analytics_queue": Describe(
        "sqs", "GetQueueAttributes", lambda value: {"QueueUrl": value, "AttributeNames": ["QueueArn"]}, _name
    ),
    "import_bucket": Describe("s3", "HeadBucket", lambda value: {"Bucket": value}, _name),
}
"""By the key below `resources`; what is not here is reached by HTTP."""


def _nobody(machine: str, now: datetime) -> dict[str, Any]:
    return {"executionArn": f"{machine.replace(':stateMachine:', ':execution:')}:{NOBODY}"}


def _no_metric(name: str, now: datetime) -> dict[str, Any]:
    metric = {"Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage"}
    stat = {"Metric": metric, "Period": 60, "Stat": "Maximum"}
    query = {"Id": "m", "MetricStat": stat}
    return {"MetricDataQueries": [query], "StartTime": now - timedelta(minutes=2), "EndTime": now}


READS: Mapping[str, Read] = {
    "states:ListExecutions": Read("stepfunctions", lambda name, now: {"stateMachineArn": name, "maxResults": 1}),
    "states:DescribeExecution": Read("stepfunctions", _nobody, is_on_nobody=True),
    "states:GetExecutionHistory": Read("stepfunctions", _nobody, is_on_nobody=True),
    "logs:FilterLogEvents": Read("logs", lambda name, now: {"logGroupName": name, "limit": 1}),
    "events:ListRules": Read("events", lambda name, now: {"EventBusName": name, "Limit": 1}),
    "events:TestEventPattern": Read(
        "events", lambda name, now: {"EventPattern": '{"source": ["a"]}', "Event": _SAMPLE}
    ),
    "events:ListReplays": Read("events", lambda name, now: {"Limit": 1}),
    "sqs:ListQueueTags": Read("sqs", lambda name, now: {"QueueUrl": name}),
    "sqs:ListQueues": Read("sqs", lambda name, now: {"MaxResults": 1}),
    "lambda:ListFunctions": Read("lambda", lambda name, now: {"MaxItems": 1}),
    "sns:ListSubscriptions": Read("sns"),
    "scheduler:ListSchedules": Read("scheduler", lambda name, now: {"MaxResults": 1}),
    "cloudwatch:GetMetricData": Read("cloudwatch", _no_metric),
    "dynamodb:GetItem": Read("dynamodb", lambda name, now: {"TableName": name, "Key": {"product_id": {"S": NOBODY}}}),
    "dynamodb:Scan": Read("dynamodb", lambda name, now: {"TableName": name, "Limit": 1}),
}
"""By IAM's name of the permission, whose part behind the colon is the call."""
