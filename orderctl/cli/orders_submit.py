"""`orders submit`: start the workflow for one order."""

from __future__ import annotations

from typing import Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of
from orderctl.cli.orders_batch import submit_batch
from orderctl.cli.orders_common import (
    Confirm,
    Interval,
    StateMachine,
    Timeout,
    UntilState,
    set_resume,
    watch_options,
)
from orderctl.cli.orders_input import order_from
from orderctl.cli.orders_via import EVENT_PATIENCE, Via, submit_by_event
from orderctl.cli.orders_watch import always_a_result, watch
from orderctl.context import App
from orderctl.errors import UsageError
from orderctl.orders.follow import NEW_PATIENCE
from orderctl.orders.models import DescribedExecution, Execution, ExecutionStatus
from orderctl.orders.order import Order
from orderctl.orders.submit import OnConflict, submit, submit_express
from orderctl.orders.watching import ended_badly

EXECUTION = ("order_id", "status", "started_at", "execution_arn")


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
    watching: Annotated[bool, typer.Option("--watch", help="Follow it; the exit code is the outcome.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is started (the default).")] = False,
    express: Annotated[bool, typer.Option("--express", help="Run it on the Express state machine and wait.")] = False,
    via: Annotated[Via, typer.Option(help="Start the workflow, or put OrderCreated on the bus.")] = Via.WORKFLOW,
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
    cli = app_of(ctx)
    options = watch_options(
        timeout, interval, until_state, patience=EVENT_PATIENCE if via is Via.EVENT else NEW_PATIENCE
    )
    follows = watching or until_state is not None
    _check_combination(express=express, detach=detach, follows=follows)
    if via is Via.EVENT and (express or batch is not None):
        raise UsageError("--via event excludes --express and --batch", hint="orderctl events publish takes files")
    if batch is not None:
        _check_batch(order_id, file, follows or express)
        machine = cli.resource("state_machine", state_machine)
        common = {"product_id": product_id, "quantity": quantity, "user_id": user_id}
        submit_batch(cli, batch, machine, common, sets or [], dry_run=dry_run, confirm=confirm)
        return
    order, made_id = order_from(
        cli, file=file, product_id=product_id, quantity=quantity, user_id=user_id, order_id=order_id, sets=sets or []
    )
    machine = cli.resource("express_state_machine" if express else "state_machine", state_machine)
    if dry_run:
        cli.renderer.one(_plan(order, machine))
        return
    guard.adding(cli, confirm=confirm)
    cli.renderer.say(f"order {order.order_id}")
    if express:
        cli.resume = "it goes on without being watched; its events are in the state machine's log group"
        _show_express(cli, submit_express(cli.executions, machine, order))
        return
    if via is Via.EVENT:
        submit_by_event(cli, order, machine, options if follows else None)
        return
    cli.resume = f"run it again with --order-id {order.order_id}: it starts the order once"
    with always_a_result(cli, order.order_id, wanted=follows):
        submitted = submit(cli.executions, machine, order, on_conflict=on_conflict, made_id=made_id)
    if submitted.attached:
        cli.renderer.say("it is running already; attached")
    set_resume(cli, [_reference(submitted.execution, state_machine)])
    if follows:
        watch(cli, [submitted.execution.execution_arn], options)
    else:
        cli.renderer.one(submitted.execution, EXECUTION)


def _check_combination(*, express: bool, detach: bool, follows: bool) -> None:
    if detach and follows:
        raise UsageError("--detach and --watch exclude each other")
    if detach and express:
        raise UsageError("--express waits for the result", hint="leave out --detach")


def _check_batch(order_id: str | None, file: str | None, follows: bool) -> None:
    if order_id is not None or file is not None:
        raise UsageError("--batch excludes --order-id and --file", hint="ids go into the file, as order_id")
    if follows:
        raise UsageError("--batch starts orders and does not wait", hint="then: orderctl orders watch ORDER...")


def _plan(order: Order, machine: str) -> dict[str, object]:
    return {"dry_run": True, "order_id": order.order_id, "state_machine_arn": machine, "input": order.document}


def _show_express(cli: App, execution: DescribedExecution) -> None:
    cli.renderer.one(execution, ("order_id", "status", "error", "cause", "output", "execution_arn"))
    if execution.status is not ExecutionStatus.SUCCEEDED:
        raise ended_badly([execution], 1)


def _reference(execution: Execution, state_machine: str | None) -> str:
    return execution.execution_arn if state_machine else execution.order_id
