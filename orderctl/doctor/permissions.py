"""What the commands need to be allowed, and how each can be asked for without doing it.

A read is made, as small as it can be, where it needs nothing that only a command knows. A write is never made: IAM is
asked for its judgement (`iam:SimulatePrincipalPolicy`), which few callers may ask; the others are told "not probed"
instead of a guess. That judgement knows the caller's own policies, not those of the resource, the key or the
organisation. A test holds the lists against `orderctl.permissions`; deploying and destroying a stack are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from orderctl.doctor.models import Caller

READS: tuple[tuple[str, str | None], ...] = (
    ("states:ListExecutions", "state_machine"),
    ("states:DescribeExecution", "state_machine"),
    ("states:GetExecutionHistory", "state_machine"),
    ("logs:FilterLogEvents", "express_log_group"),
    ("events:ListRules", "event_bus"),
    ("events:TestEventPattern", None),
    ("events:ListReplays", None),
    ("sqs:ListQueues", None),
    ("sqs:ListQueueTags", "analytics_queue"),
    ("lambda:ListFunctions", None),
    ("sns:ListSubscriptions", None),
    ("scheduler:ListSchedules", None),
    ("cloudwatch:GetMetricData", None),
    ("dynamodb:GetItem", "inventory_table"),
    ("dynamodb:Scan", "inventory_table"),
)
"""Action, and the resource it is tried on."""

_MACHINE = ("states:StartExecution",)
_EXECUTION = ("states:StopExecution", "states:RedriveExecution", "states:DescribeStateMachineForExecution")
_QUEUE = (
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:SendMessage",
    "sqs:DeleteMessage",
    "sqs:PurgeQueue",
    "sqs:StartMessageMoveTask",
    "sqs:ListMessageMoveTasks",
    "sqs:CancelMessageMoveTask",
    "sqs:ListDeadLetterSourceQueues",
    "sqs:GetQueueUrl",
)
_TABLE = ("dynamodb:PutItem", "dynamodb:PartiQLInsert", "dynamodb:UpdateItem", "dynamodb:BatchGetItem")
_IMPORTS = ("dynamodb:ImportTable", "dynamodb:DescribeImport", "dynamodb:ListImports")
_TAP_QUEUE = ("sqs:CreateQueue", "sqs:TagQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue")
_TAP_RULE = (
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:DeleteRule",
    "events:ListTargetsByRule",
)
_REPLAY = ("events:DescribeReplay", "events:CancelReplay")
_TOPIC = ("sns:Publish", "sns:GetSubscriptionAttributes")
_FUNCTION = (
    "lambda:InvokeFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:GetFunctionConcurrency",
    "lambda:ListFunctionEventInvokeConfigs",
)
_ANYWHERE = (
    "events:ListEventBuses",
    "lambda:ListEventSourceMappings",
    "cloudwatch:DescribeAlarms",
    "xray:BatchGetTraces",
)
DESCRIBED = (
    "states:DescribeStateMachine",
    "events:DescribeEventBus",
    "events:DescribeArchive",
    "dynamodb:DescribeTable",
    "sns:GetTopicAttributes",
    "sqs:GetQueueAttributes",
    "logs:DescribeLogGroups",
    "lambda:GetAccountSettings",
    "s3:ListBucket",
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
)
"""Shown by the lines on resources, the stack and quotas."""
TAP = "orderctl-tail-doctor"


@dataclass(frozen=True, slots=True)
class Judged:
    """What IAM is asked about one resource; `arn` is None where only the command itself will know which."""

    actions: tuple[str, ...]
    arn: str | None


def judged(resources: Mapping[str, str], caller: Caller, region: str) -> Iterator[Judged]:
    """Everything that is not tried, by the resource it is for."""
    partition, place = caller.arn.split(":")[1], f"{region}:{caller.account}"
    machine, bus, table = (resources.get(name) for name in ("state_machine", "event_bus", "inventory_table"))
    queue, archive, bucket = (resources.get(name) for name in ("analytics_queue", "event_archive", "import_bucket"))
    events = f"arn:{partition}:events:{place}"
    bus_name = bus and bus.rpartition("/")[2]
    table_arn = table and f"arn:{partition}:dynamodb:{place}:table/{table}"
    yield Judged(_MACHINE, machine)
    yield Judged(_EXECUTION, machine and f"{machine.replace(':stateMachine:', ':execution:')}:{TAP}")
    yield Judged(("states:StartSyncExecution",), resources.get("express_state_machine"))
    yield Judged(("events:PutEvents",), bus_name and f"{events}:event-bus/{bus_name}")
    yield Judged(("events:StartReplay",), archive and f"{events}:archive/{archive}")
    yield Judged(_REPLAY, f"{events}:replay/{TAP}")
    yield Judged(_TAP_RULE, bus_name and f"{events}:rule/{bus_name}/{TAP}")
    yield Judged(_TAP_QUEUE, f"arn:{partition}:sqs:{place}:{TAP}")
    yield Judged(_QUEUE, queue and f"arn:{partition}:sqs:{place}:{urlsplit(queue).path.rpartition('/')[2]}")
    yield Judged(_TOPIC, resources.get("notification_topic"))
    yield Judged(_TABLE, table_arn)
    yield Judged(_IMPORTS, table_arn)
    yield Judged(("s3:PutObject", "s3:AbortMultipartUpload"), bucket and f"arn:{partition}:s3:::{bucket}/{TAP}")
    bulk = resources.get("bulk_bucket")
    yield Judged(("s3:GetObject", "s3:DeleteObject"), bulk and f"arn:{partition}:s3:::{bulk}/{TAP}")
    yield Judged(_ANYWHERE, "*")
    yield Judged((*_FUNCTION, "scheduler:GetSchedule"), None)
