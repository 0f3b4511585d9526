from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError
from tests.cli.support import Outcome
from tests.cli.test_orders import Desk
from tests.fakes.logs import FakeGroups, FakeLogs
from tests.orders.test_order_logs import FIRST, GROUP, called


class LogDesk(Desk):
    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.logs = FakeLogs(self.clock, GROUP)
        self.groups = FakeGroups()

    def app(self, *, stdin: str = "", terminal: bool = False) -> App:
        app = super().app(stdin=stdin, terminal=terminal)
        app.logs, app.function_groups = self.logs, self.groups
        return app


@pytest.fixture
def desk(tmp_path: Path) -> LogDesk:
    desk = LogDesk(tmp_path)
    desk.executions.run("o-1", called())
    desk.clock.advance(1)
    desk.logs.put(GROUP, f"START RequestId: {FIRST} Version: 1")
    desk.logs.put(GROUP, json.dumps({"level": "INFO", "message": "validated\x1b[2J", "function_request_id": FIRST}))
    desk.clock.advance(60)
    return desk


def test_logs_are_a_line_each_in_time_order(desk: LogDesk) -> None:
    assert desk.run("orders", "logs", "o-1", "-o", "table") == Outcome(
        0,
        f"2026-11-22T03:00:01.000Z  validate  START RequestId: {FIRST} Version: 1\n"
        "2026-11-22T03:00:01.000Z  validate  INFO  validated\\x1b[2J\n",
        "",
    )


def test_in_jsonl_every_field_is_there(desk: LogDesk) -> None:
    lines = [json.loads(line) for line in desk.run("orders", "logs", "@latest", "-o", "jsonl").out.splitlines()]
    assert list(lines[1]) == [
        "timestamp", "source", "level", "message", "request_id", "match", "log_group", "log_stream", "trace_id",
    ]  # fmt: skip
    assert (lines[1]["request_id"], lines[1]["match"], lines[1]["log_group"]) == (FIRST, "request_id", GROUP)


def test_too_many_lines_are_cut_and_counted(desk: LogDesk) -> None:
    done = desk.run("orders", "logs", "o-1", "--max", "1")
    assert len(done.out.splitlines()) == 1
    assert done.err == "warning: 1 more lines: raise --max, or narrow with --since and --until\n"


def test_since_and_until_narrow_it(desk: LogDesk) -> None:
    assert desk.run("orders", "logs", "o-1", "--since", "2026-11-22T03:00:02Z").out == ""
    assert desk.run("orders", "logs", "o-1", "--until", "2026-11-22T03:00:00.5Z").out == ""


def test_follow_goes_on_until_the_execution_and_its_log_are_done(desk: LogDesk) -> None:
    done = desk.run("orders", "logs", "o-1", "--follow")
    assert (done.code, len(done.out.splitlines())) == (0, 2)
    *lines, last = desk.run("orders", "logs", "o-1", "--follow", "-o", "jsonl").out.splitlines()
    assert (len(lines), json.loads(last)) == (
        2, {"type": "result", "outcome": "succeeded", "exit_code": 0, "message": None},
    )  # fmt: skip


def test_follow_that_stops_at_its_limit_says_so(desk: LogDesk) -> None:
    done = desk.run("orders", "logs", "o-1", "--follow", "--max", "1")
    assert (len(done.out.splitlines()), done.err) == (
        1, "warning: more than 1 lines: what follows is left out; raise --max\n",
    )  # fmt: skip


def test_what_cannot_be_read_is_a_warning(desk: LogDesk) -> None:
    desk.groups.error = AuthError("not authorized")
    done = desk.run("orders", "logs", "o-1")
    assert done == Outcome(0, "", "warning: function validate: where it logs cannot be read: not authorized\n")


@pytest.mark.parametrize(
    ("flags", "code"), [(("nope",), 3), (("o-1", "--timeout", "1s"), 2), (("o-1", "--since", "x"), 2), (("o 1",), 2)]
)
def test_what_makes_no_sense_is_refused(desk: LogDesk, flags: tuple[str, ...], code: int) -> None:
    assert desk.run("orders", "logs", *flags).code == code
