"""A home, a user pool and a users API, all on loopback: what the commands of both nouns are tried against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.auth.helpers import PASSWORD, pool_with_ada
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.clock import FakeClock
from tests.fakes.cognito import CLIENT_ID, POOL_ID, FakeCognito
from tests.fakes.http import HttpServer
from tests.users.backend import UsersBackend


@dataclass
class World:
    home: Path
    clock: FakeClock
    pool: FakeCognito
    backend: UsersBackend
    cognito: HttpServer
    api: HttpServer

    def run(
        self,
        *argv: str,
        stdin: str = "",
        terminal: bool = False,
        environ: Mapping[str, str] | None = None,
        **variables: str,
    ) -> Outcome:
        given = {**(environ or {}), **variables}
        app = new_app(self.home, environ=given, stdin=stdin, terminal=terminal, clock=self.clock)
        return run(app, *argv)

    def log_in(self) -> Outcome:
        return self.run("auth", "login", "--username", "ada", "--password-stdin", stdin=PASSWORD + "\n")

    @property
    def token_file(self) -> Path:
        return self.home / "state" / "orderctl" / "tokens" / "local.json"


@contextmanager
def world(home: Path, *, client_secret: str | None = None) -> Iterator[World]:
    clock = FakeClock()
    pool, backend = pool_with_ada(clock, rotation=True, client_secret=client_secret), UsersBackend(clock)
    with HttpServer(pool.reply) as cognito, HttpServer(backend) as api:
        write_config(
            home,
            f"""\
default_env = "local"
[env.local]
local = true
region = "eu-west-1"
endpoint_url = "{cognito.url}"
[env.local.resources]
users_api_url = "{api.url}/Prod"
user_pool_id = "{POOL_ID}"
[env.local.auth]
client_id = "{CLIENT_ID}"
""",
        )
        yield World(home, clock, pool, backend, cognito, api)
