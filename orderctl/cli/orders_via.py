"""`orders submit --via api|event`: the order takes the way orders take in production.

Nobody answers with an execution there; the consumer of OrderCreated names it after the order, so that is where it
is looked for. Where it never appears, the event was lost on the way or waits in a dead-letter queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.cli.orders_common import set_resume
from orderctl.cli.orders_result import always_a_result
from orderctl.cli.orders_watch import WatchOptions, watch
from orderctl.errors import FailedError, NotFoundError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.events.models import Published
    from orderctl.orders.api import Posted
    from orderctl.orders.models import OnConflict
    from orderctl.orders.order import Order

EVENT_PATIENCE = 60.0
"""Seconds the execution may take to appear: EventBridge, the consumer's cold start, one retry."""
PUBLISHED = ("order_id", "status", "event_id")
POSTED = ("order_id", "status", "request_id")


def submit_by_event(cli: App, order: Order, machine: str, options: WatchOptions | None) -> None:
    """Publish OrderCreated, and with `options` watch the execution it starts."""
    from orderctl.orders.names import named

    arn = named(machine, order.order_id)
    with always_a_result(cli, order.order_id, wanted=options is not None):
        published = _publish(cli, order)
    _go_on(cli, order, arn, published, PUBLISHED, "its event was published", options)


def submit_by_api(
    cli: App, order: Order, machine: str, on_conflict: OnConflict, *, made_id: bool, options: WatchOptions | None
) -> None:
    """POST the order, and with `options` watch the execution it leads to; one that runs already is attached to."""
    from orderctl.orders.api import existing
    from orderctl.orders.names import named
    from orderctl.orders.submit import bare, check_attachable

    arn = named(machine, order.order_id)
    with always_a_result(cli, order.order_id, wanted=options is not None):
        found = None if made_id else existing(cli.executions, arn)
        if found is not None:
            check_attachable(found, order, on_conflict, made_id)
        posted = _post(cli, order, arn) if found is None else None
    if posted is None and found is not None:
        cli.renderer.say("it is running already; attached, nothing was posted")
        if options is None:
            cli.renderer.one(bare(found), ("order_id", "status", "started_at", "execution_arn"))
            return
    if posted is not None and posted.status == "found":
        cli.renderer.say("the API's answer was lost; the order's execution is there")
    _go_on(cli, order, arn, posted, POSTED, "the API took it", options)


def _go_on(
    cli: App,
    order: Order,
    arn: str,
    done: Published | Posted | None,
    columns: tuple[str, ...],
    said: str,
    options: WatchOptions | None,
) -> None:
    set_resume(cli, [order.order_id])
    if options is None:
        cli.renderer.one(done, columns)
        return
    options.absent = NotFoundError(
        f"order {order.order_id}: {said}, but no execution appeared in {EVENT_PATIENCE:.0f}s",
        hint="its consumer may have failed: orderctl dlq list",
    )
    watch(cli, [arn], options)


def _post(cli: App, order: Order, arn: str) -> Posted:
    from orderctl.orders.api import post

    return post(cli.api("orders_api_url"), cli.executions, order, arn, cli.clock)


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
