"""What each command needs to be allowed, as IAM names it: the least there is.

`docs/iam.md` is written from this table, and the tests hold it against the calls that are really made: none that is
not in it, and none in it that no test makes unless `UNPROVEN` says why.

Not in it: `sts:GetCallerIdentity`, which every identity may call and no policy has to grant; Cognito's sign-in calls,
which are unsigned; what CloudFormation does itself while it deploys a stack; keys of KMS where something is
encrypted with one's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

_PREFIXES = {"stepfunctions": "states", "service-quotas": "servicequotas"}
_NAMED_OTHERWISE = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "dynamodb:BatchExecuteStatement": "dynamodb:PartiQLInsert",
    "dynamodb:TransactWriteItems": "dynamodb:UpdateItem",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Operations whose permission has another name (Service Authorization Reference)."""
FREE = frozenset({"sts:GetCallerIdentity", "cognito-idp:InitiateAuth", "cognito-idp:RespondToAuthChallenge"})

Actions = tuple[str, ...]

DISCOVERY: Actions = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
"""Every command, where the environment names a `stack` and not each resource; once an hour, from a cache."""
_FOLLOW: Actions = ("states:GetExecutionHistory", "states:DescribeExecution", "states:ListExecutions")
_WIRING: Actions = (
    "sqs:ListQueues", "sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListDeadLetterSourceQueues",
    "lambda:ListFunctions", "lambda:ListFunctionEventInvokeConfigs", "lambda:ListEventSourceMappings",
    "events:DescribeEventBus", "events:ListEventBuses", "events:ListRules", "events:ListTargetsByRule",
    "sns:ListSubscriptions", "sns:GetSubscriptionAttributes", "scheduler:ListSchedules", "scheduler:GetSchedule",
)  # fmt: skip
"""Who names a queue as the place for its failures. Where one is missing, the others are found, and it is said."""
_LOOK: Actions = ("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility")
_DELIVER: Actions = (
    "sqs:SendMessage", "lambda:InvokeFunction", "states:StartExecution", "sns:Publish", "sqs:DeleteMessage",
    "lambda:GetFunctionConfiguration", "lambda:GetFunctionConcurrency", "sns:GetTopicAttributes",
    "states:DescribeStateMachine", "cloudwatch:GetMetricData",
)  # fmt: skip
_MOVE: Actions = ("sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:CancelMessageMoveTask")
_BULK: Actions = (
    "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "states:DescribeExecution",
    "states:StopExecution",
)  # fmt: skip
"""`--engine distributed`: the bucket, and the execution that delivers; what it delivers to, its function may."""
_MATCH: Actions = ("events:DescribeEventBus", "events:ListRules", "events:TestEventPattern")

