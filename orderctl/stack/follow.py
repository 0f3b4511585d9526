"""Following what CloudFormation does with a stack, to its end, and saying what went wrong.

Everything is bound to one client request token: the events of this operation and nobody else's are told, and
the reason of a failure is the first event that failed; the many "cancelled" ones after it are its wake.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, NotFoundError, TimeoutPassedError
from orderctl.stack.ports import Stack, StackEvent, Stacks

_STACK_TYPE = "AWS::CloudFormation::Stack"
_WAKE = "cancelled"
"""'Resource creation cancelled', 'Resource update cancelled': what a failure elsewhere does to the others."""
_DESTROY_FIRST = "nothing in it can be kept: orderctl stack destroy, then orderctl stack deploy"
AFTER: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": _DESTROY_FIRST,
    "ROLLBACK_FAILED": _DESTROY_FIRST,
    "CREATE_FAILED": _DESTROY_FIRST,
    "DELETE_FAILED": "see which resource is in the way, then: orderctl stack destroy",
    "UPDATE_ROLLBACK_COMPLETE": "the stack is as it was before; mend the cause, then deploy again",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback, then deploy again",
}
"""What to do about a stack in such a state."""


def status(stacks: Stacks, name: str) -> Stack:
    """The stack as it stands; raises NotFoundError."""
    stack = stacks.describe(name)
    if stack is None:
        raise NotFoundError(f"no stack named {name!r}", hint="orderctl stack deploy")
    return stack


def followed(
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


def first_failure(events: tuple[StackEvent, ...], stack_id: str) -> StackEvent | None:
    """The event everything else followed from: the first failed resource that was not merely cancelled."""
    failed = [event for event in events if event.status.endswith("_FAILED")]
    causes = [each for each in failed if _WAKE not in (each.reason or "") and each.physical_id != stack_id]
    return next(iter(causes or failed), None)


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
        hint=AFTER.get(ending.status, f"orderctl stack status --stack {name}"),
    )


def busy(stack: Stack) -> ConflictError:
    """Another operation is running on it."""
    hint = f"wait for it (orderctl stack status --stack {stack.name}), then try again"
    return ConflictError(f"stack {stack.name} is {stack.status}: another operation is running", hint=hint)


def new_token(verb: str) -> str:
    """Letters, digits and hyphens, as ClientRequestToken and ChangeSetName want them."""
    return f"orderctl-{verb}-{secrets.token_hex(8)}"
