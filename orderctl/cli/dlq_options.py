"""Options that several verbs of `dlq` share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from orderctl import times
from orderctl.context import App
from orderctl.dlq.asked import Asked
from orderctl.dlq.look import Glance, group
from orderctl.dlq.models import DeadLetter, Queue
from orderctl.dlq.selection import Where as Compiled
from orderctl.render.renderer import Renderer

Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind of dead letter; may be repeated.")]
Errors = Annotated[list[str] | None, typer.Option("--error", help="Only this error; * matches any part; repeatable.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only what failed here: a name or ARN.")]
OrderIds = Annotated[list[str] | None, typer.Option("--order-id", help="Only this order; may be repeated.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this message id; may be repeated.")]
Since = Annotated[str | None, typer.Option("--since", help="Sent since: 10m, 2h or ISO 8601.")]
Until = Annotated[str | None, typer.Option("--until", help="Sent until: 10m, 2h or ISO 8601.")]
Where = Annotated[str | None, typer.Option("--where", metavar="JMESPATH", help="Only letters this finds true.")]
Function = Annotated[str | None, typer.Option("--function", help="Whose letters a shared Lambda DLQ's are.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Edit the payload; repeatable.")]
Unsets = Annotated[list[str] | None, typer.Option("--unset", metavar="PATH", help="Remove from the payload.")]


def asked(
    cli: App,
    kinds: Sequence[str] | None,
    errors: Sequence[str] | None,
    sources: Sequence[str] | None,
    order_ids: Sequence[str] | None,
    ids: Sequence[str] | None,
    since: str | None,
    until: str | None,
    where: str | None,
    sets: Sequence[str] | None = None,
    unsets: Sequence[str] | None = None,
    function: str | None = None,
    limit: int | None = None,
) -> Asked:
    """Filters and edits as given on the command line; raises UsageError naming the flag that is wrong."""
    now = cli.clock.now()
    found = Asked(
        tuple(kinds or ()),
        tuple(errors or ()),
        tuple(sources or ()),
        tuple(order_ids or ()),
        tuple(ids or ()),
        None if since is None else times.moment(since, now, "--since").isoformat(),
        None if until is None else times.moment(until, now, "--until").isoformat(),
        where,
        tuple(sets or ()),
        tuple(unsets or ()),
        function,
        limit,
    )
    found.order(compile_where)
    return found


def compile_where(expression: str) -> Compiled:
    """`--where` is JMESPath, as `--query` is."""
    from orderctl.render.query import Query

    return Query(expression, flag="--where")


def seconds(text: str, flag: str) -> float:
    """A duration from the command line."""
    return times.span(text, flag)


def say_summary(renderer: Renderer, queue: Queue, letters: Sequence[DeadLetter], now: datetime) -> None:
    """What a person wants to know first: how many, of what errors, how old; with a bar each."""
    renderer.say(f"{queue.name}: about {queue.depth} messages, {queue.in_flight} in flight; {len(letters)} shown")
    for by in ("error", "source", "age"):
        groups = group(letters, by, now)
        most = max((found.count for found in groups), default=0)
        for found in groups[:5]:
            bar = "#" * max(1, round(20 * found.count / most))
            renderer.say(f"  {by:6}  {found.count:6}  {bar:20}  {found.value}")


def say_what_looking_cost(renderer: Renderer, queue: Queue, glance: Glance) -> None:
    """What the look did to the messages, in one line."""
    if not glance.seen:
        renderer.say(f"{queue.name}: no message was handed out")
        return
    fifo = "; their groups were hidden meanwhile" if queue.is_fifo else ""
    whole = "" if glance.is_whole else "; there may be more: this is what SQS handed out, in no order it promises"
    renderer.say(f"looked at {glance.seen} messages and gave them back (receive count +1 each{fifo}){whole}")
