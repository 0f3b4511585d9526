"""`orders submit`: start the workflow for one order, or for a file of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import (
    Confirm,
    Interval,
    StateMachine,
    Timeout,
    UntilState,
    set_resume,
    watch_options,
)
from orderctl.errors import FailedError, UsageError
from orderctl.orders.models import OnConflict, Via

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderctl.cli.orders_watch import WatchOptions
    from orderctl.context import App
    from orderctl.orders.models import DescribedExecution, Execution
    from orderctl.orders.order import Order

EXECUTION = ("order_id", "status", "started_at", "execution_arn")
OWN, DISTRIBUTED = "own", "distributed"
"""The words of `--engine`."""
NEW_PATIENCE = 30.0
"""Seconds an execution just started may be unknown to GetExecutionHistory."""


def submit_order(
    ctx: typer.Context,
    product_id: Annotated[str | None, typer.Option(metavar="ID", help="What is ordered.")] = None,
    quantity: Annotated[str | None, typer.Option(metavar="N", help="How many: a whole number, at least 1.")] = None,
    user_id: Annotated[str | None, typer.Option(metavar="ID", help="Who orders; default: who is signed in.")] = None,
    order_id: Annotated[str | None, typer.Option(metavar="ID", help="Makes it safe to run again.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Any other field.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="The order as JSON; - is stdin.")] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="FILE", help="Many orders: CSV, JSON or JSONL; - is stdin.")
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="ENGINE", help="With --batch: own, or distributed: AWS starts them.")
    ] = "own",
    watching: Annotated[bool, typer.Option("--watch", help="Follow it; the exit code is the outcome.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is started (the default).")] = False,
    express: Annotated[bool, typer.Option("--express", help="Run it on the Express state machine.")] = False,
    via: Annotated[
        Via, typer.Option(help="Start the workflow, POST to the API, or put OrderCreated on the bus.")
    ] = Via.WORKFLOW,
    on_conflict: Annotated[OnConflict, typer.Option(help="Where the order is running already.")] = OnConflict.ATTACH,
    timeout: Timeout = None,
    interval: Interval = None,
    until_state: UntilState = None,
    state_machine: StateMachine = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the execution, start nothing.")] = False,
    confirm: Confirm = None,
) -> None:
    """Start the workflow for one order; submitted again while it runs, attaches to it.

    Example: orderctl orders submit --product-id widget-1 --quantity 2 --watch
    """
    from orderctl.cli import guard
    from orderctl.cli.orders_input import order_from
    from orderctl.cli.orders_result import always_a_result
    from orderctl.cli.orders_via import EVENT_PATIENCE, submit_by_api, submit_by_event

    cli = app_of(ctx)
    options = watch_options(
        timeout, interval, until_state, patience=NEW_PATIENCE if via is Via.WORKFLOW else EVENT_PATIENCE
    )
    follows = watching or until_state is not None
    _check_combination(express=express, detach=detach, follows=follows, via=via, batch=batch is not None)
    _check_engine(engine, batch=batch is not None)
    _check_waiting(timeout, until_state, follows=follows, express=express)
    if batch is not None:
        from orderctl.cli.orders_batch import submit_batch

        _check_batch(order_id, file, follows or express, on_conflict)
        machine = cli.resource("state_machine", state_machine)
        common = {"product_id": product_id, "quantity": quantity, "user_id": user_id}
        distributed = engine == DISTRIBUTED
        submit_batch(cli, batch, machine, common, sets or [], dry_run=dry_run, confirm=confirm, distributed=distributed)
        return
    order, made_id = order_from(
        cli, file=file, product_id=product_id, quantity=quantity, user_id=user_id, order_id=order_id, sets=sets or []
    )
    machine = cli.resource("express_state_machine" if express else "state_machine", state_machine)
    if dry_run:
        cli.renderer.one(_plan(order, machine))
        return
    with always_a_result(cli, order.order_id, wanted=follows):
        guard.adding(cli, confirm=confirm)
    cli.renderer.say(f"order {order.order_id}")
    wanted = options if follows else None
    if express:
        _express(cli, order, machine, detach=detach, watched=watching)
    elif via is Via.EVENT:
        submit_by_event(cli, order, machine, on_conflict, made_id=made_id, options=wanted)
    elif via is Via.API:
        submit_by_api(cli, order, machine, on_conflict, made_id=made_id, options=wanted)
    else:
        _workflow(cli, order, machine, on_conflict, made_id, wanted, by_arn=state_machine is not None)


def _workflow(
    cli: App,
    order: Order,
    machine: str,
    on_conflict: OnConflict,
    made_id: bool,
    options: WatchOptions | None,
    *,
    by_arn: bool,
) -> None:
    from orderctl.cli.orders_result import always_a_result
    from orderctl.cli.orders_watch import watch
    from orderctl.orders.submit import submit

    cli.resume = f"run it again with --order-id {order.order_id}: it starts the order once"
    with always_a_result(cli, order.order_id, wanted=options is not None), _safe_to_repeat(cli.resume):
        submitted = submit(cli.executions, machine, order, on_conflict=on_conflict, made_id=made_id)
    if submitted.attached:
        cli.renderer.say("it is running already; attached")
    cli.counts = {"attached" if submitted.attached else "started": 1}
    execution = submitted.execution
    set_resume(cli, [execution.execution_arn if by_arn else execution.order_id])
    if options is not None:
        watch(cli, [execution.execution_arn], options)
    else:
        cli.renderer.one(execution, EXECUTION)


@contextmanager
def _safe_to_repeat(how: str) -> Iterator[None]:
    """Where it is not known whether the order was started: under another id it would be another order."""
    try:
        yield
    except FailedError as error:
        error.hint = error.hint or how
        raise


def _express(cli: App, order: Order, machine: str, *, detach: bool, watched: bool) -> None:
    from orderctl.cli.orders_express import say_what_cannot_be_seen
    from orderctl.cli.orders_result import always_a_result
    from orderctl.orders.submit import submit_express, submit_express_detached

    if not detach:
        cli.resume = f"it goes on without being watched: orderctl orders show {order.order_id} --express"
        with always_a_result(cli, order.order_id, wanted=watched):
            ended = submit_express(cli.executions, machine, order)
        cli.counts = {"started": 1}
        _show_express(cli, ended, watched=watched)
        return
    say_what_cannot_be_seen(cli, machine, watched=False)
    cli.resume = f"it may have been started; look first: orderctl orders trace {order.order_id}"
    started: Execution = submit_express_detached(cli.executions, machine, order)
    cli.counts = {"started": 1}
    set_resume(cli, [started.execution_arn])
    cli.renderer.one(started, EXECUTION)


def _check_combination(*, express: bool, detach: bool, follows: bool, via: Via, batch: bool) -> None:
    if detach and follows:
        raise UsageError("--detach and --watch exclude each other")
    if via is not Via.WORKFLOW and (express or batch):
        raise UsageError(
            f"--via {via.value} excludes --express and --batch", hint="orderctl events publish takes files"
        )


def _check_engine(engine: str, *, batch: bool) -> None:
    if engine not in (OWN, DISTRIBUTED):
        raise UsageError(f"--engine cannot be {engine!r}", hint=f"one of: {OWN}, {DISTRIBUTED}")
    if engine == DISTRIBUTED and not batch:
        raise UsageError("--engine distributed goes with --batch: one order is started from here")


def _check_waiting(timeout: str | None, until_state: str | None, *, follows: bool, express: bool) -> None:
    if express and (timeout or until_state):
        raise UsageError(
            "--express waits for the end, five minutes at most: it takes no --timeout and no --until-state",
            hint="--express --detach starts it, orders watch ARN waits",
        )
    if timeout and not follows:
        raise UsageError("--timeout goes with --watch: nothing is waited for without it")


def _check_batch(order_id: str | None, file: str | None, follows: bool, on_conflict: OnConflict) -> None:
    if order_id is not None or file is not None:
        raise UsageError("--batch excludes --order-id and --file", hint="ids go into the file, as order_id")
    if follows:
        raise UsageError("--batch starts orders and does not wait", hint="then: orderctl orders watch ORDER...")
    if on_conflict is OnConflict.FAIL:
        raise UsageError("--batch attaches to what runs, so that it can be run again: no --on-conflict fail")


def _plan(order: Order, machine: str) -> dict[str, object]:
    return {"dry_run": True, "order_id": order.order_id, "state_machine_arn": machine, "input": order.document}


def _show_express(cli: App, execution: DescribedExecution, *, watched: bool) -> None:
    """As any submit, or watched as any watch: a stream of JSON ends with its result, though it is the only line."""
    from orderctl import jsontext
    from orderctl.cli.orders_result import ending, write_result
    from orderctl.orders.watching import ended_badly

    end = None if execution.status == "SUCCEEDED" else ended_badly([execution], 1)
    if watched and cli.renderer.is_machine:
        write_result(cli, lambda: {**jsontext.plain(execution), **ending(end)})
    else:
        cli.renderer.one(execution, ("order_id", "status", "error", "cause", "output", "execution_arn"))
    if end is not None:
        raise end
