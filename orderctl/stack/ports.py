"""What deploying needs of CloudFormation and S3, in our words; statuses and actions are AWS's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it stands. `status` is CloudFormation's StackStatus."""

    name: str
    stack_id: str
    status: str
    reason: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    is_termination_protected: bool = False


@dataclass(frozen=True, slots=True)
class StackResource:
    """One resource a stack holds."""

    logical_id: str
    physical_id: str
    type: str
    status: str


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One line of a change set: `action` is Add, Modify, Remove, Import or Dynamic; `replacement` True,
    False or Conditional, and only a Modify has one."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What executing it would do. `kind` is CREATE or UPDATE, `token` marks the events of its execution."""

    change_set_id: str
    stack_id: str
    stack_name: str
    kind: str
    status: str
    reason: str | None
    token: str
    changes: tuple[ResourceChange, ...] = ()


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One step of a stack operation, `token` being the client request token that started it."""

    event_id: str
    at: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What a change set is made from: the template's text, or its address when it is too long to be sent.

    `keeps` names the parameters that shall stay as they are; a parameter in neither goes back to its default.
    """

    stack_name: str
    kind: str
    token: str
    template_body: str | None
    template_url: str | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    keeps: tuple[str, ...] = ()


class Stacks(Protocol):
    """CloudFormation."""

    def describe(self, stack: str) -> Stack | None:
        """The stack of that name or id; None where there is none."""

    def members(self, stack: str) -> tuple[StackResource, ...]:
        """Every resource of the stack, all pages, deleted ones left out; raises NotFoundError."""

    def create_change_set(self, request: ChangeRequest) -> ChangeSet:
        """Ask for a change set; it comes back unfinished, as `describe_change_set` would show it."""

    def describe_change_set(self, change_set: ChangeSet) -> ChangeSet:
        """The change set as it stands now, with all pages of its changes."""

    def execute_change_set(self, change_set: ChangeSet) -> None:
        """Start carrying it out; events follow under its token."""

    def delete_change_set(self, change_set: ChangeSet) -> None:
        """Drop it unexecuted; one that is gone already is fine."""

    def delete(self, stack_id: str, token: str) -> None:
        """Start deleting the stack; events follow under `token`."""

    def events_since(self, stack_id: str, token: str, seen: Iterable[str]) -> tuple[StackEvent, ...]:
        """The operation's events not in `seen`, oldest first. `stack_id` finds a deleted stack, a name would not."""


class Buckets(Protocol):
    """S3, as far as artifacts and emptying go. Every call insists that the bucket is this account's own."""

    def exists(self, bucket: str) -> bool:
        """Is the bucket there, and ours? Raises RefusedError when it is somebody else's."""

    def create(self, bucket: str, tags: Mapping[str, str]) -> None:
        """Make it: private, encrypted, tagged. Safe to repeat."""

    def keys(self, bucket: str, prefix: str) -> frozenset[str]:
        """The keys that start with `prefix`; empty when the bucket is not there."""

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store one object."""

    def url(self, bucket: str, key: str) -> str:
        """Where CloudFormation fetches the object."""

    def empty(self, bucket: str, prefix: str = "") -> int:
        """Delete every object and every version below `prefix`; how many. A missing bucket holds none."""

    def delete(self, bucket: str) -> None:
        """Delete the empty bucket."""
