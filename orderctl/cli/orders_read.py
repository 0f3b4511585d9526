"""`orders watch`, `list`, `show` and `history`: what became of orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from orderctl import times
from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import (
    Interval,
    StateMachine,
    Timeout,
    UntilState,
    arn_of,
    set_resume,
    status_of,
    watch_options,
)
from orderctl.cli.orders_input import read_text
from orderctl.cli.orders_watch import watch
from orderctl.context import App
from orderctl.errors import UsageError
from orderctl.orders import find as found
from orderctl.orders.explain import explain
from orderctl.orders.history import HistoryReader
from orderctl.orders.names import order_id_of
from orderctl.orders.pacing import HISTORY_PER_SECOND, TokenBucket
from orderctl.orders.watching import Step, steps_of

LISTED = ("order_id", "status", "started_at", "stopped_at")
SHOWN = (
    "order_id", "status", "failed_state", "error_type", "error_message", "retries", "next_step", "redrive_status",
    "started_at", "stopped_at", "execution_arn", "input", "output",
)  # fmt: skip
STATES = ("state", "type", "status", "duration_seconds", "attempts", "error")
EVENTS = ("id", "timestamp", "type", "state", "what", "duration_seconds", "error")


def watch_orders(
    ctx: typer.Context,
    orders: Annotated[list[str] | None, typer.Argument(metavar="ORDER...", help="Ids, ARNs or @latest.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Orders, one a line; - is stdin.")] = None,
    timeout: Timeout = None,
    interval: Interval = None,
    until_state: UntilState = None,
    state_machine: StateMachine = None,
) -> None:
    """Follow executions to their end; the exit code is their outcome.

    Example: orderctl orders watch @latest --timeout 10m
    """
    cli = app_of(ctx)
    options = watch_options(timeout, interval, until_state)
    named = list(dict.fromkeys([*(orders or []), *_listed(cli, file)]))
    if not named:
        raise UsageError("no order is named", hint="orderctl orders watch ORDER..., or --file -")
    arns = list(dict.fromkeys(arn_of(cli, order, state_machine) for order in named))
    by_arn = state_machine is not None or any(order.startswith("arn:") for order in named)
    set_resume(cli, arns if by_arn else [order_id_of(arn) for arn in arns])
    watch(cli, arns, options)


def show(
    ctx: typer.Context,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Id, ARN or @latest.")],
    state_machine: StateMachine = None,
) -> None:
    """What became of one order: its states, its error decoded, and what can be done about it.

    Example: orderctl orders show @latest
    """
    cli = app_of(ctx)
    explained = explain(cli.executions, arn_of(cli, order, state_machine), cli.clock)
    cli.renderer.one(explained, None if cli.renderer.is_machine else SHOWN)
    if cli.renderer.format == "table" and explained.states:
        cli.renderer.body("")
        cli.renderer.rows(STATES, explained.states)


def list_orders(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="RUNNING, SUCCEEDED, FAILED …")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="2h, or an ISO 8601 time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="2h, or an ISO 8601 time.")] = None,
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Order ids that begin with this.")] = "",
    limit: Annotated[int, typer.Option("--max", metavar="N", min=1, help="At most this many.")] = 50,
    state_machine: StateMachine = None,
) -> None:
    """Executions of the order workflow, newest first.

    Example: orderctl orders list --status FAILED --since 2h
    """
    cli = app_of(ctx)
    now = cli.clock.now()
    executions = found.find(
        cli.executions,
        cli.resource("state_machine", state_machine),
        status=status_of(status),
        since=times.moment(since, now, "--since") if since else None,
        until=times.moment(until, now, "--until") if until else None,
        prefix=prefix,
        limit=limit,
    )
    cli.renderer.rows(LISTED, executions)


def history(
    ctx: typer.Context,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Id, ARN or @latest.")],
    data: Annotated[bool, typer.Option("--data", help="With every input and output, in JSON.")] = False,
    state_machine: StateMachine = None,
) -> None:
    """Every event of one execution so far, as AWS recorded it.

    Example: orderctl orders history @latest -o jsonl --data
    """
    cli = app_of(ctx)
    arn = arn_of(cli, order, state_machine)
    reader = HistoryReader(cli.executions, arn, TokenBucket(cli.clock, HISTORY_PER_SECOND), with_data=data)
    cli.renderer.rows(EVENTS, _events(cli, reader))


def _events(cli: App, reader: HistoryReader) -> Iterator[Step]:
    yield from steps_of(reader)
    for hole in reader.holes:
        cli.renderer.warn(f"{hole} of the history never came")


def _listed(cli: App, file: str | None) -> list[str]:
    return read_text(cli, file)[0].split() if file else []
