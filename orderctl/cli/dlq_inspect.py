"""`orderctl dlq inspect`: one look at each queue, a summary first, then the letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli.framework import app_of
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.asked import Asked
    from orderctl.dlq.look import Glance
    from orderctl.dlq.models import DeadLetter, Queue, Wiring

    Seen = tuple[Queue, list[DeadLetter], Glance]
    """One queue, what was selected of it, and what looking saw besides."""

AT_ONCE = 8
TABLE = ("order_id", "error", "cause", "attempts", "sent_at", "message_id", "refusal")
COLUMNS = ("message_id", "kind", "order_id", "error", "cause", "attempts", "sent_at", "source", "refusal")


def inspect_letters(
    ctx: typer.Context,
    queue: options.Queues = None,
    most: Annotated[int, typer.Option("--max", min=1, help="Messages of each queue to show at the most.")] = 100,
    group_by: Annotated[str | None, typer.Option(help="Only count: error, source, kind, order_id or age.")] = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="Show the payloads as well.")] = False,
    kind: options.Kinds = None,
    error: options.Errors = None,
    source: options.Sources = None,
    order_id: options.OrderIds = None,
    message_id: options.Ids = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    function: options.Function = None,
) -> None:
    """Look at dead letters without consuming them: what failed, why, how often, whose.

    Every look is a receive: it adds one to the receive count and hides the message (on a FIFO queue its group)
    until the look is over. Without a QUEUE it looks at every one of the environment that counts a message.

    Example: orderctl dlq inspect orders-order-failures --error ValidationError --max 20
    """
    from orderctl.dlq import look

    cli = app_of(ctx)
    asked = options.asked(
        cli, kind, error, source, order_id, message_id, since, until, where, function=function, limit=most
    )
    if group_by is not None and group_by not in look.GROUPINGS:
        raise UsageError(f"--group-by cannot be {group_by!r}", hint="one of: " + ", ".join(look.GROUPINGS))
    queues, wiring = options.queues_of(cli, queue or ())
    if cli.renderer.format == "jsonl" and group_by is None:
        _stream(cli, queues, wiring, asked)
    else:
        _show(cli, _looks(cli, queues, wiring, asked), group_by=group_by, bodies=bodies)
    for note in wiring.notes:
        cli.renderer.warn(note)


def _letters(cli: App, queue: Queue, wiring: Wiring, asked: Asked, glance: Glance) -> Iterator[DeadLetter]:
    from orderctl.dlq import look

    return look.look(
        cli.queues,
        queue,
        wiring,
        cli.clock,
        selection=asked.selection(options.compile_where),
        limit=asked.limit or 0,
        glance=glance,
        function=asked.function,
    )


def _stream(cli: App, queues: Sequence[Queue], wiring: Wiring, asked: Asked) -> None:
    """A line a letter, as it is seen."""
    from orderctl.dlq.look import Glance
    from orderctl.dlq.selection import decoded

    for queue in queues:
        glance = Glance()
        for letter in _letters(cli, queue, wiring, asked, glance):
            cli.renderer.event({"queue": queue.name, **decoded(letter)})
        options.say_what_looking_cost(cli.renderer, queue, glance, is_named=len(queues) > 1)


def _looks(cli: App, queues: Sequence[Queue], wiring: Wiring, asked: Asked) -> list[Seen]:
    """Several at a time, as most of a look is waiting; an interrupt begins none anew and ends those in hand."""
    from concurrent.futures import ThreadPoolExecutor

    from orderctl.dlq.look import Glance

    def seen(queue: Queue) -> Seen:
        glance = Glance()
        return queue, list(_letters(cli, queue, wiring, asked, glance)), glance

    if len(queues) == 1:
        return [seen(queues[0])]
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look")
    try:
        return list(pool.map(seen, queues))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _show(cli: App, looks: Sequence[Seen], *, group_by: str | None, bodies: bool) -> None:
    from orderctl.dlq.look import group
    from orderctl.dlq.selection import decoded

    now, has_many = cli.clock.now(), len(looks) > 1
    if group_by is not None:
        found = group((letter for _, letters, _ in looks for letter in letters), group_by, now)
        cli.renderer.rows(("value", "count", "oldest", "newest"), found)
    for queue, letters, glance in looks:
        if group_by is None and not cli.renderer.is_machine:
            options.say_summary(cli.renderer, queue, letters, now)
        options.say_what_looking_cost(cli.renderer, queue, glance, is_named=has_many)
    if group_by is None:
        rows = [{"queue": queue.name, **decoded(each, as_time=True)} for queue, letters, _ in looks for each in letters]
        first, more = ("queue",) if has_many else (), ("payload",) if bodies else ()
        cli.renderer.rows((*COLUMNS, *more, *first), rows, table=(*first, *TABLE, *more))
