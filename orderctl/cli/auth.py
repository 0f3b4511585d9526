"""`orderctl auth`: signing in to the APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.auth.models import Flow, TokenKind
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import OrderctlError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orderctl.auth.access import Access
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
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    mfa_code_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Read the code from a file of mode 600 or a pipe, when asked.")
    ] = None,
    mfa_code_stdin: Annotated[
        bool, typer.Option("--mfa-code-stdin", help="Read the code from standard input, when asked.")
    ] = False,
    mfa_type: Annotated[
        str | None, typer.Option(metavar="NAME", help="Second factor to use, such as SOFTWARE_TOKEN_MFA.")
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option(metavar="FLOW", help="srp, password, pkce or client-credentials, instead of auth.flow."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="pkce: only print the page's address; a browser here opens it.")
    ] = False,
    timeout: Annotated[str, typer.Option(metavar="SPAN", help="pkce: how long to wait for the browser.")] = "5m",
) -> None:
    """Sign in and keep the tokens, bound to this environment's API hosts.

    Example: orderctl auth login --env prod --username ada@example.com
    """
    from orderctl.auth import service
    from orderctl.cli.auth_prompter import prompter_of

    cli = app_of(ctx)
    access = cli.access(flow)
    _one_of(("--password-file", password_file), ("--password-stdin", password_stdin))
    _one_of(("--mfa-code-file", mfa_code_file), ("--mfa-code-stdin", mfa_code_stdin))
    match access.settings.flow:
        case Flow.SRP | Flow.PASSWORD:
            prompter = prompter_of(cli, read_code=_codes(cli, mfa_code_file, mfa_code_stdin), factor=mfa_type)
            named = cli.setting("auth.username")
            name = username or (named and str(named.value)) or prompter.ask("User name", flag="--username")
            password = _password(cli, prompter, password_file, password_stdin)
            service.log_in(
                access.provider, access.store, access.settings, prompter, cli.clock, username=name, password=password
            )
        case Flow.CLIENT_CREDENTIALS:
            service.log_in_as_client(access.token_endpoint, access.store, access.settings, cli.clock)
        case Flow.PKCE:
            _log_in_by_browser(cli, access, no_browser, timeout)
        case Flow.IAM | Flow.NONE:
            raise UsageError(f"flow {access.settings.flow.value!r} needs no sign-in")
    cli.renderer.one(service.status(access.store, access.settings, cli.clock), SIGNED_IN)


@verb(app, "status")
def status(ctx: typer.Context) -> None:
    """Whose tokens lie where, from which user pool, until when; exit 4 when nobody is signed in.

    Example: orderctl auth status --output json
    """
    from orderctl.auth import service

    cli = app_of(ctx)
    access = cli.access()
    found = service.status(access.store, access.settings, cli.clock)
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
    access = cli.access()
    found = access.source.token(kind or access.settings.token_use)
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
    try:
        access = cli.access()
        revoker = access.revoker
    except OrderctlError as error:  # no network, no AWS credentials: the tokens go all the same
        if service.forget_here(cli.token_store, cli.environment.name):
            error.message = f"signed out on this machine only, not at Cognito: {error.message}"
        raise
    was_signed_in = service.log_out(revoker, access.store, access.settings)
    cli.renderer.say("signed out" if was_signed_in else "nobody was signed in")


def _log_in_by_browser(cli: App, access: Access, no_browser: bool, timeout: str) -> None:
    from orderctl import times
    from orderctl.auth import service
    from orderctl.auth.loopback import landing
    from orderctl.render.style import is_terminal

    if not no_browser and not is_terminal(cli.err):
        raise RefusedError("signing in through the browser wants a person", hint="--no-browser prints the address")
    seconds = times.span(timeout, "--timeout")

    def show(url: str) -> None:
        cli.renderer.say(f"Sign in on this page, in a browser on this machine:\n{url}")
        if not no_browser and not cli.open_browser(url):
            cli.renderer.say("no browser could be opened: open the page yourself")

    with landing(access.settings.redirect_ports) as server:
        service.log_in_by_browser(
            access.token_endpoint, access.store, access.settings, server, cli.clock, show=show, timeout=seconds
        )


def _one_of(*flags: tuple[str, object]) -> None:
    if all(given for _, given in flags):
        raise UsageError(" and ".join(name for name, _ in flags) + ": one of them")


def _password(cli: App, prompter: Prompter, file: str | None, from_stdin: bool) -> str:
    if file is not None:
        from orderctl.auth.secret_files import read_secret

        return read_secret(file)
    return (
        _line(cli) if from_stdin else prompter.ask_secret("Password", flag="--password-stdin or --password-file FILE")
    )


def _codes(cli: App, file: str | None, from_stdin: bool) -> Callable[[], str] | None:
    """How a script hands in codes, each read when Cognito asks for it."""
    if file is not None:
        from orderctl.auth.secret_files import read_secret

        return lambda: read_secret(file)
    return (lambda: _line(cli)) if from_stdin else None


def _line(cli: App) -> str:
    """One line of standard input: the password's, then a line for each code."""
    from orderctl.auth.secret_files import MAX_SECRET

    return cli.stdin.readline(MAX_SECRET).rstrip("\r\n")
