"""`orderctl events`: publish events, see what a bus would do with one, watch them come by, replay them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

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
from orderctl.cli.events_publish import publish
from orderctl.cli.events_replay import replay
from orderctl.cli.events_tail import tail
from orderctl.cli.framework import app_of, noun, verb

if TYPE_CHECKING:
    from orderctl.events.trial import Tried

app = noun("events", "Publish OrderCreated and other events, and see what rules make of them.")

TRIED = ("rule", "state", "is_matched", "mismatches", "line")
RECEIVED = ("rule", "target_id", "target_arn", "input", "problem")

verb(app, "publish")(publish)


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
    flags = flags_of(product_id, quantity, user_id, order_id, sets, detail, time, resources, source, detail_type)
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
