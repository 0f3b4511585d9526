"""Which state an event belongs to.

Few events name their state. The others say which event came before them (`previous_id`), and so does the
branch or iteration they happened in: events of branches are interleaved, only the chain tells them apart.
Emulators leave the chain out, and AWS breaks it in places (the first state and an abort have 0, an
iteration that starts late follows the last event of another); then the newest open state that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orderctl.orders.models import HistoryEvent
from orderctl.orders.states import Scope, Visit


@dataclass(slots=True)
class Place:
    """Where an event happened; `opens` where the next state entered after it begins inside."""

    scope: Scope
    visit: Visit | None = None
    opens: Callable[[], Scope] | None = None


class Places:
    """Remembers the place of every event by its id."""

    def __init__(self) -> None:
        self.root = Scope()
        self._places: dict[int, Place] = {}

    def before(self, event: HistoryEvent) -> Place:
        """The place of the event before; the workflow itself where there is none."""
        return self._places.get(event.previous_id or 0) or Place(self.root)

    def put(self, event: HistoryEvent, place: Place) -> None:
        """Remember where `event` happened."""
        self._places[event.id] = place

    def scope_to_enter(self, event: HistoryEvent) -> Scope:
        """The scope a state is entered in."""
        before = self.before(event)
        return before.opens() if before.opens is not None else before.scope

    def named(self, event: HistoryEvent, name: str) -> Visit | None:
        """The open visit of that name nearest to the event before."""
        before = self.before(event)
        near = before.visit
        if near is not None and near.name == name and near.is_open:
            return near
        for visit in (*_latest(before.scope, name), *before.scope.enclosing()):
            if visit.name == name:
                return visit
        return next((visit for visit in self.open_visits() if visit.name == name), None)

    def container(self, event: HistoryEvent, kind: str) -> Visit | None:
        """The Parallel or Map an event without a name is about."""
        before = self.before(event)
        near: tuple[Visit, ...] = () if before.visit is None else (before.visit,)
        for visit in (*near, *before.scope.enclosing()):
            if visit.kind == kind and visit.is_open:
                return visit
        return next((visit for visit in self.open_visits() if visit.kind == kind), None)

    def task(self, event: HistoryEvent) -> Visit | None:
        """The state whose attempt an event is about."""
        visit = self.before(event).visit
        if visit is not None and not visit.scopes:
            return visit if visit.is_open else None
        return next((visit for visit in self.open_visits() if visit.kind == "Task"), None)

    def open_visits(self) -> list[Visit]:
        """Every visit not left yet, the newest first."""
        return sorted((visit for visit in all_visits(self.root) if visit.is_open), key=lambda visit: -visit.id)


def _latest(scope: Scope, name: str) -> list[Visit]:
    """The newest open visit of that name in one scope, if any."""
    found = next((visit for visit in reversed(scope.visits) if visit.name == name and visit.is_open), None)
    return [] if found is None else [found]


def all_visits(scope: Scope) -> list[Visit]:
    """Every visit of a scope and what is inside, in the order they are shown."""
    found: list[Visit] = []
    for visit in scope.visits:
        found.append(visit)
        found.extend(visit.inside())
    return found
