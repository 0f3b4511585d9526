from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from orderctl.audit.listing import find
from orderctl.audit.models import Intent, Outcome
from orderctl.audit.recorder import Recorder
from orderctl.audit.trail import Trail
from orderctl.errors import AuthError, FailedError, OrderctlError
from tests.fakes.clock import START, FakeClock

INTENT = Intent("arn:aws:iam::1:user/ada", "prod", "123456789012", "eu-west-1", "orderctl x", "because")


class Bus:
    def __init__(self, error: OrderctlError | None = None) -> None:
        self.told: list[tuple[str, Mapping[str, object]]] = []
        self._error = error

    def announce(self, detail_type: str, detail: Mapping[str, object]) -> None:
        if self._error is not None:
            raise self._error
        self.told.append((detail_type, detail))


def test_a_change_is_written_before_and_after(tmp_path: Path) -> None:
    clock, trail, bus = FakeClock(), Trail(tmp_path / "audit.jsonl"), Bus()
    recorder = Recorder(trail, clock, bus)
    recorder.begin(INTENT)
    recorder.begin(INTENT)
    (began,) = find(trail, most=9).changes
    assert (began.outcome, began.exit_code, began.reason) == (Outcome.UNKNOWN, None, "because")
    clock.advance(5)
    recorder.end(6, {"deleted": 3, "kept": 1})
    (change,) = find(trail, most=9).changes
    assert (change.id, change.outcome, change.exit_code) == (began.id, Outcome.NOT_ALL, 6)
    assert change.counts == {"deleted": 3, "kept": 1}
    assert (change.at, change.ended_at) == (START, START + timedelta(seconds=5))
    assert [kind for kind, _ in bus.told] == ["Change Began", "Change Ended"]
    assert bus.told[1][1]["exit_code"] == 6
    assert bus.told[1][1]["command"] == "orderctl x"


def test_a_bus_that_does_not_take_the_event_stops_the_change(tmp_path: Path) -> None:
    recorder = Recorder(Trail(tmp_path / "audit.jsonl"), FakeClock(), Bus(AuthError("not allowed")))
    with pytest.raises(FailedError, match="nothing was changed, because the audit cannot record it: not allowed"):
        recorder.begin(INTENT)
    recorder_lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["phase"] for line in recorder_lines] == ["began"]


def test_what_never_began_has_no_end(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    Recorder(trail, FakeClock()).end(0, None)
    assert not trail.path.exists()


def test_the_listing_is_bounded_filtered_and_newest_first(tmp_path: Path) -> None:
    clock, trail = FakeClock(), Trail(tmp_path / "audit.jsonl")
    for number in range(5):
        recorder = Recorder(trail, clock)
        recorder.begin(Intent(None, "prod" if number % 2 else "dev", None, None, f"orderctl {number}", None))
        recorder.end(0, None)
        clock.advance(60)
    assert [each.command[-1] for each in find(trail, most=2).changes] == ["4", "3"]
    assert [each.command[-1] for each in find(trail, most=9, environment="prod").changes] == ["3", "1"]
    since = FakeClock().now().replace(minute=3)
    assert [each.command[-1] for each in find(trail, most=9, since=since).changes] == ["4", "3"]
