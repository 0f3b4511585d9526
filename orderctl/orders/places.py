"""Which state an event belongs to.

Few events name their state. The others say which event came before them (`previous_id`), and so does the
branch or iteration they happened in: events of branches are interleaved, only the chain tells them apart.
Emulators leave the chain out, and AWS breaks it in places (the first state and an abort have 0, an
iteration that starts late follows the last event of another); then the newest open state that fits is taken.

Any event may be named later, so the place of each is kept, as a number of four bytes into a list of the places
there are: all events of a visit share one. Who only prints what happens `forgets` the states that were left for
good: of such a state an event can still learn that it is over, and in which scope it was, and nothing else. What
failed is not left for good, because a redrive opens it again; nor is a Parallel or a Map, because what is inside
says its name.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime

from orderctl.orders.models import HistoryEvent
from orderctl.orders.states import Scope, StateStatus, Visit

NEAR = 1_000
"""Ids this far beyond the last are still counted by; a log that somebody made up may hold any number."""
_LEFT = Visit(0, "", "", Scope(), datetime.min.replace(tzinfo=UTC), StateStatus.SUCCEEDED)
"""Stands for every state that is forgotten."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event happened; with `opens`, the next state entered after it begins a branch of `visit`."""

    scope: Scope
    visit: Visit | None = None
    opens: bool = False


class Places:
    """Remembers the place of every event by its id."""

    def __init__(self, *, forgets: bool = False) -> None:
        self.root = Scope()
        self._forgets = forgets
        self._numbers = array("I")
        """By event id, the number of its place."""
        self._far: dict[int, int] = {}
        """The same for ids that are not near the others."""
        self._scopes: list[Scope] = [self.root]
        self._visits: list[Visit | None] = [None]
        self._openers: set[int] = set()
        self._of_visit: dict[Visit, list[int]] = {}
        """The numbers of the places at a visit; not of those forgotten."""

    def before(self, event: HistoryEvent) -> Place:
        """The place of the event before; the workflow itself where there is none."""
        return self._at(self._number(event.previous_id or 0))

    def put(self, event: HistoryEvent, place: Place) -> None:
        """Remember where `event` happened."""
        number, known = self._kept(place), len(self._numbers)
        if not 0 <= event.id < known + NEAR:
            self._far[event.id] = number
            return
        if event.id >= known:
            self._numbers.extend([0] * (event.id - known + 1))
        self._numbers[event.id] = number

    def left(self, visit: Visit) -> None:
        """The state was left and nothing can open it again: it may be forgotten."""
        numbers = self._of_visit.get(visit, [])
        if not self._forgets or visit.scopes or any(number in self._openers for number in numbers):
            return
        for number in self._of_visit.pop(visit, []):
            self._visits[number] = _LEFT
        visits = visit.scope.visits
        del visits[next(at for at in range(len(visits) - 1, -1, -1) if visits[at] is visit)]

    def _number(self, event_id: int) -> int:
        if event_id in self._far:
            return self._far[event_id]
        return self._numbers[event_id] if 0 <= event_id < len(self._numbers) else 0

    def _at(self, number: int) -> Place:
        return Place(self._scopes[number], self._visits[number], number in self._openers)

    def _kept(self, place: Place) -> int:
        """The number of this place: that of an equal one, where it is at a visit, or the last there is."""
        numbers = [len(self._scopes) - 1]
        if place.visit is not None and place.visit is not _LEFT:
            numbers = self._of_visit.setdefault(place.visit, [])
        for number in numbers:
            if self._at(number) == place:
                return number
        number = len(self._scopes)
        self._scopes.append(place.scope)
        self._visits.append(place.visit)
        numbers.append(number)
        if place.opens:
            self._openers.add(number)
        return number

    def scope_to_enter(self, event: HistoryEvent) -> Scope:
        """The scope a state is entered in."""
        before = self.before(event)
        return before.visit.branch() if before.opens and before.visit is not None else before.scope

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
