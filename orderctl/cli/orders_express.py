"""Express executions at the command line: which one is meant, where its events are, what cannot be seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.errors import NotFoundError, OrderctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from orderctl.cli.orders_watch import WatchOptions
    from orderctl.context import App
    from orderctl.orders.models import StateMachine
    from orderctl.orders.ports import Histories

PATIENCE = 60.0
"""Seconds the first line of an Express execution's log may take to arrive."""


def any_arn_of(cli: App, order: str, state_machine: str | None, *, express: bool, since: datetime | None = None) -> str:
    """The execution an ORDER means, Standard or Express. The newest, where several Express ones bear the name."""
    from orderctl.cli.orders_common import check_region
    from orderctl.orders import express as of_express
    from orderctl.orders.names import LATEST, check_order_id, execution_arn

    check_region(cli, order)
    if not express or order.startswith("arn:"):
        machine = lambda: cli.resource("state_machine", state_machine)  # noqa: E731
        return execution_arn(order, machine, cli.executions, express_too=True)
    if order != LATEST:
        check_order_id(order)
    machine_arn = cli.resource("express_state_machine", state_machine)
    group, begin = log_group_of(cli, machine_arn), since or cli.clock.now() - of_express.LOOK_BACK
    name = "*" if order == LATEST else order
    found = of_express.named_executions(cli.logs, group, machine_arn, name, begin)
    if not found:
        raise NotFoundError(
            f"order {order}: log group {group} has no Express execution of it",
            hint="the log arrives some seconds late; further back: --since 7d",
        )
    if len(found) > 1 and order != LATEST:
        cli.renderer.warn(f"{len(found)} Express executions bear the name {order}; this is the newest")
    return found[0]


def histories_of(cli: App, since: datetime | None = None) -> Histories:
    """Where the events of any execution are read."""
    from orderctl.orders.express import LOOK_BACK, BothHistories, ExpressHistories

    groups: dict[str, str] = {}

    def group(machine_arn: str) -> str:
        if machine_arn not in groups:
            groups[machine_arn] = log_group_of(cli, machine_arn)
        return groups[machine_arn]

    begin = since or cli.clock.now() - LOOK_BACK
    return BothHistories(cli.executions, lambda: ExpressHistories(cli.logs, group, cli.clock, since=begin))


def described(cli: App, machine_arn: str) -> StateMachine | None:
    """The state machine, or None where the credentials may not look at it."""
    try:
        return cli.executions.state_machine(machine_arn)
    except OrderctlError as error:
        if error.code == "auth" and error.aws is not None and "AccessDenied" in error.aws.code:
            return None
        raise


def log_group_of(cli: App, machine_arn: str) -> str:
    """By the state machine's own logging, else by the environment. Raises UsageError where neither names one."""
    machine = described(cli, machine_arn)
    group = (machine.log_group if machine else None) or cli.optional_resource("express_log_group")
    if group is None:
        raise UsageError(
            f"{machine_arn} names no log group, and Express executions have no other history",
            hint="orderctl config set resources.express_log_group NAME",
        )
    return group


def say_what_cannot_be_seen(cli: App, machine_arn: str, *, watched: bool) -> None:
    """Before anything is started or watched; raises FailedError where a watch would see nothing at all."""
    from orderctl.orders.express import blind_spots, check_is_logged

    machine = described(cli, machine_arn)
    if machine is None:
        return
    if watched:
        check_is_logged(machine)
    said = blind_spots(machine)
    if said is not None:
        cli.renderer.warn(f"the Express state machine {said}")


def prepare_watch(cli: App, arns: Sequence[str], options: WatchOptions) -> None:
    """An Express execution is watched through its log, and not for ever: it runs five minutes at most."""
    from orderctl.orders.express import DELIVERY, LIFETIME
    from orderctl.orders.names import is_express, machine_of

    express = [arn for arn in arns if is_express(arn)]
    for machine in dict.fromkeys(machine_of(arn) for arn in express):
        say_what_cannot_be_seen(cli, machine, watched=True)
    if express:
        options.patience = max(options.patience, PATIENCE)
        options.lifetime = (LIFETIME + DELIVERY).total_seconds()
    if options.timeout is None and express and len(express) == len(arns):
        options.timeout = options.lifetime
