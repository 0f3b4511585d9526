from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orderctl.aws.probe_calls import READS, RESOURCES
from orderctl.doctor import permissions
from orderctl.errors import AuthError, NoConnectionError, NotFoundError
from orderctl.events.tap import ALIVE_UNTIL, Tap
from orderctl.permissions import NEEDS, needed
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.clock import FakeClock
from tests.fakes.probes import FakeProbes

API = "https://abc.execute-api.eu-west-1.amazonaws.com/Prod"
CONFIG = f"""\
default_env = "prod"
[env.prod]
region = "eu-west-1"
account_id = "123456789012"
[env.prod.resources]
state_machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
event_bus = "orders"
users_api_url = "{API}"
inventory_table = "stock"
user_pool_id = "eu-west-1_pool"
analytics_queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/analytics.fifo"
[env.prod.auth]
client_id = "client-1"
"""
ROOT = Path(__file__).parents[2]
MISSING = NotFoundError("it does not exist")
DENIED = AuthError("it is not allowed")


class NoTaps:
    def __init__(self, *tags: Mapping[str, str]) -> None:
        self._tags = tags
        self.removed: list[str] = []

    def remove(self, tap: Tap) -> None:
        self.removed.append(tap.name)

    def all(self) -> Iterator[tuple[Tap, Mapping[str, str]]]:
        for number, tags in enumerate(self._tags):
            yield Tap(f"orderctl-tail-{number}", "orders", "url"), tags


def examine(
    home: Path, probes: FakeProbes, *flags: str, config: str = CONFIG, taps: NoTaps | None = None, **environ: str
) -> Outcome:
    write_config(home, config)
    app = new_app(home, environ=environ, clock=FakeClock())
    app.probes = probes
    app.event_taps = taps or NoTaps()  # type: ignore[assignment]
    return run(app, "doctor", "-o", "json", *flags)


def line(done: Outcome, check: str, subject: str | None = None) -> dict[str, Any]:
    found = [each for each in json.loads(done.out) if each["check"] == check and subject in (None, each["subject"])]
    assert len(found) == 1, found
    return dict(found[0])


def test_where_everything_is_there_it_is_exit_0_and_the_clocks_and_writes_are_told(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes())
    assert done.code == 0, done.err
    assert not [each for each in json.loads(done.out) if each["status"] == "fail"]
    assert line(done, "credentials")["detail"].endswith("assumed-role/oncall/ann")
    assert line(done, "clock")["detail"] == "within 2 seconds of AWS"
    assert line(done, "permission", "states:StartExecution")["detail"] == "allowed, says IAM; not tried"
    assert line(done, "sign-in")["status"] == "warn"
    assert line(done, "sign-in")["hint"] == "orderctl auth login --env prod"
    assert line(done, "resource", "event_archive")["status"] == "skipped"
    assert done.err.endswith(" skipped\n")


def test_another_account_than_the_pinned_one_is_exit_7_even_where_more_fails(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(account="999999999999", errors={"event_bus": DENIED}))
    assert done.code == 7
    assert "pinned to 123456789012" in line(done, "account")["detail"]
    assert json.loads(done.err.splitlines()[-1])["message"] == "failed: account aws, resource event_bus"


def test_another_region_than_the_pinned_one_is_exit_7(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(), "--region", "us-east-1")
    assert (done.code, line(done, "region")["hint"]) == (7, "it comes from --region")


@pytest.mark.parametrize("what", ["event_bus", "sqs:ListQueues", "states:GetExecutionHistory"])
def test_a_missing_permission_is_exit_4(tmp_path: Path, what: str) -> None:
    done = examine(tmp_path, FakeProbes(errors={what: DENIED}))
    assert done.code == 4
    assert line(done, "resource" if what == "event_bus" else "permission", what)["status"] == "fail"


def test_a_write_that_iam_would_deny_is_exit_4_and_names_the_resource(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(denied={"sqs:DeleteMessage"}))
    assert done.code == 4
    denied = line(done, "permission", "sqs:DeleteMessage")
    assert denied["detail"] == "not allowed on arn:aws:sqs:eu-west-1:123456789012:analytics.fifo, says IAM"


