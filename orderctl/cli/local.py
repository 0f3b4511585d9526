"""`orderctl local`: the embedded stack on 127.0.0.1."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of, noun, verb
from orderctl.cli.local_drill import drill

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.local.models import StepEvent
    from orderctl.local.up import Parts

app = noun("local", "The embedded stack on 127.0.0.1.")

STATUS = ("status", "endpoint_url", "deployed", "persist", "started_at", "pid", "log_file", "state_dir")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]


@verb(app, "up")
def up(
    ctx: typer.Context,
    persist: Annotated[
        bool, typer.Option("--persist", help="Keep the data over 'local down', and load what was kept.")
    ] = False,
    port: Annotated[int | None, typer.Option(min=1024, max=65535, help="Port to listen on; any free one.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Start the emulator, deploy the reference stack, make a demo user; what is there already stays.

    Example: orderctl local up --persist --region ap-northeast-1
    """
    from orderctl.local import up as local
    from orderctl.local.models import Health
    from orderctl.local.server import StartOptions

    cli, parts = app_of(ctx), _parts(app_of(ctx))
    if dry_run:
        running = local.status(parts).status is Health.RUNNING
        cli.renderer.say(f"would {'use the running server' if running else 'start a server'} and then, where missing:")
        for name, _ in local.STEPS:
            cli.renderer.say(f"  {name}")
        return
    cli.resume = cli.command("local", "up")
    region = cli.options.get("region")
    options = StartOptions(region=str(region) if region else None, persist=persist, port=port)
    _tell(cli, local.up(parts, options))
    user = local.demo_user(parts.files)
    login = ("auth", "login", "--env", "local", "--username", user.username, "--password-file", user.password_file)
    cli.renderer.say(f"sign in: {shlex.join(('orderctl', *login))}")
    _status(cli, parts)


@verb(app, "down")
def down(ctx: typer.Context, dry_run: DryRun = False) -> None:
    """Stop the emulator; its data goes too unless it was started with --persist.

    Example: orderctl local down
    """
    from orderctl.local import up as local

    cli, parts = app_of(ctx), _parts(app_of(ctx))
    if dry_run:
        cli.renderer.say(f"would stop the local stack ({local.status(parts).status.value})")
        return
    cli.renderer.say("stopped" if local.down(parts) else "was not running")
    _status(cli, parts)


@verb(app, "status")
def status(ctx: typer.Context) -> None:
    """What runs, where, and where its log and its data are.

    Example: orderctl local status --output json
    """
    cli = app_of(ctx)
    _status(cli, _parts(cli))


@verb(app, "reset")
def reset(
    ctx: typer.Context,
    confirm: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name 'local', instead of a question.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Delete everything the local stack holds, persisted or not, and bring up a new one.

    Example: orderctl local reset --confirm local
    """
    from orderctl.cli import guard
    from orderctl.local import up as local

    cli, parts = app_of(ctx), _parts(app_of(ctx))
    cli.renderer.say(f"deletes all data of the local stack in {parts.files.root}, then starts it anew")
    if dry_run:
        return
    guard.destroying(cli, local.ENVIRONMENT, confirm=confirm)
    cli.resume = cli.command("local", "up")
    _tell(cli, local.up(parts, local.reset(parts)))
    _status(cli, parts)


verb(app, "drill")(drill)


def _tell(cli: App, events: Iterable[StepEvent]) -> None:
    """A line a step when it is done; on a terminal the line also shows what is going on meanwhile."""
    from orderctl.local.models import StepState
    from orderctl.render.clean import clean
    from orderctl.render.style import is_terminal

    is_live = is_terminal(cli.err) and cli.environ.get("TERM") != "dumb"
    for event in events:
        if is_live:
            going_on = "" if event.state is StepState.DONE else clean(f"{event.step}: {event.detail}")
            cli.err.write(f"\r\x1b[K{going_on[: cli.renderer.width - 1]}")
            cli.err.flush()
        if event.state is StepState.DONE:
            cli.renderer.say(f"{event.step}: {event.detail or 'nothing to do'} ({event.seconds:.1f} s)")


def _status(cli: App, parts: Parts) -> None:
    from orderctl.local import up as local

    cli.renderer.one(local.status(parts), STATUS)


def _parts(cli: App) -> Parts:
    """The collaborators, in the environment `local`, whichever one is selected."""
    from orderctl.local.environment import local_environment

    cli.environment = local_environment()
    return cli.local
