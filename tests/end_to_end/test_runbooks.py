"""Every runbook, as somebody at 03:00 runs it: each line ends as the page says, and a second run does nothing again.

One embedded stack for all of them. What concerns all of it is run first and by itself, the others at the same time, as
most of each is waiting. Then all is run once more, and the stack is looked at from behind: what was there after the
first time must be all there is after the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from orderctl.permissions import DISCOVERY, FREE, NEEDS
from tests.end_to_end import chores
from tests.end_to_end.backstage import Backstage
from tests.end_to_end.counts import Counts, settled
from tests.end_to_end.desk import Desk
from tests.end_to_end.documents import Ended, Step, headings, steps, typed
from tests.end_to_end.shell import ROOT

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]

RUNBOOKS = {page.stem: page for page in sorted((ROOT / "docs" / "runbooks").glob("*.md")) if page.stem != "index"}
ALONE = ("replay-a-lost-hour", "chores-0")
"""The one replays whatever was on the bus, the other holds whatever lies in a queue."""
SECTIONS = ["When", "Check", "Act", "Verify", "Roll back"]
ORDERS = ("poison-1", "poison-2", "down-1", "down-2", "down-3", "bad-2", "bad-3", "lost-1", "game-2")
"""Those whose consumers are counted."""
WAITING = {"StartAt": "WaitForCallback", "States": {"WaitForCallback": {"Type": "Wait", "Seconds": 600, "End": True}}}
"""A workflow whose executions stay RUNNING; the one of the reference stack never takes long."""


@dataclass(frozen=True)
class Night:
    """What was run, and what there was afterwards, the first and the second time."""

    first: Mapping[str, list[Ended]]
    again: Mapping[str, list[Ended]]
    after_first: Counts
    after_again: Counts
    readme: list[Ended]
    calls: Mapping[str, set[str]]
    """Command to the permissions its calls asked for, over all that was run."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    try:
        yield made
    finally:
        made.leaves()


