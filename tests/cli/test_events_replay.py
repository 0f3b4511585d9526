from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.events.models import Target
from tests.cli.support import Outcome, new_app, run
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeBus, FakeReplays, rule

SPAN = ("--since", "2026-11-22T01:00:00Z", "--until", "2026-11-22T02:00:00Z")
REPLAY = (*SPAN, "--rule", "OrderCreated")
NAME = "again"


def app_with(home: Path, fake: FakeReplays) -> App:
    bus = FakeBus(rule("OrderCreated", {"source": ["orders.api"]}))
    (only,) = bus.rules()
    bus.targets_of["OrderCreated"] = [Target(only.arn, "SendEmail", "arn:aws:lambda:r:1:function:mail")]
    app = new_app(home, environ={"ORDERCTL_EVENT_ARCHIVE": "orders-archive"}, clock=FakeClock())
    app.event_buses = lambda name: bus
    app.replays = fake
    return app


def replay(home: Path, fake: FakeReplays, *options: str) -> Outcome:
    return run(app_with(home, fake), "events", "replay", *options)


def test_targets_have_to_be_named_before_anything_starts(tmp_path: Path) -> None:
    fake = FakeReplays()
    done = replay(tmp_path, fake, *REPLAY, "--name", NAME, "--yes")
    assert done == Outcome(
        7,
        "",
        "replay again: 2026-11-22T01:00:00.000Z to 2026-11-22T02:00:00.000Z of orders-archive\n"
        '  rule OrderCreated (ENABLED) is sent what matches {"source": ["orders.api"]}\n'
        "    runs SendEmail: arn:aws:lambda:r:1:function:mail\n"
        "orderctl: the replay would also run SendEmail; nothing was started\n"
        "hint: if they may run again: --target SendEmail\n",
    )
    assert not fake.started


@pytest.mark.parametrize(("options", "code"), [((), 7), (("--dry-run",), 0)])
def test_without_a_yes_nothing_starts(tmp_path: Path, options: tuple[str, ...], code: int) -> None:
    fake = FakeReplays()
    assert replay(tmp_path, fake, *REPLAY, "--target", "SendEmail", *options).code == code
    assert not fake.started


def test_a_span_told_from_now_is_another_each_time_and_that_is_said(tmp_path: Path) -> None:
    relative = ("--since", "2h", "--until", "1h", "--rule", "OrderCreated", "--target", "SendEmail", "--dry-run")
    done = replay(tmp_path, FakeReplays(), *relative)
    told = "in a runbook: --since 2026-11-22T01:00:00.000Z --until 2026-11-22T02:00:00.000Z\n"
    assert done.err.endswith(told)
    assert "in a runbook" not in replay(tmp_path, FakeReplays(), *relative, "--name", NAME).err
    assert "in a runbook" not in replay(tmp_path, FakeReplays(), *REPLAY, "--target", "SendEmail", "--dry-run").err


def test_a_replay_runs_to_its_end(tmp_path: Path) -> None:
    done = replay(tmp_path, FakeReplays(), *REPLAY, "--target", "SendEmail", "--name", NAME, "--yes")
    assert done.code == 0
    assert done.out.startswith("again\tCOMPLETED\t2026-11-22T01:00:00.000Z\t2026-11-22T02:00:00.000Z\t")
    assert done.err.endswith("STARTING 0%\nRUNNING 50%\nCOMPLETED 100%\n")


def test_the_same_line_again_is_a_conflict(tmp_path: Path) -> None:
    fake = FakeReplays()
    line = ("--since", "2026-11-22T01:00:00Z", "--until", "2026-11-22T02:00:00Z", *REPLAY[4:], "--target", "SendEmail")
    assert replay(tmp_path, fake, *line, "--yes").code == 0
    assert replay(tmp_path, fake, *line, "--yes").code == 5
    assert len(fake.started) == 1


def test_replays_are_listed_watched_and_cancelled(tmp_path: Path) -> None:
    fake = FakeReplays("RUNNING")
    done = replay(tmp_path, fake, *REPLAY, "--target", "SendEmail", "--name", NAME, "--yes", "--timeout", "1s")
    assert done.code == 124
    assert replay(tmp_path, fake, "--list").out.startswith("again\tRUNNING\t")
    assert replay(tmp_path, fake, "--cancel", NAME).code == 7
    assert replay(tmp_path, fake, "--cancel", NAME, "--dry-run").code == 0
    assert not fake.cancelled
    assert replay(tmp_path, fake, "--cancel", NAME, "--yes").out.startswith("again\tCANCELLED\t")
    assert replay(tmp_path, fake, "--watch", NAME).code == 1
    assert replay(tmp_path, fake, "--watch", "other").code == 3


def test_since_is_wanted_and_an_unknown_archive_not_found(tmp_path: Path) -> None:
    assert replay(tmp_path, FakeReplays()).code == 2
    assert replay(tmp_path, FakeReplays(), *REPLAY, "--archive", "other").code == 3