def test_a_write_under_conditions_is_not_judged(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(conditional={"events:PutEvents"}))
    assert done.code == 0
    assert "has conditions" in line(done, "permission", "events:PutEvents")["detail"]


def test_writes_are_told_as_not_probed_where_iam_may_not_be_asked(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(errors={"allowed": DENIED}))
    assert done.code == 0
    assert line(done, "permission", "events:PutEvents")["detail"].startswith("not probed: only iam:Simulate")


def test_without_credentials_nothing_of_aws_is_asked(tmp_path: Path) -> None:
    probes = FakeProbes(errors={"caller": AuthError("no usable AWS credentials", hint="sign in")})
    done = examine(tmp_path, probes)
    assert done.code == 4
    assert sorted(probes.asked) == ["caller", "eu-west-1_pool", f"{API}/users/orderctl-doctor"]
    assert line(done, "permission", "sqs:ListQueues")["detail"] == "no usable AWS credentials"


def test_where_nobody_answers_for_the_credentials_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(errors={"caller": NoConnectionError("no way to STS")}))
    assert done.code == 1
    assert line(done, "account")["status"] == "skipped"
    assert line(done, "resource", "event_bus")["status"] == "ok"
    assert "nobody knows whose" in line(done, "permission", "events:PutEvents")["detail"]


