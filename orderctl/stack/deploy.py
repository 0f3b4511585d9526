"""Deploying, looking at and destroying the reference stack: plan first, then act.

A plan is made of reads only, so `--dry-run` is that plan and nothing else. The change set cannot be part of
it, because making one changes the account (a new stack appears, parked in REVIEW_IN_PROGRESS); it is made
after the plan, shown, and executed only when that was agreed to.

Everything is bound to one client request token: the events of this deployment and nobody else's are told,
and the reason of a failure is the first event that failed; the many "cancelled" ones after it are its wake.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, NotFoundError, RefusedError, TimeoutPassedError
from orderctl.stack.models import Package
from orderctl.stack.ports import Buckets, ChangeRequest, ChangeSet, Stack, StackEvent, StackResource, Stacks

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
_STACK_TYPE = "AWS::CloudFormation::Stack"
_WAKE = "cancelled"
"""'Resource creation cancelled', 'Resource update cancelled': what a failure elsewhere does to the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things go: the stack's name and the account's bucket for artifacts."""

    stack: str
    account_id: str
    region: str

    @property
    def bucket(self) -> str:
        """One bucket for an account and Region, whatever the stacks."""
        return f"orderctl-artifacts-{self.account_id}-{self.region}"

    @property
    def prefix(self) -> str:
        """Below it everything is this stack's."""
        return f"{self.stack}/"


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


@dataclass(frozen=True, slots=True)
class DestroyPlan:
    """What destroying will delete: the resources, and the buckets that have to be emptied first."""

    place: Place
    stack: Stack
    resources: tuple[StackResource, ...]
    empties: tuple[str, ...]
    artifacts: int
    deletes_artifact_bucket: bool


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
    yield from _followed(stacks, change_set.stack_id, change_set.stack_name, change_set.token, clock, pause, timeout)


def discard(stacks: Stacks, change_set: ChangeSet) -> None:
    """Drop a change set nobody agreed to, and the empty stack that was made only to hold it."""
    stacks.delete_change_set(change_set)
    if change_set.kind == CREATE:
        stack = stacks.describe(change_set.stack_id)
        if stack is not None and stack.status == "REVIEW_IN_PROGRESS":
            stacks.delete(stack.stack_id, change_set.token)


def status(stacks: Stacks, name: str) -> Stack:
    """The stack as it stands; raises NotFoundError."""
    stack = stacks.describe(name)
    if stack is None:
        raise NotFoundError(f"no stack named {name!r}", hint="orderctl stack deploy")
    return stack


def plan_destroy(stacks: Stacks, buckets: Buckets, place: Place) -> DestroyPlan:
    """Read what would go; raises NotFoundError, RefusedError under termination protection, ConflictError."""
    stack = status(stacks, place.stack)
    if stack.is_termination_protected:
        switch = "aws cloudformation update-termination-protection --no-enable-termination-protection"
        raise RefusedError(
            f"stack {place.stack} is protected against deletion", hint=f"{switch} --stack-name {place.stack}"
        )
    if stack.status.endswith("_IN_PROGRESS") and stack.status not in ("REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        raise _busy(stack)
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
    token = _token("destroy")
    stacks.delete(plan.stack.stack_id, token)
    yield from _followed(stacks, plan.stack.stack_id, plan.place.stack, token, clock, pause, timeout)
    buckets.empty(plan.place.bucket, plan.place.prefix)
    if plan.deletes_artifact_bucket and not buckets.keys(plan.place.bucket, ""):
        buckets.delete(plan.place.bucket)


def first_failure(events: tuple[StackEvent, ...], stack_id: str) -> StackEvent | None:
    """The event everything else followed from: the first failed resource that was not merely cancelled."""
    failed = [event for event in events if event.status.endswith("_FAILED")]
    causes = [each for each in failed if _WAKE not in (each.reason or "") and each.physical_id != stack_id]
    return next(iter(causes or failed), None)


def _followed(
    stacks: Stacks, stack_id: str, name: str, token: str, clock: Clock, pause: float, timeout: float | None
) -> Iterator[StackEvent]:
    """Tell the operation's events until the one that ends it; raise when it did not end well."""
    told: dict[str, StackEvent] = {}
    deadline = None if timeout is None else clock.monotonic() + timeout
    while True:
        news = stacks.events_since(stack_id, token, told)
        for event in news:
            told[event.event_id] = event
            yield event
        ending = next((event for event in news if _ends(event, stack_id)), None)
        if ending is not None:
            return _judge(name, ending, tuple(told.values()), stack_id)
        if deadline is not None and clock.monotonic() >= deadline:
            hint = f"it goes on; look with: orderctl stack status --stack {name}"
            raise TimeoutPassedError(f"stack {name} was not finished within {timeout:.0f} s", hint=hint)
        clock.sleep(pause)


def _ends(event: StackEvent, stack_id: str) -> bool:
    is_stack = event.physical_id == stack_id and event.type == _STACK_TYPE
    is_over = event.status.endswith(("_COMPLETE", "_FAILED")) and not event.status.endswith("CLEANUP_IN_PROGRESS")
    return is_stack and is_over and event.status != "REVIEW_IN_PROGRESS" and not _goes_on(event.status)


def _goes_on(status: str) -> bool:
    """CREATE_FAILED and UPDATE_FAILED of the stack itself are followed by the rollback."""
    return status in ("CREATE_FAILED", "UPDATE_FAILED")


def _judge(name: str, ending: StackEvent, events: tuple[StackEvent, ...], stack_id: str) -> None:
    if ending.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
        return
    cause = first_failure(events, stack_id) or ending
    raise FailedError(
        f"stack {name} ended {ending.status}: {cause.logical_id} ({cause.type}) {cause.status}: "
        f"{cause.reason or 'no reason given'}",
        hint=_AFTER.get(ending.status, f"orderctl stack status --stack {name}"),
    )


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
        token=_token("deploy"),
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
        raise _busy(stack)
    hint = _AFTER.get(stack.status, "look at it in the CloudFormation console")
    raise ConflictError(f"stack {stack.name} is {stack.status} and cannot be deployed to", hint=hint)


def _busy(stack: Stack) -> ConflictError:
    hint = f"wait for it (orderctl stack status --stack {stack.name}), then try again"
    return ConflictError(f"stack {stack.name} is {stack.status}: another operation is running", hint=hint)


def _token(verb: str) -> str:
    """Letters, digits and hyphens, as ClientRequestToken and ChangeSetName want them."""
    return f"orderctl-{verb}-{secrets.token_hex(8)}"


_DESTROY_FIRST = "nothing in it can be kept: orderctl stack destroy, then orderctl stack deploy"
_AFTER: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": _DESTROY_FIRST,
    "ROLLBACK_FAILED": _DESTROY_FIRST,
    "CREATE_FAILED": _DESTROY_FIRST,
    "DELETE_FAILED": "see which resource is in the way, then: orderctl stack destroy",
    "UPDATE_ROLLBACK_COMPLETE": "the stack is as it was before; mend the cause, then deploy again",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback, then deploy again",
}
