"""`orders logs`: what the execution and the functions it called wrote, in one order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import Express, Order, StateMachine, Timeout, moment_of
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from orderctl.context import App
    from orderctl.orders.log_lines import OrderLine

COLUMNS = ("timestamp", "source", "level", "message", "request_id", "match")


def logs(
    ctx: typer.Context,
    order: Order,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="Only lines from then on; its start.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Only lines before; a minute past its end.")] = None,
    limit: Annotated[int, typer.Option("--max", metavar="N", min=1, help="At most this many lines.")] = 1000,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the execution and its log are done.")] = False,
    timeout: Timeout = None,
    express: Express = False,
    state_machine: StateMachine = None,
) -> None:
    """The log lines of one order: of its execution, and of the Lambda requests it made.

    Example: orderctl orders logs @latest --output jsonl
    """
    from orderctl import times
    from orderctl.cli.orders_express import any_arn_of
    from orderctl.cli.orders_result import closed_by_a_result
    from orderctl.orders.order_logs import follow_lines

    cli = app_of(ctx)
    if timeout and not follow:
        raise UsageError("--timeout goes with --follow")
    begin, end = moment_of(cli, since, "--since"), moment_of(cli, until, "--until")
    arn = any_arn_of(cli, order, state_machine, express=express, since=begin)
    gatherer = _Gatherer(cli, arn, begin, end)
    if follow:
        seconds = times.span(timeout, "--timeout") if timeout else None
        with closed_by_a_result(cli):
            _print(cli, _limited(cli, follow_lines(gatherer.gather, cli.clock, timeout=seconds), limit))
        return
    lines, _ = gatherer.gather()
    _print(cli, lines[:limit])
    if len(lines) > limit:
        cli.renderer.warn(f"{len(lines) - limit} more lines: raise --max, or narrow with --since and --until")


def _limited(cli: App, lines: Iterator[OrderLine], limit: int) -> Iterator[OrderLine]:
    """At most so many, and a word about it where there is another: it was not the execution that ended."""
    for number, line in enumerate(lines):
        if number == limit:
            cli.renderer.warn(f"more than {limit} lines: what follows is left out; raise --max")
            return
        yield line


class _Gatherer:
    """Reads everything, and says each note once."""

    def __init__(self, cli: App, arn: str, since: datetime | None, until: datetime | None) -> None:
        from orderctl.cli.orders_express import described, histories_of
        from orderctl.orders.names import machine_of

        self._cli, self._arn, self._since, self._until = cli, arn, since, until
        self._machine = described(cli, machine_of(arn))
        self._histories = histories_of(cli, since)
        self._said: set[str] = set()

    def gather(self) -> tuple[list[OrderLine], bool]:
        """Every line so far, and whether the execution has ended."""
        from orderctl.orders.order_logs import order_lines

        cli = self._cli
        lines, notes, has_ended = order_lines(
            self._histories, cli.logs, cli.function_groups, self._machine, self._arn, cli.clock,
            bucket=cli.token_buckets.of("GetExecutionHistory"), since=self._since, until=self._until,
        )  # fmt: skip
        for note in notes:
            if note not in self._said:
                cli.renderer.warn(note)
        self._said.update(notes)
        return lines, has_ended


def _print(cli: App, lines: Iterable[OrderLine]) -> None:
    if cli.renderer.format == "table":
        for line in lines:
            cli.renderer.text(sentence(line))
    else:
        cli.renderer.rows(COLUMNS, _flushed(cli, lines))


def sentence(line: OrderLine) -> str:
    """A line for a person; one that may be another order's is marked."""
    from orderctl import jsontext

    doubt = "?" if line.match == "time" else ""
    parts = (jsontext.iso(line.timestamp), line.source + doubt, line.level or "", line.message)
    return "  ".join(part for part in parts if part)


def _flushed(cli: App, lines: Iterable[OrderLine]) -> Iterator[OrderLine]:
    for line in lines:
        yield line
        cli.out.flush()
