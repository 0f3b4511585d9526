"""`orders tail`: everything that happens in the order workflow, as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from orderctl import times
from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import StateMachine, Timeout, status_of
from orderctl.cli.orders_watch import COLUMNS, sentence
from orderctl.context import App
from orderctl.orders.cause import decode
from orderctl.orders.models import Execution, ExecutionStatus
from orderctl.orders.tail import Ended, Notice, tail
from orderctl.orders.watching import Step

SUMMARY = ("stopped_at", "order_id", "status", "seconds", "failed_state", "error")


def tail_orders(
    ctx: typer.Context,
    summary: Annotated[bool, typer.Option("--summary", help="One line an execution, when it has ended.")] = False,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="With --summary: only those.")] = None,
    state: Annotated[str | None, typer.Option(metavar="NAME", help="Only transitions of this state.")] = None,
    error: Annotated[str | None, typer.Option(metavar="TEXT", help="Only where the error holds this text.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="From executions started since; now.")] = None,
    timeout: Timeout = None,
    state_machine: StateMachine = None,
) -> None:
    """Follow every new execution; Standard workflows only. Ends with Ctrl-C or --timeout.

    Example: orderctl orders tail --summary --status FAILED --since 10m
    """
    cli = app_of(ctx)
    wanted = status_of(status)
    summary = summary or wanted is not None
    happened = tail(
        cli.executions,
        cli.resource("state_machine", state_machine),
        cli.clock,
        since=times.moment(since, cli.clock.now(), "--since") if since else None,
        timeout=times.span(timeout, "--timeout") if timeout else None,
    )
    cli.resume = None
    if summary:
        _print(cli, SUMMARY, _ends(cli, happened, wanted, error))
    else:
        _print(cli, COLUMNS, _steps(cli, happened, state, error))


def _ends(
    cli: App, happened: Iterator[Step | Ended | Notice], wanted: ExecutionStatus | None, error: str | None
) -> Iterator[Execution]:
    for item in happened:
        _notice(cli, item)
        if isinstance(item, Ended) and wanted in (None, item.execution.status):
            line = decode(item.execution.error, item.execution.cause).line
            if error is None or error in line:
                yield item.execution


def _steps(cli: App, happened: Iterator[Step | Ended | Notice], state: str | None, error: str | None) -> Iterator[Step]:
    for item in happened:
        _notice(cli, item)
        if not isinstance(item, Step) or not (item.has_transition or cli.renderer.is_machine):
            continue
        fits = state is None or (item.state or "").rpartition("/")[2] == state
        if fits and (error is None or error in (item.error or "")):
            yield item


def _notice(cli: App, item: Step | Ended | Notice) -> None:
    if isinstance(item, Notice):
        cli.renderer.warn(item.text)


def _print(cli: App, columns: tuple[str, ...], items: Iterator[Step] | Iterator[Execution]) -> None:
    """A line at a time, also in a table: a tail has no end to lay one out at."""
    if cli.renderer.format == "table":
        for item in items:
            cli.renderer.text(sentence(item) if isinstance(item, Step) else _line(item))
    else:
        cli.renderer.rows(columns, _flushed(cli, items))


def _line(execution: Execution) -> str:
    """An ended execution for a person."""
    from orderctl import jsontext
    from orderctl.render.cells import span

    ended = "" if execution.stopped_at is None else jsontext.iso(execution.stopped_at)
    took = "" if execution.seconds is None else span(execution.seconds)
    why = decode(execution.error, execution.cause).line
    return "  ".join(part for part in (ended, execution.order_id, execution.status, took, why) if part)


def _flushed(cli: App, items: Iterator[Step] | Iterator[Execution]) -> Iterator[Step | Execution]:
    for item in items:
        yield item
        cli.out.flush()
