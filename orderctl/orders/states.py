"""The states of one execution as they stand: what a table or a live view shows.

A visit is one entering of one state: a loop visits a state many times, a Map once for each item. Visits lie
in scopes: the workflow itself, a branch of a Parallel, an iteration of a Map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class StateStatus(StrEnum):
    """How a visit stands. CAUGHT: it failed, and a Catch took over."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    CAUGHT = "CAUGHT"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


@dataclass(slots=True, eq=False)
class Scope:
    """Where states run one after another; `container` is None for the workflow itself."""

    container: Visit | None = None
    label: str = ""
    visits: list[Visit] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """0 for the workflow, one more for each container around."""
        return 0 if self.container is None else self.container.scope.depth + 1

    def enclosing(self) -> Iterator[Visit]:
        """The containers around, innermost first."""
        scope: Scope = self
        while scope.container is not None:
            yield scope.container
            scope = scope.container.scope


@dataclass(slots=True, eq=False)
class Visit:
    """One entering of one state, updated as events come."""

    id: int
    name: str
    kind: str
    """Task, Choice, Wait, Parallel …: AWS's word before `StateEntered`."""
    scope: Scope
    entered_at: datetime
    status: StateStatus = StateStatus.RUNNING
    exited_at: datetime | None = None
    attempts: int = 0
    """Times a task was scheduled; 0 for a state that is no task."""
    error: str | None = None
    cause: str | None = None
    is_failing: bool = False
    """The last attempt failed; whether it is retried, caught or the end is not known yet."""
    length: int | None = None
    """Items of a Map, where the history says so."""
    scopes: list[Scope] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Has it not been left yet?"""
        return self.status is StateStatus.RUNNING

    @property
    def path(self) -> str:
        """`PrepareOrder[0]/RecordOrder`: the state with the branches and iterations around it."""
        above = self.scope.container
        return self.name if above is None else f"{above.path}{self.scope.label}/{self.name}"

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken by now."""
        return max(0.0, ((self.exited_at or now) - self.entered_at).total_seconds())

    def inside(self) -> Iterator[Visit]:
        """Every visit in its branches and iterations, depth first."""
        for scope in self.scopes:
            for visit in scope.visits:
                yield visit
                yield from visit.inside()

    def opened(self, label: str) -> Scope:
        """A new scope inside."""
        scope = Scope(self, label)
        self.scopes.append(scope)
        return scope

    def branch(self) -> Scope:
        """The next branch of a Parallel."""
        return self.opened(f"[{len(self.scopes)}]")

    def close(self, status: StateStatus, at: datetime) -> None:
        """It ended."""
        self.status, self.exited_at = status, at


@dataclass(frozen=True, slots=True)
class Transition:
    """Something a person wants to know happened, in one line.

    `state` is a path, or empty for the execution itself; `error` is decoded, in one line.
    """

    timestamp: datetime
    state: str
    what: str
    seconds: float | None = None
    error: str | None = None
