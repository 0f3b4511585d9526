"""`orderctl events`: publish events, and see what a bus would do with one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.events_replay import replay
from orderctl.cli.events_tail import tail
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import NotFoundError, PartlyDoneError

if TYPE_CHECKING:
    from orderctl.cli.events_input import Batch, Flags
    from orderctl.context import App
    from orderctl.events.models import Published
    from orderctl.events.ports import EventBus
    from orderctl.events.trial import Tried

app = noun("events", "Publish OrderCreated and other events, and see what rules make of them.")

PUBLISHED = ("status", "event_id", "source", "detail_type", "order_id", "error", "reason", "line")
TRIED = ("rule", "state", "is_matched", "mismatches", "line")
RECEIVED = ("rule", "target_id", "target_arn", "input", "problem")

Bus = Annotated[str | None, typer.Option("--bus", metavar="NAME", help="Event bus; default: the environment's.")]
File = Annotated[str | None, typer.Option("--file", metavar="FILE", help="JSON, JSON Lines or CSV; - is stdin.")]
Source = Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says it.")]
DetailType = Annotated[str, typer.Option("--detail-type", metavar="TEXT", help="What happened.")]
Detail = Annotated[str | None, typer.Option("--detail", metavar="JSON", help="The detail, a JSON object.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A field of the detail.")]
ProductId = Annotated[str | None, typer.Option("--product-id", metavar="ID", help="Of the order.")]
Quantity = Annotated[str | None, typer.Option("--quantity", metavar="N", help="Of the order, from 1.")]
UserId = Annotated[str | None, typer.Option("--user-id", metavar="ID", help="Of the order.")]
OrderId = Annotated[str | None, typer.Option("--order-id", metavar="ID", help="Of the order; default: a new one.")]
Time = Annotated[str | None, typer.Option("--time", metavar="TIME", help="ISO 8601; default: when it is put.")]
Resources = Annotated[list[str] | None, typer.Option("--resource", metavar="ARN", help="What it is about.")]


@verb(app, "publish")
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
    flags = _flags(product_id, quantity, user_id, order_id, sets, detail, time, resources, source, detail_type)
    with events_input.opened(cli, file, flags) as batch:
        to = cli.event_buses(cli.resource("event_bus", bus))
        _show_matches(cli, to, batch, is_required=require_match)
        if dry_run:
            cli.renderer.say(f"would publish {_events(batch.count)} to {to.name}")
            return
        guard.adding(cli, confirm=confirm)
        counts = Counter[str]()
        outcomes = _counted(Publisher(to, cli.clock, resend_unknown=resend_unknown).publish(batch), counts)
        _report(cli, batch, outcomes, counts)


def _flags(
    product_id: str | None,
    quantity: str | None,
    user_id: str | None,
    order_id: str | None,
    sets: list[str] | None,
    detail: str | None,
    time: str | None,
    resources: list[str] | None,
    source: str,
    detail_type: str,
) -> Flags:
    from orderctl.cli.events_input import Flags
    from orderctl.events.event_file import Head

    head = Head(source, detail_type)
    return Flags(product_id, quantity, user_id, order_id, sets or (), detail, time, resources or (), head)


def _show_matches(cli: App, bus: EventBus, batch: Batch, *, is_required: bool) -> None:
    """Look the bus up (PutEvents would take events for one that does not exist) and say who listens."""
    from orderctl.events import matching

    found = matching.match(bus, bus.arn(), matching.samples(batch), cli.clock.now())
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
    finally:
        cli.renderer.say(
            ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "nothing was sent"
        )
    failed, unknown = counts["failed"], counts["unknown"]
    if failed or unknown:
        told = [f"{failed:,} failed"] * bool(failed) + [f"{unknown:,} may or may not have arrived"] * bool(unknown)
        hint = (
            "look for the unknown ones before sending them again (--resend-unknown sends at once)" if unknown else None
        )
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


@verb(app, "test")
def try_event(
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
) -> None:
    """Which rules would match an event, why the others do not, and what each target would receive.

    Example: orderctl events test --product-id widget-1 --quantity 2 --user-id ada --output json
    """
    from dataclasses import asdict, replace

    from orderctl.cli import events_input
    from orderctl.events.trial import try_rules

    cli = app_of(ctx)
    flags = _flags(product_id, quantity, user_id, order_id, sets, detail, time, resources, source, detail_type)
    with events_input.opened(cli, file, flags) as batch:
        on = cli.event_buses(cli.resource("event_bus", bus))
        arn = on.arn()
        tried: list[Tried] = []
        now = cli.clock.now()
        for event in batch:
            tried += [replace(one, line=event.line) for one in try_rules(on, event.envelope(arn, now))]
        cli.renderer.rows(TRIED, tried)
        if not cli.renderer.is_machine:
            received = [{"rule": one.rule, **asdict(target)} for one in tried for target in one.targets]
            cli.renderer.rows(RECEIVED, received)


verb(app, "tail")(tail)
verb(app, "replay")(replay)
