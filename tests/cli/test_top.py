from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orderctl.cli.top_screen import TopScreen
from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.errors import AuthError
from orderctl.inventory.models import Stock
from orderctl.render.style import Style
from orderctl.render.top_keys import Key
from orderctl.render.watch import LiveView
from orderctl.top.board import Board
from orderctl.top.models import Alarm, DeadLetterQueue, ExecutionCounts, FailureCount, Snapshot
from orderctl.top.ports import Trend
from tests.cli.support import Outcome, new_app, run, write_config
from tests.dlq.world import World
from tests.docs.pages import DOCS
from tests.fakes.clock import START, FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, SUCCEEDED
from tests.fakes.stock import FakeStockTable
from tests.render.test_watch import Screen

CONFIG = f"""\
default_env = "prod"
[env.prod]
region = "ap-northeast-1"
[env.prod.resources]
state_machine = "{MACHINE}"
inventory_table = "inventory"
"""


class CloudWatch:
    def __init__(self, error: AuthError | None = None) -> None:
        self.error = error

    def of(self, names: Sequence[str]) -> Mapping[str, Trend]:
        if self.error:
            raise self.error
        return {name: Trend((0, 1), 120.0) for name in names}

    def raised(self, prefix: str | None) -> list[Alarm]:
        if self.error:
            raise self.error
        return [Alarm("orders-alarm", "ALARM", START, "3 >= 1")]


