"""`orders tail`: everything that happens in the order workflows, as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import StateMachine, Timeout, moment_of, status_of
from orderctl.errors import OrderctlError
from orderctl.orders.models import MachineChoice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orderctl.context import App
    from orderctl.orders.models import Execution, ExecutionStatus
    from orderctl.orders.tail import Happened, Tailed
    from orderctl.orders.watching import Step

SUMMARY = ("stopped_at", "order_id", "status", "seconds", "failed_state", "error")


def tail_orders(
    ctx: typer.Context,
    summary: Annotated[bool, typer.Option("--summary", help="One line an execution, when it has ended.")] = False,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="With --summary: only those.")] = None,
    state: Annotated[str | None, typer.Option(metavar="NAME", help="Only transitions of this state.")] = None,
    error: Annotated[str | None, typer.Option(metavar="TEXT", help="Only where the error holds this text.")] = None,
    kind: Annotated[
        MachineChoice | None, typer.Option("--type", help="Which workflow; all there are, Express by its log.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="From executions started since; now.")] = None,
    timeout: Timeout = None,
    state_machine: StateMachine = None,
) -> None:
    """Follow every new execution. Ends with Ctrl-C or --timeout.

    Example: orderctl orders tail --summary --status FAILED --since 10m
    """
    from orderctl import times
    from orderctl.cli.orders_result import closed_by_a_result
    from orderctl.cli.orders_watch import COLUMNS
    from orderctl.orders.tail import tail

    cli = app_of(ctx)
    wanted = status_of(status)
    tailed = _tailed(cli, kind, moment_of(cli, since, "--since"), state_machine)
    happened = tail(tailed, cli.clock, timeout=times.span(timeout, "--timeout") if timeout else None)
    cli.resume = None
    with closed_by_a_result(cli):
        if summary or wanted is not None:
            _print(cli, SUMMARY, _ends(cli, happened, wanted, error))
        else:
            _print(cli, COLUMNS, _steps(cli, happened, state, error))


def _tailed(cli: App, kind: MachineChoice | None, since: datetime | None, state_machine: str | None) -> list[Tailed]:
    """What was asked for; asked for nothing, all that can be followed, or the one state machine that is named."""
    if kind is None and state_machine is None:
        return [_standard(cli, since, None), *_express_if_it_can_be_seen(cli, since)]
    found: list[Tailed] = []
    if kind is not MachineChoice.EXPRESS:
        found.append(_standard(cli, since, state_machine))
    if kind in (MachineChoice.EXPRESS, MachineChoice.ALL):
        found.append(_express(cli, since, cli.resource("express_state_machine", state_machine)))
    return found


def _standard(cli: App, since: datetime | None, state_machine: str | None) -> Tailed:
    from orderctl.orders.tail import StandardTail

    bucket = cli.token_buckets.of("GetExecutionHistory")
    machine = cli.resource("state_machine", state_machine)
    return StandardTail(cli.executions, machine, cli.clock, since=since, bucket=bucket)


def _express(cli: App, since: datetime | None, machine: str) -> Tailed:
    from orderctl.cli.orders_express import described, log_group_of, say_what_cannot_be_seen
    from orderctl.orders.tail_express import ExpressTail

    say_what_cannot_be_seen(cli, machine, watched=True)
    known = described(cli, machine)
    is_whole = known is None or known.log_level not in ("ERROR", "FATAL")
    return ExpressTail(cli.logs, log_group_of(cli, machine), machine, cli.clock, since=since, is_whole=is_whole)


def _express_if_it_can_be_seen(cli: App, since: datetime | None) -> list[Tailed]:
    """The environment's Express workflow, which nobody asked for by name: what hides it must not end the tail."""
    from orderctl.orders.tail_express import NOT_FOLLOWED, Besides

    try:
        machine = cli.optional_resource("express_state_machine")
        return [] if machine is None else [Besides(_express(cli, since, machine))]
    except OrderctlError as error:
        cli.renderer.warn(f"{NOT_FOLLOWED}: {error.message}")
        return []


def _ends(
    cli: App, happened: Iterator[Happened], wanted: ExecutionStatus | None, error: str | None
) -> Iterator[Execution]:
    from orderctl.orders.cause import decode
    from orderctl.orders.tail import Ended

    for item in happened:
        _notice(cli, item)
        if isinstance(item, Ended) and wanted in (None, item.execution.status):
            line = decode(item.execution.error, item.execution.cause).line
            if error is None or error in line:
                yield item.execution


def _steps(cli: App, happened: Iterator[Happened], state: str | None, error: str | None) -> Iterator[Step]:
    from orderctl.orders.watching import Step

    for item in happened:
        _notice(cli, item)
        if not isinstance(item, Step) or not (item.has_transition or cli.renderer.is_machine):
            continue
        fits = state is None or (item.state or "").rpartition("/")[2] == state
        if fits and (error is None or error in (item.error or "")):
            yield item


def _notice(cli: App, item: Happened) -> None:
    from orderctl.orders.tail import Notice

    if isinstance(item, Notice):
        cli.renderer.warn(item.text)


def _print(cli: App, columns: tuple[str, ...], items: Iterator[Step] | Iterator[Execution]) -> None:
    """A line at a time, also in a table: a tail has no end to lay one out at."""
    from orderctl.cli.orders_watch import sentence
    from orderctl.orders.watching import Step

    if cli.renderer.format == "table":
        for item in items:
            cli.renderer.text(sentence(item) if isinstance(item, Step) else _line(item))
    else:
        cli.renderer.rows(columns, _flushed(cli, items))


def _line(execution: Execution) -> str:
    """An ended execution for a person."""
    from orderctl import jsontext
    from orderctl.orders.cause import decode
    from orderctl.render.cells import span

    ended = "" if execution.stopped_at is None else jsontext.iso(execution.stopped_at)
    took = "" if execution.seconds is None else span(execution.seconds)
    why = decode(execution.error, execution.cause).line
    return "  ".join(part for part in (ended, execution.order_id, execution.status, took, why) if part)


def _flushed(cli: App, items: Iterator[Step] | Iterator[Execution]) -> Iterator[Step | Execution]:
    for item in items:
        yield item
        cli.out.flush()
