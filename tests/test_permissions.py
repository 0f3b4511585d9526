"""The table of permissions against the adapters: no operation is called that it leaves out.

`tests/end_to_end/test_runbooks.py` holds it against the calls each command really makes; this finds the ones that no
test on the embedded stack can make.
"""

from __future__ import annotations

import json
import re

import pytest

from orderctl.permissions import DISCOVERY, FREE, NEEDS, OPTIONAL, iam_action, needed, policy
from tests.cli.every_command import every_command
from tests.test_architecture import ROOT

CALL = re.compile(r'aws_call\(\s*(?:"([a-z0-9-]+)"|_SERVICE), "([A-Z]\w+)"')
NOT_ON_AWS = ("overlay.py", "practice.py")
"""They make good what the emulator leaves out, and never speak to AWS."""
LOCAL_DRILL = {"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"}
"""It pauses a consumer of the embedded stack while it puts letters into its queue."""


def called() -> set[str]:
    found = set()
    for path in (ROOT / "aws").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        own = re.search(r'^_SERVICE = "([\w-]+)"', text, re.MULTILINE)
        for service, operation in CALL.findall(text) if path.name not in NOT_ON_AWS else ():
            found.add(iam_action(service or (own[1] if own else ""), operation))
    assert len(found) > 50, "the adapters call in another way: this reads nothing"
    return found


def test_every_operation_of_an_adapter_is_in_the_table() -> None:
    listed = {action for actions in NEEDS.values() for action in actions} | {*DISCOVERY, *FREE, *LOCAL_DRILL}
    assert called() <= listed


def test_the_table_names_only_commands_there_are() -> None:
    assert set(NEEDS) <= {name for name, _ in every_command()}


@pytest.mark.parametrize("command", OPTIONAL)
def test_what_a_command_does_without_is_something_it_asks_for(command: str) -> None:
    assert set(OPTIONAL[command]) < set(NEEDS[command])


def test_a_policy_allows_what_its_commands_need_each_action_once() -> None:
    made = policy(["dlq list", "inventory get"], {"dynamodb:GetItem": "arn:aws:dynamodb:r:1:table/t"})
    statements = made["Statement"]
    assert isinstance(statements, list)
    actions = [action for statement in statements for action in statement["Action"]]
    assert sorted(actions) == needed(["dlq list", "inventory get"])
    assert len(actions) == len(set(actions))
    assert {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": "arn:aws:dynamodb:r:1:table/t"} in statements
    assert len(json.dumps(made)) < 6144, "IAM takes no longer managed policy"


def test_operations_and_permissions_with_different_names_are_told_apart() -> None:
    assert iam_action("stepfunctions", "StartExecution") == "states:StartExecution"
    assert iam_action("sqs", "SendMessageBatch") == "sqs:SendMessage"
    assert iam_action("lambda", "Invoke") == "lambda:InvokeFunction"
    assert iam_action("sns", "Publish") == "sns:Publish"
