from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.events.tap import ALIVE_UNTIL, BUS, OWNER, PREFIX, Delivery
from tests.cli.support import Outcome, new_app, run
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeBus, FakeTaps, delivered


def app_with(home: Path, taps: FakeTaps, clock: FakeClock, bus: FakeBus | None = None) -> App:
    app = new_app(home, environ={"ORDERCTL_EVENT_BUS": "orders"}, clock=clock)
    app.event_buses = lambda name: bus or FakeBus()
    app.event_taps = taps
    return app


def tail(home: Path, taps: FakeTaps, clock: FakeClock, *options: str) -> Outcome:
    return run(app_with(home, taps, clock), "events", "tail", *options)


def test_events_are_shown_as_they_come_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock, [delivered(1)], [delivered(2)])
    done = tail(tmp_path, taps, clock, "--detail-type", "OrderCreated")
    assert done.code == 130
    assert done.out == (
        '2026-11-22T03:00:00Z\torders.api\tOrderCreated\te-1\t{"n": 1}\n'
        '2026-11-22T03:00:00Z\torders.api\tOrderCreated\te-2\t{"n": 2}\n'
    )
    assert (taps.made, taps.queues, taps.rules) == (1, {}, {})


def test_jsonl_ends_with_one_result_whatever_ended_it(tmp_path: Path) -> None:
    clock = FakeClock()
    done = tail(tmp_path, FakeTaps(clock, [delivered(1)]), clock, "-o", "jsonl")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["type"] for one in told] == ["event", "result"]
    assert (told[0]["id"], told[0]["detail"], told[1]["count"]) == ("e-1", {"n": 1}, 1)


@pytest.mark.parametrize("output", ["tsv", "csv", "jsonl", "table"])
def test_an_event_is_on_the_screen_before_the_next_is_waited_for(tmp_path: Path, output: str) -> None:
    clock, seen = FakeClock(), list[str]()

    def look() -> list[Delivery]:
        seen.append(str(app.out.getvalue()))  # type: ignore[attr-defined]
        return [delivered(2)]

    app = app_with(tmp_path, FakeTaps(clock, [delivered(1)], look), clock)
    done = run(app, "events", "tail", "-o", output)
    assert ("e-1" in seen[0], "e-2" in seen[0]) == (True, False)
    assert (done.out.count("e-1"), done.out.count("e-2")) == (1, 1)


@pytest.mark.parametrize("step", ["make_queue", "connect"])
def test_a_stream_that_never_began_ends_with_a_result_too(tmp_path: Path, step: str) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock)
    taps.fail_on = step
    done = tail(tmp_path, taps, clock, "-o", "jsonl")
    assert (done.code, json.loads(done.out)) == (1, {"type": "result", "count": 0})
    assert (taps.queues, taps.rules) == ({}, {})


def test_max_ends_it_well_and_a_timeout_before_ends_with_124(tmp_path: Path) -> None:
    clock = FakeClock()
    assert tail(tmp_path, FakeTaps(clock, [delivered(1), delivered(2)]), clock, "--max", "1").code == 0
    done = tail(tmp_path, FakeTaps(clock, [delivered(1)], [], []), clock, "--max", "2", "--timeout", "30s")
    assert done.code == 124
    assert "1 of 2 events came by in 30s" in done.err
    assert tail(tmp_path, FakeTaps(clock, [], [], []), clock, "--timeout", "30s").code == 0


def test_a_missing_bus_is_not_found_and_nothing_is_made(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock)
    assert run(app_with(tmp_path, taps, clock, FakeBus(exists=False)), "events", "tail").code == 3
    assert taps.made == 0


@pytest.mark.parametrize("options", [("--dry-run",), ("--pattern", "{")])
def test_a_dry_run_or_a_wrong_pattern_makes_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock)
    assert tail(tmp_path, taps, clock, *options).code in (0, 2)
    assert taps.made == 0


def test_the_next_start_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock, [delivered(1)])
    taps.queues[f"{PREFIX}dead"] = {OWNER: "another", BUS: "orders", ALIVE_UNTIL: "1"}
    done = tail(tmp_path, taps, clock, "--max", "1")
    assert done.err.startswith(f"removed rule and queue {PREFIX}dead, left by a run that was killed\n")
    assert taps.queues == {}
