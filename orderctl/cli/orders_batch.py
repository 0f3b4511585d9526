"""`orders submit --batch`: a file of orders, checked whole, started several at a time, a result line each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from orderctl.cli import dlq_distributed
from orderctl.cli.orders_input import somebody
from orderctl.errors import FailedError, PartlyDoneError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orderctl.assignments import Json
    from orderctl.context import App
    from orderctl.orders.batch import BatchLine
    from orderctl.orders.order import Order

COLUMNS = ("line", "order_id", "result", "message")
PROGRESS_EVERY = 100


def submit_batch(
    cli: App,
    path: str,
    machine: str,
    common: Mapping[str, str | None],
    sets: Sequence[str],
    *,
    dry_run: bool,
    confirm: str | None,
    distributed: bool = False,
) -> None:
    """Check all, then start all; `distributed` has AWS start them.

    Raises UsageError before the first start, PartlyDoneError after the last.
    """
    from orderctl import assignments
    from orderctl.cli import guard
    from orderctl.documents import opened
    from orderctl.orders.batch import check, read, submit_all
    from orderctl.orders.order import quantity_from

    changes = assignments.changes(sets)
    given = {name: quantity_from(value) if name == "quantity" else value for name, value in common.items() if value}
    user_id = somebody(cli)
    if distributed:
        dlq_distributed.checked(cli)

    def complete(values: dict[str, Json]) -> dict[str, Json]:
        edited = assignments.apply({"user_id": user_id, **values, **given}, changes)
        if not isinstance(edited, dict):
            raise UsageError("an order is a JSON object")
        return edited

    with opened(path, cli.stdin) as batch:
        total = check(batch, complete)
        cli.renderer.say(f"{total} orders, all valid")
        if dry_run:
            cli.renderer.rows(COLUMNS, [])
            return
        guard.adding(cli, confirm=confirm)
        cli.resume = "run the same command again: what was started is not started twice"
        counts: Counter[str] = Counter()
        orders = read(batch, complete)
        if distributed:
            lines = _by_waves(cli, machine, orders)
        else:
            lines = submit_all(cli.executions, machine, orders, cli.clock)
        cli.renderer.rows(COLUMNS, _counted(cli, lines, counts, total))
    _conclude(cli, counts, total)


def _by_waves(cli: App, machine: str, orders: Iterator[tuple[int, Order]]) -> Iterator[BatchLine]:
    """AWS starts them; what it leaves is started from here, as without it."""
    from orderctl.dlq.redrive import run_name
    from orderctl.orders.batch import submit_all
    from orderctl.orders.batch_distributed import OrderBulk, submit_by_waves
    from orderctl.orders.models import StateMachineType
    from orderctl.orders.submit import check_type

    check_type(cli.executions, machine, StateMachineType.STANDARD)
    found = dlq_distributed.proved(cli)
    bulk = OrderBulk(found.store, found.machine, found.bucket, found.machine_arn, run_name(cli.clock))
    cli.renderer.say(f"engine: distributed, AWS starts them; the orders go through s3://{bulk.bucket}")
    return submit_by_waves(
        bulk, machine, orders, cli.clock, lambda rest: submit_all(cli.executions, machine, rest, cli.clock)
    )


def _counted(cli: App, lines: Iterator[BatchLine], counts: Counter[str], total: int) -> Iterator[BatchLine]:
    for number, line in enumerate(lines, 1):
        counts[line.result] += 1
        counts["good"] += line.result.is_good
        yield line
        if number % PROGRESS_EVERY == 0:
            cli.out.flush()
            cli.renderer.say(f"{number} of {total}")


def _conclude(cli: App, counts: Counter[str], total: int) -> None:
    words = ", ".join(f"{count} {result}" for result, count in counts.items() if result != "good")
    cli.renderer.say(words or "nothing to do")
    if counts["good"] == total:
        return
    message = f"{total - counts['good']} of {total} orders were not started"
    raise (PartlyDoneError if counts["good"] else FailedError)(message, hint="the output names them")
