"""Every command with `--debug`, succeeding and failing, among secrets: not one of them is shown or kept.

What fails does so behind real AWS clients, because it is they who have keys to lose. Bodies of orders and letters are
another matter: showing them is what some commands are for, and those are listed.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orderctl.aws.session import Aws
from orderctl.context import App
from tests.auth.helpers import PASSWORD
from tests.cli.every_command import LETTER_FILE, changing, reading, words
from tests.cli.stage import Stage, stage
from tests.cli.support import Outcome, run
from tests.fakes.executions import MACHINE
from tests.fakes.histories import RETRIED_THEN_FAILED
from tests.fakes.http import HttpServer, Reply, Request

ROOT = Path(__file__).parents[2]
BODY = "canary-body"
CLIENT_SECRET, AWS_SECRET, AWS_SESSION = "canary-client-secret", "canary-aws-secret", "canary-aws-session"
HANDED_IN = {
    "ORDERCTL_CLIENT_SECRET": CLIENT_SECRET,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
    "AWS_SESSION_TOKEN": AWS_SESSION,
}
LOGIN = "auth login --env local --username ada --password-stdin"
OWN = [
    (LOGIN, PASSWORD),
    (f"{LOGIN} --flow password", PASSWORD),
    (LOGIN, "wrong-" + PASSWORD),
    ("config set region eu-west-1", ""),
    ("config use local", ""),
    ("config init other", ""),
    ("completion install bash", ""),
    ("auth logout --env local", ""),
]
"""What changes the person's own files, with what is typed; signing out is last."""
LINES = [(case.line, case.stdin) for case in reading()]
LINES += [
    (f"{case.line} --confirm {'local' if '--env local' in case.line else 'prod'}", case.stdin.replace("ada", BODY))
    for case in changing()
    if case.is_played
]
FAKES = (
    *("aws", "executions", "stock", "event_taps", "replays", "event_buses", "formation", "buckets", "practice", "logs"),
    *("function_groups", "order_records", "traces", "queue_trends", "alarms"),
)
"""What of the stage is put away for the real adapters to stand there."""
SHOWS_A_TOKEN = {"auth token --env local"}
SHOWS_BODIES = {"dlq export orders-dlq", "orders show crashed"}
"""Whose output has bodies in it, because that is what they are for."""
KEEPS_BODIES = ("state/orderctl/redrives/", "state/orderctl/purges/")
"""Journals, from which a letter can be put back: they hold it whole, in files of the person's own."""


@dataclass
class Watched:
    """A stage where everything secret is known, and real AWS clients that are refused everything."""

    on: Stage
    refusing: HttpServer
    secrets: set[str] = field(default_factory=lambda: {PASSWORD, CLIENT_SECRET, AWS_SECRET, AWS_SESSION})
    said: io.StringIO = field(default_factory=io.StringIO)
    """What the refused clients say; they are made once, and have a stream of their own."""
    aws: Aws | None = None

    def app(self, stdin: str, **more: str) -> App:
        app = self.on.app(stdin=stdin)
        app.environ = {**app.environ, **HANDED_IN, **more}
        return app

    def succeed(self, line: str, stdin: str) -> Outcome:
        app = self.app(stdin)
        if {"users", "auth"} & set(line.split()):
            del app.aws
        return self.run(app, line)

    def fail(self, line: str, stdin: str) -> Outcome:
        """The same in front of AWS that refuses, and of an API that has no such path."""
        wrong = f"{self.on._api}/Nope"
        urls = {"ORDERCTL_USERS_API_URL": wrong, "ORDERCTL_ORDERS_API_URL": wrong}
        is_local = "--env local" in line
        if not is_local:
            urls |= {"AWS_ENDPOINT_URL": self.refusing.url, "ORDERCTL_INVENTORY_TABLE": "inventory"}
        app = self.app(stdin, **urls)
        for name in FAKES:
            vars(app).pop(name, None)
        if not is_local:
            app.aws = self._refused(app)
        return self.run(app, line)

    def _refused(self, app: App) -> Aws:
        """Shared, for a client takes long to make; its endpoint is looked at, because it must not be a real one."""
        if self.aws is None:
            assert app.environment.text("endpoint_url") == self.refusing.url
            self.aws = Aws(app.environment, app.environ, debug=self.said)
            self.aws._session().set_credentials("AKIDEXAMPLE", AWS_SECRET, AWS_SESSION)
        return self.aws

    def run(self, app: App, line: str) -> Outcome:
        return run(app, *words(line.replace(LETTER_FILE, str(self.on.home / "letters.jsonl"))), "--debug")

    def learn(self) -> None:
        """The tokens there are now."""
        if self.token_file.exists():
            saved = json.loads(self.token_file.read_text())
            self.secrets |= {saved[f"{kind}_token"] for kind in ("id", "access", "refresh")}

    @property
    def token_file(self) -> Path:
        return self.on.home / "state" / "orderctl" / "tokens" / "local.json"

    def kept(self) -> dict[str, str]:
        """What lies in all files but that of the tokens, and this test's own."""
        own = (self.token_file, self.on.home / "letters.jsonl")
        files = [path for path in self.on.home.rglob("*") if path.is_file() and path not in own]
        return {str(path.relative_to(self.on.home)): path.read_bytes().decode("utf-8", "replace") for path in files}


