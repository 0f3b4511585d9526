"""Options that several verbs of `dlq` share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from orderctl.context import App
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.look import Glance
    from orderctl.dlq.models import DeadLetter, Queue, Wiring
    from orderctl.dlq.selection import Where as Compiled
    from orderctl.render.renderer import Renderer

Queues = Annotated[list[str] | None, typer.Argument(metavar="[QUEUE]...", help="Name, URL or ARN; none: all.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind of dead letter; may be repeated.")]
Errors = Annotated[list[str] | None, typer.Option("--error", help="Only this error; * matches any part; repeatable.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only what failed here: a name or ARN.")]
OrderIds = Annotated[list[str] | None, typer.Option("--order-id", help="Only this order; may be repeated.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this message id; may be repeated.")]
Since = Annotated[str | None, typer.Option("--since", help="Sent since: 10m, 2h or ISO 8601.")]
Until = Annotated[str | None, typer.Option("--until", help="Sent until: 10m, 2h or ISO 8601.")]
Where = Annotated[str | None, typer.Option("--where", metavar="JMESPATH", help="Only letters this finds true.")]
Function = Annotated[str | None, typer.Option("--function", help="Whose letters a shared Lambda DLQ's are.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Edit the payload where PATH is there; repeatable."),
]
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
    from orderctl import times
    from orderctl.dlq.asked import Asked

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
    from orderctl import times

    return times.span(text, flag)


def queues_of(cli: App, named: Sequence[str]) -> tuple[list[Queue], Wiring]:
    """The queues a command is about, and the wiring; without names, all of the environment that hold something.

    Those that count no message are named on stderr and left out: every look costs seconds.
    """
    if named:
        described = {queue.arn: queue for queue in map(cli.queues.describe, named)}
        found = list(described.values())
        return found, cli.wiring(found)
    wiring = cli.wiring()
    found = environment_queues(cli, wiring)
    empty = [queue.name for queue in found if not queue.depth + queue.in_flight]
    if empty:
        cli.renderer.say(f"no message counted in: {', '.join(empty)}")
    return [queue for queue in found if queue.name not in empty], wiring


def environment_queues(cli: App, wiring: Wiring) -> list[Queue]:
    """The wired queues of the environment's stack, fullest first; without a stack all that are wired."""
    from orderctl.dlq.overview import queues_within
    from orderctl.errors import NotFoundError

    found = []
    for arn in queues_within(wiring, within(cli)):
        try:
            found.append(cli.queues.describe(arn))
        except NotFoundError as error:
            cli.renderer.warn(f"wired as a dead-letter queue, but {error.message}")
    return sorted(found, key=lambda queue: (-queue.depth, queue.name))


def within(cli: App) -> set[str] | None:
    """Names of what the environment's stack holds; None where it names no stack."""
    from orderctl.dlq.overview import names_of

    stack = cli.environment.text("stack")
    return names_of(cli.stacks.resources(stack)) if stack else None


def say_summary(renderer: Renderer, queue: Queue, letters: Sequence[DeadLetter], now: datetime) -> None:
    """What a person wants to know first: how many, of what errors, how old; with a bar each."""
    from orderctl.dlq.look import group

    renderer.say(f"{queue.name}: about {queue.depth} messages, {queue.in_flight} in flight; {len(letters)} shown")
    for by in ("error", "source", "age"):
        groups = group(letters, by, now)
        most = max((found.count for found in groups), default=0)
        for found in groups[:5]:
            bar = "#" * max(1, round(20 * found.count / most))
            renderer.say(f"  {by:6}  {found.count:6}  {bar:20}  {_short(found.value)}")


def _short(value: str) -> str:
    """An ARN without the partition, Region and account that all of them share."""
    return value.split(":", 5)[5] if value.startswith("arn:") and value.count(":") >= 5 else value


def say_what_looking_cost(renderer: Renderer, queue: Queue, glance: Glance, *, is_named: bool = False) -> None:
    """What the look did to the messages, in one line; with the queue's name where there are several."""
    if not glance.seen:
        renderer.say(f"{queue.name}: no message was handed out")
        return
    fifo = "; their groups were hidden meanwhile" if queue.is_fifo else ""
    whole = "" if glance.is_whole else "; there may be more: this is what SQS handed out, in no order it promises"
    name = f"{queue.name}: " if is_named else ""
    renderer.say(f"{name}looked at {glance.seen} messages and gave them back (receive count +1 each{fifo}){whole}")
