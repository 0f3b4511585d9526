from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore import exceptions as botocore

from orderctl.aws.credential_hints import command_for
from orderctl.aws.errors import aws_call
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import Environment, resolve
from orderctl.errors import OrderctlError


def environment(profile: str | None = "orders prod") -> Environment:
    said = {"x": {} if profile is None else {"profile": profile}}
    return resolve("x", {}, {}, ConfigFile(Path(), True, "x", said))


@contextmanager
def told(error: Exception) -> Iterator[list[OrderctlError]]:
    found: list[OrderctlError] = []
    try:
        with aws_call("sts", "GetCallerIdentity"):
            raise error
    except OrderctlError as seen:
        found.append(seen)
    yield found


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (botocore.UnauthorizedSSOTokenError(), "aws sso login --profile 'orders prod'"),
        (botocore.SSOTokenLoadError(error_msg="gone"), "aws sso login --profile 'orders prod'"),
        (botocore.TokenRetrievalError(provider="sso", error_msg="x"), "aws sso login --profile 'orders prod'"),
        (botocore.LoginRefreshRequired(), "aws login --profile 'orders prod'"),
        (botocore.LoginTokenLoadError(error_msg="gone"), "aws login --profile 'orders prod'"),
        (botocore.MissingDependencyException(msg="crt"), "pip install 'botocore[crt]'"),
        (botocore.ProfileNotFound(profile="orders prod"), "aws configure list-profiles"),
    ],
)
def test_each_kind_of_sign_in_that_ended_has_its_own_command(error: Exception, command: str) -> None:
    with told(error) as [seen]:
        assert command in str(command_for(seen, environment(), {}))


def test_the_profile_may_be_one_of_the_environment_variables_or_none() -> None:
    with told(botocore.UnauthorizedSSOTokenError()) as [seen]:
        assert command_for(seen, environment(None), {"AWS_PROFILE": "p"}) == "aws sso login --profile p"
        assert command_for(seen, environment(None), {}) == "aws sso login"


def test_what_is_no_matter_of_signing_in_gets_no_command() -> None:
    with told(botocore.NoCredentialsError()) as [seen]:
        assert command_for(seen, environment(), {}) is None
