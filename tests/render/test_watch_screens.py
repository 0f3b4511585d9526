"""Whole screens of the live watch, each kept as a file: what somebody sees at 80x24, 40x12 and 200x50.

Run this module by itself with `python -m tests.render.test_watch_screens` to write the files anew, and read the
difference before you keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from orderctl.orders.graph import Node, nodes
from orderctl.orders.tracking import Tracker
from orderctl.render.style import Style
from orderctl.render.watch import LiveView
from orderctl.render.watch_frame import frame
from tests.fakes import histories
from tests.fakes.clock import START
from tests.fakes.histories import STARTED, Row, entered, exited
from tests.render.test_watch import PLAIN, Screen, tracked

SCREENS = Path(__file__).parent / "screens"
SIZES = ((80, 24), (40, 12), (200, 50))
DEFINITION = (resources.files("orderctl.stack") / "state_machines" / "order.asl.json").read_text(encoding="utf-8")
PATH = ("ValidateOrder", "TakeStock", "ReadStock", "WhyWasNoStockTaken", "WaitForOtherOrders")


def loops(times: int) -> list[Row]:
    """An order that waits for others: more states than a low terminal has rows."""
    rows: list[Row] = [STARTED]
    for number in range(times):
        for state in PATH[1:] if number else PATH:
            previous = len(rows) if len(rows) > 1 else 0
            rows.append((number, "PassStateEntered", previous, entered(state)))
            rows.append((number + 0.1, "PassStateExited", len(rows), exited(state)))
    return [*rows, (times, "TaskStateEntered", len(rows), entered("TakeStock"))]


def many_items() -> list[Row]:
    """A Map of 40: most are through, two failed, one runs."""
    rows: list[Row] = [STARTED, (0, "MapStateEntered", 0, entered("Lines")), (0, "MapStateStarted", 2, {"length": 40})]
    for index in range(40):
        begin = len(rows) + 1
        rows.append((0, "MapIterationStarted", 3, {"name": "Lines", "index": index}))
        rows.append((0, "TaskStateEntered", begin, entered("Reserve")))
        rows.append((0, "TaskScheduled", begin + 1, histories.SCHEDULED))
        if index in (7, 21):
            error = {**histories.LAMBDA, "error": "WarehouseError", "cause": histories.CRASH}
            rows.append((0.5, "TaskFailed", begin + 2, error))
            rows.append((0.5, "MapIterationFailed", begin + 3, {"name": "Lines", "index": index}))
        elif index != 30:
            rows.append((0.5, "TaskSucceeded", begin + 2, histories.LAMBDA))
            rows.append((0.5, "TaskStateExited", begin + 3, exited("Reserve")))
            rows.append((0.5, "MapIterationSucceeded", begin + 4, {"name": "Lines", "index": index}))
    return rows


def orders() -> list[Tracker]:
    """Thirty orders: most through, some on their way, two that failed."""
    found = []
    for number in range(30):
        rows, upto = (histories.SUCCEEDED, None if number < 15 else 7)
        if number in (3, 22):
            rows, upto = histories.OUT_OF_STOCK, None
        found.append(tracked(rows, upto, f"order-{number:02d}"))
    return found


SCENES: Mapping[str, tuple[Callable[[], Sequence[Tracker]], float, bool]] = {
    "running": (lambda: [tracked(histories.PARALLEL, 11)], 1.3, False),
    "failed-after-retries": (lambda: [tracked(histories.RETRIED_THEN_FAILED)], 60, False),
    "map-of-many": (lambda: [tracked(many_items())], 1.5, False),
    "more-states-than-rows": (lambda: [tracked(loops(14))], 14.4, False),
    "with-the-graph": (lambda: [tracked(loops(2))], 2.4, True),
    "thirty-orders": (orders, 2.0, False),
    "caught-and-sold-out": (lambda: [tracked(histories.OUT_OF_STOCK)], 60, True),
}


def graph_of(wanted: bool) -> Sequence[Node]:
    return nodes(DEFINITION) if wanted else ()


def shot(scene: str, columns: int, rows: int) -> str:
    """What stands on a terminal of that size: drawn twice, so that redrawing in place is part of it."""
    make, after, with_graph = SCENES[scene]
    screen = Screen(columns, rows)
    live = LiveView(screen, lambda: (columns, rows))
    for moment in (after - 0.2, after):
        now = START + timedelta(seconds=moment)
        lines = frame(make(), now, PLAIN, live.size[1], columns=live.size[0], graph=graph_of(with_graph))
        live.draw(lines)
    return screen.text + "\n"


def file_of(scene: str, columns: int, rows: int) -> Path:
    return SCREENS / f"{scene}-{columns}x{rows}.txt"


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_the_screen_is_the_one_that_is_kept(scene: str, columns: int, rows: int) -> None:
    assert shot(scene, columns, rows) == file_of(scene, columns, rows).read_text(encoding="utf-8")


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_screen_never_needs_more_than_the_terminal_has(scene: str, columns: int, rows: int) -> None:
    lines = shot(scene, columns, rows).splitlines()
    assert len(lines) < rows
    assert all(len(line) < columns for line in lines)


def test_every_kept_screen_belongs_to_a_scene() -> None:
    expected = {file_of(scene, *size) for scene in SCENES for size in SIZES}
    assert set(SCREENS.glob("*.txt")) == expected


def test_the_graph_needs_room_and_a_single_order() -> None:
    now, graph = START + timedelta(seconds=2), graph_of(True)
    narrow = frame([tracked(loops(2))], now, PLAIN, 24, columns=99, graph=graph)
    without = frame([tracked(loops(2))], now, PLAIN, 24, columns=99)
    assert [line.plain for line in narrow] == [line.plain for line in without]
    several = frame(orders(), now, PLAIN, 24, columns=199, graph=graph)
    assert not any("│" in line.plain for line in several)
    last = frame([tracked(loops(2))], now, PLAIN, None, columns=199, graph=graph)
    assert not any("│" in line.plain for line in last)


def test_color_changes_nothing_but_the_color() -> None:
    for scene, (make, after, with_graph) in SCENES.items():
        now, graph = START + timedelta(seconds=after), graph_of(with_graph)
        plain = frame(make(), now, PLAIN, 49, columns=199, graph=graph)
        painted = frame(make(), now, Style(color=True), 49, columns=199, graph=graph)
        assert [line.plain for line in plain] == [line.plain for line in painted], scene


if __name__ == "__main__":
    SCREENS.mkdir(exist_ok=True)
    for each in SCENES:
        for broad, high in SIZES:
            file_of(each, broad, high).write_text(shot(each, broad, high), encoding="utf-8")
