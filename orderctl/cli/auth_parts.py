"""What signing in and asking the APIs takes, wired from one App: settings, store, Cognito, the person to ask."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orderctl.auth.models import Flow, SignInSettings, TokenKind
from orderctl.errors import NotFoundError, RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.auth.ports import IdentityProvider, Prompter, Renewer, RequestAuthorizer, TokenEndpoint, TokenStore
    from orderctl.auth.token_source import TokenSource
    from orderctl.context import App

MAX_SECRET = 8192
"""Bytes read of a password or secret; a longer file is not one."""


class Parts:
    """What signing in and asking the APIs takes, in one environment. Each part is made when asked for."""

    def __init__(self, cli: App, flow: str | None = None) -> None:
        self._cli = cli
        self.settings = _settings(cli, flow)

    @property
    def store(self) -> TokenStore:
        """The token files."""
        from orderctl.auth.store import TokenFiles

        return TokenFiles(self._cli.state_dir, self._cli.clock)

    @property
    def provider(self) -> IdentityProvider:
        """Cognito, without credentials and without the SDK's retries."""
        from orderctl.aws.cognito import CognitoSignIn

        client = self._cli.aws.client("cognito-idp", attempts=1, unsigned=True)
        return CognitoSignIn(client, self.settings.client_id)

    @property
    def token_endpoint(self) -> TokenEndpoint:
        """The user pool's domain; raises UsageError where none is configured."""
        from orderctl.aws.token_endpoint import TokenEndpointClient

        if self.settings.token_url is None:
            raise UsageError(
                f"flow {self.settings.flow.value!r} needs the user pool's domain",
                hint="orderctl config set auth.token_url https://DOMAIN",
            )
        return TokenEndpointClient(self.settings.token_url, ca_bundle=self.ca_bundle)

    @property
    def prompter(self) -> Prompter:
        """The person at the terminal, or a refusal."""
        from orderctl.auth.prompter import NoTerminal
        from orderctl.render.style import is_terminal

        is_somebody_there = is_terminal(self._cli.stdin) and is_terminal(self._cli.err)
        return TerminalPrompter(self._cli) if is_somebody_there else NoTerminal()

    @property
    def source(self) -> TokenSource:
        """The tokens of the sign-in, refreshed as needed."""
        from orderctl.auth.token_source import TokenSource

        return TokenSource(self.store, self._renewer(), self.settings, self._cli.clock)

    @property
    def authorizer(self) -> RequestAuthorizer:
        """What goes onto requests to the users API."""
        from orderctl.auth.authorizer import NoAuthorizer, TokenAuthorizer

        match self.settings.flow:
            case Flow.NONE:
                return NoAuthorizer()
            case Flow.IAM:
                raise UsageError("auth.flow 'iam' is not built yet", hint="use srp, password or client-credentials")
            case _:
                return TokenAuthorizer(self.source, self.settings.token_use)

    @property
    def ca_bundle(self) -> str | None:
        """`AWS_CA_BUNDLE`, as the AWS CLI takes it."""
        return self._cli.environ.get("AWS_CA_BUNDLE") or None

    def _renewer(self) -> Renewer:
        """By how somebody signed in, which `--flow` may have made another than the environment's flow."""
        from orderctl.auth.renewers import PoolRenewer, TokenEndpointRenewer

        saved = self.store.load(self.settings.environment)
        if (saved or self.settings).flow in (Flow.SRP, Flow.PASSWORD):
            return PoolRenewer(self.provider, self.settings)
        return TokenEndpointRenewer(self.token_endpoint, self.settings)


class TerminalPrompter:
    """Asks at the terminal, on stderr; secrets are not shown."""

    def __init__(self, cli: App) -> None:
        self._cli = cli

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Ask without echo."""
        import getpass
        import sys

        if self._cli.stdin is not sys.stdin:
            return self.ask(label, flag=flag)
        return getpass.getpass(f"{label}: ", stream=self._cli.err)

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Ask for one line; the end of input is a refusal."""
        from orderctl.render.clean import clean

        self._cli.err.write(f"{clean(label)}: ")
        self._cli.err.flush()
        line = self._cli.stdin.readline()
        if not line:
            raise RefusedError(f"{label}: no answer")
        return line.rstrip("\r\n")

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """Ask until one of the options is named, by its number or its name."""
        while True:
            listed = ", ".join(f"{number} {option}" for number, option in enumerate(options, start=1))
            answer = self.ask(f"{label} ({listed})", flag=flag).strip()
            if answer.isdigit() and 1 <= int(answer) <= len(options):
                return options[int(answer) - 1]
            if answer in options:
                return answer


def _settings(cli: App, flow: str | None) -> SignInSettings:
    named = flow or text(cli, "auth.flow") or Flow.SRP.value
    if named not in set(Flow):
        raise UsageError(f"unknown flow {named!r}", hint="one of: " + ", ".join(Flow))
    is_signed = Flow(named) not in (Flow.IAM, Flow.NONE)
    client_id = text(cli, "auth.client_id")
    if client_id is None and is_signed:
        raise UsageError(
            f"environment {cli.environment.name!r} names no app client",
            hint="orderctl config set auth.client_id ID, or set 'stack' to discover it",
        )
    urls = (text(cli, f"resources.{name}") for name in ("users_api_url", "orders_api_url"))
    return SignInSettings(
        environment=cli.environment.name,
        flow=Flow(named),
        client_id=client_id or "",
        api_urls=tuple(url for url in urls if url),
        user_pool_id=text(cli, "resources.user_pool_id"),
        client_secret=_client_secret(cli),
        token_use=TokenKind(text(cli, "auth.token_use") or TokenKind.ID),
        token_url=text(cli, "auth.token_url"),
        scopes=text(cli, "auth.scopes"),
        is_local=cli.environment.is_local,
    )


def text(cli: App, key: str) -> str | None:
    """A setting's value as text, discovery included, or None."""
    setting = cli.setting(key)
    return None if setting is None else str(setting.value)


def _client_secret(cli: App) -> str | None:
    """From the environment or a private file; never from a command line or the configuration."""
    named = cli.environ.get("ORDERCTL_CLIENT_SECRET_FILE")
    return cli.environ.get("ORDERCTL_CLIENT_SECRET") or (read_secret(named) if named else None)


def read_secret(path: str) -> str:
    """The first line of a file only its owner can read; raises RefusedError for any other."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                raise RefusedError(f"{path} can be read or written by others", hint=f"chmod 600 {path}")
            return file.read(MAX_SECRET).decode().split("\n", 1)[0].rstrip("\r")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
