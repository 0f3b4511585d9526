"""`orderctl audit`: what was changed from this machine, by whom, why, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from orderctl.cli.framework import app_of, single_command

COLUMNS = (
    "at", "who", "environment", "account", "region", "command", "reason", "outcome", "exit_code", "counts", "id"
)  # fmt: skip
TABLE = ("at", "who", "environment", "command", "reason", "outcome")


def audit(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begun after: 10m, 2h, 1d, or an ISO 8601 time.")
    ] = None,
    most: Annotated[int, typer.Option("--max", min=1, metavar="N", help="At most N, the newest.")] = 50,
) -> None:
    """What was changed from this machine: who, when, where, why, and how it ended; the newest first.

    With --env only that environment's. A command that was killed has the outcome 'unknown'.

    Example: orderctl audit --since 1d --env prod
    """
    from orderctl import times
    from orderctl.audit.listing import find

    cli = app_of(ctx)
    after = None if since is None else times.moment(since, cli.clock.now(), "--since")
    named = cli.options.get("env")
    found = find(cli.audit_trail, most=most, since=after, environment=None if named is None else str(named))
    cli.renderer.rows(COLUMNS, found.changes, table=TABLE)
    if found.damaged:
        cli.renderer.warn(f"{found.damaged} lines of {cli.audit_trail.path} are damaged and not shown")


def single() -> object:
    """A command without verbs."""
    return single_command("audit", audit)
