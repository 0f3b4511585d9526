from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.session import Session

from orderctl.aws.role_cache import ask_code, keep_roles

ROLE = "arn:aws:iam::123456789012:role/operator"
CONFIG = f"""
[profile people]
aws_access_key_id = AKIAPEOPLE
aws_secret_access_key = people
[profile operator]
role_arn = {ROLE}
source_profile = people
"""


class Sts:
    """Answers AssumeRole, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        self.calls += 1
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
            <Credentials><AccessKeyId>ASIA{self.calls}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
            <SessionToken>token</SessionToken><Expiration>{until}</Expiration></Credentials>
            <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/operator/x</Arn></AssumedRoleUser>
            </AssumeRoleResult></AssumeRoleResponse>"""
        answer: Any = AWSResponse(request.url, 200, {}, None)  # type: ignore[arg-type]
        answer._content = body.encode()
        return answer  # type: ignore[no-any-return]


def signed_with(sts: Sts, folder: Path, config: Path) -> str:
    """The access key a new command would sign with."""
    session: Any = Session(session_vars={"config_file": (None, None, str(config), None)}, profile="operator")
    keep_roles(session, "eu-west-1", str(folder))
    session.register("before-send.sts", sts)
    return str(session.get_credentials().get_frozen_credentials().access_key)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_a_role_is_assumed_once_and_found_by_the_next_command(tmp_path: Path, config: Path) -> None:
    sts = Sts()
    assert [signed_with(sts, tmp_path / "cache", config) for _ in range(3)] == ["ASIA1"] * 3
    assert sts.calls == 1


def test_what_is_kept_is_named_as_the_aws_cli_names_it_and_private(tmp_path: Path, config: Path) -> None:
    signed_with(Sts(), tmp_path / "cache", config)
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name == sha1(json.dumps({"RoleArn": ROLE}, sort_keys=True).encode()).hexdigest() + ".json"
    assert json.loads(kept.read_text())["Credentials"]["AccessKeyId"] == "ASIA1"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_session_the_aws_cli_began_is_used(tmp_path: Path, config: Path) -> None:
    signed_with(Sts(), tmp_path / "cache", config)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text(kept.read_text().replace("ASIA1", "ASIACLI"))
    assert signed_with(Sts(), tmp_path / "cache", config) == "ASIACLI"


def test_a_folder_that_cannot_be_written_costs_the_cache_and_not_the_command(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "a file"
    folder.write_text("")
    sts = Sts()
    assert signed_with(sts, folder, config) == "ASIA1"


def test_a_code_is_not_taken_from_what_is_piped_in() -> None:
    program = "from orderctl.aws.role_cache import ask_code; ask_code('Code: ')"
    done = subprocess.run(
        [sys.executable, "-c", program], input="123456\n", text=True, capture_output=True, start_new_session=True
    )
    assert done.returncode == 1
    assert "AuthError: the AWS profile wants an MFA code" in done.stderr
    assert "EOFError" not in done.stderr


def test_the_assume_role_provider_asks_that_way(tmp_path: Path, config: Path) -> None:
    session: Any = Session(session_vars={"config_file": (None, None, str(config), None)}, profile="operator")
    keep_roles(session, "eu-west-1", str(tmp_path))
    chain = session.get_component("credential_provider")
    assert chain.get_provider("assume-role")._prompter is ask_code
