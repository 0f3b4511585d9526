"""What `orderctl stack` shows: plans and change sets, the events of an operation, and its one result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from orderctl.errors import OrderctlError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.stack.deploy import DeployPlan
    from orderctl.stack.destroy import DestroyPlan
    from orderctl.stack.ports import ChangeSet, StackEvent, Stacks

RESULT = ("stack", "status", "changed")


def show_deploy(cli: App, plan: DeployPlan) -> None:
    """What deploying would do, as far as it is known before the change set."""
    say, place = cli.renderer.say, plan.place
    say(f"stack {place.stack} in account {place.account_id}, {place.region}: {plan.kind.lower()}")
    if plan.creates_bucket:
        say(f"  makes bucket {place.bucket} (private, encrypted)")
    say(f"  uploads {len(plan.uploads)} files, {plan.upload_bytes} bytes")
    for name in plan.keeps:
        say(f"  keeps parameter {name}")


def show_changes(cli: App, change_set: ChangeSet) -> None:
    """What executing the change set would do."""
    cli.renderer.say(f"change set {change_set.token}: {len(change_set.changes)} changes")
    for change in change_set.changes:
        replaced = " (replaced)" if change.replacement == "True" else ""
        perhaps = " (perhaps replaced)" if change.replacement == "Conditional" else ""
        cli.renderer.say(f"  {change.action:<7} {change.logical_id} {change.type}{replaced}{perhaps}")


def show_destroy(cli: App, plan: DestroyPlan) -> None:
    """What destroying would delete."""
    say, place = cli.renderer.say, plan.place
    say(f"deletes stack {place.stack} in account {place.account_id}, {place.region}: {len(plan.resources)} resources")
    for resource in plan.resources:
        say(f"  {resource.logical_id} {resource.type}")
    for bucket in plan.empties:
        say(f"  empties bucket {bucket}, all versions")
    say(f"  deletes {plan.artifacts} artifacts{' and their bucket' if plan.deletes_artifact_bucket else ''}")


def follow(cli: App, stacks: Stacks, stack: str, events: Iterable[StackEvent]) -> None:
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


def result(cli: App, stacks: Stacks, stack: str, *, changed: bool) -> None:
    """The one object every deployment and destruction ends with."""
    found = stacks.describe(stack)
    if not changed:
        cli.renderer.say("unchanged")
    said: dict[str, object] = {
        "stack": stack,
        "status": found.status if found else "DELETE_COMPLETE",
        "changed": changed,
        "outputs": dict(found.outputs) if found else {},
    }
    if cli.renderer.format == "jsonl":
        cli.renderer.event({"type": "result", **said})
    else:
        cli.renderer.one(said, RESULT)


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


def without_place(plan: DeployPlan) -> dict[str, object]:
    """The plan as `--dry-run` prints it."""
    from dataclasses import asdict

    said = {key: value for key, value in asdict(plan).items() if key not in ("place", "parameters")}
    return {"stack": plan.place.stack, "bucket": plan.place.bucket, **said}