NEEDS: Mapping[str, Actions] = {
    "orders submit": (
        "states:StartExecution", "states:StartSyncExecution", "states:DescribeStateMachine", *_FOLLOW,
        "events:PutEvents", *_MATCH, *_BULK,
    ),
    "orders watch": (*_FOLLOW, "states:DescribeStateMachine"),
    "orders tail": (*_FOLLOW, "states:DescribeStateMachine", "logs:FilterLogEvents"),
    "orders list": (*_FOLLOW, "states:DescribeStateMachine", "logs:FilterLogEvents"),
    "orders show": (*_FOLLOW, "states:DescribeStateMachine", "logs:FilterLogEvents"),
    "orders history": (*_FOLLOW, "states:DescribeStateMachine", "logs:FilterLogEvents"),
    "orders graph": (*_FOLLOW, "states:DescribeStateMachine", "logs:FilterLogEvents"),
    "orders logs": (
        *_FOLLOW, "states:DescribeStateMachine", "lambda:GetFunctionConfiguration", "logs:FilterLogEvents",
    ),
    "orders trace": (
        *_FOLLOW, "states:DescribeStateMachine", "lambda:GetFunctionConfiguration", "logs:FilterLogEvents",
        "dynamodb:GetItem", "xray:BatchGetTraces", *_WIRING, *_LOOK,
    ),
    "orders stop": (*_FOLLOW, "states:StopExecution"),
    "orders redrive": (
        *_FOLLOW, "states:RedriveExecution", "states:StartExecution", "states:DescribeStateMachine",
        "states:DescribeStateMachineForExecution",
    ),
    "events publish": ("events:PutEvents", *_MATCH),
    "events test": (*_MATCH, "events:ListTargetsByRule"),
    "events tail": (
        "events:DescribeEventBus", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule",
        "events:ListRules", "sqs:ListQueues", "sqs:CreateQueue", "sqs:TagQueue", "sqs:ListQueueTags",
        "sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage",
        "sqs:DeleteQueue",
    ),
    "events replay": (
        "events:DescribeArchive", "events:ListReplays", "events:DescribeReplay", "events:StartReplay",
        "events:CancelReplay", "events:DescribeEventBus", "events:ListRules", "events:ListTargetsByRule",
    ),
    "dlq list": (*_WIRING, "cloudwatch:GetMetricData"),
    "dlq inspect": (*_WIRING, *_LOOK),
    "dlq redrive": (*_WIRING, *_LOOK, *_DELIVER, *_MOVE, *_BULK),
    "dlq tasks": ("sqs:ListQueues", "sqs:GetQueueUrl", "sqs:GetQueueAttributes", *_MOVE[1:]),
    "dlq export": (*_WIRING, *_LOOK),
    "dlq restore": ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SendMessage"),
    "dlq purge": (*_WIRING, *_LOOK, "sqs:DeleteMessage", "sqs:PurgeQueue"),
    "inventory seed": (
        "dynamodb:DescribeTable", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:PartiQLInsert", "dynamodb:ImportTable", "dynamodb:DescribeImport", "dynamodb:ListImports",
        "s3:PutObject", "s3:ListBucket",
        "s3:AbortMultipartUpload",
    ),
    "inventory get": ("dynamodb:GetItem",),
    "inventory list": ("dynamodb:Scan",),
    "inventory adjust": ("dynamodb:GetItem", "dynamodb:UpdateItem"),
    "inventory export": ("dynamodb:Scan",),
    "users create": ("execute-api:Invoke",),
    "users get": ("execute-api:Invoke",),
    "users import": ("execute-api:Invoke",),
    "auth login": (),
    "config show": (),
    "stack deploy": (
        "cloudformation:DescribeStacks", "cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet",
        "cloudformation:ExecuteChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DescribeStackEvents",
        "s3:CreateBucket", "s3:ListBucket", "s3:PutObject", "s3:PutEncryptionConfiguration", "s3:PutBucketTagging",
        "s3:PutBucketPublicAccessBlock",
    ),
    "stack status": ("cloudformation:DescribeStacks",),
    "stack outputs": ("cloudformation:DescribeStacks",),
    "stack destroy": (
        "cloudformation:DescribeStacks", "cloudformation:DeleteStack", "cloudformation:ListStackResources",
        "cloudformation:DescribeStackEvents", "s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObject",
        "s3:DeleteObjectVersion", "s3:DeleteBucket",
    ),
    "top": (
        "states:ListExecutions", "states:DescribeExecution", *_WIRING, "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarms", "dynamodb:Scan",
    ),
    "doctor": (
        "states:ListExecutions", "states:DescribeExecution", "states:GetExecutionHistory",
        "states:DescribeStateMachine", "logs:FilterLogEvents", "logs:DescribeLogGroups", "events:ListRules",
        "events:TestEventPattern", "events:DescribeEventBus", "events:DescribeArchive", "sqs:ListQueues",
        "sqs:GetQueueAttributes", "lambda:ListFunctions", "lambda:GetAccountSettings", "sns:ListSubscriptions",
        "sns:GetTopicAttributes", "scheduler:ListSchedules", "cloudwatch:GetMetricData", "dynamodb:DescribeTable",
        "dynamodb:GetItem", "dynamodb:Scan", "events:ListReplays", "sqs:ListQueueTags",
        "servicequotas:ListServiceQuotas", "iam:SimulatePrincipalPolicy",
    ),
}  # fmt: skip
"""Command to the actions it needs with all its options; commands that are not here ask nothing of AWS."""

OPTIONAL: Mapping[str, Actions] = {
    "inventory seed": ("dynamodb:PartiQLInsert",),
    "events publish": _MATCH,
    "orders submit": (
        "states:StartSyncExecution",
        "events:PutEvents",
        *_MATCH,
        *_BULK[:4],
        "states:StopExecution",
    ),
    "orders trace": ("dynamodb:GetItem", "xray:BatchGetTraces", *_WIRING, *_LOOK),
    "dlq list": ("cloudwatch:GetMetricData",),
    "dlq redrive": ("cloudwatch:GetMetricData", "lambda:GetFunctionConcurrency", *_MOVE, *_BULK),
    "top": ("cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "dynamodb:Scan"),
    "doctor": ("iam:SimulatePrincipalPolicy", "servicequotas:ListServiceQuotas"),
}
"""Of these, what a command does without: it says what it could not see, or some option of it does not work."""


def iam_action(service: str, operation: str) -> str:
    """The permission for an operation, by boto3's name of the service."""
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    return _NAMED_OTHERWISE.get(action, action)


def needed(commands: Iterable[str]) -> list[str]:
    """The actions of several commands together, sorted."""
    return sorted({action for command in commands for action in (*DISCOVERY, *NEEDS[command])})


def policy(commands: Iterable[str], resources: Mapping[str, str]) -> dict[str, object]:
    """An IAM policy that allows these commands; `resources` says which ARN an action is asked for on, else `*`."""
    by_resource = sorted(needed(commands), key=lambda action: (resources.get(action, "*"), action))
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(actions), "Resource": resource}
            for resource, actions in groupby(by_resource, key=lambda action: resources.get(action, "*"))
        ],
    }
