"""`orderctl stack`, by the front door, on a CloudFormation that is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from orderctl.aws.cloudformation import CloudFormation
from orderctl.config import file
from orderctl.context import App
from orderctl.stack import package
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.cloudformation import FakeCloudFormation
from tests.stack.test_deploy import FakeBuckets

CONFIG = '[env.prod]\nregion = "eu-west-1"\nstack = "orders-prod"\naccount_id = "123456789012"\n'
QUEUES = {"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}, "Files": {"Type": "AWS::S3::Bucket"}}}


class Identity:
    def __init__(self, account: str) -> None:
        self._account = account

    def account(self) -> str:
        return self._account

    def arn(self) -> str:
        return f"arn:aws:iam::{self._account}:user/somebody"


class Account:
    """One AWS account, made up, and a person with commands."""

    def __init__(self, home: Path, config: str = CONFIG) -> None:
        self.home = home
        self.config_path = write_config(home, config)
        self.cloud = FakeCloudFormation()
        self.cloud.yaml_means = QUEUES
        self.buckets = FakeBuckets()
        self.number = "123456789012"

    def app(self, *, terminal: bool = False, stdin: str = "") -> App:
        app: Any = new_app(self.home, terminal=terminal, stdin=stdin, environ={"AWS_REGION": "eu-west-1"})
        app.formation = CloudFormation(cast(Any, self.cloud))
        app.buckets = self.buckets
        app.identity = Identity(self.number)
        app.discovered = None
        return cast(App, app)

    def types(self, *argv: str, terminal: bool = False, stdin: str = "") -> Outcome:
        return run(self.app(terminal=terminal, stdin=stdin), *argv)

    def is_untouched(self) -> bool:
        return not self.cloud.changing_calls() and not self.buckets.changes


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def test_a_dry_run_of_deploy_shows_the_plan_and_makes_no_changing_call(account: Account) -> None:
    said = account.types("stack", "deploy", "--env", "prod", "--dry-run", "-o", "json")
    assert said.code == 0, said.err
    plan = json.loads(said.out)
    assert (plan["stack"], plan["kind"], plan["creates_bucket"]) == ("orders-prod", "CREATE", True)
    assert len(plan["uploads"]) == len(package.build().artifacts)
    assert said.err.startswith("stack orders-prod in account 123456789012, eu-west-1: create\n")
    assert account.is_untouched()


def test_a_deployment_nobody_can_agree_to_makes_nothing(account: Account) -> None:
    said = account.types("stack", "deploy", "--env", "prod")
    assert said.code == 7
    assert said.err.endswith("hint: look at --dry-run, then pass --yes\n")
    assert account.is_untouched()


def test_another_account_than_pinned_is_refused_before_the_first_change(account: Account) -> None:
    account.number = "999999999999"
    said = account.types("stack", "deploy", "--env", "prod", "--yes")
    assert said.code == 7
    assert account.is_untouched()


def test_a_protected_environment_wants_its_name_even_with_yes(tmp_path: Path) -> None:
    account = Account(tmp_path, CONFIG + "protected = true\n")
    said = account.types("stack", "deploy", "--env", "prod", "--yes")
    assert said.code == 7
    assert said.err.endswith("hint: look at --dry-run, then pass --confirm prod\n")
    assert account.is_untouched()


@pytest.mark.parametrize("bad", [("--parameter", "NoValue"), ("--timeout", "soon")])
def test_a_bad_option_is_exit_2_before_anything_else(account: Account, bad: tuple[str, str]) -> None:
    assert account.types("stack", "deploy", "--env", "prod", "--yes", *bad).code == 2
    assert account.is_untouched()


def test_status_of_a_stack_that_is_not_there_is_exit_3(account: Account) -> None:
    said = account.types("stack", "status", "--env", "prod")
    assert (said.code, said.out) == (3, "")
    assert said.err == "orderctl: no stack named 'orders-prod'\nhint: orderctl stack deploy\n"


def test_status_and_outputs_are_data(account: Account) -> None:
    outputs = [{"OutputKey": "B", "OutputValue": "2"}, {"OutputKey": "A", "OutputValue": "1"}]
    account.cloud.add_stack("orders-prod", "UPDATE_COMPLETE", Outputs=outputs)
    status = json.loads(account.types("stack", "status", "--env", "prod", "-o", "json").out)
    assert (status["name"], status["status"], status["outputs"]) == (
        "orders-prod",
        "UPDATE_COMPLETE",
        {"B": "2", "A": "1"},
    )
    assert account.types("stack", "outputs", "--env", "prod").out == "A\t1\nB\t2\n"


def test_a_dry_run_of_destroy_lists_what_would_go(account: Account) -> None:
    account.cloud.add_stack("orders-prod", "CREATE_COMPLETE", QUEUES)
    said = account.types("stack", "destroy", "--env", "prod", "--dry-run")
    assert said.code == 0
    assert said.out == "Jobs\tAWS::SQS::Queue\torders-prod-jobs\nFiles\tAWS::S3::Bucket\torders-prod-files\n"
    assert "empties bucket orders-prod-files, all versions" in said.err
    assert account.is_untouched()


def test_destroy_wants_the_stacks_name(account: Account) -> None:
    account.cloud.add_stack("orders-prod", "CREATE_COMPLETE", QUEUES)
    assert account.types("stack", "destroy", "--env", "prod").code == 7
    assert account.types("stack", "destroy", "--env", "prod", "--confirm", "orders").code == 7
    assert account.types("stack", "destroy", "--env", "prod", terminal=True, stdin="no\n").code == 7
    assert account.is_untouched()


def test_destroy_streams_its_events_and_ends_in_one_result(account: Account) -> None:
    account.cloud.add_stack("orders-prod", "CREATE_COMPLETE", QUEUES)
    said = account.types("stack", "destroy", "--env", "prod", "--confirm", "orders-prod", "-o", "jsonl")
    assert said.code == 0, said.err
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["type"] for row in rows] == ["event"] * 6 + ["result"]
    assert rows[1]["resource_type"] == "AWS::SQS::Queue"
    assert (rows[-1]["status"], rows[-1]["changed"]) == ("DELETE_COMPLETE", True)


def test_a_destruction_that_fails_still_ends_its_stream_in_a_result(account: Account) -> None:
    account.cloud.add_stack("orders-prod", "CREATE_COMPLETE", QUEUES)
    account.cloud.undeletable = {"Jobs": "it is in use"}
    said = account.types("stack", "destroy", "--env", "prod", "--confirm", "orders-prod", "-o", "jsonl")
    assert said.code == 1
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["type"] for row in rows].count("result") == 1
    assert (rows[-1]["type"], rows[-1]["status"]) == ("result", "DELETE_FAILED")
    assert "Jobs (AWS::SQS::Queue) DELETE_FAILED: it is in use" in json.loads(said.err.splitlines()[-1])["message"]


def test_a_stack_that_failed_to_be_created_says_what_to_do(account: Account) -> None:
    account.cloud.add_stack("orders-prod", "ROLLBACK_COMPLETE")
    said = account.types("stack", "deploy", "--env", "prod", "--yes")
    assert said.code == 5
    assert "orderctl stack destroy" in said.err
    assert account.is_untouched()


def test_a_deployment_streams_its_events_and_writes_the_environment(tmp_path: Path) -> None:
    account = Account(tmp_path, "[env.prod]\nprotected = true\n")
    said = account.types("stack", "deploy", "--env", "prod", "--stack", "shop", "--confirm", "prod", "-o", "jsonl")
    assert said.code == 0, said.err
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["type"] for row in rows] == ["event"] * 6 + ["result"]
    assert (rows[-1]["status"], rows[-1]["changed"]) == ("CREATE_COMPLETE", True)
    values = file.read(account.config_path).values
    assert values == {"prod": {"protected": True, "stack": "shop", "region": "eu-west-1", "account_id": "123456789012"}}


def test_a_stack_beside_the_environments_own_gets_an_environment_of_its_own(account: Account) -> None:
    assert account.types("stack", "deploy", "--env", "prod", "--stack", "shop", "--yes").code == 0
    values = file.read(account.config_path).values
    assert (values["prod"]["stack"], values["shop"]["stack"]) == ("orders-prod", "shop")


def test_deploying_again_is_unchanged_and_exit_0(account: Account) -> None:
    assert account.types("stack", "deploy", "--env", "prod", "--yes").code == 0
    said = account.types("stack", "deploy", "--env", "prod", "--yes", "-o", "json")
    assert (said.code, json.loads(said.out)["changed"]) == (0, False)
    assert "unchanged\n" in said.err


def test_a_change_set_said_no_to_is_dropped_with_the_stack_made_for_it(account: Account) -> None:
    said = account.types("stack", "deploy", "--env", "prod", terminal=True, stdin="n\n")
    assert said.code == 7
    assert "  Add     Files AWS::S3::Bucket\n  Add     Jobs AWS::SQS::Queue\n" in said.err
    assert "ExecuteChangeSet" not in account.cloud.calls
    account.cloud.finish()
    assert account.types("stack", "status", "--env", "prod").code == 3


def test_a_failed_deployment_names_the_resource(account: Account) -> None:
    account.cloud.failing = {"Jobs": "Queue limit reached"}
    said = account.types("stack", "deploy", "--env", "prod", "--yes", "-o", "json")
    assert said.code == 1
    assert (
        "Jobs (AWS::SQS::Queue) CREATE_FAILED: Queue limit reached" in json.loads(said.err.splitlines()[-1])["message"]
    )


def test_a_deployment_that_takes_longer_than_the_timeout_is_exit_124(account: Account) -> None:
    said = account.types("stack", "deploy", "--env", "prod", "--yes", "--timeout", "3s")
    assert said.code == 124
    assert "orderctl stack status --stack orders-prod" in said.err


def test_somebody_who_configured_nothing_gets_an_environment_and_it_is_selected(tmp_path: Path) -> None:
    account = Account(tmp_path, "")
    assert account.types("stack", "deploy", "--yes").code == 0
    written = file.read(account.config_path)
    assert (written.default_env, written.values["orders"]["stack"]) == ("orders", "orders")
