from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orderctl.errors import FailedError, UsageError
from orderctl.events.tap import (
    ALIVE_UNTIL,
    BUS,
    LEASE,
    OWNER,
    PREFIX,
    Delivery,
    Tailed,
    Tailer,
    TapLeftError,
    pattern_of,
)
from tests.fakes.clock import START, FakeClock
from tests.fakes.events import FakeTaps, delivered


def ids(events: list[Tailed]) -> list[str]:
    return [event.id for event in events]


def stuck(error: TapLeftError) -> None:
    raise error


def test_an_event_delivered_twice_is_shown_once(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock, [delivered(1), delivered(2), delivered(1)], [], [delivered(2), delivered(3)])
    tailer = Tailer(taps, clock, tmp_path)
    with tailer.opened("orders", "{}") as tap:
        events = list(tailer.follow(tap, until=30))
    assert ids(events) == ["e-1", "e-2", "e-3"]
    assert taps.settled == ["r-1", "r-2", "r-1", "r-2", "r-3"]


def test_an_event_that_cannot_be_read_is_shown_as_text_and_the_next_ones_too(tmp_path: Path) -> None:
    clock = FakeClock()
    deep = delivered(1).body.replace('{"n": 1}', '{"n": ' + "[" * 300 + "]" * 300 + "}")
    twice = delivered(2).body.replace('{"n": 2}', '{"n": 2, "n": 3}')
    odd = [Delivery(deep, "r-1"), Delivery(twice, "r-2"), Delivery("no JSON", "r-3"), Delivery("[1]", "r-4")]
    taps = FakeTaps(clock, [*odd, odd[2], delivered(5)])
    tailer = Tailer(taps, clock, tmp_path)
    with tailer.opened("orders", "{}") as tap:
        shown = list(tailer.follow(tap, until=5))
    assert [one.detail for one in shown] == [deep, twice, "no JSON", "[1]", {"n": 5}]
    assert [one.id for one in shown if one.id.startswith("e-")] == ["e-1", "e-2", "e-5"]
    assert len(taps.settled) == 6


def test_a_replayed_event_is_another_one(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock, [delivered(1), delivered(1, **{"replay-name": "again"})])
    tailer = Tailer(taps, clock, tmp_path)
    with tailer.opened("orders", "{}") as tap:
        assert [one.replay_name for one in tailer.follow(tap, until=5)] == [None, "again"]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), FailedError("x"), GeneratorExit()])
def test_however_it_ends_rule_and_queue_are_gone(tmp_path: Path, end: BaseException) -> None:
    taps = FakeTaps(FakeClock())

    def listen() -> None:
        with Tailer(taps, FakeClock(), tmp_path).opened("orders", "{}"):
            assert len(taps.queues) == len(taps.rules) == 1
            raise end

    with pytest.raises(type(end)):
        listen()
    assert (taps.made, taps.queues, taps.rules) == (1, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_rule_that_cannot_be_made_leaves_no_queue(tmp_path: Path) -> None:
    taps = FakeTaps(FakeClock())
    taps.fail_on = "connect"
    with pytest.raises(FailedError), Tailer(taps, FakeClock(), tmp_path).opened("orders", "{}"):
        pass
    assert (taps.made, taps.queues, taps.rules) == (1, {}, {})


def test_a_tail_that_is_being_read_is_not_swept(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock)
    tailer = Tailer(taps, clock, tmp_path)
    with tailer.opened("orders", "{}"):
        clock.advance(10 * LEASE)
        assert tailer.sweep(stuck) == []
        assert len(taps.queues) == 1


def test_what_a_killed_process_of_this_machine_left_is_swept_at_once(tmp_path: Path) -> None:
    taps = FakeTaps(FakeClock())
    tailer = Tailer(taps, FakeClock(), tmp_path)
    name = f"{PREFIX}dead"
    taps.queues[name] = {OWNER: tailer.owner, BUS: "orders", ALIVE_UNTIL: str(int(START.timestamp() + LEASE))}
    script = (
        "import fcntl, os, signal, sys\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / name)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert tailer.sweep(stuck) == []
        other.kill()
        other.wait()
    assert tailer.sweep(stuck) == [name]
    assert taps.queues == {}


def test_what_another_machine_left_is_swept_when_its_lease_is_over(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock)
    tailer = Tailer(taps, clock, tmp_path)
    until = str(int(START.timestamp() + LEASE))
    taps.queues = {
        f"{PREFIX}elsewhere": {OWNER: "another", BUS: "orders", ALIVE_UNTIL: until},
        f"{PREFIX}untagged": {BUS: "orders"},
    }
    assert tailer.sweep(stuck) == []
    clock.advance(LEASE + 1)
    assert tailer.sweep(stuck) == [f"{PREFIX}elsewhere"]


def test_one_that_cannot_be_removed_is_told_and_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    taps = FakeTaps(FakeClock())
    tailer = Tailer(taps, FakeClock(), tmp_path)
    names = [f"{PREFIX}stuck", f"{PREFIX}dead"]
    taps.queues = {name: {OWNER: tailer.owner, BUS: "orders"} for name in names}
    taps.stuck = {names[0]}
    told: list[str] = []
    assert tailer.sweep(lambda error: told.append(error.message)) == [names[1]]
    assert told == [f"rule and queue {names[0]} stay: no events:RemoveTargets"]
    assert list(taps.queues) == [names[0]]


def test_a_long_tail_renews_its_lease(tmp_path: Path) -> None:
    clock = FakeClock()
    taps = FakeTaps(clock, *[[]] * 200)
    tailer = Tailer(taps, clock, tmp_path)
    with tailer.opened("orders", "{}") as tap:
        list(tailer.follow(tap, until=1500))
        assert int(taps.queues[tap.name][ALIVE_UNTIL]) > clock.now().timestamp() + LEASE - 150


@pytest.mark.parametrize(
    ("pattern", "sources", "kinds", "made"),
    [
        (None, [], [], '{"source": [{"prefix": ""}]}'),
        (None, ["a"], ["b", "c"], '{"source": ["a"], "detail-type": ["b", "c"]}'),
        ('{"detail": {"n": [1]}}', [], ["b"], '{"detail": {"n": [1]}, "detail-type": ["b"]}'),
    ],
)
def test_a_pattern_is_made_of_the_options(pattern: str | None, sources: list[str], kinds: list[str], made: str) -> None:
    assert pattern_of(pattern, sources, kinds) == made


@pytest.mark.parametrize("pattern", ["[]", "{", '{"source": ["x"]}'])
def test_a_pattern_that_is_none_or_says_it_twice_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        pattern_of(pattern, ["a"], [])
