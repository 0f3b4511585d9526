"""Deploying the reference stack: plan first, then act.

A plan is made of reads only, so `--dry-run` is that plan and nothing else. The change set cannot be part of
it, because making one changes the account (a new stack appears, parked in REVIEW_IN_PROGRESS); it is made
after the plan, shown, and executed only when that was agreed to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, TimeoutPassedError
from orderctl.stack.follow import AFTER, busy, followed, new_token
from orderctl.stack.models import Package, Place
from orderctl.stack.ports import Buckets, ChangeRequest, ChangeSet, Stack, StackEvent, Stacks

TEMPLATE_BODY_LIMIT = 51_200
"""Bytes of a template sent in the call; above it goes through S3 (API reference, CreateChangeSet TemplateBody)."""
CHANGE_SET_TIMEOUT = 300.0
"""Seconds a change set may take to be computed; a minute is already long."""
CREATE, UPDATE = "CREATE", "UPDATE"
TAGS: Mapping[str, str] = {"managed-by": "orderctl"}
UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """What deploying will do, as far as it is known without a change set.

    `uploads` are the keys not there yet, `keeps` the parameters that stay as an earlier deployment set them.
    """

    place: Place
    kind: str
    stack_status: str | None
    creates_bucket: bool
    uploads: tuple[str, ...]
    upload_bytes: int
    template_in_s3: bool
    digest: str
    parameters: Mapping[str, str]
    keeps: tuple[str, ...]


def plan_deploy(
    stacks: Stacks, buckets: Buckets, package: Package, place: Place, parameters: Mapping[str, str] | None = None
) -> DeployPlan:
    """Read what is there; raises ConflictError when the stack's state forbids a deployment.

    `parameters` are added to the package's own and win.
    """
    stack = stacks.describe(place.stack)
    kind = _kind_of_change(stack)
    has_bucket = buckets.exists(place.bucket)
    there = buckets.keys(place.bucket, place.prefix) if has_bucket else frozenset[str]()
    missing = [item for item in _objects(package, place) if item[0] not in there]
    given = {**package.placed(place.bucket, place.prefix).parameters, **(parameters or {})}
    return DeployPlan(
        place=place,
        kind=kind,
        stack_status=stack.status if stack else None,
        creates_bucket=not has_bucket,
        uploads=tuple(key for key, _ in missing),
        upload_bytes=sum(len(body) for _, body in missing),
        template_in_s3=_is_long(package),
        digest=package.digest,
        parameters=given,
        keeps=tuple(name for name in (stack.parameters if stack else ()) if _is_kept(name, given, package)),
    )


def prepare(
    stacks: Stacks, buckets: Buckets, package: Package, plan: DeployPlan, clock: Clock, *, pause: float = 1.0
) -> ChangeSet | None:
    """Upload what is missing and make the change set; None when nothing would change.

    Raises FailedError with CloudFormation's reason when the change set cannot be made.
    """
    if plan.creates_bucket:
        buckets.create(plan.place.bucket, TAGS)
    for key, body in _objects(package, plan.place):
        if key in plan.uploads:
            buckets.put(plan.place.bucket, key, body)
    made = stacks.create_change_set(_request(buckets, package, plan))
    return _settled(stacks, made, clock, pause)


def execute(
    stacks: Stacks, change_set: ChangeSet, clock: Clock, *, pause: float = 2.0, timeout: float | None = None
) -> Iterator[StackEvent]:
    """Carry the change set out, telling each event once, oldest first, `pause` seconds between two looks.

    Raises FailedError naming the resource that failed first, TimeoutPassedError after `timeout` seconds
    (CloudFormation goes on).
    """
    stacks.execute_change_set(change_set)
    yield from followed(stacks, change_set.stack_id, change_set.stack_name, change_set.token, clock, pause, timeout)


def discard(stacks: Stacks, change_set: ChangeSet) -> None:
    """Drop a change set nobody agreed to, and the empty stack that was made only to hold it."""
    stacks.delete_change_set(change_set)
    if change_set.kind == CREATE:
        stack = stacks.describe(change_set.stack_id)
        if stack is not None and stack.status == "REVIEW_IN_PROGRESS":
            stacks.delete(stack.stack_id, change_set.token)


def _settled(stacks: Stacks, made: ChangeSet, clock: Clock, pause: float) -> ChangeSet | None:
    """Wait until the change set is computed; one without changes is dropped and None."""
    deadline = clock.monotonic() + CHANGE_SET_TIMEOUT
    while (change_set := stacks.describe_change_set(made)).status not in ("CREATE_COMPLETE", "FAILED"):
        if clock.monotonic() >= deadline:
            raise TimeoutPassedError(f"the change set was not ready within {CHANGE_SET_TIMEOUT:.0f} s")
        clock.sleep(pause)
    if change_set.status == "CREATE_COMPLETE":
        return change_set
    discard(stacks, change_set)
    if any(words in (change_set.reason or "") for words in _NO_CHANGES):
        return None
    raise FailedError(f"CloudFormation refused the change set: {change_set.reason or 'no reason given'}")


def _request(buckets: Buckets, package: Package, plan: DeployPlan) -> ChangeRequest:
    in_s3 = plan.template_in_s3
    return ChangeRequest(
        stack_name=plan.place.stack,
        kind=plan.kind,
        token=new_token("deploy"),
        template_body=None if in_s3 else package.template,
        template_url=buckets.url(plan.place.bucket, _template_key(package, plan.place)) if in_s3 else None,
        parameters=plan.parameters,
        tags=TAGS,
        keeps=plan.keeps if plan.kind == UPDATE else (),
    )


def _is_kept(name: str, given: Mapping[str, str], package: Package) -> bool:
    """Is it set already, not set anew, and does this template still declare it?"""
    return name not in given and re.search(rf'(?m)^\s+"?{re.escape(name)}"?\s*:', package.template) is not None


def _objects(package: Package, place: Place) -> list[tuple[str, bytes]]:
    """Everything that has to lie in the bucket: the artifacts, and the template when it is long."""
    files = [(place.prefix + artifact.key, artifact.body) for artifact in package.artifacts]
    return [*files, (_template_key(package, place), package.template.encode())] if _is_long(package) else files


def _template_key(package: Package, place: Place) -> str:
    return f"{place.prefix}{package.digest}.template"


def _is_long(package: Package) -> bool:
    return len(package.template.encode()) > TEMPLATE_BODY_LIMIT


def _kind_of_change(stack: Stack | None) -> str:
    """CREATE or UPDATE; raises ConflictError saying what to do in a state that allows neither."""
    if stack is None or stack.status == "REVIEW_IN_PROGRESS":
        return CREATE
    if stack.status in UPDATABLE:
        return UPDATE
    if stack.status.endswith("_IN_PROGRESS"):
        raise busy(stack)
    hint = AFTER.get(stack.status, "look at it in the CloudFormation console")
    raise ConflictError(f"stack {stack.name} is {stack.status} and cannot be deployed to", hint=hint)
