"""Every secret of signing in through the browser, with a code and with AWS credentials: none is shown or kept.

The state of a browser's sign-in is part of the address that is shown on purpose; the authorisation code, the
verifier and the tokens are not.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.auth.helpers import PASSWORD
from tests.cli.signed_in import World, world
from tests.cli.support import Outcome, new_app, run, write_config
from tests.cli.test_auth_browser import free_ports
from tests.fakes.executions import FakeExecutions
from tests.fakes.hosted_ui import Browser, HostedUi
from tests.fakes.http import Cut, HttpServer, Reply
from tests.fakes.probes import FakeProbes

CODE = "481516"
MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:orders"
FAULTS: tuple[Reply | Cut, ...] = (
    Cut(),
    Reply(400, '{"message": "Invalid request body"}'),
    Reply(401, '{"message": "The incoming token has expired"}'),
    Reply(403, "<html>"),
    Reply(502, ""),
)


class Watched:
    """Runs commands with `--debug` and keeps all they say."""

    def __init__(self, w: World) -> None:
        self.w = w
        self.said = ""
        self.browser = Browser()

    def run(self, *argv: str, stdin: str = "", **environ: str) -> Outcome:
        app = new_app(self.w.home, terminal=True, clock=self.w.clock, stdin=stdin, environ=environ)
        app.open_browser, app.probes = self.browser, FakeProbes()
        app.executions = FakeExecutions(self.w.clock)
        done = run(app, *argv, "--debug")
        self.said += done.err + ("" if argv[:2] == ("auth", "token") else done.out)
        return done

    def written(self, *but: Path) -> str:
        files = [path for path in self.w.home.rglob("*") if path.is_file() and path not in but]
        return "".join(path.read_text() for path in files)


def configure(w: World, more: str) -> None:
    path = w.home / "config" / "orderctl" / "config.toml"
    write_config(w.home, path.read_text() + more)


def test_a_sign_in_through_the_browser_and_what_follows_show_no_secret(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        ports = free_ports()
        ui, secrets = HostedUi(w.clock, tuple(f"http://127.0.0.1:{port}/callback" for port in ports)), ["eyJ"]
        watched = Watched(w)
        with HttpServer(ui) as domain:
            flow = f'flow = "pkce"\ntoken_url = "{domain.url}"\nredirect_ports = "{ports[0]} {ports[1]}"\n'
            configure(w, flow)
            for fault in (None, *FAULTS):
                w.backend.faults = []
                assert watched.run("auth", "login").code == 0
                saved = json.loads(w.token_file.read_text())
                secrets += [saved[f"{kind}_token"] for kind in ("id", "access", "refresh")]
                w.backend.faults = [fault] * 9 if fault else []
                watched.run("users", "get", "nobody")
                watched.run("auth", "status")
                watched.run("doctor")
                watched.run("auth", "token")
            ui.denies = True
            assert watched.run("auth", "login").code == 4
            w.clock.advance(7200)
            ui.live.clear()
            assert watched.run("auth", "token").code == 4
            assert watched.run("auth", "logout").code == 0
        grants = [grant for grant in ui.grants if "code_verifier" in grant]
        secrets += [grant[name] for grant in grants for name in ("code", "code_verifier")]
    assert len(secrets) > 5 * len(FAULTS)
    assert "debug: " in watched.said or "Sign in on this page" in watched.said
    assert [secret for secret in secrets if secret in watched.said] == []
    assert [secret for secret in secrets if secret in watched.written()] == []
    pages = repr(watched.browser.settled())
    assert [secret for secret in secrets if secret in pages] == []


def test_a_code_and_a_password_are_shown_by_no_way_of_handing_them_in(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        user = w.pool.add_user("grace", PASSWORD)
        user.challenges.append(("SOFTWARE_TOKEN_MFA", {}, {"SOFTWARE_TOKEN_MFA_CODE": CODE}))
        watched = Watched(w)
        file = tmp_path / "code"
        file.touch(mode=0o600)
        login = ("auth", "login", "--username", "grace")
        for right in (CODE, "999999"):
            file.write_text(right)
            watched.run(*login, "--password-stdin", "--mfa-code-stdin", stdin=f"{PASSWORD}\n{right}\n")
            watched.run(*login, "--password-stdin", "--mfa-code-file", str(file), stdin=PASSWORD)
            watched.run(*login, stdin=f"{PASSWORD}\n{right}\n")
        assert [operation for operation, _ in w.pool.calls].count("RespondToAuthChallenge") == 12
        file.unlink()
    assert "the code is wrong" in watched.said
    for secret in (PASSWORD, CODE, "999999"):
        assert secret not in watched.said
        assert secret not in watched.written()


def test_an_order_by_the_api_shows_neither_token_nor_body_where_it_fails(tmp_path: Path) -> None:
    with world(tmp_path) as w, HttpServer(w.backend) as orders:
        path = tmp_path / "config" / "orderctl" / "config.toml"
        resources = f'orders_api_url = "{orders.url}"\nstate_machine = "{MACHINE}"\n[env.local.auth]'
        write_config(tmp_path, path.read_text().replace("[env.local.auth]", resources))
        assert w.log_in().code == 0
        saved = json.loads(w.token_file.read_text())
        watched = Watched(w)
        body = ("--user-id", "ann", "--product-id", "canary-body", "--quantity", "1")
        for fault in FAULTS:
            w.backend.faults = [fault] * 9
            watched.run("orders", "submit", "--via", "api", *body)
    assert "the API" in watched.said
    secrets = [PASSWORD, *(saved[f"{kind}_token"] for kind in ("id", "access", "refresh"))]
    assert [secret for secret in secrets if secret in watched.said] == []
    assert [secret for secret in secrets if secret in watched.written(w.token_file)] == []
    assert "canary-body" not in watched.said
