"""Signing in and asking the APIs, over the wire: every way it is let in, and every way it is turned away.

What the embedded stack cannot show stands in the fakes: a second factor, rotation of refresh tokens, AWS_IAM on a
method, and a token that ends by the clock (its live an hour: the file is told it ended).
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.end_to_end.backstage import Backstage
from tests.end_to_end.shell import ROOT, Shell, orderctl

pytestmark = pytest.mark.end_to_end

GRACE = "users create --user-id grace --email grace@example.com --name Grace"
SCOPE = "orders/write"


@pytest.fixture(scope="module")
def signed_in(shell: Shell) -> Iterator[Shell]:
    log_in(shell)
    yield shell
    shell.run("auth logout")


def log_in(shell: Shell, *flags: str) -> Mapping[str, Any]:
    [password] = shell.home.rglob("demo-user.password")
    found: Mapping[str, Any] = shell.run(" ".join([f"auth login --password-file {password} -o json", *flags])).json
    return found


def token_file(shell: Shell, *flags: str) -> Path:
    return Path(shell.run(" ".join(["auth status -o json", *flags])).json["token_file"])


def change(file: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    saved = json.loads(file.read_text())
    edit(saved)
    file.write_text(json.dumps(saved))


@pytest.mark.parametrize("flow", ["srp", "password"])
def test_somebody_signs_in_and_the_file_is_private(shell: Shell, flow: str) -> None:
    shown = log_in(shell, "--flow", flow)
    assert (shown["username"], shown["signed_in"], shown["flow"]) == ("demo", True, flow)
    assert Path(shown["token_file"]).stat().st_mode & 0o777 == 0o600


def test_a_user_is_created_read_and_never_overwritten(signed_in: Shell) -> None:
    grace = {"user_id": "grace", "email": "grace@example.com", "name": "Grace"}
    assert signed_in.run(f"{GRACE} -o json").json == grace
    assert "exists already" in signed_in.run(f"{GRACE}-2", expect=5).err
    assert signed_in.run("users get grace -o json").json == grace


def test_a_body_the_validator_refuses_is_2_with_its_words(signed_in: Shell) -> None:
    odd = signed_in.run("users create --user-id a.b --email ab@example.com --name AB", expect=2)
    assert odd.err.startswith("orderctl: user a.b was refused as invalid: Invalid request body")
    more = signed_in.run("users create --user-id more --email ab@example.com --name AB --set plan=gold", expect=2)
    assert "the API may not take these fields: plan" in more.err
    signed_in.run("users get more", expect=3)


def test_a_token_that_has_ended_is_refreshed_before_it_is_sent(signed_in: Shell) -> None:
    file = token_file(signed_in)
    before = json.loads(file.read_text())

    def end(saved: dict[str, Any]) -> None:
        saved["expires_at"] = "2026-01-01T00:00:00.000Z"

    change(file, end)
    signed_in.run("users get nobody", expect=3)
    after = json.loads(file.read_text())
    assert after["id_token"] != before["id_token"]
    assert after["expires_at"] > "2026-01-01T00:00:00.000Z"


def test_a_tampered_token_is_refused_and_which_one_is_said(signed_in: Shell) -> None:
    file = token_file(signed_in)
    kept = file.read_text()

    def tamper(saved: dict[str, Any]) -> None:
        head, body, signature = saved["id_token"].split(".")
        saved["id_token"] = ".".join((head, body, signature[:-8] + "AAAAAAAA"))

    change(file, tamper)
    done = signed_in.run("users get grace", expect=4)
    assert "did not accept the ID token: Unauthorized" in done.err
    file.write_text(kept)
    signed_in.run("users get nobody", expect=3)


def test_a_wrong_stage_is_said_to_be_the_address_not_the_token(signed_in: Shell) -> None:
    url = settings(signed_in)["resources.users_api_url"]
    second_environment(signed_in, "elsewhere", url.replace("/v1", "/v9"))
    log_in(signed_in, "--env elsewhere")
    done = signed_in.run("users get grace --env elsewhere", expect=4)
    assert "stage" in done.err


def test_a_token_without_the_scope_of_the_http_api_is_refused_as_that(signed_in: Shell, backstage: Backstage) -> None:
    second_environment(signed_in, "scoped", scoped_api(signed_in, backstage), auth='token_use = "access"')
    log_in(signed_in, "--env scoped")
    done = signed_in.run("users get grace --env scoped", expect=4)
    assert "forbids" in done.err
    assert "lacks a scope" in done.err


def test_an_app_client_signs_in_with_its_secret_and_its_scope(shell: Shell, backstage: Backstage) -> None:
    made = app_client(shell, backstage, GenerateSecret=True, AllowedOAuthFlows=["client_credentials"])
    secret = shell.home / "client-secret"
    secret.touch(mode=0o600)
    secret.write_text(made["ClientSecret"])
    flow = 'flow = "client-credentials"\nscopes = "robots/write"'
    second_environment(shell, "robot", None, client_id=made["ClientId"], auth=flow)
    refused = shell.run("auth login --env robot", expect=4)
    assert "ORDERCTL_CLIENT_SECRET" in refused.err
    command = start(shell, "auth login --env robot -o json", ORDERCTL_CLIENT_SECRET_FILE=str(secret))
    out, err = command.communicate(timeout=30)
    assert command.returncode == 0, err
    assert json.loads(out)["username"] == made["ClientId"]
    assert made["ClientSecret"] not in token_file(shell, "--env robot").read_text()


def test_a_person_signs_in_on_the_pools_own_page(shell: Shell, backstage: Backstage) -> None:
    port = free_port()
    callbacks = [f"http://127.0.0.1:{port}/callback"]
    made = app_client(shell, backstage, AllowedOAuthFlows=["code"], CallbackURLs=callbacks)
    flow = f'flow = "pkce"\nredirect_ports = "{port}"\nscopes = "openid email"'
    second_environment(shell, "browser", None, client_id=made["ClientId"], auth=flow)
    [password] = shell.home.rglob("demo-user.password")
    command = start(shell, "auth login --env browser --no-browser --timeout 30s -o json")
    assert command.stderr is not None
    assert "Sign in on this page" in command.stderr.readline()
    page = browse(command.stderr.readline().strip(), "demo", password.read_text().strip())
    out, err = command.communicate(timeout=30)
    assert command.returncode == 0, err
    assert "You are signed in" in page
    assert json.loads(out)["username"] == "demo"
    assert shell.run("auth token --env browser --kind access").out.count(".") == 2


def test_signing_out_leaves_nothing_that_still_works(shell: Shell) -> None:
    log_in(shell)
    file = token_file(shell)
    refresh = json.loads(file.read_text())["refresh_token"]
    shell.run("auth logout")
    assert not file.exists()
    assert refresh not in "".join(path.read_text() for path in file.parent.iterdir())
    shell.run("users get grace", expect=4)


def test_the_doctor_finds_nothing_wrong_with_a_fresh_local_stack(signed_in: Shell) -> None:
    found = signed_in.run("doctor -o json").json
    assert {each["status"] for each in found} <= {"ok", "warn", "skipped"}
    assert {each["check"] for each in found if each["status"] == "warn"} <= {"sign-in"}
    assert len([each for each in found if each["status"] == "ok"]) > 25


def start(shell: Shell, line: str, **environ: str) -> subprocess.Popen[str]:
    """A command line that something else has to happen beside, or with variables of its own."""
    base = {"PATH": os.environ["PATH"], "HOME": str(shell.home), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        orderctl(line), env={**base, **environ}, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def settings(shell: Shell) -> Mapping[str, Any]:
    return {each["key"]: each["value"] for each in shell.run("config show --env local -o json").json}


def second_environment(
    shell: Shell, name: str, users_api_url: str | None, *, client_id: str | None = None, auth: str = ""
) -> None:
    """A copy of the local environment with another users API, or another app client."""
    values = settings(shell)
    endpoint = values["endpoint_url"]
    lines = [f"[env.{name}]", "local = true", f'region = "{values["region"]}"', f'endpoint_url = "{endpoint}"']
    lines += [f"[env.{name}.resources]", f'users_api_url = "{users_api_url or values["resources.users_api_url"]}"']
    lines += [f'user_pool_id = "{values["resources.user_pool_id"]}"', f"[env.{name}.auth]", 'username = "demo"']
    lines += [f'client_id = "{client_id or values["auth.client_id"]}"', f'token_url = "{endpoint}"', auth]
    file = Path(shell.run("config path -o json").json["path"])
    file.write_text(file.read_text() + "\n" + "\n".join(lines) + "\n")


def app_client(shell: Shell, backstage: Backstage, **wanted: Any) -> Mapping[str, Any]:
    """An app client that uses the pool's domain."""
    pools, pool = backstage.client("cognito-idp"), settings(shell)["resources.user_pool_id"]
    scopes = ["openid", "email"]
    if "client_credentials" in wanted["AllowedOAuthFlows"]:
        scope = {"ScopeName": "write", "ScopeDescription": "write"}
        pools.create_resource_server(UserPoolId=pool, Identifier="robots", Name="robots", Scopes=[scope])
        scopes = ["robots/write"]
    made: Mapping[str, Any] = pools.create_user_pool_client(
        UserPoolId=pool,
        ClientName="another",
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=scopes,
        SupportedIdentityProviders=["COGNITO"],
        **wanted,
    )["UserPoolClient"]
    return made


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def browse(url: str, username: str, password: str) -> str:
    """What a person does: fill in the form, and be sent back to the page of the command line."""
    pool = urllib3.PoolManager()
    form = pool.request("GET", url).data.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    fields |= {"username": username, "password": password}
    login = "/".join(url.split("/")[:3]) + "/login"
    filled = {name: unescape(value) for name, value in fields.items()}
    answer = pool.request("POST", login, fields=filled, encode_multipart=False, redirect=False)
    return pool.request("GET", answer.headers["Location"]).data.decode()


def scoped_api(shell: Shell, backstage: Backstage) -> str:
    """An HTTP API whose route wants a scope that no sign-in by password brings."""
    values = settings(shell)
    apis = backstage.client("apigatewayv2")
    api = apis.create_api(Name="scoped", ProtocolType="HTTP")["ApiId"]
    backend = apis.create_integration(
        ApiId=api,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri=values["endpoint_url"],
        PayloadFormatVersion="1.0",
    )["IntegrationId"]
    pool = values["resources.user_pool_id"]
    authorizer = apis.create_authorizer(
        ApiId=api,
        Name="scoped",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={
            "Audience": [values["auth.client_id"]],
            "Issuer": f"https://cognito-idp.{values['region']}.amazonaws.com/{pool}",
        },
    )["AuthorizerId"]
    apis.create_route(
        ApiId=api,
        RouteKey="GET /users/{user_id}",
        Target=f"integrations/{backend}",
        AuthorizationType="JWT",
        AuthorizerId=authorizer,
        AuthorizationScopes=[SCOPE],
    )
    apis.create_stage(ApiId=api, StageName="v1", AutoDeploy=True)
    return f"{values['endpoint_url']}/_aws/execute-api/{api}/v1"