def test_a_sign_in_to_aws_that_ended_says_the_command_to_run(tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.write_text("[profile ops]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\nregion = eu-west-1\n")
    with aws.open("a") as file:
        file.write("[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n")
    config = write_config(tmp_path, '[env.x]\nprofile = "ops"\nstack = "s"\n')
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_CONFIG_FILE": str(aws), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "orderctl", "doctor", "--config", str(config), "--env", "x", "-o", "json"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    done = Outcome(ended.returncode, ended.stdout, ended.stderr)
    assert done.code == 4, done.err
    assert line(done, "credentials")["hint"] == "aws sso login --profile ops"
    failed = [each["check"] for each in json.loads(done.out) if each["status"] == "fail"]
    assert failed == ["credentials"]


def test_a_missing_resource_or_a_host_that_does_not_answer_is_exit_1(tmp_path: Path) -> None:
    assert examine(tmp_path, FakeProbes(errors={"inventory_table": MISSING})).code == 1
    assert examine(tmp_path, FakeProbes(errors={"state_machine": NoConnectionError("no")})).code == 1
    assert examine(tmp_path, FakeProbes(statuses={"eu-west-1_pool": 404})).code == 1


@pytest.mark.parametrize(
    ("status", "flow", "told", "code"),
    [
        (401, "srp", "ok", 0),
        (403, "srp", "fail", 1),
        (403, "iam", "ok", 0),
        (404, "none", "ok", 0),
        (200, "none", "ok", 0),
        (200, "srp", "warn", 0),
        (404, "srp", "warn", 0),
        (502, "srp", "fail", 1),
    ],
)
def test_the_users_api_is_judged_by_what_it_says_to_a_stranger(
    tmp_path: Path, status: int, flow: str, told: str, code: int
) -> None:
    probes = FakeProbes(statuses={f"{API}/users/orderctl-doctor": status})
    done = examine(tmp_path, probes, ORDERCTL_AUTH_FLOW=flow)
    assert (line(done, "resource", "users_api_url")["status"], done.code) == (told, code)


@pytest.mark.parametrize(("skew", "told", "code"), [(-30, "ok", 0), (90, "warn", 0), (-301, "fail", 4)])
def test_a_clock_that_is_off_is_told_before_aws_refuses(tmp_path: Path, skew: float, told: str, code: int) -> None:
    done = examine(tmp_path, FakeProbes(skew=skew))
    assert (line(done, "clock")["status"], done.code) == (told, code)
    assert ("behind" if skew < 0 else "ahead of") in line(done, "clock")["detail"]


def test_taps_that_nobody_renews_are_named_and_left_where_they_are(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(), taps=NoTaps({ALIVE_UNTIL: "1"}, {ALIVE_UNTIL: "9999999999"}))
    assert line(done, "event taps")["detail"] == "left by killed tails: orderctl-tail-0"
    assert done.code == 0


def test_what_killed_tails_left_is_swept_when_that_is_asked_for_and_nothing_else(tmp_path: Path) -> None:
    taps = NoTaps({ALIVE_UNTIL: "1"}, {ALIVE_UNTIL: "9999999999"})
    examine(tmp_path, FakeProbes(), taps=taps)
    assert taps.removed == []
    protected = CONFIG.replace("[env.prod]", "[env.prod]\nprotected = true")
    assert protected != CONFIG
    assert examine(tmp_path, FakeProbes(), "--sweep", taps=taps, config=protected).code == 7
    assert taps.removed == []
    done = examine(tmp_path, FakeProbes(), "--sweep", taps=taps)
    assert (done.code, taps.removed) == (0, ["orderctl-tail-0"])
    assert "removed rule and queue orderctl-tail-0" in done.err


def test_few_functions_at_a_time_are_worth_a_warning(tmp_path: Path) -> None:
    assert line(examine(tmp_path, FakeProbes(concurrency=10)), "quotas")["status"] == "warn"
    unreadable = examine(tmp_path, FakeProbes(errors={"quotas": DENIED}))
    assert (line(unreadable, "quotas")["status"], unreadable.code) == ("skipped", 0)


def test_one_probe_that_hangs_is_left_behind_and_the_others_are_told(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(hanging={"sns:ListSubscriptions"}), "--timeout", "0.3s")
    assert done.code == 1
    assert line(done, "permission", "sns:ListSubscriptions")["detail"] == "no answer within 0.3 seconds"
    assert line(done, "permission", "scheduler:ListSchedules")["status"] == "ok"


def test_a_token_file_that_is_open_to_others_is_exit_4(tmp_path: Path) -> None:
    file = tmp_path / "state" / "orderctl" / "tokens" / "prod.json"
    file.parent.mkdir(mode=0o700, parents=True)
    file.write_text("{}")
    file.chmod(0o666)
    done = examine(tmp_path, FakeProbes())
    assert done.code == 4
    assert "read or written by others" in line(done, "sign-in")["detail"]


def test_a_configuration_that_cannot_be_read_is_exit_2(tmp_path: Path) -> None:
    assert examine(tmp_path, FakeProbes(), config=CONFIG + "no = [toml").code == 2


def test_every_permission_a_command_needs_has_a_line(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes())
    told = {each["subject"] for each in json.loads(done.out) if each["check"] == "permission"}
    elsewhere = {"stack deploy", "stack destroy", "doctor", "users create", "users get", "users import"}
    wanted = set(needed(command for command in NEEDS if command not in elsewhere))
    assert wanted - told - set(permissions.DESCRIBED) == set()
    assert line(done, "permission", "lambda:InvokeFunction")["detail"].startswith("not probed")


def test_every_call_only_reads() -> None:
    made = [describe.operation for describe in RESOURCES.values()] + [action.split(":")[1] for action in READS]
    reading = ("Get", "List", "Describe", "Filter", "Test", "Head", "Scan")
    assert [operation for operation in made if not operation.startswith(reading)] == []
    assert set(READS) == {action for action, _ in permissions.READS}


@pytest.mark.parametrize("url", ["http://api.example.com/Prod", "https://ann:pw@api.example.com/Prod"])
def test_an_api_that_no_token_would_be_sent_to_is_exit_7(tmp_path: Path, url: str) -> None:
    done = examine(tmp_path, FakeProbes(), config=CONFIG.replace(API, url))
    assert done.code == 7
    found = line(done, "resource", "users_api_url")
    assert found["status"] == "fail"
    assert "no token or password is sent to" in found["detail"]
    assert "pw" not in found["detail"]


def test_a_file_that_cannot_be_read_costs_its_own_line_only(tmp_path: Path) -> None:
    probes = FakeProbes(errors={"sns:ListSubscriptions": PermissionError(13, "Permission denied", "/x")})
    done = examine(tmp_path, probes)
    assert done.code == 1
    assert line(done, "permission", "sns:ListSubscriptions")["detail"] == "/x: Permission denied"
    assert line(done, "permission", "scheduler:ListSchedules")["status"] == "ok"


def test_a_permission_that_the_commands_do_without_is_a_warning(tmp_path: Path) -> None:
    done = examine(tmp_path, FakeProbes(denied={"xray:BatchGetTraces"}))
    assert done.code == 0
    assert line(done, "permission", "xray:BatchGetTraces")["status"] == "warn"
