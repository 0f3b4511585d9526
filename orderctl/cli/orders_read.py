"""`orders watch`, `show` and `history`: what becomes, and what became, of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import (
    Express,
    Interval,
    LookBack,
    Order,
    StateMachine,
    Timeout,
    UntilState,
    moment_of,
    set_resume,
    watch_options,
)
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orderctl.context import App
    from orderctl.orders.history import HistoryReader
    from orderctl.orders.watching import Step

SHOWN = (
    "order_id", "status", "failed_state", "error_type", "error_message", "retries", "next_step", "redrive_status",
    "started_at", "stopped_at", "execution_arn", "input", "output", "failed_state_input",
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
    patience: Annotated[
        str, typer.Option(metavar="DURATION", help="How long an order may not have started yet; 0 is not at all.")
    ] = "10s",
    express: Express = False,
    state_machine: StateMachine = None,
) -> None:
    """Follow executions to their end; the exit code is their outcome.

    Example: orderctl orders watch @latest --timeout 10m
    """
    from orderctl import times
    from orderctl.cli.orders_express import any_arn_of
    from orderctl.cli.orders_result import always_a_result
    from orderctl.cli.orders_watch import watch
    from orderctl.orders.names import is_express, order_id_of

    cli = app_of(ctx)
    options = watch_options(timeout, interval, until_state, patience=times.span(patience, "--patience"))
    options.says_patience = True
    named = list(dict.fromkeys([*(orders or []), *_listed(cli, file)]))
    if not named:
        raise UsageError("no order is named", hint="orderctl orders watch ORDER..., or --file -")
    with always_a_result(cli, named[0] if len(named) == 1 else None, wanted=True):
        arns = list(dict.fromkeys(any_arn_of(cli, order, state_machine, express=express) for order in named))
    by_arn = state_machine is not None or any(order.startswith("arn:") for order in named)
    set_resume(cli, arns if by_arn or any(map(is_express, arns)) else [order_id_of(arn) for arn in arns])
    watch(cli, arns, options)


def show(
    ctx: typer.Context,
    order: Order,
    express: Express = False,
    since: LookBack = None,
    state_machine: StateMachine = None,
) -> None:
    """What became of one order: its states, its error decoded, and what can be done about it.

    Example: orderctl orders show @latest
    """
    from orderctl.cli.orders_express import any_arn_of, histories_of
    from orderctl.orders.explain import explain

    cli = app_of(ctx)
    begin = moment_of(cli, since, "--since")
    arn = any_arn_of(cli, order, state_machine, express=express, since=begin)
    bucket = cli.token_buckets.of("GetExecutionHistory")
    explained = explain(histories_of(cli, begin), arn, bucket)
    cli.renderer.one(explained, None if cli.renderer.is_machine else SHOWN)
    if cli.renderer.format == "table" and explained.states:
        cli.renderer.body("")
        cli.renderer.rows(STATES, explained.states)
    if cli.renderer.format == "table" and explained.stack:
        cli.renderer.body("\n" + "\n".join(explained.stack))


def history(
    ctx: typer.Context,
    order: Order,
    data: Annotated[bool, typer.Option("--data", help="With every input and output, in JSON.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="AWS's own objects, all they hold, as JSON.")] = False,
    express: Express = False,
    since: LookBack = None,
    state_machine: StateMachine = None,
) -> None:
    """Every event of one execution so far, as AWS recorded it.

    Example: orderctl orders history @latest -o jsonl --data
    """
    from orderctl.cli.orders_express import any_arn_of, histories_of
    from orderctl.orders.history import HistoryReader

    cli = app_of(ctx)
    begin = moment_of(cli, since, "--since")
    arn = any_arn_of(cli, order, state_machine, express=express, since=begin)
    bucket = cli.token_buckets.of("GetExecutionHistory")
    if raw:
        _print_recorded(cli, arn, begin)
        return
    reader = HistoryReader(histories_of(cli, begin), arn, bucket, with_data=data, patience=1)
    cli.renderer.rows(EVENTS, _events(cli, reader))


def _print_recorded(cli: App, arn: str, since: datetime | None) -> None:
    """AWS's objects have no columns in common: a line of JSON each, as they come, and with `-o json` one list."""
    from orderctl.cli.orders_express import log_group_of
    from orderctl.orders.express import LOOK_BACK
    from orderctl.orders.names import is_express, machine_of
    from orderctl.orders.recorded import recorded_in_log

    if cli.renderer.format == "csv":
        raise UsageError("--raw is JSON and does not go into csv", hint="-o jsonl")
    if is_express(arn):
        group = log_group_of(cli, machine_of(arn))
        recorded = recorded_in_log(cli.logs, group, arn, since or cli.clock.now() - LOOK_BACK)
    else:
        recorded = cli.executions.recorded(arn)
    if cli.renderer.is_machine:
        cli.renderer.rows((), recorded)
        return
    for event in recorded:
        cli.renderer.event(event)


def _events(cli: App, reader: HistoryReader) -> Iterator[Step]:
    from orderctl.orders.watching import steps_of

    yield from steps_of(reader)
    for hole in reader.holes:
        cli.renderer.warn(f"{hole} of the history never came")


def _listed(cli: App, file: str | None) -> list[str]:
    from orderctl.cli.orders_input import read_text

    return read_text(cli, file)[0].split() if file else []
