"""The matrix: every way a token, a password or a signature could be led astray, by every flow; a spy sees nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.auth.helpers import PASSWORD
from tests.cli.signed_in import World, world
from tests.cli.support import Outcome, new_app, run, write_config
from tests.cli.test_auth_browser import free_ports
from tests.fakes.hosted_ui import Browser, HostedUi
from tests.fakes.http import HttpServer, Reply, Request

ROOT = Path(__file__).parents[2]
FLOWS = ("srp", "pkce", "iam")


@dataclass
class Stage:
    """Somebody signed in by one flow, and a spy that answers everything."""

    w: World
    ui: HostedUi
    domain: HttpServer
    spy: HttpServer
    flow: str

    def run(self, *argv: str, **environ: str) -> Outcome:
        app = new_app(self.w.home, terminal=True, clock=self.w.clock, stdin=PASSWORD + "\n", environ=environ)
        app.open_browser = Browser()
        return run(app, *argv)

    def log_in(self, *flags: str) -> Outcome:
        password = () if self.flow == "pkce" else ("--username", "ada", "--password-stdin")
        return self.run("auth", "login", *password, *flags)


@pytest.fixture(params=FLOWS)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    flow = str(request.param)
    with world(tmp_path) as w, HttpServer(lambda request: Reply(200, "{}")) as spy:
        ports = free_ports()
        ui = HostedUi(w.clock, tuple(f"http://127.0.0.1:{port}/callback" for port in ports))
        with HttpServer(ui) as domain:
            path = tmp_path / "config" / "orderctl" / "config.toml"
            more = f'flow = "{flow}"\ntoken_url = "{domain.url}"\nredirect_ports = "{ports[0]} {ports[1]}"\n'
            write_config(tmp_path, path.read_text() + more)
            made = Stage(w, ui, domain, spy, flow)
            if flow != "iam":
                assert made.log_in().code == 0
            yield made


ASTRAY: dict[str, Callable[[Stage], str]] = {
    "another host": lambda stage: f"{stage.spy.url}/Prod",
    "another scheme": lambda stage: f"{stage.w.api.url.replace('http:', 'https:')}/Prod",
    "http to a name": lambda stage: "http://api.example.invalid/Prod",
    "user info": lambda stage: f"{stage.w.api.url}@127.0.0.1:{stage.spy.port}/Prod",
    "user info of our host": lambda stage: f"http://127.0.0.1:{stage.w.api.port}@127.0.0.1:{stage.spy.port}/Prod",
    "a backslash": lambda stage: f"{stage.w.api.url}\\@127.0.0.1:{stage.spy.port}/Prod",
    "a line break": lambda stage: f"{stage.w.api.url}/Prod\r\nHost: evil",
    "another name of loopback": lambda stage: f"http://localhost:{stage.spy.port}/Prod",
}


CHOSEN = ("another host", "another scheme", "another name of loopback")
"""Where a signature goes and a token does not: it is made for the address the environment names, and for no other."""


@pytest.mark.parametrize("case", ASTRAY)
def test_another_address_of_the_api_is_sent_nothing(stage: Stage, case: str) -> None:
    done = stage.run("users", "get", "u-1", ORDERCTL_USERS_API_URL=ASTRAY[case](stage))
    if stage.flow == "iam" and case in CHOSEN:
        assert PASSWORD not in repr(stage.spy.requests)
        return
    assert done.code == 7, done.err
    assert stage.spy.requests == []
    assert stage.w.api.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_of_the_api_takes_it_along(stage: Stage, status: int) -> None:
    stage.w.backend.faults = [Reply(status, "", {"Location": f"{stage.spy.url}/Prod/users/u-1"})] * 9
    assert stage.run("users", "get", "u-1").code == 1
    assert stage.spy.requests == []


def test_an_endpoint_override_gets_no_refresh_token(stage: Stage) -> None:
    if stage.flow == "iam":
        return
    stage.w.clock.advance(7200)
    if stage.flow == "pkce":
        path = stage.w.home / "config" / "orderctl" / "config.toml"
        write_config(stage.w.home, path.read_text().replace(stage.domain.url, stage.spy.url))
    done = stage.run("users", "get", "u-1", "--endpoint-url", stage.spy.url)
    assert done.code == 7
    assert "is configured now" in done.err
    assert stage.run("auth", "logout", "--endpoint-url", stage.spy.url).code == 7
    assert stage.spy.requests == []


def test_a_redirect_at_sign_in_takes_nothing_along(stage: Stage) -> None:
    if stage.flow == "iam":
        return

    def bounce(request: Request) -> Reply:
        if "/oauth2/authorize" in request.path:
            return stage.ui(request)
        return Reply(307, "", {"Location": stage.spy.url + request.path})

    path = stage.w.home / "config" / "orderctl" / "config.toml"
    with HttpServer(bounce) as bouncer:
        text = path.read_text().replace(stage.w.cognito.url, bouncer.url)
        write_config(stage.w.home, text.replace(stage.domain.url, bouncer.url))
        assert stage.log_in().code != 0
        assert [each.method for each in bouncer.requests].count("POST") == 1
    assert stage.spy.requests == []


def test_proxies_in_the_environment_see_no_request_to_the_api(stage: Stage) -> None:
    if stage.flow != "iam":
        saved = json.loads(stage.w.token_file.read_text())
        stage.w.token_file.write_text(json.dumps({**saved, "expires_at": "2126-01-01T00:00:00.000Z"}))
    behind_proxies(stage, "users", "get", "u-1")
    assert len(stage.w.api.requests) == 1
    assert stage.spy.requests == []


@pytest.mark.parametrize("stage", ["srp", "password"], indirect=True)
def test_proxies_in_the_environment_see_no_sign_in_to_the_local_stack(stage: Stage) -> None:
    behind_proxies(stage, "auth", "login", "--username", "ada", "--password-stdin", "--flow", "password")
    behind_proxies(stage, "auth", "token")
    assert stage.spy.requests == []


def behind_proxies(stage: Stage, *command: str) -> None:
    """In a process of its own, whose environment names the spy as the proxy for everything."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(stage.w.home), "PYTHONPATH": str(ROOT)}
    environ |= {f"XDG_{kind}_HOME": str(stage.w.home / kind.lower()) for kind in ("CONFIG", "STATE")}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environ |= dict.fromkeys((name, name.upper()), stage.spy.url)
    whole = [sys.executable, "-m", "orderctl", *command, "--debug"]
    subprocess.run(whole, env=environ, input=PASSWORD, text=True, capture_output=True, check=False)
