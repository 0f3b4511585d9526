"""Whole screens of `orderctl top`, at three sizes, as files: what stands there is what somebody at 03:00 sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.render.style import Style
from orderctl.render.top import screen, sparkline
from orderctl.render.watch_text import width
from orderctl.top.choices import choices
from orderctl.top.models import DeadLetterQueue, Snapshot
from tests.fakes.clock import START
from tests.top.situation import NIGHT, QUIET

SCREENS = Path(__file__).parent / "top"
PLAIN = Style(color=False)
SIZES = [(80, 24), (40, 12), (200, 50)]


def drawn(snapshot: Snapshot, columns: int, rows: int | None, place: int | None = None, keys: str = "q quit") -> str:
    chosen = None if place is None else choices(snapshot)[place]
    return "".join(f"{line.plain}\n" for line in screen(snapshot, columns, rows, PLAIN, chosen, keys))


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize(("name", "snapshot"), [("night", NIGHT), ("quiet", QUIET)])
def test_the_screen_is_the_one_in_the_file(name: str, snapshot: Snapshot, columns: int, rows: int) -> None:
    shown = drawn(snapshot, columns, rows, 0 if name == "night" else None)
    assert shown == (SCREENS / f"{name}-{columns}x{rows}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("rows", range(1, 60, 3))
@pytest.mark.parametrize("columns", [1, 7, 20, 39, 40, 63, 64, 80, 99, 100, 200])
def test_a_screen_never_leaves_the_window(columns: int, rows: int) -> None:
    for snapshot in (NIGHT, QUIET):
        lines = screen(snapshot, columns, rows, PLAIN)
        assert len(lines) <= rows
        assert all(width(line.plain) <= columns for line in lines)


@pytest.mark.parametrize("rows", [10, 12, 24, 50])
@pytest.mark.parametrize("place", range(len(choices(NIGHT))))
def test_what_is_chosen_can_be_seen(place: int, rows: int) -> None:
    shown = drawn(NIGHT, 80, rows, place)
    marked = [line for line in shown.splitlines() if line.startswith("> ")]
    section_fits = choices(NIGHT)[place].section.value in shown
    assert len(marked) == (1 if section_fits else 0)
    if marked:
        assert choices(NIGHT)[place].command[2][:8] in marked[0] or "such as" in marked[0]


def test_a_printed_snapshot_holds_everything_and_no_keys() -> None:
    shown = drawn(NIGHT, 200, None, keys="")
    for queue in NIGHT.dead_letter_queues:
        assert queue.name in shown
    for note in NIGHT.notes:
        assert note in shown
    assert "quit" not in shown


def test_names_from_outside_cannot_write_on_the_screen() -> None:
    evil = DeadLetterQueue("q\x1b[2J\u202eevil\n", 1, 0, None, (1,))
    shown = drawn(Snapshot(START, "p\x1b]0;x\x07", 60, dead_letter_queues=(evil,)), 80, 24)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "q\\x1b[2J\\u202eevil\\n" in shown


def test_colour_changes_no_text() -> None:
    painted = screen(NIGHT, 80, 24, Style(color=True))
    assert [line.plain for line in painted] == [line.plain for line in screen(NIGHT, 80, 24, PLAIN)]
    assert any("\x1b[31m" in line.painted for line in painted)


def test_only_nothing_has_the_lowest_bar() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([0, 1, 1000]) == "▁▂█"
