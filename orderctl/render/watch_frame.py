"""What a live watch shows: one order with all its states, or many orders with a line each.

    order 01JD…  RUNNING  12.3s
      ValidateOrder      SUCCEEDED   210ms
      TakeStock          RUNNING      1.2s  attempt 3  DynamoDb.ThrottlingException
      PrepareOrder       RUNNING      400ms
        [0] RecordOrder  SUCCEEDED    100ms

When there are more states than rows, those that ended well are left out first, then those that ended otherwise,
the oldest before the others, and a line says how many. A Map's iterations that succeeded are counted in the
Map's own line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from orderctl.orders.cause import decode
from orderctl.orders.graph import Node
from orderctl.orders.states import Scope, StateStatus, Visit
from orderctl.orders.tracking import Tracker
from orderctl.render.cells import span
from orderctl.render.style import Style
from orderctl.render.watch_graph import BROAD_ENOUGH, beside, graph_lines
from orderctl.render.watch_text import Line, Piece, fit, pad, safe, width

_COLORS = {"RUNNING": "yellow", "SUCCEEDED": "green", "CAUGHT": "yellow", "ABORTED": "red", "PENDING_REDRIVE": "yellow"}
_SHOWN_ITERATIONS = 8
_BROADEST_NAME = 40
_BROADEST_ID = 36


@dataclass(frozen=True, slots=True)
class _Row:
    line: Line
    rank: int
    """What may be left out first: 0 ended well, 1 ended badly, 2 goes on."""


def frame(
    trackers: Sequence[Tracker],
    now: datetime,
    style: Style,
    rows: int | None = None,
    *,
    columns: int = 0,
    graph: Sequence[Node] = (),
) -> list[Line]:
    """The lines to show; at most `rows` of them, or all of them for the scrollback.

    `graph` is the definition of a single order's workflow: shown beside it where `columns` leave room.
    """
    lines = _frame(trackers, now, style, rows)
    if rows is None or not graph or columns < BROAD_ENOUGH or len(trackers) != 1:
        return lines
    title, states = lines[:1], lines[1:]
    return [*title, *beside(states, graph_lines(graph, trackers[0], style), columns, max(1, rows - 1), style)]


def _frame(trackers: Sequence[Tracker], now: datetime, style: Style, rows: int | None) -> list[Line]:
    if len(trackers) == 1:
        tracker = trackers[0]
        return [
            _title(tracker, now, style),
            *_fitting(_states(tracker, now, style), None if rows is None else rows - 1, style),
        ]
    broad = min(_BROADEST_ID, max((width(safe(tracker.order_id)) for tracker in trackers), default=0))
    return _fitting([_order(tracker, broad, now, style) for tracker in trackers], rows, style)


def _title(tracker: Tracker, now: datetime, style: Style) -> Line:
    took = "" if tracker.started_at is None else span(_age(tracker, now))
    pieces = [
        Piece("order "),
        Piece(safe(tracker.order_id), "bold"),
        Piece("  "),
        _status(tracker.status),
        Piece(f"  {took}"),
    ]
    if tracker.redrives:
        pieces.append(Piece(f"  redriven {tracker.redrives} times" if tracker.redrives > 1 else "  redriven"))
    error = decode(tracker.error, tracker.cause).line
    return Line([*pieces, Piece(f"  {safe(error)}" if error else "", "red")], style)


def _states(tracker: Tracker, now: datetime, style: Style) -> list[_Row]:
    trouble: dict[int, set[int]] = {}
    shown = [visit for visit in tracker.visits if _is_shown(visit, trouble)]
    broad = min(_BROADEST_NAME, max((width(_name(visit)) for visit in shown), default=0))
    return [_Row(_state(visit, broad, now, style), _rank(visit.is_open, visit.status)) for visit in shown]


def _state(visit: Visit, broad: int, now: datetime, style: Style) -> Line:
    name = _name(visit)
    name = name if width(name) <= broad else fit(name, broad - 1) + "…"
    notes = [f"attempt {visit.attempts}"] if visit.attempts > 1 else []
    notes += [_iterations(visit)] if visit.kind == "Map" else []
    error = decode(visit.error, visit.cause).line
    pieces = [
        Piece(f"  {pad(name, broad)}  "),
        Piece(pad(visit.status, 9), _COLORS.get(visit.status, "red")),
        Piece(f"  {span(visit.seconds(now)):>6}", "dim"),
        Piece("".join(f"  {note}" for note in notes if note)),
        Piece(f"  {safe(error)}" if error else "", "yellow" if visit.status is StateStatus.CAUGHT else "red"),
    ]
    return Line(pieces, style)


def _rank(is_open: bool, status: str) -> int:
    return 2 if is_open else 0 if status in ("SUCCEEDED", "CAUGHT") else 1


def _order(tracker: Tracker, broad: int, now: datetime, style: Style) -> _Row:
    standing = next((visit for visit in reversed(tracker.visits) if visit.is_open and not visit.scopes), None)
    where = tracker.failed_state or (standing.path if standing is not None else "")
    error = decode(tracker.error, tracker.cause).line
    pieces = [
        Piece(f"{pad(safe(tracker.order_id), broad)}  "),
        _status(tracker.status, 9),
        Piece(f"  {span(_age(tracker, now)):>6}" if tracker.started_at else " " * 8, "dim"),
        Piece(f"  {safe(where)}" if where else ""),
        Piece(f"  {safe(error)}" if error else "", "red"),
    ]
    return _Row(Line(pieces, style), _rank(not tracker.status.is_closed, tracker.status))


def _fitting(rows: Sequence[_Row], limit: int | None, style: Style) -> list[Line]:
    """As many rows as fit: those that ended are left out first, from the top."""
    if limit is None or len(rows) <= limit:
        return [row.line for row in rows]
    surplus = len(rows) - max(0, limit - 1)
    left_out = set(sorted(range(len(rows)), key=lambda number: (rows[number].rank, number))[:surplus])
    first = min(left_out)
    bad = sum(rows[number].rank == 1 for number in left_out)
    note = Line([Piece(f"  … {len(left_out)} more", "dim"), Piece(f", {bad} ended badly" if bad else "", "red")], style)
    kept = [row.line for number, row in enumerate(rows) if number not in left_out]
    return [*kept[:first], note, *kept[first:]] if limit > 0 else []


def _is_shown(visit: Visit, trouble: dict[int, set[int]]) -> bool:
    """Hide the iterations of a large Map that went well, and all but the first few others.

    `trouble` remembers those of each Map, by their entry events, while one frame is made: a Map of thousands is
    gone through once and not once an iteration.
    """
    scope = visit.scope
    while scope.container is not None:
        container = scope.container
        if container.kind == "Map" and len(container.scopes) > _SHOWN_ITERATIONS:
            if container.id not in trouble:
                others = (each for each in container.scopes if not _went_well(each))
                trouble[container.id] = {id(each) for each in islice(others, _SHOWN_ITERATIONS)}
            if id(scope) not in trouble[container.id]:
                return False
        scope = container.scope
    return True


def _iterations(visit: Visit) -> str:
    total = visit.length if visit.length is not None else len(visit.scopes)
    if not total or not visit.scopes:
        return f"{total} items" if total else ""
    well = sum(_went_well(scope) for scope in visit.scopes)
    bad = sum(any(v.status in (StateStatus.FAILED, StateStatus.TIMED_OUT) for v in s.visits) for s in visit.scopes)
    return f"{well} of {total} done" + (f", {bad} failed" if bad else "")


def _went_well(scope: Scope) -> bool:
    return bool(scope.visits) and all(v.status in (StateStatus.SUCCEEDED, StateStatus.CAUGHT) for v in scope.visits)


def _name(visit: Visit) -> str:
    label = f"{visit.scope.label} " if visit.scope.label else ""
    return "  " * visit.scope.depth + safe(f"{label}{visit.name}")


def _status(status: str, columns: int = 0) -> Piece:
    return Piece(pad(status, columns), _COLORS.get(status, "red"))


def _age(tracker: Tracker, now: datetime) -> float:
    assert tracker.started_at is not None
    return max(0.0, ((tracker.stopped_at or now) - tracker.started_at).total_seconds())
