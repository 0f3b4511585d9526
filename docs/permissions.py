"""`docs/iam.md`, from the table in `orderctl/permissions.py`: run by `generate.py`, which writes the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from orderctl.permissions import DISCOVERY, NEEDS, OPTIONAL, needed, policy

NOTICE = "<!-- Written by docs/generate.py from orderctl/permissions.py; `make docs` writes it anew. -->"
_MACHINE = "arn:aws:states:REGION:ACCOUNT:stateMachine:STACK-*"
_EXECUTION = "arn:aws:states:REGION:ACCOUNT:execution:STACK-*:*"
_QUEUE = "arn:aws:sqs:REGION:ACCOUNT:STACK-*"
_FUNCTION = "arn:aws:lambda:REGION:ACCOUNT:function:STACK-*"
_TABLE = "arn:aws:dynamodb:REGION:ACCOUNT:table/STACK-*"
_BUS = "arn:aws:events:REGION:ACCOUNT:event-bus/BUS"
_RULE = "arn:aws:events:REGION:ACCOUNT:rule/BUS/*"
_STACK = "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*"

RESOURCES: Mapping[str, str] = {
    **dict.fromkeys(("states:StartExecution", "states:StartSyncExecution", "states:ListExecutions",
                     "states:DescribeStateMachine"), _MACHINE),
    **dict.fromkeys(("states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution",
                     "states:RedriveExecution", "states:DescribeStateMachineForExecution"), _EXECUTION),
    **dict.fromkeys(("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListDeadLetterSourceQueues",
                     "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage", "sqs:DeleteMessage",
                     "sqs:PurgeQueue", "sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks",
                     "sqs:CancelMessageMoveTask"), _QUEUE),
    **dict.fromkeys(("lambda:InvokeFunction", "lambda:GetFunctionConfiguration", "lambda:GetFunctionConcurrency",
                     "lambda:ListFunctionEventInvokeConfigs"), _FUNCTION),
    **dict.fromkeys(("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
                     "dynamodb:PartiQLInsert",
                     "dynamodb:Scan", "dynamodb:DescribeTable"), _TABLE),
    **dict.fromkeys(("events:PutEvents", "events:DescribeEventBus"), _BUS),
    **dict.fromkeys(("events:ListTargetsByRule",), _RULE),
    **dict.fromkeys(DISCOVERY, _STACK),
}  # fmt: skip
"""What the ready-made policies narrow an action to; the others know no resource or need many."""

ROLES: Mapping[str, tuple[str, ...]] = {
    "On call, looking": (
        "orders list", "orders show", "orders watch", "orders history", "orders graph", "dlq list", "dlq inspect",
        "inventory get", "inventory list", "stack status",
    ),
    "On call, acting": (
        "orders list", "orders show", "orders watch", "orders stop", "orders redrive", "dlq list", "dlq inspect",
        "dlq redrive", "dlq export", "dlq restore", "dlq purge", "inventory get", "inventory adjust", "stack status",
    ),
}  # fmt: skip

INTRODUCTION = """\
What has to be allowed, command by command: the least with which a command does all it can. The table is held against
the calls that are made: the tests run the commands on the embedded stack, note every AWS call, and fail where one is
not in the table. They also fail where the table holds one that no command makes, but for a few that the embedded stack
cannot show (move tasks, table imports); those are listed in the test with the reason.

- Every command asks for {discovery}
  where the environment names a `stack` (once an hour; the answer is kept), and not where it names each resource.
- Changing commands in an environment with a pinned account ask `sts:GetCallerIdentity`, which needs no permission. An
  audit bus, where one is configured, wants `events:PutEvents` on it.
- What is missing is named: `hint: the credentials need sqs:ReceiveMessage`, exit code 4. Without a permission in
  *italics* a command still works; it says what it could not see, or an option of it does not work.
- To find out what feeds a dead-letter queue, `dlq`, `top` and `orders trace` ask SQS, Lambda, EventBridge, SNS and
  Scheduler. A kind that may not be looked for is named, and its letters are refused; the others are redriven.
- `users` and `auth` speak to the APIs and to Cognito's unsigned sign-in. They need no IAM permission unless
  `auth.flow` is `iam` (then `execute-api:Invoke`).
- Queues and tables that are encrypted with a key of your own want `kms:Decrypt`, and `kms:GenerateDataKey` to send.
- `stack deploy` and `stack destroy` also need what CloudFormation does in your name, unless it has a role of its own.
- `local` asks AWS for nothing. `orderctl doctor` says which of these permissions the credentials in force have."""


def page() -> str:
    """The whole page."""
    parts = ["# IAM permissions", NOTICE, INTRODUCTION.format(discovery=_code(DISCOVERY)), "## By command", _table()]
    for role, commands in ROLES.items():
        parts += [f"## {role}", *_role(commands)]
    return "\n\n".join(parts) + "\n"


def _table() -> str:
    rows = [f"| `{command}` | {_cell(command)} |" for command in sorted(NEEDS)]
    return "\n".join(["| command | actions |", "|---|---|", *rows])


def _cell(command: str) -> str:
    optional = OPTIONAL.get(command, ())
    always = [f"`{action}`" for action in sorted(set(NEEDS[command]) - set(optional))]
    without = [f"*`{action}`*" for action in sorted(set(optional))]
    return " ".join([*always, *without]) or "none of its own"


def _role(commands: tuple[str, ...]) -> Iterator[str]:
    words = ", ".join(f"`{command}`" for command in commands)
    yield f"A policy for {words}: {len(needed(commands))} actions. Put your own in the place of the capitals."
    yield f"```json\n{json.dumps(policy(commands, RESOURCES), indent=2)}\n```"


def _code(actions: tuple[str, ...]) -> str:
    return " and ".join(f"`{action}`" for action in actions)
