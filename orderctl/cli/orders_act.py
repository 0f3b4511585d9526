"""`orders stop` and `orders redrive`: the plan is shown, somebody says yes, each order is done and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import Confirm, StateMachine, set_resume
from orderctl.cli.orders_select import Filter, selected
from orderctl.errors import ConflictError, FailedError, OrderctlError, PartlyDoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orderctl.context import App
    from orderctl.orders.models import DescribedExecution
    from orderctl.orders.redrive import Acted, Decision

RESULT = ("order_id", "result", "reason", "new_execution_arn")
Orders = Annotated[list[str] | None, typer.Argument(metavar="[ORDER...]", help="Ids, ARNs or @latest.")]
Since = Annotated[str | None, typer.Option(metavar="WHEN", help="Every order started since, instead of naming them.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="With --since: started before this.")]
Prefix = Annotated[str, typer.Option(metavar="TEXT", help="With --since: order ids that begin with this.")]
Limit = Annotated[int, typer.Option("--max", metavar="N", min=1, help="At most this many of --since.")]
MISSING = "there is no RedriveExecution here"
RUNNING = ("RUNNING",)
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")


def stop_orders(
    ctx: typer.Context,
    orders: Orders = None,
    since: Since = None,
    until: Until = None,
    prefix: Prefix = "",
    limit: Limit = 100,
    error: Annotated[str | None, typer.Option(metavar="TEXT", help="Error to record.")] = None,
    cause: Annotated[str | None, typer.Option(metavar="TEXT", help="Cause to record.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    state_machine: StateMachine = None,
) -> None:
    """Stop running executions; they end ABORTED, and nothing they did is undone.

    Example: orderctl orders stop 01JD8Z7Q --cause "recalled product" --yes
    """
    from orderctl.orders import redrive as acts

    cli = app_of(ctx)
    arns = selected(cli, orders, Filter(since, until, prefix, None, None, limit), RUNNING, state_machine)
    decisions = [acts.decide_stop(cli.executions, arn) for arn in arns]
    _act(
        cli, "stop", decisions, lambda it: acts.stop(cli.executions, it, error=error, cause=cause),
        dry_run=dry_run, yes=yes, confirm=confirm,
    )  # fmt: skip


def redrive_orders(
    ctx: typer.Context,
    orders: Orders = None,
    since: Since = None,
    until: Until = None,
    prefix: Prefix = "",
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="With --since: FAILED, TIMED_OUT or ABORTED alone.")
    ] = None,
    error: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With --since: failed with this; a call each.")
    ] = None,
    limit: Limit = 100,
    new: Annotated[bool, typer.Option("--new", help="Start a new execution with the same input instead.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    state_machine: StateMachine = None,
) -> None:
    """Run failed executions again from the state that failed; what would not help is said first.

    Example: orderctl orders redrive --since 2h --dry-run
    """
    from orderctl.orders import redrive as acts

    cli = app_of(ctx)
    asked = Filter(since, until, prefix, status, error, limit)
    arns = selected(cli, orders, asked, ENDED_BADLY, state_machine)
    decisions = [acts.decide_redrive(cli.executions, arn, cli.clock.now()) for arn in arns]
    if new:
        decisions = [_anew(decision) for decision in decisions]
    do = acts.start_anew if new else acts.redrive
    what = "start anew" if new else "redrive"
    _act(cli, what, decisions, lambda it: do(cli.executions, it), dry_run=dry_run, yes=yes, confirm=confirm)


def _act(
    cli: App,
    verb: str,
    decisions: Sequence[Decision],
    do: Callable[[DescribedExecution], Acted],
    *,
    dry_run: bool,
    yes: bool,
    confirm: str | None,
) -> None:
    from orderctl.cli import guard
    from orderctl.orders import redrive as acts
    from orderctl.orders.redrive import Actionable

    actionable = [decision for decision in decisions if isinstance(decision, Actionable)]
    cli.renderer.say(f"{verb} {len(actionable)} of {len(decisions)} orders:")
    for line in acts.plan_lines(verb, decisions):
        cli.renderer.say(line)
    if dry_run:
        cli.renderer.rows(RESULT, [_planned(decision, verb) for decision in decisions])
        return
    if actionable:
        guard.acting(cli, f"{verb} {len(actionable)} orders?", yes=yes, confirm=confirm)
    cli.resume = f"those it names are done; look at the rest with the same command and --dry-run, then {verb} them"
    done: list[Acted] = []
    cli.renderer.rows(RESULT, _each(cli, decisions, do, done))
    _conclude(cli, verb, done)


def _each(
    cli: App, decisions: Sequence[Decision], do: Callable[[DescribedExecution], Acted], done: list[Acted]
) -> Iterator[Acted]:
    """One after the other, each told as soon as it is done: what somebody interrupts names what was changed."""
    for decision in decisions:
        done.append(_done(decision, do))
        yield done[-1]
        cli.out.flush()


def _done(decision: Decision, do: Callable[[DescribedExecution], Acted]) -> Acted:
    """One order; a failure is a result, so that the others go on."""
    from orderctl.orders import redrive as acts
    from orderctl.orders.redrive import Acted, Actionable

    if not isinstance(decision, Actionable):
        return acts.refused(decision)
    it = decision.execution
    try:
        return do(it)
    except OrderctlError as error:
        if acts.is_missing_here(error):
            return Acted(it.order_id, it.execution_arn, "failed", f"{MISSING}: {error.message}")
        return Acted(it.order_id, it.execution_arn, "refused" if error.code == "conflict" else "failed", error.message)


def _conclude(cli: App, verb: str, done: Sequence[Acted]) -> None:
    """Exit 0 where all is as wanted, 5 (or 1, where it failed) for none of them, 6 for some."""
    missed = [each for each in done if each.result in ("refused", "failed")]
    following = [each.new_execution_arn or each.order_id for each in done if each.result in ("redriven", "started")]
    if following:
        set_resume(cli, following)
        cli.renderer.say("next: " + cli.command("orders", "watch", *following[:10]))
    if missed and len(missed) == len(done):
        kind = FailedError if any(each.result == "failed" for each in missed) else ConflictError
        hint = None
        if (missed[0].reason or "").startswith(MISSING):
            hint = "start it anew, with the same input: " + cli.command(
                "orders", "redrive", missed[0].order_id, "--new"
            )
        raise kind(f"could not {verb} {missed[0].order_id}: {missed[0].reason}", hint=hint)
    if missed:
        raise PartlyDoneError(f"could not {verb} {len(missed)} of {len(done)} orders", hint="the output names them")


def _planned(decision: Decision, verb: str) -> Acted:
    from orderctl.orders import redrive as acts
    from orderctl.orders.redrive import Acted, Actionable

    if not isinstance(decision, Actionable):
        return acts.refused(decision)
    it = decision.execution
    return Acted(it.order_id, it.execution_arn, f"would {verb}", decision.warning)


def _anew(decision: Decision) -> Decision:
    """A new execution needs no redrivable one: only one that did not succeed and has ended."""
    from orderctl.orders.models import ExecutionStatus
    from orderctl.orders.redrive import Actionable, Refused

    it = decision.execution
    bad = it.status.is_closed and it.status is not ExecutionStatus.SUCCEEDED
    if bad and it.input is None:
        return Refused(it, "AWS does not tell its input, so none like it can be started")
    return Actionable(it) if bad else decision
