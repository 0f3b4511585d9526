"""`orders submit --via event`: the order takes the way orders take in production, over the event bus.

Nobody answers with an execution there; the consumer names it after the order, so that is where it is looked
for. Where it never appears, the event was lost on the way or waits in a dead-letter queue.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from orderctl.cli.orders_common import set_resume
from orderctl.cli.orders_watch import WatchOptions, always_a_result, watch
from orderctl.errors import FailedError, NotFoundError
from orderctl.orders.names import named
from orderctl.orders.order import Order

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.events.models import Published

EVENT_PATIENCE = 60.0
"""Seconds the execution may take to appear: EventBridge, the consumer's cold start, one retry."""
COLUMNS = ("order_id", "status", "event_id")


class Via(StrEnum):
    """The way an order enters the workflow."""

    WORKFLOW = "workflow"
    EVENT = "event"


def submit_by_event(cli: App, order: Order, machine: str, options: WatchOptions | None) -> None:
    """Publish OrderCreated, and with `options` watch the execution it starts."""
    arn = named(machine, order.order_id)
    with always_a_result(cli, order.order_id, wanted=options is not None):
        published = _publish(cli, order)
    set_resume(cli, [order.order_id])
    if options is None:
        cli.renderer.one(published, COLUMNS)
        return
    options.absent = NotFoundError(
        f"order {order.order_id}: its event was published, but no execution appeared in {EVENT_PATIENCE:.0f}s",
        hint="its consumer may have failed: orderctl dlq list",
    )
    watch(cli, [arn], options)


def _publish(cli: App, order: Order) -> Published:
    from orderctl.events.models import ORDER_CREATED, ORDERS_SOURCE, Event, Status
    from orderctl.events.publish import Publisher

    bus = cli.event_buses(cli.resource("event_bus"))
    bus.arn()  # PutEvents to a bus that does not exist answers with success
    event = Event(ORDERS_SOURCE, ORDER_CREATED, order.input_json, order_id=order.order_id)
    published = next(iter(Publisher(bus, cli.clock).publish([event])))
    if published.status is Status.UNKNOWN:
        raise FailedError(
            f"order {order.order_id}: the answer was lost; its event may be on the bus",
            hint=f"orderctl orders watch {order.order_id}, before it is submitted again",
        )
    if published.status is Status.FAILED:
        raise FailedError(f"order {order.order_id}: EventBridge did not take its event: {published.error}")
    return published
