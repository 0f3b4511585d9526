"""What `events publish` and `events test` take: the options that say what an event is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orderctl.cli.events_input import Flags

Bus = Annotated[str | None, typer.Option("--bus", metavar="NAME", help="Event bus; default: the environment's.")]
File = Annotated[str | None, typer.Option("--file", metavar="FILE", help="JSON, JSON Lines or CSV; - is stdin.")]
Source = Annotated[str, typer.Option("--source", metavar="TEXT", help="Who says it.")]
DetailType = Annotated[str, typer.Option("--detail-type", metavar="TEXT", help="What happened.")]
Detail = Annotated[str | None, typer.Option("--detail", metavar="JSON", help="The detail, a JSON object.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A field of the detail.")]
ProductId = Annotated[str | None, typer.Option("--product-id", metavar="ID", help="Of the order.")]
Quantity = Annotated[str | None, typer.Option("--quantity", metavar="N", help="Of the order, from 1.")]
UserId = Annotated[str | None, typer.Option("--user-id", metavar="ID", help="Of the order; default: who is signed in.")]
OrderId = Annotated[str | None, typer.Option("--order-id", metavar="ID", help="Of the order; default: a new one.")]
Time = Annotated[str | None, typer.Option("--time", metavar="TIME", help="ISO 8601; default: when it is put.")]
Resources = Annotated[list[str] | None, typer.Option("--resource", metavar="ARN", help="What it is about.")]


def flags_of(
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
    """The options as one thing."""
    from orderctl.cli.events_input import Flags
    from orderctl.events.event_file import Head

    head = Head(source, detail_type)
    return Flags(product_id, quantity, user_id, order_id, sets or (), detail, time, resources or (), head)
