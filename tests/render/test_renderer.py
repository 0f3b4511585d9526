from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl.errors import FailedError, OrderctlError, TimeoutPassedError
from orderctl.render.cells import span
from orderctl.render.clean import clean
from orderctl.render.renderer import Renderer
from orderctl.render.style import Style, wants_color
from tests.cli.support import Terminal
from tests.fakes.clock import START, FakeClock


@dataclass(frozen=True)
class Parcel:
    order_id: str
    note: str
    sent_at: object = START - timedelta(minutes=3)


EVIL = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] \u202egpj.exe\u200b \x9b2J\ttab\nline"


def render(out: TextIO, output: str | None, *items: Parcel, width: int = 80) -> str:
    renderer = Renderer(out, io.StringIO(), FakeClock(), output=output, columns=width)
    renderer.rows(("order_id", "note", "sent_at"), items)
    assert isinstance(out, io.StringIO)
    return out.getvalue()


@pytest.mark.parametrize("output", ["table", "tsv", "csv", "json", "jsonl"])
@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_nothing_in_a_value_reaches_the_stream_as_a_control(output: str, stream: type[io.StringIO]) -> None:
    shown = render(stream(), output, Parcel(EVIL, EVIL))
    assert not {c for c in shown if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)} - (
        {"\t"} if output == "tsv" else set()
    )
    assert not set(shown) & {"\u202e", "\u200b"}
    assert "[bold]x[/bold]" in shown.replace("\n", "")


def test_a_pipe_gets_whole_cells_and_iso_times() -> None:
    shown = render(io.StringIO(), None, Parcel("o" * 300, "two\nlines\tand tabs"))
    assert shown == "o" * 300 + "\ttwo\\nlines\\tand tabs\t2026-11-22T02:57:00.000Z\n"


def test_a_terminal_gets_a_table_with_relative_times() -> None:
    assert render(Terminal(), None, Parcel("o-1", "hello")) == "ORDER ID  NOTE   SENT AT\no-1       hello  3m ago\n"


def test_ids_wider_than_the_terminal_are_shown_whole_as_blocks() -> None:
    shown = render(Terminal(), None, Parcel("o" * 90, "a note"), Parcel("p-1", ""), width=40)
    assert shown == "o" * 90 + "\n  note      a note\n  sent at   3m ago\np-1\n  sent at   3m ago\n"


def test_nothing_found_is_an_empty_list_in_json_and_silence_elsewhere() -> None:
    assert json.loads(render(io.StringIO(), "json")) == []
    assert [render(io.StringIO(), form) for form in ("table", "tsv", "jsonl")] == ["", "", ""]


def test_jsonl_is_written_as_it_happens() -> None:
    out = io.StringIO()
    renderer = Renderer(out, io.StringIO(), FakeClock(), output="jsonl")

    def parcels() -> object:
        yield Parcel("1", "")
        assert out.getvalue().count("\n") == 1
        yield Parcel("2", "")

    renderer.rows(("order_id",), parcels())  # type: ignore[arg-type]
    assert out.getvalue().count("\n") == 2


@given(st.text())
def test_cleaning_leaves_one_printable_line(text: str) -> None:
    assert not [c for c in clean(text) if ord(c) < 32 or 127 <= ord(c) < 160 or 0x202A <= ord(c) <= 0x202E]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "40ms"), (4.21, "4.2s"), (59.99, "1m"), (200, "3m 20s"), (7500, "2h 5m"), (9 * 86400 + 3 * 3600, "9d 3h")],
)
def test_spans(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_who_decides_about_colour(choice: str, environ: dict[str, str], terminal: bool, wanted: bool) -> None:
    assert wants_color(choice, environ, Terminal() if terminal else io.StringIO()) is wanted


def test_style_without_colour_writes_no_escape() -> None:
    assert Style(color=False).status("FAILED") == "FAILED"
    assert Style(color=True).status("FAILED") == "\x1b[31mFAILED\x1b[0m"


@pytest.mark.parametrize("output", ["json", "table", "tsv", "csv", "jsonl"])
@pytest.mark.parametrize("broken", [TimeoutPassedError("over"), KeyboardInterrupt(), FailedError("gone")])
def test_what_came_before_it_broke_off_is_shown_in_every_format(output: str, broken: BaseException) -> None:
    def items() -> Iterator[object]:
        yield Parcel("o-1", "")
        raise broken

    out = io.StringIO()
    with pytest.raises(type(broken)):
        Renderer(out, io.StringIO(), FakeClock(), output=output).rows(("order_id", "note"), items())
    assert "o-1" in out.getvalue()
    if output == "json":
        assert [item["order_id"] for item in json.loads(out.getvalue())] == ["o-1"]


@pytest.mark.parametrize(("broken", "shown"), [(TimeoutPassedError("over"), "[]\n"), (FailedError("gone"), "")])
def test_nothing_came_is_told_apart_from_nobody_knows(broken: OrderctlError | None, shown: str) -> None:
    def items() -> Iterator[object]:
        if broken is not None:
            raise broken
        yield Parcel("o-1", "")

    out = io.StringIO()
    with pytest.raises(OrderctlError):
        Renderer(out, io.StringIO(), FakeClock(), output="json").rows(("order_id",), items())
    assert out.getvalue() == shown


ID = "arn:aws:states:ap-northeast-1:123456789012:execution:orders:01JD8Z7Q4W6T0N3V5X7Y9B1C2D"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 132, 200])
@pytest.mark.parametrize("title", ["order_id", "execution_arn", "name", "url", "queue", "message_id", "run"])
def test_no_width_of_the_terminal_cuts_an_id(title: str, width: int) -> None:
    out = Terminal()
    note = "a long word of explanation that may be folded as it likes"
    Renderer(out, io.StringIO(), FakeClock(), output="table", columns=width).rows(
        (title, "status", "note"), [{title: ID, "status": "FAILED", "note": note}]
    )
    assert ID in out.getvalue()


def test_text_over_several_lines_keeps_its_backslashes_and_loses_its_controls() -> None:
    out = io.StringIO()
    Renderer(out, io.StringIO(), FakeClock()).body("printf '%s\\t'\n\ttab \x1b[2J")
    assert out.getvalue() == "printf '%s\\t'\n    tab \\x1b[2J\n"
