"""`orderctl auth`: signing in to the APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.auth.models import Flow, TokenKind
from orderctl.cli.auth_parts import MAX_SECRET, Parts, read_secret, text
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from orderctl.auth.ports import Prompter
    from orderctl.context import App

app = noun("auth", "Sign in to the APIs.")

SIGNED_IN = ("environment", "username", "flow", "issuer", "api_origins", "token_file", "expires_at")
STATUS = ("environment", "signed_in", *SIGNED_IN[1:], "can_refresh", "problem")


@verb(app, "login")
def login(
    ctx: typer.Context,
    username: Annotated[str | None, typer.Option(metavar="NAME", help="User name, or an alias such as email.")] = None,
    password_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Read the password from a file of mode 600.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    flow: Annotated[
        str | None, typer.Option(metavar="FLOW", help="srp, password or client-credentials, instead of auth.flow.")
    ] = None,
) -> None:
    """Sign in and keep the tokens, bound to this environment's API hosts.

    Example: orderctl auth login --env prod --username ada@example.com
    """
    from orderctl.auth import service

    cli = app_of(ctx)
    parts = Parts(cli, flow)
    if password_file is not None and password_stdin:
        raise UsageError("--password-file and --password-stdin: one of them")
    match parts.settings.flow:
        case Flow.SRP | Flow.PASSWORD:
            name = username or text(cli, "auth.username") or parts.prompter.ask("User name", flag="--username")
            password = _password(cli, parts.prompter, password_file, password_stdin)
            service.log_in(
                parts.provider, parts.store, parts.settings, parts.prompter, cli.clock, username=name, password=password
            )
        case Flow.CLIENT_CREDENTIALS:
            service.log_in_as_client(parts.token_endpoint, parts.store, parts.settings, cli.clock)
        case Flow.PKCE:
            raise UsageError("signing in through the browser is not built yet", hint="use --flow srp")
        case Flow.IAM | Flow.NONE:
            raise UsageError(f"flow {parts.settings.flow.value!r} needs no sign-in")
    cli.renderer.one(service.status(parts.store, parts.settings, cli.clock), SIGNED_IN)


@verb(app, "status")
def status(ctx: typer.Context) -> None:
    """Whose tokens lie where, from which user pool, until when; exit 4 when nobody is signed in.

    Example: orderctl auth status --output json
    """
    from orderctl.auth import service

    cli = app_of(ctx)
    parts = Parts(cli)
    found = service.status(parts.store, parts.settings, cli.clock)
    cli.renderer.one(found, STATUS)
    if not found.signed_in and found.flow not in (Flow.IAM, Flow.NONE):
        raise typer.Exit(4)


@verb(app, "token")
def token(
    ctx: typer.Context,
    kind: Annotated[TokenKind | None, typer.Option(help="Which token; default is auth.token_use.")] = None,
) -> None:
    """Print a token that is good for another minute at least, refreshed if it has to be. It is a secret.

    Example: orderctl auth token --kind access
    """
    cli = app_of(ctx)
    parts = Parts(cli)
    found = parts.source.token(kind or parts.settings.token_use)
    if cli.renderer.is_machine:
        cli.renderer.one({"token": found})
    else:
        cli.renderer.text(found)


@verb(app, "logout")
def logout(ctx: typer.Context) -> None:
    """Forget the tokens and revoke the sign-in at Cognito.

    Example: orderctl auth logout --env prod
    """
    from orderctl.auth import service

    cli = app_of(ctx)
    parts = Parts(cli)
    has_pool = parts.settings.flow in (Flow.SRP, Flow.PASSWORD)
    was_signed_in = service.log_out(parts.provider if has_pool else None, parts.store, parts.settings)
    cli.renderer.say("signed out" if was_signed_in else "nobody was signed in")


def _password(cli: App, prompter: Prompter, file: str | None, from_stdin: bool) -> str:
    if file is not None:
        return read_secret(file)
    if from_stdin:
        return cli.stdin.read(MAX_SECRET).split("\n", 1)[0].rstrip("\r")
    return prompter.ask_secret("Password", flag="--password-stdin or --password-file FILE")