@pytest.fixture(scope="module")
def night(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Night:
    with ThreadPoolExecutor(1) as thread:
        readme = thread.submit(_readme, tmp_path_factory.mktemp("reader"))
        first, after_first, again, after_again = _runbooks(desk)
    return Night(first, again, after_first, after_again, readme.result(), desk.calls())


def _runbooks(desk: Desk) -> tuple[dict[str, list[Ended]], Counts, dict[str, list[Ended]], Counts]:
    desk.types("orderctl local up")
    status = json.loads(desk.types("orderctl local status --output json"))
    backstage = Backstage(status["endpoint_url"], "us-east-1")
    waiting = backstage.client("stepfunctions").create_state_machine(
        name="waiting", roleArn="arn:aws:iam::000000000000:role/waiting", definition=json.dumps(WAITING)
    )
    desk.environ |= {
        "WAITING_STATE_MACHINE": waiting["stateMachineArn"],
        "LOCAL_ENDPOINT": status["endpoint_url"],
    }
    wanted = {name: list(steps(page)) for name, page in RUNBOOKS.items()}
    at_first = {name: [step for step in lines if step.first is not None] for name, lines in wanted.items()}
    others = {f"chores-{n}": [Step(line) for line in group] for n, group in enumerate(chores.GROUPS)}
    first = _run(desk, {**at_first, **others}, alone=ALONE)
    after_first = settled(backstage, ORDERS)
    again = _run(desk, {n: [s for s in lines if s.again is not None] for n, lines in wanted.items()}, alone=())
    return first, after_first, again, settled(backstage, ORDERS)


def _readme(folder: Path) -> list[Ended]:
    """The README's session, on the stack that it starts and ends itself."""
    reader = Desk(folder)
    waits = Step(
        'until [ "$(orderctl dlq list orders-local-order-failures --query "[0].depth")" = 1 ]; do sleep 0.5; done'
    )
    wanted: list[Step] = []
    for step in typed(ROOT / "README.md"):
        wanted += [waits] * step.line.startswith("orderctl dlq inspect") + [step]
    try:
        return reader.reads("readme", wanted)
    finally:
        reader.leaves()


def _run(desk: Desk, wanted: Mapping[str, list[Step]], *, alone: tuple[str, ...]) -> dict[str, list[Ended]]:
    ended = {name: desk.reads(name, wanted[name]) for name in alone}
    together = [name for name in wanted if name not in alone]
    with ThreadPoolExecutor(len(together)) as threads:
        ended |= zip(together, threads.map(lambda name: desk.reads(name, wanted[name]), together), strict=True)
    return ended


def _told(ended: list[Ended], *, again: bool = False) -> None:
    story = ""
    for each in ended:
        expected = each.step.again if again else each.step.first
        story += f"$ {each.step.line}\n{each.said}"
        assert each.code == expected, f"{story}exit code {each.code}, not {expected}"
        assert "Traceback" not in each.said, story


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_has_its_five_parts(name: str) -> None:
    assert headings(RUNBOOKS[name]) == SECTIONS


@pytest.mark.parametrize("name", RUNBOOKS)
def test_every_line_of_a_runbook_ends_as_the_page_says(night: Night, name: str) -> None:
    assert len(night.first[name]) > 5, "the page has another form: nothing was run"
    _told(night.first[name])


@pytest.mark.parametrize("name", RUNBOOKS)
def test_every_line_of_a_runbook_may_be_run_again(night: Night, name: str) -> None:
    assert len(night.again[name]) > 5
    _told(night.again[name], again=True)


@pytest.mark.parametrize("what", ["executions", "handled", "tables", "queues"])
def test_running_every_runbook_again_does_nothing_twice(night: Night, what: str) -> None:
    assert night.after_first[what]
    assert night.after_again[what] == night.after_first[what]


def test_the_first_time_each_order_was_handled_once(night: Night) -> None:
    assert night.after_first["handled"] == {
        "poison-1": ["analytics", "process-order", "send-email"],
        "poison-2": ["analytics", "send-email"],
        **{f"down-{n}": ["analytics"] for n in (1, 2, 3)},
        "bad-2": ["process-order"],
        "bad-3": ["process-order"],
        "lost-1": ["analytics", "analytics", "process-order", "process-order", "send-email", "send-email"],
        "game-2": ["send-email"],
    }


def test_the_readme_s_commands_end_as_it_shows(night: Night) -> None:
    assert len(night.readme) > 8
    _told(night.readme)


LOCAL = {"local up", "local down", "local status", "local reset", "local drill"}
"""They ask the embedded stack, and AWS for nothing."""
OVERLAY = {
    *(f"apigateway:{verb}{what}" for verb in ("Get", "Create", "Update") for what in ("Model", "Models")),
    *("apigateway:GetRequestValidators", "apigateway:CreateRequestValidator", "apigateway:GetResources"),
    *("apigateway:GetMethod", "apigateway:PutMethod", "apigateway:PutIntegration", "apigatewayv2:UpdateApi"),
    *("events:CreateArchive", "lambda:UpdateAlias", "lambda:UpdateFunctionConfiguration", "sqs:GetQueueAttributes"),
}
"""What a deployment makes good of what the emulator leaves out."""
UNPROVEN = {
    "dynamodb:DescribeImport": "the embedded stack imports nothing",
    "dynamodb:ImportTable": "the embedded stack imports nothing",
    "dynamodb:ListImports": "the embedded stack imports nothing",
    "dynamodb:PartiQLInsert": "only for files of many rows",
    "events:CancelReplay": "a local replay is over before it can be cancelled",
    "events:ListEventBuses": "only where the environment names no bus",
    "execute-api:Invoke": "asked of the API, not of AWS",
    "iam:SimulatePrincipalPolicy": "only with real credentials",
    "s3:AbortMultipartUpload": "only after an upload failed",
    "s3:CreateBucket": "`local up` has made it",
    "s3:DeleteBucket": "another stack's files lie in it",
    "s3:DeleteObjectVersion": "DeleteObjects is one call for both",
    "s3:PutBucketPublicAccessBlock": "`local up` has made it",
    "s3:PutBucketTagging": "`local up` has made it",
    "s3:PutEncryptionConfiguration": "`local up` has made it",
    "servicequotas:ListServiceQuotas": "the emulator may answer after `doctor` has stopped waiting",
    "sns:Publish": "no rule of the reference stack has a topic as its target",
    "sqs:CancelMessageMoveTask": "the embedded stack has no move tasks",
    "sqs:StartMessageMoveTask": "the embedded stack has no move tasks",
    "xray:BatchGetTraces": "orders of the embedded stack have no trace",
    "sqs:TagQueue": "only where a listener runs for minutes",
}
"""Permissions that no line of this module asks for, and why; each of these calls is made on a fake elsewhere."""


def test_no_command_makes_a_call_that_the_page_on_permissions_leaves_out(night: Night) -> None:
    assert len(night.calls) > 30, "nothing was written down"
    for command, actions in night.calls.items():
        if command not in LOCAL:
            here_only = OVERLAY if command == "stack deploy" else set()
            assert actions - here_only <= {*NEEDS.get(command, ()), *DISCOVERY, *FREE}, command


def test_every_permission_on_the_page_is_one_that_a_command_asks_for(night: Night) -> None:
    seen = set().union(*night.calls.values())
    listed = {action for actions in NEEDS.values() for action in actions} | {*DISCOVERY}
    assert listed - seen <= set(UNPROVEN)
    assert set(UNPROVEN) <= listed, "say no more why a permission is not asked for that is not listed"
