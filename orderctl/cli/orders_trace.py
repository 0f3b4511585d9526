"""`orders trace`: everything about one order in one timeline.

The parts come from several nouns and services, so they are brought together here; each may fail on its own.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import LookBack, StateMachine, moment_of
from orderctl.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from orderctl.context import App
    from orderctl.orders.log_lines import OrderLine
    from orderctl.orders.models import HistoryEvent
    from orderctl.orders.trace import Timeline, TraceEntry

COLUMNS = ("timestamp", "source", "what", "duration_seconds", "error", "where")
MOST_EXPRESS = 20
"""Express executions of one order id that are told in full."""
MOST_TRACES = 20


def trace(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID", help="The order's id.")],
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters/--no-dead-letters", help="Look through the dead-letter queues.")
    ] = True,
    since: LookBack = None,
    state_machine: StateMachine = None,
) -> None:
    """Everything about one order in one timeline: requests, executions, errors, dead letters, stock, traces.

    Looking at a queue adds one to the receive count of every message in it, and hides them for a moment.

    Example: orderctl orders trace 01JD8Z7Q
    """
    from orderctl.orders.express import LOOK_BACK
    from orderctl.orders.names import check_order_id
    from orderctl.orders.trace import Timeline, from_lines, from_record

    cli = app_of(ctx)
    check_order_id(order_id)
    begin = moment_of(cli, since, "--since") or cli.clock.now() - LOOK_BACK
    found = Timeline()
    events: list[HistoryEvent] = []
    found.ask("the execution", lambda: _standard(cli, order_id, state_machine, events))
    found.ask("Express executions", lambda: _express(cli, order_id, begin, events))
    lines: list[OrderLine] = []
    found.ask("function logs", lambda: from_lines(_lines(cli, order_id, begin, found, events, lines)))
    if dead_letters:
        found.ask("dead letters", lambda: _dead_letters(cli, order_id, found))
    table = cli.optional_resource("orders_table")
    if table is None:
        found.notes.append("stock: not looked at: the environment names no orders_table")
    else:
        found.ask("stock", lambda: from_record(cli.order_records.find(order_id), table))
    found.ask("X-Ray", lambda: _segments(cli, order_id, state_machine, lines, events))
    for note in found.notes:
        cli.renderer.warn(note)
    found.check_found(order_id)
    _print(cli, found.in_order())


def _standard(cli: App, order_id: str, state_machine: str | None, events: list[HistoryEvent]) -> Iterator[TraceEntry]:
    from orderctl.orders.names import named

    arn = named(cli.resource("state_machine", state_machine), order_id)
    return _steps(cli, arn, None, "execution", events)


def _express(cli: App, order_id: str, since: datetime, events: list[HistoryEvent]) -> Iterator[TraceEntry]:
    from orderctl.cli.orders_express import log_group_of
    from orderctl.orders.express import named_executions

    machine = cli.optional_resource("express_state_machine")
    if machine is None:
        return
    arns = named_executions(cli.logs, log_group_of(cli, machine), machine, order_id, since)
    for arn in reversed(arns[:MOST_EXPRESS]):
        yield from _steps(cli, arn, since, "express", events)


def _steps(cli: App, arn: str, since: datetime | None, source: str, events: list[HistoryEvent]) -> Iterator[TraceEntry]:
    from orderctl.cli.orders_express import histories_of
    from orderctl.orders.history import HistoryReader
    from orderctl.orders.trace import from_steps
    from orderctl.orders.tracking import Tracker
    from orderctl.orders.watching import step_of

    bucket = cli.token_buckets.of("GetExecutionHistory")
    reader = HistoryReader(histories_of(cli, since), arn, bucket, with_data=True, patience=1)
    tracker = Tracker(arn)
    for batch in reader.read():
        events += batch
        yield from from_steps((step_of(tracker, event) for event in batch), source)


def _lines(
    cli: App, order_id: str, since: datetime, found: Timeline, events: list[HistoryEvent], into: list[OrderLine]
) -> list[OrderLine]:
    """The lines of the functions the workflow calls, and of those that share the environment's group."""
    from datetime import timedelta

    from orderctl.orders.invocations import functions_of, invocations
    from orderctl.orders.log_search import LogSearch, function_lines, groups_of

    span = found.span()
    begin, end = (span[0] - timedelta(minutes=5), span[1] + timedelta(minutes=5)) if span else (since, None)
    functions = functions_of(_definition(cli))
    groups = groups_of(invocations(events, functions), functions.values(), cli.function_groups, found.notes)
    shared = cli.optional_resource("function_log_group")
    if shared is not None:
        groups.setdefault(shared, [])
    search = LogSearch(order_id, begin, end, groups)
    into += function_lines(cli.logs, search)
    found.notes += search.notes
    return into


def _definition(cli: App) -> str:
    from orderctl.cli.orders_express import described

    machine = cli.optional_resource("state_machine")
    known = described(cli, machine) if machine else None
    return known.definition if known else "{}"


def _dead_letters(cli: App, order_id: str, found: Timeline) -> Iterable[TraceEntry]:
    from orderctl.cli.orders_trace_letters import waiting_letters

    return waiting_letters(cli, order_id, found.notes)


def _segments(
    cli: App, order_id: str, state_machine: str | None, lines: list[OrderLine], events: list[HistoryEvent]
) -> Iterable[TraceEntry]:
    """The traces the execution was started in, and those that its functions wrote about."""
    from orderctl.orders.log_lines import trace_ids_in
    from orderctl.orders.names import named
    from orderctl.orders.trace import from_segments

    header = None
    if events:
        with suppress(NotFoundError):
            header = cli.executions.trace_header(named(cli.resource("state_machine", state_machine), order_id))
    ids = list(dict.fromkeys([*trace_ids_in(header or ""), *_trace_ids(lines, events)]))
    return from_segments(cli.traces.segments(ids)) if ids else ()


def _trace_ids(lines: list[OrderLine], events: list[HistoryEvent]) -> list[str]:
    """Trace ids that the functions wrote, or that the execution's own data names."""
    from orderctl.orders.log_lines import trace_ids_in

    texts = [line.message for line in lines] + [str(value) for event in events for value in event.details.values()]
    written = [line.trace_id for line in lines if line.trace_id]
    return list(dict.fromkeys([*written, *(each for text in texts for each in trace_ids_in(text))]))[:MOST_TRACES]


def _print(cli: App, entries: list[TraceEntry]) -> None:
    if cli.renderer.format == "table":
        for entry in entries:
            cli.renderer.text(sentence(entry))
    else:
        cli.renderer.rows(COLUMNS, entries)


def sentence(entry: TraceEntry) -> str:
    """One entry for a person."""
    from orderctl import jsontext
    from orderctl.render.cells import span

    at = jsontext.iso(entry.timestamp) if entry.timestamp else "-".ljust(24)
    took = "" if entry.duration_seconds is None else span(entry.duration_seconds)
    error = entry.error if entry.error and entry.error not in entry.what else ""
    return "  ".join(part for part in (at, entry.source.ljust(11), entry.what, took, error) if part)
