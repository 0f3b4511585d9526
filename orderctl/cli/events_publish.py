"""`orderctl events publish`: events on the bus, every one accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.events_options import (
    Bus,
    Detail,
    DetailType,
    File,
    OrderId,
    ProductId,
    Quantity,
    Resources,
    Sets,
    Source,
    Time,
    UserId,
    flags_of,
)
from orderctl.cli.framework import app_of
from orderctl.cli.progress import telling
from orderctl.errors import NotFoundError, OrderctlError, PartlyDoneError, UsageError

if TYPE_CHECKING:
    from orderctl.cli.events_input import Batch
    from orderctl.context import App
    from orderctl.events.models import Published
    from orderctl.events.ports import EventBus

_GO_ON = "to send the rest: the same line with --except FILE, what this run printed with --output jsonl"
PUBLISHED = ("status", "event_id", "source", "detail_type", "order_id", "error", "reason", "line")


def publish(
    ctx: typer.Context,
    product_id: ProductId = None,
    quantity: Quantity = None,
    user_id: UserId = None,
    order_id: OrderId = None,
    sets: Sets = None,
    file: File = None,
    source: Source = "orders.api",
    detail_type: DetailType = "OrderCreated",
    detail: Detail = None,
    time: Time = None,
    resources: Resources = None,
    bus: Bus = None,
    require_match: Annotated[
        bool, typer.Option("--require-match", help="Send nothing if no rule would see an event.")
    ] = False,
    except_file: Annotated[
        str | None,
        typer.Option("--except", metavar="FILE", help="Leave out what an earlier run of --file published: its JSON."),
    ] = None,
    resend_unknown: Annotated[
        bool, typer.Option("--resend-unknown", help="After a lost answer send again; events may arrive twice.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and match; send nothing.")] = False,
) -> None:
    """Put events on the bus and account for every one; without flags for another kind, OrderCreated.

    Example: orderctl events publish --product-id widget-1 --quantity 2 --user-id ada
    """
    from orderctl.cli import events_input
    from orderctl.events.publish import Publisher

    cli = app_of(ctx)
    if except_file is not None and (file is None or file == except_file == "-"):
        raise UsageError("--except goes with --file, and only one of them is stdin")
    flags = flags_of(product_id, quantity, user_id, order_id, sets, detail, time, resources, source, detail_type)
    with events_input.opened(cli, file, flags) as whole:
        batch = whole if except_file is None else _rest(cli, whole, except_file, resend_unknown=resend_unknown)
        to = cli.event_buses(cli.resource("event_bus", bus))
        _show_matches(cli, to, batch, is_required=require_match)
        if dry_run:
            cli.renderer.say(f"would publish {_events(batch.count)} to {to.name}")
            return
        guard.adding(cli, confirm=confirm)
        cli.resume = None if batch.single is not None else _GO_ON
        counts = Counter[str]()
        outcomes = Publisher(to, cli.clock, resend_unknown=resend_unknown).publish(batch)
        _report(cli, batch, telling(cli, _counted(outcomes, counts), batch.count, "events"), counts)


def _rest(cli: App, whole: Batch, printed: str, *, resend_unknown: bool) -> Batch:
    """The events an earlier run did not put on the bus."""
    from orderctl import documents
    from orderctl.events import sent

    with documents.opened(printed, cli.stdin) as output:
        earlier = sent.read(output, resend_unknown=resend_unknown)
    left = whole.without(earlier)
    cli.renderer.say(f"{_events(whole.count - left.count)} of {whole.count:,} went out before")
    return left


def _show_matches(cli: App, bus: EventBus, batch: Batch, *, is_required: bool) -> None:
    """Look the bus up (PutEvents would take events for one that does not exist) and say who listens."""
    from orderctl.events import matching

    kinds = matching.samples(batch)
    found = matching.match(bus, bus.arn(), kinds[: matching.MOST_KINDS], cli.clock.now())
    if len(kinds) > matching.MOST_KINDS:
        told = f"more than {matching.MOST_KINDS} kinds of event: whether rules match the others was not tried"
        if is_required:
            raise UsageError(told, hint="publish the kinds in several files, or leave --require-match out")
        cli.renderer.warn(told)
    for one in found:
        if one.rules:
            cli.renderer.say(f"{one.detail_type} of {one.source} matches: {', '.join(one.rules)}")
        else:
            cli.renderer.warn(f"no enabled rule of {bus.name} matches {one.detail_type} of {one.source}")
    if is_required and not all(one.rules for one in found):
        raise NotFoundError(
            f"no rule of event bus {bus.name} matches; nothing was sent",
            hint="see which part does not: orderctl events test",
        )


def _report(cli: App, batch: Batch, outcomes: Iterator[Published], counts: Counter[str]) -> None:
    """Every outcome on stdout; exit 6 where an event is not surely on the bus."""
    try:
        if batch.single is not None:
            for one in outcomes:
                cli.renderer.one(one, PUBLISHED)
        elif cli.renderer.format in ("json", "table"):
            _whole(cli, outcomes)
        else:
            cli.renderer.rows(PUBLISHED, outcomes)
    except OrderctlError:
        if batch.single is None and counts["published"] + counts["unknown"]:
            cli.renderer.say(_GO_ON)
        raise
    finally:
        cli.renderer.say(
            ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "nothing was sent"
        )
    failed, unknown = counts["failed"], counts["unknown"]
    if failed or unknown:
        told = [f"{failed:,} failed"] * bool(failed) + [f"{unknown:,} may or may not have arrived"] * bool(unknown)
        look = "look for the unknown ones before sending them again (--resend-unknown sends at once)"
        hint = look if unknown else cli.resume
        raise PartlyDoneError(f"of {_events(batch.count)} {' and '.join(told)}", hint=hint)


def _whole(cli: App, outcomes: Iterator[Published]) -> None:
    """One document or table of what was tried, also when an error or Ctrl-C ended it."""
    told: list[Published] = []
    try:
        told.extend(outcomes)
    finally:
        cli.renderer.rows(PUBLISHED, told)


def _counted(outcomes: Iterable[Published], counts: Counter[str]) -> Iterator[Published]:
    for one in outcomes:
        counts[one.status.value] += 1
        yield one


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"