def _refuse(request: Request) -> Reply:
    """In the words of the service's protocol, and such that no client tries again."""
    if "form-urlencoded" in request.headers.get("content-type", ""):
        error = "<Error><Code>ValidationError</Code><Message>refused</Message></Error>"
        return Reply(400, f"<ErrorResponse>{error}</ErrorResponse>")
    return Reply(400, '{"__type": "ValidationException", "message": "refused"}')


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with stage(tmp_path_factory.mktemp("home")) as on, HttpServer(_refuse) as refusing:
        for name, rows in (("running", RETRIED_THEN_FAILED[:3]), ("crashed", RETRIED_THEN_FAILED)):
            on.executions.run(name, rows, input_json=json.dumps({"note": BODY}))
        on.world.aws.sqs.seed(on.world.dlq, json.dumps({"order_id": "o-1", "note": BODY}), source=on.world.source)
        assert on.types(words("dlq export orders-dlq --file", str(on.home / "letters.jsonl"))).code == 0
        on.clock.advance(60)
        yield Watched(on, refusing)


CASES = [*OWN[:-1], *LINES, OWN[-1]]


@pytest.mark.parametrize("way", ["fail", "succeed"])
@pytest.mark.parametrize(("line", "stdin"), CASES, ids=[f"{number} {line}" for number, (line, _) in enumerate(CASES)])
def test_no_command_shows_or_keeps_a_secret(watched: Watched, line: str, stdin: str, way: str) -> None:
    watched.learn()
    done = watched.fail(line, stdin) if way == "fail" else watched.succeed(line, stdin)
    watched.learn()
    if line.startswith("dlq"):
        watched.on.clock.advance(31)  # letters can be looked at again, and the tokens have not ended
    out = "" if line in SHOWS_A_TOKEN else done.out
    places = {"stdout": out, "stderr": done.err, "the clients": watched.said.getvalue(), **watched.kept()}
    assert [place for place, text in places.items() if any(secret in text for secret in watched.secrets)] == []
    bodies = [place for place, text in places.items() if BODY in text and not place.startswith(KEEPS_BODIES)]
    assert bodies == (["stdout"] if way == "succeed" and line in SHOWS_BODIES else [])


def test_the_lines_above_came_as_far_as_the_secrets(watched: Watched) -> None:
    """Tokens were won and sent, keys have signed, and all of it was told with `--debug`: else nothing is shown."""
    assert len([secret for secret in watched.secrets if secret.startswith("eyJ")]) > 3
    assert any(AWS_SESSION in request.headers.get("x-amz-security-token", "") for request in watched.refusing.requests)
    assert any(request.headers.get("authorization", "").startswith("eyJ") for request in watched.on.requests)
    assert "debug: " in watched.said.getvalue()
    assert {"u-8", "u-9"} <= set(watched.on.users)
    assert {"sqs DeleteMessageBatch", "stepfunctions start_once"} <= set(watched.on.changes())
    assert "state/orderctl/audit.jsonl" in watched.kept()


def test_a_credential_process_inherits_no_secret_of_the_sign_in(tmp_path: Path) -> None:
    seen, script, config = tmp_path / "seen", tmp_path / "keys", tmp_path / "aws"
    script.write_text(f'#!/bin/sh\n(env; echo "arguments: $@"; cat /proc/$PPID/cmdline) > {seen}\nexit 1\n')
    script.chmod(0o700)
    config.write_text(f"[profile own]\nregion = eu-west-1\ncredential_process = {script} --for orders\n")
    environ = {
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "AWS_PROFILE": "own",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "ORDERCTL_CLIENT_SECRET": CLIENT_SECRET,
    }
    argv = [sys.executable, "-m", "orderctl", "orders", "list", "--state-machine", MACHINE, "--debug"]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stderr
    assert "arguments: --for orders" in seen.read_text()
    assert CLIENT_SECRET not in seen.read_text() + done.stdout + done.stderr