class Desk:
    """Somebody who types `orderctl top`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.world = World(home / "state")
        self.clock = self.world.clock
        self.executions = FakeExecutions(self.clock)
        self.executions.run("good", SUCCEEDED)
        self.executions.run("bad", OUT_OF_STOCK)
        self.clock.advance(60)
        self.world.seed(3)
        self.cloudwatch = CloudWatch()
        write_config(home, CONFIG)

    def types(self, *words: str, **how: Any) -> Outcome:
        app: Any = new_app(self.home, clock=self.clock, **how)
        app.aws = self
        app.executions, app.stock = self.executions, FakeStockTable(Stock("sold-out", 0), Stock("w-1", 50))
        app.wiring = lambda: Wiring((Wire(Kind.SQS, self.world.dlq.arn, "orders", "orders"),))
        app.alarms = app.queue_trends = self.cloudwatch
        return run(app, "top", *words)

    def client(self, service: str, **_: object) -> Any:
        return self.world.aws.client(service)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_once_prints_everything_as_a_screen(desk: Desk) -> None:
    assert desk.types("--once", "-o", "table") == Outcome(
        0,
        "orderctl top  prod  2026-11-22T03:01:00Z  last 1h\n"
        "executions  FAILED 1  SUCCEEDED 1\n"
        "started ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█   failed ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█\n"
        "dead letters  1\n"
        "  orders-dlq      3 ↑ ▁▃█               2m\n"
        "failures  1\n"
        "  OutOfStock      1  such as bad, 1m ago\n"
        "alarms  1\n"
        "  orders-alarm  1m ago  3 >= 1\n"
        "running  none\n"
        "low stock  1\n"
        "  sold-out  0\n",
        "",
    )


def test_in_a_pipe_it_prints_a_line_a_number_and_ends(desk: Desk) -> None:
    assert desk.types() == Outcome(
        0,
        "executions\tSUCCEEDED\t1\t\n"
        "executions\tFAILED\t1\t\n"
        "failures\tOutOfStock\t1\tbad\n"
        "dead letters\torders-dlq\t3\t120.0\n"
        "low stock\tsold-out\t0\t\n"
        "alarms\torders-alarm\tALARM\t2026-11-22T03:00:00.000Z\n",
        "",
    )


def test_json_is_the_snapshot_with_its_documented_fields(desk: Desk) -> None:
    document = json.loads(desk.types("-o", "json").out)
    assert list(document) == [field.name for field in fields(Snapshot)]
    assert document["dead_letter_queues"][0]["depth"] == 3
    assert desk.types("-o", "json", "--query", "sum(dead_letter_queues[].depth)").out == "3\n"


@pytest.mark.parametrize("words", [[], ["-o", "table"], ["-o", "tsv"], ["--once"]])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_query_is_asked_of_the_snapshot_in_every_format(desk: Desk, words: list[str], terminal: bool) -> None:
    asked = desk.types(*words, "--query", "failures[].[error, count, order_id]", terminal=terminal)
    assert asked == Outcome(0, "OutOfStock\t1\tbad\n", "")


@pytest.mark.parametrize(
    ("part", "model"),
    [
        ("`top`", Snapshot),
        ("`top`, `executions`", ExecutionCounts),
        ("`top`, each of `failures`", FailureCount),
        ("`top`, each of `dead_letter_queues`", DeadLetterQueue),
        ("`top`, each of `alarms`", Alarm),
    ],
)
def test_the_page_on_output_names_every_field(part: str, model: type) -> None:
    rows = (DOCS / "output.md").read_text(encoding="utf-8").splitlines()
    (row,) = (row for row in rows if row.startswith(f"| {part} |"))
    assert re.findall(r"`([^`]+)`", row.removeprefix(f"| {part} |")) == [field.name for field in fields(model)]


def test_without_cloudwatch_the_rest_is_shown_and_the_permission_named(desk: Desk) -> None:
    desk.cloudwatch.error = AuthError("not allowed (cloudwatch DescribeAlarms: AccessDenied)")
    document = json.loads(desk.types("-o", "json").out)
    assert document["missing"] == ["alarms"]
    assert "alarms: not allowed (cloudwatch DescribeAlarms: AccessDenied)" in document["notes"]
    assert document["dead_letter_queues"][0]["oldest_age_seconds"] is None


def test_it_receives_and_changes_nothing(desk: Desk) -> None:
    desk.types("--once")
    assert {call.operation for call in desk.world.aws.calls} <= {"GetQueueUrl", "GetQueueAttributes"}
    assert desk.executions.count("history") == 0


@pytest.mark.parametrize("words", [["--interval", "1s"], ["--since", "0s"], ["--low", "-1"], ["--since", "soon"]])
def test_spans_that_make_no_sense_are_a_usage_error(desk: Desk, words: list[str]) -> None:
    assert desk.types(*words).code == 2
    assert desk.executions.calls == []


class Typist:
    """Presses keys, one a wait; the clock goes on while nobody does."""

    def __init__(self, clock: FakeClock, *keys: Key | None) -> None:
        self.clock = clock
        self.keys = list(keys)
        self.is_raw = False

    def wait(self, seconds: float) -> list[Key]:
        assert self.is_raw, "keys are read while another command has the terminal"
        if seconds == 0:
            return []
        self.clock.advance(seconds)
        pressed = self.keys.pop(0) if self.keys else Key.QUIT
        return [] if pressed is None else [pressed]

    @contextmanager
    def raw(self) -> Iterator[None]:
        self.is_raw = True
        try:
            yield
        finally:
            self.is_raw = False


class Live:
    """The live screen in front of the fakes."""

    def __init__(self, desk: Desk, columns: int, rows: int, *keys: Key | None) -> None:
        from orderctl.aws.sqs import SqsQueues
        from orderctl.top.executions import RecentExecutions
        from orderctl.top.queues import WatchedQueues

        self.terminal = Screen(columns, rows)
        self.typist = Typist(desk.clock, *keys)
        self.commands: list[Sequence[str]] = []
        hour = timedelta(hours=1)
        sqs = SqsQueues(desk.client("sqs"), desk.client("sqs"), desk.clock)
        wiring = Wiring((Wire(Kind.SQS, desk.world.dlq.arn, "orders", "orders"),))
        board = Board(
            desk.clock,
            "prod",
            hour,
            executions=lambda: RecentExecutions(desk.executions, MACHINE, desk.clock, hour),
            queues=lambda: WatchedQueues(sqs, lambda: wiring, lambda: None, desk.cloudwatch, desk.clock),
            alarms=lambda: desk.cloudwatch,
        )
        view = LiveView(self.terminal, lambda: (self.terminal.columns, self.terminal.rows))
        self.screen = TopScreen(board, view, self.typist, desk.clock, Style(color=False), self._closer)

    def _closer(self, words: Sequence[str]) -> None:
        assert not self.typist.is_raw, "the other command's terminal must be as it was"
        self.commands.append(words)


def test_enter_runs_the_command_that_looks_closer_and_a_key_comes_back(desk: Desk) -> None:
    live = Live(desk, 80, 24, None, Key.ENTER, Key.DOWN, Key.ENTER, Key.OTHER, Key.DOWN, Key.ENTER, Key.OTHER)
    live.screen.run()
    assert live.commands == [("dlq", "inspect", "orders-dlq"), ("orders", "show", "bad")]


def test_a_screen_that_did_not_change_is_not_written_again(desk: Desk) -> None:
    live = Live(desk, 80, 24, *[None] * 3)
    live.screen.run()
    writes = live.terminal.writes
    longer = Live(desk, 80, 24, *[None] * 3)
    longer.screen.run()
    assert longer.terminal.writes == writes
    assert writes <= 9


def test_the_last_screen_stays_when_somebody_leaves(desk: Desk) -> None:
    live = Live(desk, 80, 24, None, Key.QUIT)
    live.screen.run()
    shown = "\n".join(live.terminal.lines)
    assert "orders-dlq" in shown
    assert "q quit" not in shown


def test_a_window_made_smaller_gets_a_screen_that_fits(desk: Desk) -> None:
    class Shrinking(Typist):
        def wait(self, seconds: float) -> list[Key]:
            if len(self.keys) == 2:
                live.terminal.columns, live.terminal.rows = 40, 8
            return super().wait(seconds)

    live = Live(desk, 80, 24)
    live.typist = live.screen._keys = Shrinking(desk.clock, *[None] * 4)
    drawn: list[int] = []
    live.screen._view._write = lambda text: drawn.append(text.count("\n"))  # type: ignore[method-assign]
    live.screen.run()
    assert drawn[0] > 8
    assert drawn[-2] <= 7


def test_ctrl_c_leaves_and_keeps_the_screen(desk: Desk) -> None:
    live = Live(desk, 80, 24)

    def interrupt(seconds: float) -> list[Key]:
        if seconds:
            raise KeyboardInterrupt
        return []

    live.typist.wait = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        live.screen.run()
    assert "orders-dlq" in "\n".join(live.terminal.lines)
    assert not live.typist.is_raw
