"""The state machine beside the list of states, where the terminal is broad enough: which way was taken.

    ✓ ValidateOrder
    ! TakeStock  !> ReadStock
    ▸ PrepareOrder
      [0] ✓ RecordOrder
      [1] ▸ LoadCustomer
    · PublishNotification

Every state of the definition has its line, in the order a reader follows; states not entered are dim. It is an
addition: the list tells everything that happened, also where the definition may not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderctl.orders.graph import Node, Way
from orderctl.orders.states import StateStatus
from orderctl.orders.tracking import Tracker
from orderctl.render.style import Style
from orderctl.render.watch_text import Line, Piece, safe, width

BROAD_ENOUGH = 100
"""Columns of a terminal from which on both have room."""
BROADEST = 56
USUAL = 80
"""Columns of the list: fixed, so that the graph does not move with every error that comes and goes."""
_MARKS: Mapping[StateStatus | None, tuple[str, str]] = {
    StateStatus.SUCCEEDED: ("✓", "green"),
    StateStatus.RUNNING: ("▸", "yellow"),
    StateStatus.CAUGHT: ("!", "yellow"),
    StateStatus.FAILED: ("✗", "red"),
    StateStatus.TIMED_OUT: ("✗", "red"),
    StateStatus.ABORTED: ("✗", "red"),
    None: ("·", "dim"),
}


def graph_lines(nodes: Sequence[Node], tracker: Tracker, style: Style) -> list[Line]:
    """A line a state, marked with how its last visit stands."""
    last = {visit.name: visit.status for visit in tracker.visits}
    return [_line(node, following, last.get(node.name), style) for node, following in _with_next(nodes)]


def beside(left: Sequence[Line], right: Sequence[Line], columns: int, rows: int, style: Style) -> list[Line]:
    """Both next to each other, near enough to be read together; the right one is cut where it is too long."""
    shown = list(right)
    if len(shown) > rows:
        shown = [*shown[: rows - 1], Line([Piece(f"… {len(right) - rows + 1} more", "dim")], style)]
    broad = min(BROADEST, max((width(line.plain) for line in shown), default=0))
    needed = max((width(line.plain) for line in left), default=0)
    room = min(columns - broad - 3, max(USUAL, needed))
    both = []
    for number in range(max(len(left), len(shown))):
        mine = left[number].cut(room) if number < len(left) else Line([], style)
        other = shown[number].cut(broad) if number < len(shown) else Line([], style)
        gap = Piece(" " * (room - width(mine.plain)))
        both.append(Line([*_stripped(mine), gap, Piece(" │ ", "dim"), *other.pieces], style))
    return both


def _stripped(line: Line) -> list[Piece]:
    """The pieces without the blanks at the end, which `plain` does not count either."""
    pieces = list(line.pieces)
    while pieces and not pieces[-1].text.rstrip():
        pieces.pop()
    if pieces:
        pieces[-1] = Piece(pieces[-1].text.rstrip(), pieces[-1].color)
    return pieces


def _with_next(nodes: Sequence[Node]) -> list[tuple[Node, str | None]]:
    """Each with the state on the next line of the same depth: the way there needs no arrow."""
    found: list[tuple[Node, str | None]] = []
    for number, node in enumerate(nodes):
        later = (each.name for each in nodes[number + 1 :] if each.depth <= node.depth)
        found.append((node, next(later, None)))
    return found


def _line(node: Node, following: str | None, status: StateStatus | None, style: Style) -> Line:
    mark, color = _MARKS[status]
    label = f"{node.label} " if node.label else ""
    ways = [way for way in node.ways if way.to != following]
    arrows = {"next": "->", "choice": "?>", "catch": "!>"}
    told = "".join(f" {arrows[kind]} {', '.join(names)}" for kind, names in _by_kind(ways).items())
    return Line(
        [
            Piece("  " * node.depth + label),
            Piece(f"{mark} ", color),
            Piece(safe(node.name), "dim" if status is None else ""),
            Piece(safe(told), "dim"),
        ],
        style,
    )


def _by_kind(ways: Sequence[Way]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for way in ways:
        names = found.setdefault(way.kind, [])
        if way.to not in names:
            names.append(way.to)
    return found
