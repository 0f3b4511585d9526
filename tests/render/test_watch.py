"""Whole screens, drawn on a terminal small enough to read here."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import timedelta
from time import process_time

import pytest

from orderctl.aws.stepfunctions import event_from_api
from orderctl.orders.tracking import Tracker
from orderctl.render.style import Style
from orderctl.render.watch import LiveView
from orderctl.render.watch_frame import frame
from orderctl.render.watch_text import Line, Piece, width
from tests.fakes import histories
from tests.fakes.clock import START
from tests.fakes.histories import Row, api_events

PLAIN = Style(color=False)


class Screen(io.StringIO):
    """A terminal: keeps what is on it, and what has scrolled away."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.columns, self.rows = columns, rows
        self.lines: list[str] = [""]
        self.row = 0
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        for token in re.findall(r"\x1b\[\d*[A-Za-z]|[^\x1b]", text):
            self._take(token)
        return len(text)

    def _take(self, token: str) -> None:
        if token == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
            self._column = 0
        elif token == "\r":
            self._column = 0
        elif token.startswith("\x1b") and token.endswith("A"):
            self.row -= int(token[2:-1])
            assert self.row >= max(0, len(self.lines) - self.rows), "went up into what has scrolled away"
        elif token == "\x1b[K":
            self.lines[self.row] = self.lines[self.row][: self._column]
        elif token == "\x1b[J":
            del self.lines[self.row + 1 :]
            self.lines[self.row] = self.lines[self.row][: self._column]
        else:
            line = self.lines[self.row]
            self.lines[self.row] = line[: self._column] + token + line[self._column + 1 :]
            self._column += 1
            assert self._column <= self.columns, "a line was folded"

    _column = 0

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip("\n")


def tracked(rows: Sequence[Row], upto: int | None = None, name: str = "o-1") -> Tracker:
    tracker = Tracker(f"arn:aws:states:us-east-1:123456789012:execution:orders:{name}")
    for event in api_events(rows)[:upto]:
        tracker.apply(event_from_api(event))
    return tracker


def view(columns: int = 80, rows: int = 24) -> tuple[Screen, LiveView]:
    screen = Screen(columns, rows)
    return screen, LiveView(screen, lambda: (screen.columns, screen.rows))


def draw(live: LiveView, trackers: Sequence[Tracker], after: float) -> None:
    live.draw(frame(trackers, START + timedelta(seconds=after), PLAIN, live.size[1]))


def test_a_watch_from_its_first_to_its_last_frame() -> None:
    screen, live = view()
    frames = []
    for upto, after in ((2, 0.2), (7, 1.4), (9, 3.4), (11, 9)):
        draw(live, [tracked(histories.SUCCEEDED, upto)], after)
        frames.append(screen.text)
    assert frames == [
        "order o-1  RUNNING  200ms\n  ValidateOrder  RUNNING     200ms",
        "order o-1  RUNNING  1.4s\n  ValidateOrder  SUCCEEDED   400ms\n  WaitForStock   RUNNING        1s",
        "order o-1  RUNNING  3.4s\n"
        "  ValidateOrder  SUCCEEDED   400ms\n"
        "  WaitForStock   SUCCEEDED      3s\n"
        "  OrderAccepted  RUNNING       0ms",
        "order o-1  SUCCEEDED  3.5s\n"
        "  ValidateOrder  SUCCEEDED   400ms\n"
        "  WaitForStock   SUCCEEDED      3s\n"
        "  OrderAccepted  SUCCEEDED   100ms",
    ]


def test_branches_attempts_and_errors_are_shown_where_they_are() -> None:
    screen, live = view()
    draw(live, [tracked(histories.PARALLEL, 11)], 1.3)
    assert screen.text == (
        "order o-1  RUNNING  1.3s\n"
        "  PrepareOrder        RUNNING      1.3s\n"
        "    [0] RecordOrder   RUNNING      1.3s  attempt 2  States.Timeout\n"
        "    [1] LoadCustomer  SUCCEEDED   300ms"
    )


def test_a_map_counts_its_iterations() -> None:
    screen, live = view()
    draw(live, [tracked(histories.MAP_TIMED_OUT)], 9)
    assert screen.text == (
        "order o-1  FAILED  5s  States.Timeout\n"
        "  Lines          FAILED         5s  0 of 2 done, 1 failed\n"
        "    [0] Reserve  FAILED         5s  States.Timeout\n"
        "    [1] Reserve  ABORTED        5s"
    )


def test_a_frame_is_one_write_and_the_same_frame_none() -> None:
    screen, live = view()
    tracker = tracked(histories.SUCCEEDED)
    for _ in range(3):
        draw(live, [tracker], 9)
    assert screen.writes == 1


def test_a_low_terminal_drops_what_has_ended_first() -> None:
    screen, live = view(rows=5)
    draw(live, [tracked(histories.SUCCEEDED, 9)], 3.4)
    draw(live, [tracked(histories.SUCCEEDED, 9)], 3.6)
    assert screen.text == (
        "order o-1  RUNNING  3.6s\n  ValidateOrder  SUCCEEDED   400ms\n"
        "  WaitForStock   SUCCEEDED      3s\n  OrderAccepted  RUNNING     200ms"
    )
    low, live = view(rows=4)
    draw(live, [tracked(histories.SUCCEEDED, 9)], 3.4)
    draw(live, [tracked(histories.SUCCEEDED, 9)], 3.6)
    assert low.text == "order o-1  RUNNING  3.6s\n  … 2 more\n  OrderAccepted  RUNNING     200ms"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (200, 50), (20, 3), (5, 2), (1, 1)])
