"""`orderctl stack`: the reference stack, deployed to AWS or to the local emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import RefusedError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.stack.ports import ChangeSet

app = noun("stack", "The reference stack: deploy it, look at it, destroy it.")

PLAN = ("stack", "kind", "stack_status", "uploads", "creates_bucket")
STATUS = ("name", "status", "reason", "created_at", "updated_at", "stack_id")

Name = Annotated[str | None, typer.Option("--stack", metavar="NAME", help="Stack; the environment's, else 'orders'.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; make no changing call.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Confirm = Annotated[str | None, typer.Option(metavar="NAME", help="The name to confirm, instead of a question.")]
Timeout = Annotated[str | None, typer.Option(metavar="10m", help="How long to wait; the operation goes on.")]


@verb(app, "deploy")
def deploy_stack(
    ctx: typer.Context,
    stack: Name = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Template parameter; stays until set again.")
    ] = None,
    yes: Yes = False,
    confirm: Confirm = None,
    dry_run: DryRun = False,
    timeout: Timeout = None,
) -> None:
    """Package, upload, show the change set, ask, execute it, and write the environment.

    Example: orderctl stack deploy --env prod --stack orders-prod --parameter AllowedOrigins=https://shop.example --yes
    """
    from orderctl.cli import stack_report as report
    from orderctl.cli import stack_target as target
    from orderctl.stack import deploy

    cli = app_of(ctx)
    seconds, given = target.seconds_of(timeout), target.parameters_of(parameter or [])
    place = target.place_of(cli, stack)
    stacks, buckets = cli.formation, cli.buckets
    package, base = target.package_for(cli)
    plan = deploy.plan_deploy(stacks, buckets, package, place, {**base, **given})
    report.show_deploy(cli, plan)
    if dry_run:
        return cli.renderer.one(
            report.without_place(plan), ("stack", "kind", "stack_status", "uploads", "creates_bucket")
        )
    _check_can_ask(cli, yes=yes, confirm=confirm)
    guard.adding(cli, confirm=confirm)
    change_set = deploy.prepare(stacks, buckets, package, plan, cli.clock)
    if change_set is not None:
        _agree(cli, change_set, yes=yes, confirm=confirm)
        cli.resume = cli.command("stack", "status", "--stack", place.stack)
        pause = 0.1 if cli.environment.is_local else 2.0
        events = deploy.execute(stacks, change_set, cli.clock, pause=pause, timeout=seconds)
        report.follow(cli, stacks, place.stack, events)
    target.make_overlay(cli, stacks, place)
    target.write_environment(cli, place)
    report.result(cli, stacks, place.stack, changed=change_set is not None)


@verb(app, "status")
def status(ctx: typer.Context, stack: Name = None) -> None:
    """How the stack stands.

    Example: orderctl stack status --stack orders --output json
    """
    from orderctl.cli import stack_target as target
    from orderctl.stack import follow

    cli = app_of(ctx)
    cli.renderer.one(follow.status(cli.formation, target.name_of(cli, stack)), STATUS)


@verb(app, "outputs")
def outputs(ctx: typer.Context, stack: Name = None) -> None:
    """What the stack offers: names, addresses, ARNs.

    Example: orderctl stack outputs --output json
    """
    from orderctl.cli import stack_target as target
    from orderctl.stack import follow

    cli = app_of(ctx)
    found = follow.status(cli.formation, target.name_of(cli, stack)).outputs
    cli.renderer.rows(("name", "value"), [{"name": key, "value": found[key]} for key in sorted(found)])


@verb(app, "destroy")
def destroy_stack(
    ctx: typer.Context,
    stack: Name = None,
    confirm: Confirm = None,
    dry_run: DryRun = False,
    timeout: Timeout = None,
) -> None:
    """Delete the stack with all its data, the buckets in its way emptied first, and its artifacts last.

    Example: orderctl stack destroy --stack orders --confirm orders
    """
    from orderctl.cli import stack_report as report
    from orderctl.cli import stack_target as target
    from orderctl.stack import destroy

    cli = app_of(ctx)
    seconds, place = target.seconds_of(timeout), target.place_of(cli, stack)
    target.leave_local_alone(cli, place)
    stacks, buckets = cli.formation, cli.buckets
    plan = destroy.plan_destroy(stacks, buckets, place)
    report.show_destroy(cli, plan)
    if dry_run:
        return cli.renderer.rows(("logical_id", "type", "physical_id"), plan.resources)
    guard.destroying(cli, place.stack, confirm=confirm)
    cli.resume = cli.command("stack", "destroy", "--stack", place.stack)
    pause = 0.1 if cli.environment.is_local else 2.0
    report.follow(
        cli, stacks, place.stack, destroy.destroy(stacks, buckets, plan, cli.clock, pause=pause, timeout=seconds)
    )
    report.result(cli, stacks, place.stack, changed=True)


def _check_can_ask(cli: App, *, yes: bool, confirm: str | None) -> None:
    """The question comes after the change set was made; where nobody could answer it, nothing is made at all."""
    from orderctl.render.style import is_terminal

    is_answered = confirm is not None if cli.environment.is_protected else yes
    if not is_answered and not (is_terminal(cli.stdin) and is_terminal(cli.err)):
        flag = f"--confirm {cli.environment.name}" if cli.environment.is_protected else "--yes"
        raise RefusedError("nobody to ask: this is no terminal", hint=f"look at --dry-run, then pass {flag}")


def _agree(cli: App, change_set: ChangeSet, *, yes: bool, confirm: str | None) -> None:
    """Show the change set and ask; one not agreed to is dropped again."""
    from orderctl.cli import stack_report as report
    from orderctl.stack import deploy

    report.show_changes(cli, change_set)
    try:
        guard.acting(cli, f"Execute it on stack {change_set.stack_name}?", yes=yes, confirm=confirm)
    except BaseException:
        deploy.discard(cli.formation, change_set)
        raise
