"""The reference stack on the local server: the same deployment as to AWS, only faster looked at.

Nothing is asked, because there is nothing to lose: what the server holds can be made again by `reset`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError
from orderctl.local import ministack
from orderctl.local.models import LocalState
from orderctl.stack import deploy, follow, overlay
from orderctl.stack.models import Package, Place
from orderctl.stack.ports import Buckets, Stacks

STACK = "orders-local"
PAUSE = 0.05
"""Seconds between two looks; the emulator creates everything in about one."""
TIMEOUT = 120.0


class LocalReferenceStack:
    """`orderctl.local.ports.ReferenceStack`, over CloudFormation and S3 of the local server.

    They are connected when first needed: asking for the digest, all that a second `up` does, needs neither.
    """

    name = STACK

    def __init__(
        self,
        state: LocalState,
        stacks: Callable[[], Stacks],
        buckets: Callable[[], Buckets],
        clock: Clock,
        *,
        build: Callable[[], Package],
        apis: overlay.OverlayApis,
        overlay_digest: Callable[[], str] = overlay.digest,
    ) -> None:
        self._place = Place(STACK, ministack.ACCOUNT_ID, state.region)
        self._endpoint = state.endpoint_url
        self._connect = (stacks, buckets)
        self._clock = clock
        self._build = build
        self._apis = apis
        self._overlay_digest = overlay_digest

    def digest(self) -> str:
        """Hash of what would be deployed now, and made after it: a new step of the overlay is something new."""
        return hashlib.sha256(f"{self._package.digest} {self._overlay_digest()}".encode()).hexdigest()

    def deploy(self) -> Iterator[str]:
        """Deploy it, yielding progress; raises FailedError whose hint is the way out that always works here."""
        try:
            yield from self._deploy()
        except (ConflictError, FailedError) as error:
            raise FailedError(error.message, hint="orderctl local reset", aws=error.aws) from error

    def overlay(self) -> Iterator[str]:
        """Make by API what the emulator ignores in the template."""
        yield from overlay.apply(self._apis, self.outputs())

    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs; the template itself gives local addresses when it is told the endpoint."""
        return follow.status(self._stacks, STACK).outputs

    @cached_property
    def _stacks(self) -> Stacks:
        return self._connect[0]()

    @cached_property
    def _buckets(self) -> Buckets:
        return self._connect[1]()

    @cached_property
    def _package(self) -> Package:
        return self._build()

    def _deploy(self) -> Iterator[str]:
        yield "packaging"
        parameters = overlay.parameters(self._endpoint)
        plan = deploy.plan_deploy(self._stacks, self._buckets, self._package, self._place, parameters)
        yield f"uploading {len(plan.uploads)} files"
        change_set = deploy.prepare(self._stacks, self._buckets, self._package, plan, self._clock, pause=PAUSE)
        if change_set is None:
            return
        done = 0
        for event in deploy.execute(self._stacks, change_set, self._clock, pause=PAUSE, timeout=TIMEOUT):
            if event.status.endswith("_COMPLETE") and event.physical_id != change_set.stack_id:
                done += 1
                yield f"{done} of {len(change_set.changes)} resources: {event.logical_id}"