def test_no_terminal_is_too_small(columns: int, rows: int) -> None:
    for name in [name for name in dir(histories) if name.isupper()]:
        script = getattr(histories, name)
        if isinstance(script, list):
            screen, live = view(columns, rows)
            for upto in range(1, len(script) + 1):
                draw(live, [tracked(script, upto)], upto)
            assert all(width(line) < max(2, columns) for line in screen.lines)


def test_a_long_line_is_cut_with_an_ellipsis() -> None:
    screen, live = view(columns=40)
    draw(live, [tracked(histories.OUT_OF_STOCK)], 9)
    assert screen.text == (
        "order o-1  FAILED  300ms  OutOfStock: …\n"
        "  TakeStock   CAUGHT      200ms  Dynam…\n"
        "  OutOfStock  FAILED      100ms  OutOf…"
    )


def test_a_window_made_narrower_is_found_again_though_its_lines_have_folded() -> None:
    screen, live = view(columns=80)
    draw(live, [tracked(histories.SUCCEEDED, 7)], 1)
    folded = [line[begin : begin + 20] for line in screen.lines for begin in range(0, max(1, len(line)), 20)]
    screen.lines, screen.columns = folded, 20
    screen.row = len(folded) - 1
    draw(live, [tracked(histories.SUCCEEDED, 7)], 2)
    assert screen.text == "order o-1  RUNNING…\n  ValidateOrder  S…\n  WaitForStock   R…"


def test_the_last_state_is_written_whole_and_without_a_cursor_movement_after_it() -> None:
    screen, live = view(rows=4)
    tracker = tracked(histories.SUCCEEDED)
    draw(live, [tracker], 9)
    live.finish(frame([tracker], START, PLAIN))
    assert screen.text == (
        "order o-1  SUCCEEDED  3.5s\n  ValidateOrder  SUCCEEDED   400ms\n"
        "  WaitForStock   SUCCEEDED      3s\n  OrderAccepted  SUCCEEDED   100ms"
    )


def test_something_said_in_between_does_not_disturb_the_frame() -> None:
    screen, live = view()
    tracker = tracked(histories.SUCCEEDED, 2)
    draw(live, [tracker], 0.2)
    live.clear()
    screen.write("warning: slow\n")
    draw(live, [tracker], 0.2)
    assert screen.text == "warning: slow\norder o-1  RUNNING  200ms\n  ValidateOrder  RUNNING     200ms"


def test_many_orders_have_a_line_each() -> None:
    screen, live = view()
    draw(live, [tracked(histories.SUCCEEDED, 7, "a"), tracked(histories.OUT_OF_STOCK, name="b")], 1.4)
    assert screen.text == (
        "a  RUNNING      1.4s  WaitForStock\nb  FAILED      300ms  OutOfStock  OutOfStock: asks for 9, left: 2"
    )


def test_text_from_outside_cannot_move_the_cursor() -> None:
    rows: list[Row] = [
        histories.STARTED,
        (0, "PassStateEntered", 0, histories.entered("\x1b[2J\x1b[H")),
        (1, "ExecutionFailed", 2, {"error": "E\x1b[1A", "cause": "\r\u202e"}),
    ]
    lines = frame([tracked(rows)], START, PLAIN)
    assert not any("\x1b" in line.painted or "\r" in line.painted or "\u202e" in line.painted for line in lines)


def test_broad_characters_are_counted_as_two_and_a_color_is_never_cut() -> None:
    line = Line([Piece("注文"), Piece("  "), Piece("失敗しました", "red")], Style(color=True))
    cut = line.cut(9)
    assert (cut.plain, width(cut.plain)) == ("注文  失…", 9)
    assert cut.painted == "注文  \x1b[31m失\x1b[0m…"


def test_a_large_map_shows_only_what_needs_attention() -> None:
    rows: list[Row] = [
        histories.STARTED,
        (0, "MapStateEntered", 0, histories.entered("Lines")),
        (0, "MapStateStarted", 2, {"length": 100}),
    ]
    for index in range(100):
        begin = len(rows) + 1
        rows.append((0, "MapIterationStarted", 3, {"name": "Lines", "index": index}))
        rows.append((0, "PassStateEntered", begin, histories.entered("Reserve")))
        if index != 57:
            rows.append((0, "PassStateExited", begin + 1, histories.exited("Reserve")))
            rows.append((0, "MapIterationSucceeded", begin + 2, {"name": "Lines", "index": index}))
    screen, live = view()
    draw(live, [tracked(rows)], 1)
    assert screen.text == (
        "order o-1  RUNNING  1s\n  Lines           RUNNING        1s  99 of 100 done\n"
        "    [57] Reserve  RUNNING        1s"
    )


def test_a_frame_of_a_map_of_thousands_takes_no_noticeable_time() -> None:
    rows: list[Row] = [
        histories.STARTED,
        (0, "MapStateEntered", 0, histories.entered("Lines")),
        (0, "MapStateStarted", 2, {"length": 3000}),
    ]
    for index in range(3000):
        begin = len(rows) + 1
        rows.append((0, "MapIterationStarted", 3, {"name": "Lines", "index": index}))
        rows.append((0, "PassStateEntered", begin, histories.entered("Reserve")))
        rows.append((0, "PassStateExited", begin + 1, histories.exited("Reserve")))
    tracker = tracked(rows)
    began = process_time()
    assert len(frame([tracker], START, PLAIN, 24, columns=80)) == 2
    assert process_time() - began < 0.7
