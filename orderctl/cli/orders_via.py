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
    from orderctl.orders.models import DescribedExecution, OnConflict
    from orderctl.orders.order import Order

EVENT_PATIENCE = 60.0
"""Seconds the execution may take to appear: EventBridge, the consumer's cold start, one retry."""
PUBLISHED = ("order_id", "status", "event_id")
POSTED = ("order_id", "status", "request_id")


def submit_by_event(
    cli: App, order: Order, machine: str, on_conflict: OnConflict, *, made_id: bool, options: WatchOptions | None
) -> None:
    """Publish OrderCreated, and with `options` watch the execution it starts; one that runs is attached to."""
    from orderctl.orders.names import named

    arn = named(machine, order.order_id)
    with always_a_result(cli, order.order_id, wanted=options is not None):
        found = _running(cli, order, arn, on_conflict, made_id=made_id)
        published = _publish(cli, order) if found is None else None
    if found is None or _attached(cli, found, options, "published"):
        _go_on(cli, order, arn, published, PUBLISHED, "its event was published", options)


def submit_by_api(
    cli: App, order: Order, machine: str, on_conflict: OnConflict, *, made_id: bool, options: WatchOptions | None
) -> None:
    """POST the order, and with `options` watch the execution it leads to; one that runs already is attached to."""
    from orderctl.orders.names import named

    arn = named(machine, order.order_id)
    with always_a_result(cli, order.order_id, wanted=options is not None):
        found = _running(cli, order, arn, on_conflict, made_id=made_id)
        posted = _post(cli, order, arn) if found is None else None
    if posted is not None and posted.status == "found":
        cli.renderer.say("the API's answer was lost; the order's execution is there")
    if found is None or _attached(cli, found, options, "posted"):
        _go_on(cli, order, arn, posted, POSTED, "the API took it", options)


def _running(cli: App, order: Order, arn: str, on_conflict: OnConflict, *, made_id: bool) -> DescribedExecution | None:
    """The order's execution, where it was submitted before: sent again, the rest of the system would run twice.

    Raises ConflictError where it must not be attached to.
    """
    from orderctl.orders.api import existing
    from orderctl.orders.submit import check_attachable

    found = None if made_id else existing(cli.executions, arn)
    if found is not None:
        check_attachable(found, order, on_conflict, made_id)
    return found


def _attached(cli: App, found: DescribedExecution, options: WatchOptions | None, done: str) -> bool:
    """Say so; is it still to be watched?"""
    from orderctl.orders.submit import bare

    cli.renderer.say(f"it is running already; attached, nothing was {done}")
    if options is None:
        cli.renderer.one(bare(found), ("order_id", "status", "started_at", "execution_arn"))
    return options is not None


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
