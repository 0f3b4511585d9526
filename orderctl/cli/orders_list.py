"""`orders list`: executions of both workflows, narrowed by what the lists know, and by error where asked."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import StateMachine, moment_of, status_of
from orderctl.errors import OrderctlError
from orderctl.orders.models import MachineChoice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from orderctl.context import App
    from orderctl.orders.models import Execution, ExecutionStatus

LISTED = ("order_id", "status", "started_at", "stopped_at")
WITH_ERROR = (*LISTED, "error")
EXPRESS_SINCE = "1h"
"""How far back the log of Express executions is read where nobody says."""


def list_orders(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="RUNNING, SUCCEEDED, FAILED …")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="2h, or an ISO 8601 time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="2h, or an ISO 8601 time.")] = None,
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Order ids that begin with this.")] = "",
    error: Annotated[str | None, typer.Option(metavar="TEXT", help="Failed with this; a call each.")] = None,
    kind: Annotated[
        MachineChoice | None, typer.Option("--type", help="Which workflow; standard. Express is read from its log.")
    ] = None,
    limit: Annotated[int, typer.Option("--max", metavar="N", min=1, help="At most this many.")] = 50,
    state_machine: StateMachine = None,
) -> None:
    """Executions of the order workflow, newest first.

    Example: orderctl orders list --status FAILED --since 2h
    """
    from itertools import islice

    from orderctl.orders import find

    cli = app_of(ctx)
    begin, end, wanted = moment_of(cli, since, "--since"), moment_of(cli, until, "--until"), status_of(status)
    most = None if error is not None else limit
    several: list[Iterable[Execution]] = []
    if kind is not MachineChoice.EXPRESS:
        machine = cli.resource("state_machine", state_machine)
        several.append(
            find.find(cli.executions, machine, status=wanted, since=begin, until=end, prefix=prefix, limit=most)
        )
    if kind in (MachineChoice.EXPRESS, MachineChoice.ALL):
        several.append(_express(cli, wanted, begin, end, prefix, state_machine, most))
    found: Iterable[Execution] = find.merged(several)
    if error is not None:
        found = _with_error(cli, found, error)
    columns = LISTED if error is None else WITH_ERROR
    cli.renderer.rows(columns, islice(found, limit))
    if kind is None and state_machine is None:
        _mention_express(cli)


def _mention_express(cli: App) -> None:
    """To a person: that there are others. They are listed when asked for, because their log is read from end to end."""
    if cli.renderer.format != "table":
        return
    with suppress(OrderctlError):
        if cli.optional_resource("express_state_machine") is not None:
            cli.renderer.say("Standard executions only; with those of the Express workflow: --type all")


def _express(
    cli: App,
    status: ExecutionStatus | None,
    since: datetime | None,
    until: datetime | None,
    prefix: str,
    state_machine: str | None,
    limit: int | None,
) -> Iterable[Execution]:
    from orderctl import times
    from orderctl.cli.orders_express import log_group_of, say_what_cannot_be_seen
    from orderctl.orders.find import find_express

    machine = cli.resource("express_state_machine", state_machine)
    say_what_cannot_be_seen(cli, machine, watched=False)
    if since is None:
        cli.renderer.say(f"Express executions of the last {EXPRESS_SINCE}; further back: --since")
        since = times.moment(EXPRESS_SINCE, cli.clock.now(), "--since")
    return find_express(
        cli.logs, log_group_of(cli, machine), machine,
        since=since, status=status, until=until, prefix=prefix, limit=limit,
    )  # fmt: skip


def _with_error(cli: App, found: Iterable[Execution], text: str) -> Iterable[Execution]:
    from orderctl.orders.find import with_error

    return with_error(cli.executions, found, text, cli.token_buckets.of("GetExecutionHistory"))
