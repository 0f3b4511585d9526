"""`orderctl local drill`: dead letters to practise on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of
from orderctl.errors import PartlyDoneError, RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.drills import Consumers
    from orderctl.dlq.models import Kind
    from orderctl.local.drill import Drill, Drilled, Letter, PracticeWires

EVERY = "all"
COLUMNS = ("queue", "kind", "message_id", "order_id", "is_redrivable")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def drill(
    ctx: typer.Context,
    kind: Annotated[list[str], typer.Argument(metavar="KIND...", help="Kinds as in 'dlq list', or all.")],
    count: Annotated[
        int | None, typer.Option(min=1, max=1000, metavar="N", help="Letters of each kind; default: one a consumer.")
    ] = None,
    error: Annotated[
        str | None, typer.Option(metavar="ERROR", help="TYPE or 'TYPE: message'; TRUNCATED for a schedule's payload.")
    ] = None,
    order_id: Annotated[list[str] | None, typer.Option(metavar="ID", help="Whose order; repeatable.")] = None,
    queue: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this queue; repeatable.")] = None,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be put where; change nothing.")] = False,
) -> None:
    """Put dead letters as AWS writes them on the local stack's own queues, to practise 'dlq' on.

    Their orders are for one widget-1 each, which is put in stock if it is not there, and succeed once they are
    redriven. With --order-id the letters that one command puts are of one event: what lies in a function's
    dead-letter queue and in its on-failure queue is then the same failure.

    Example: orderctl local drill lambda-dlq on-failure --order-id o-1 --error 'Throttled: try again later'
    """
    from orderctl.local import drill as service

    cli = app_of(ctx)
    asked = service.Drill(_kinds(kind), count, error, tuple(order_id or ()), tuple(queue or ()))
    _only_locally(cli, kind)
    if not dry_run:
        guard.adding(cli, confirm=confirm)
    practice = _practice(cli)
    if asked.needs_practice_wires and not dry_run:
        practice.ensure()
    letters = service.plan(asked, cli.wiring(), _within(cli), practice.queue, cli.clock.now())
    if dry_run:
        _foretell(cli, asked, practice, letters)
        return
    _say_stock(cli, len(letters))
    drilled = service.carry_out(letters, cli.queues, _consumers(cli), cli.clock)
    cli.renderer.rows(COLUMNS, (_document(each) for each in drilled))
    _end(cli, drilled)


def _kinds(words: Sequence[str]) -> tuple[Kind, ...]:
    from orderctl.dlq.models import Kind

    for word in words:
        if word not in (*Kind, EVERY):
            raise UsageError(f"KIND cannot be {word!r}", hint="one of: " + ", ".join((*Kind, EVERY)))
    return tuple(kind for kind in Kind if kind in words or EVERY in words)


def _only_locally(cli: App, kinds: Sequence[str]) -> None:
    """A made-up dead letter has no business anywhere else: it would be redriven to a real consumer."""
    from urllib.parse import urlsplit

    from orderctl.local.up import ENVIRONMENT

    environment = cli.environment
    if environment.name != ENVIRONMENT or not environment.is_local:
        raise RefusedError(
            f"drills are for the local stack; environment {environment.name!r} is not it",
            hint=f"orderctl local drill {' '.join(kinds)} --env {ENVIRONMENT}, once 'orderctl local up' has made it",
        )
    endpoint = environment.text("endpoint_url") or ""
    if urlsplit(endpoint).hostname not in LOOPBACK:
        raise RefusedError(f"drills are for the local stack, and {endpoint or 'AWS'} is not on this machine")


def _within(cli: App) -> set[str]:
    """Names of what the stack holds: other stacks on the same server are left alone."""
    from orderctl.dlq.overview import names_of

    return names_of(cli.stacks.resources(cli.environment.required("stack")))


def _say_stock(cli: App, orders: int) -> None:
    from orderctl.inventory.models import Stock
    from orderctl.local import drill as service

    written = service.stock_up(cli.stock)
    if written.is_applied:
        cli.renderer.say(f"product {service.PRODUCT}: {service.STOCK} put in stock")
        return
    left = written.before.quantity if isinstance(written.before, Stock) else 0
    cli.renderer.say(f"product {service.PRODUCT}: {left} in stock")
    if left < orders:
        more = cli.command("inventory", "adjust", service.PRODUCT, "--by", str(orders - left))
        cli.renderer.warn(f"that is less than {orders} orders take: {more}")


def _foretell(cli: App, asked: Drill, practice: PracticeWires, letters: Sequence[Letter]) -> None:
    from orderctl.local import drill as service

    cli.renderer.say(f"would put {service.PRODUCT} in stock if it is not there, and these letters into their queues")
    if asked.needs_practice_wires:
        cli.renderer.say(f"would make queue {practice.queue} where it is missing, with schedules and a stream mapping")
    cli.renderer.rows(COLUMNS, ({**_row(each), "message_id": None} for each in letters))


def _end(cli: App, drilled: Sequence[Drilled]) -> None:
    """What to run next, once for each queue."""
    for queue in dict.fromkeys(each.queue for each in drilled if each.message_id):
        cli.renderer.say(f"next: {cli.command('dlq', 'inspect', queue)}")
    missing = [each for each in drilled if each.message_id is None]
    for each in missing:
        cli.renderer.warn(f"{each.queue}: {each.order_id}: {each.problem}")
    if missing:
        raise PartlyDoneError(f"{len(missing)} of {len(drilled)} letters do not lie in their queue")


def _document(drilled: Drilled) -> dict[str, object]:
    return {**_row(drilled), "message_id": drilled.message_id}


def _row(each: Letter | Drilled) -> dict[str, object]:
    return {
        "queue": each.queue,
        "kind": each.kind,
        "message_id": None,
        "order_id": each.order_id,
        "is_redrivable": each.is_redrivable,
    }


# --- collaborators (a test sets `app.practice` and `app.consumers`) ------------------------------------------------


def _practice(cli: App) -> PracticeWires:
    from orderctl.aws.practice import AwsPracticeWires

    made: PracticeWires | None = getattr(cli, "practice", None)
    stack = cli.environment.required("stack")
    return made or AwsPracticeWires(cli.aws, stack, cli.stacks.outputs(stack))


def _consumers(cli: App) -> Consumers:
    from orderctl.aws.lambda_ import LambdaFunctions

    made: Consumers | None = getattr(cli, "consumers", None)
    return made or LambdaFunctions(cli.aws.client("lambda"), cli.aws.client("lambda", attempts=1), cli.clock)
