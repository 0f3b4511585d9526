"""`orderctl completion`: the shells' scripts, printed or put where the shell finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import UsageError

app = noun("completion", "Tab completion for bash, zsh and fish.")


@verb(app, "bash")
def bash(ctx: typer.Context) -> None:
    """The script for bash.

    Example: source <(orderctl completion bash)
    """
    _show(ctx, "bash")


@verb(app, "zsh")
def zsh(ctx: typer.Context) -> None:
    """The script for zsh.

    Example: source <(orderctl completion zsh)
    """
    _show(ctx, "zsh")


@verb(app, "fish")
def fish(ctx: typer.Context) -> None:
    """The script for fish.

    Example: orderctl completion fish | source
    """
    _show(ctx, "fish")


@verb(app, "install")
def install(
    ctx: typer.Context,
    shell: Annotated[
        str | None, typer.Argument(metavar="SHELL", help="bash, zsh or fish; by default the one of $SHELL.")
    ] = None,
) -> None:
    """Write the script to your own folder of completions; run again it changes nothing.

    Example: orderctl completion install bash
    """
    from orderctl.atomic import write_private
    from orderctl.completion import shells

    cli = app_of(ctx)
    chosen = shell or Path(cli.environ.get("SHELL", "")).name
    if chosen not in shells.SCRIPTS:
        said = f"no completion for shell {chosen!r}" if chosen else "which shell? $SHELL is not set"
        raise UsageError(said, hint="one of: " + ", ".join(shells.SCRIPTS))
    path, script = shells.place(chosen, cli.environ), shells.SCRIPTS[chosen].encode()
    is_new = not path.exists() or path.read_bytes() != script
    if is_new:
        write_private(path, script)
    cli.renderer.one({"shell": chosen, "path": str(path), "changed": is_new})
    left = shells.what_is_left(chosen, path)
    if left is not None:
        cli.renderer.say(left)


def _show(ctx: typer.Context, shell: str) -> None:
    from orderctl.completion import shells

    app_of(ctx).renderer.body(shells.SCRIPTS[shell].rstrip("\n"))
