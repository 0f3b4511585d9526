"""Destroying the reference stack: what would go is read and shown first, then deleted in the order that works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import RefusedError
from orderctl.stack.follow import busy, followed, new_token, status
from orderctl.stack.models import Place
from orderctl.stack.ports import Buckets, Stack, StackEvent, StackResource, Stacks


@dataclass(frozen=True, slots=True)
class DestroyPlan:
    """What destroying will delete: the resources, and the buckets that have to be emptied first."""

    place: Place
    stack: Stack
    resources: tuple[StackResource, ...]
    empties: tuple[str, ...]
    artifacts: int
    deletes_artifact_bucket: bool


def plan_destroy(stacks: Stacks, buckets: Buckets, place: Place) -> DestroyPlan:
    """Read what would go; raises NotFoundError, RefusedError under termination protection, ConflictError."""
    stack = status(stacks, place.stack)
    if stack.is_termination_protected:
        switch = "aws cloudformation update-termination-protection --no-enable-termination-protection"
        raise RefusedError(
            f"stack {place.stack} is protected against deletion", hint=f"{switch} --stack-name {place.stack}"
        )
    if stack.status.endswith("_IN_PROGRESS") and stack.status not in ("REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        raise busy(stack)
    resources = stacks.members(stack.stack_id)
    ours = buckets.keys(place.bucket, place.prefix)
    others = buckets.keys(place.bucket, "") - ours
    return DestroyPlan(
        place=place,
        stack=stack,
        resources=resources,
        empties=tuple(each.physical_id for each in resources if each.type == "AWS::S3::Bucket" and each.physical_id),
        artifacts=len(ours),
        deletes_artifact_bucket=not others and buckets.exists(place.bucket),
    )


def destroy(
    stacks: Stacks,
    buckets: Buckets,
    plan: DestroyPlan,
    clock: Clock,
    *,
    pause: float = 2.0,
    timeout: float | None = None,
) -> Iterator[StackEvent]:
    """Empty what blocks it, delete the stack, wait, then delete its artifacts; raises as `execute` does.

    The artifacts go last: until the stack is gone, a second try or a rollback may still need them.
    """
    for bucket in plan.empties:
        buckets.empty(bucket)
    token = new_token("destroy")
    stacks.delete(plan.stack.stack_id, token)
    yield from followed(stacks, plan.stack.stack_id, plan.place.stack, token, clock, pause, timeout)
    buckets.empty(plan.place.bucket, plan.place.prefix)
    if plan.deletes_artifact_bucket and not buckets.keys(plan.place.bucket, ""):
        buckets.delete(plan.place.bucket)
