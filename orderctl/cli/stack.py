"""`orderctl stack`: the reference stack, deployed to AWS or to the local emulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import OrderctlError, RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.stack.deploy import DeployPlan, DestroyPlan, Place
    from orderctl.stack.models import Package
    from orderctl.stack.ports import Buckets, ChangeSet, StackEvent, Stacks

app = noun("stack", "The reference stack: deploy it, look at it, destroy it.")

DEFAULT_NAME = "orders"
STATUS = ("name", "status", "reason", "created_at", "updated_at", "stack_id")
RESULT = ("stack", "status", "changed")

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
    from orderctl.stack import deploy

    cli = app_of(ctx)
    seconds, given = _seconds(timeout), _parameters(parameter or [])
    place = _place(cli, stack)
    stacks, buckets = _stacks(cli), _buckets(cli, place)
    package, base = _package(cli)
    plan = deploy.plan_deploy(stacks, buckets, package, place, {**base, **given})
    _show_deploy(cli, plan)
    if dry_run:
        return cli.renderer.one(_without_place(plan), ("stack", "kind", "stack_status", "uploads", "creates_bucket"))
    _check_can_ask(cli, yes=yes, confirm=confirm)
    guard.adding(cli, confirm=confirm)
    change_set = deploy.prepare(stacks, buckets, package, plan, cli.clock)
    if change_set is not None:
        _agree(cli, stacks, change_set, yes=yes, confirm=confirm)
        cli.resume = cli.command("stack", "status", "--stack", place.stack)
        pause = 0.1 if cli.environment.is_local else 2.0
        events = deploy.execute(stacks, change_set, cli.clock, pause=pause, timeout=seconds)
        _follow(cli, stacks, place.stack, events)
    _overlay(cli, stacks, place)
    _write_environment(cli, place)
    _result(cli, stacks, place.stack, changed=change_set is not None)


@verb(app, "status")
def status(ctx: typer.Context, stack: Name = None) -> None:
    """How the stack stands.

    Example: orderctl stack status --stack orders --output json
    """
    from orderctl.stack import deploy

    cli = app_of(ctx)
    cli.renderer.one(deploy.status(_stacks(cli), _name(cli, stack)), STATUS)


@verb(app, "outputs")
def outputs(ctx: typer.Context, stack: Name = None) -> None:
    """What the stack offers: names, addresses, ARNs.

    Example: orderctl stack outputs --output json
    """
    from orderctl.stack import deploy

    cli = app_of(ctx)
    found = deploy.status(_stacks(cli), _name(cli, stack)).outputs
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
    from orderctl.stack import deploy

    cli = app_of(ctx)
    seconds, place = _seconds(timeout), _place(cli, stack)
    _leave_local_alone(cli, place)
    stacks, buckets = _stacks(cli), _buckets(cli, place)
    plan = deploy.plan_destroy(stacks, buckets, place)
    _show_destroy(cli, plan)
    if dry_run:
        return cli.renderer.rows(("logical_id", "type", "physical_id"), plan.resources)
    guard.destroying(cli, place.stack, confirm=confirm)
    cli.resume = cli.command("stack", "destroy", "--stack", place.stack)
    pause = 0.1 if cli.environment.is_local else 2.0
    _follow(cli, stacks, place.stack, deploy.destroy(stacks, buckets, plan, cli.clock, pause=pause, timeout=seconds))
    _result(cli, stacks, place.stack, changed=True)


# --- what is shown ------------------------------------------------------------------------------------------


def _show_deploy(cli: App, plan: DeployPlan) -> None:
    say, place = cli.renderer.say, plan.place
    say(f"stack {place.stack} in account {place.account_id}, {place.region}: {plan.kind.lower()}")
    if plan.creates_bucket:
        say(f"  makes bucket {place.bucket} (private, encrypted)")
    say(f"  uploads {len(plan.uploads)} files, {plan.upload_bytes} bytes")
    for name in plan.keeps:
        say(f"  keeps parameter {name}")


def _show_changes(cli: App, change_set: ChangeSet) -> None:
    cli.renderer.say(f"change set {change_set.token}: {len(change_set.changes)} changes")
    for change in change_set.changes:
        replaced = " (replaced)" if change.replacement == "True" else ""
        perhaps = " (perhaps replaced)" if change.replacement == "Conditional" else ""
        cli.renderer.say(f"  {change.action:<7} {change.logical_id} {change.type}{replaced}{perhaps}")


def _show_destroy(cli: App, plan: DestroyPlan) -> None:
    say, place = cli.renderer.say, plan.place
    say(f"deletes stack {place.stack} in account {place.account_id}, {place.region}: {len(plan.resources)} resources")
    for resource in plan.resources:
        say(f"  {resource.logical_id} {resource.type}")
    for bucket in plan.empties:
        say(f"  empties bucket {bucket}, all versions")
    say(f"  deletes {plan.artifacts} artifacts{' and their bucket' if plan.deletes_artifact_bucket else ''}")


def _follow(cli: App, stacks: Stacks, stack: str, events: Iterable[StackEvent]) -> None:
    """Tell the events: objects in jsonl, lines on stderr else. A stream that ends badly still ends in a result."""
    try:
        for event in events:
            if cli.renderer.format == "jsonl":
                cli.renderer.event(_event(event))
            else:
                reason = f": {event.reason}" if event.reason else ""
                cli.renderer.say(f"  {event.status} {event.logical_id}{reason}")
    except BaseException:
        if cli.renderer.format == "jsonl":
            _cut_short(cli, stacks, stack)
        raise


def _result(cli: App, stacks: Stacks, stack: str, *, changed: bool) -> None:
    """The one object every deployment and destruction ends with."""
    found = stacks.describe(stack)
    if not changed:
        cli.renderer.say("unchanged")
    result: dict[str, object] = {
        "stack": stack,
        "status": found.status if found else "DELETE_COMPLETE",
        "changed": changed,
        "outputs": dict(found.outputs) if found else {},
    }
    if cli.renderer.format == "jsonl":
        cli.renderer.event({"type": "result", **result})
    else:
        cli.renderer.one(result, RESULT)


def _cut_short(cli: App, stacks: Stacks, stack: str) -> None:
    """The result of a stream that failed or was interrupted; where AWS does not even say how it stands, None."""
    try:
        found = stacks.describe(stack)
        status = found.status if found else "DELETE_COMPLETE"
    except OrderctlError:
        status = None
    cli.renderer.event({"type": "result", "stack": stack, "status": status, "changed": True, "outputs": {}})


def _event(event: StackEvent) -> dict[str, object]:
    return {
        "type": "event",
        "at": event.at,
        "logical_id": event.logical_id,
        "physical_id": event.physical_id,
        "resource_type": event.type,
        "status": event.status,
        "reason": event.reason,
    }


def _without_place(plan: DeployPlan) -> dict[str, object]:
    said = {key: value for key, value in asdict(plan).items() if key not in ("place", "parameters")}
    return {"stack": plan.place.stack, "bucket": plan.place.bucket, **said}


# --- asking ---------------------------------------------------------------------------------------------------


def _check_can_ask(cli: App, *, yes: bool, confirm: str | None) -> None:
    """The question comes after the change set was made; where nobody could answer it, nothing is made at all."""
    from orderctl.render.style import is_terminal

    is_answered = confirm is not None if cli.environment.is_protected else yes
    if not is_answered and not (is_terminal(cli.stdin) and is_terminal(cli.err)):
        flag = f"--confirm {cli.environment.name}" if cli.environment.is_protected else "--yes"
        raise RefusedError("nobody to ask: this is no terminal", hint=f"look at --dry-run, then pass {flag}")


def _agree(cli: App, stacks: Stacks, change_set: ChangeSet, *, yes: bool, confirm: str | None) -> None:
    """Show the change set and ask; one not agreed to is dropped again."""
    from orderctl.stack import deploy

    _show_changes(cli, change_set)
    try:
        guard.acting(cli, f"Execute it on stack {change_set.stack_name}?", yes=yes, confirm=confirm)
    except BaseException:
        deploy.discard(stacks, change_set)
        raise


def _leave_local_alone(cli: App, place: Place) -> None:
    from orderctl.local.reference import STACK

    if cli.environment.is_local and place.stack == STACK:
        hint = "orderctl local down, or orderctl local reset"
        raise RefusedError(f"stack {STACK} belongs to the local stack as a whole", hint=hint)


# --- what was said ----------------------------------------------------------------------------------------------


def _name(cli: App, stack: str | None) -> str:
    return stack or cli.environment.text("stack") or DEFAULT_NAME


def _place(cli: App, stack: str | None) -> Place:
    from orderctl.stack.deploy import Place

    region = cli.aws.region
    if region is None:
        raise UsageError("no AWS Region is set", hint="pass --region REGION, or: orderctl config set region REGION")
    return Place(_name(cli, stack), cli.identity.account(), region)


def _parameters(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key.isalnum():
            raise UsageError(f"--parameter takes KEY=VALUE, not {each!r}")
        found[key] = value
    return found


def _seconds(text: str | None) -> float | None:
    """`90`, `90s`, `10m` or `1h`."""
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in ("s", "m", "h") else (text, "s")
    if not number.isdecimal():
        raise UsageError(f"--timeout takes a duration such as 90s or 10m, not {text!r}")
    return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def _package(cli: App) -> tuple[Package, Mapping[str, str]]:
    """What to deploy, and the parameters the place asks for."""
    from orderctl.stack import overlay, package

    if not cli.environment.is_local:
        return package.build(), {}
    return package.build(local=True), overlay.parameters(cli.environment.required("endpoint_url"))


def _overlay(cli: App, stacks: Stacks, place: Place) -> None:
    """On the emulator, make by API what it ignores in the template."""
    if not cli.environment.is_local:
        return
    from orderctl.aws.overlay import AwsOverlayApis
    from orderctl.stack import deploy, overlay

    for line in overlay.apply(AwsOverlayApis(cli.aws), deploy.status(stacks, place.stack).outputs):
        cli.renderer.say(f"  {line}")


def _write_environment(cli: App, place: Place) -> None:
    """The environment in force now names this stack. One that names another stack keeps it.

    Then, and where none is configured, an environment named after the stack is written instead.
    """
    from orderctl.config import file

    now = cli.environment
    is_its = now.name != "default" and now.text("stack") in (None, place.stack)
    settings: dict[str, object] = {"stack": place.stack, "region": place.region, "account_id": place.account_id}
    if not is_its:
        settings |= {key: now.text(key) for key in ("profile", "endpoint_url")} | {"local": now.is_local or None}
    name = now.name if is_its else place.stack
    file.write_environment(cli.config_path, name, settings)
    cli.renderer.say(f"environment {name} in {cli.config_path}")
    if is_its and now.text("stack"):
        cli.options["refresh"] = True
        _ = cli.discovered  # what was remembered of the stack may have changed


# --- collaborators (a test sets `app.formation` and `app.buckets`) -------------------------------------------------


def _stacks(cli: App) -> Stacks:
    from orderctl.aws.cloudformation import CloudFormation

    made: Stacks | None = getattr(cli, "formation", None)
    return made or CloudFormation(cli.aws.client("cloudformation"))


def _buckets(cli: App, place: Place) -> Buckets:
    from orderctl.aws.s3 import S3

    made: Buckets | None = getattr(cli, "buckets", None)
    return made or S3(cli.aws.client("s3"), place.account_id, place.region)
