"""Ctrl-C: nothing new is begun, what is in hand is ended, the rest goes back; a second one leaves at once."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.dlq.batch import STOPPED
from orderctl.dlq.models import Kind
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import Run
from orderctl.dlq.tally import Tally
from tests.dlq.world import FunctionWorld, World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call


class Key:
    """Ctrl-C, pressed while a call is under way; the call goes on when the run has heard it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.is_pressed = threading.Event()
        self.times = 1
        self.heard: list[float] = []
        run.engine.progress = self.tick
        run.engine.on_interrupt = lambda: self.heard.append(time.monotonic())

    def press(self, _call: Call) -> None:
        self.is_pressed.set()
        assert self.run.engine.desk.pace.stop.wait(5)

    def tick(self, _tally: Tally) -> None:
        if self.is_pressed.is_set() and self.times:
            self.times -= 1
            raise KeyboardInterrupt


def visible(world: World) -> int:
    now = world.clock.now().timestamp()
    return sum(message.is_visible(now) for message in world.dlq.messages.values())


def test_no_delivery_begins_after_the_first_one_and_the_rest_goes_back(tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(30)
    run = world.begin()
    key = Key(run)
    world.aws.faults.on("Invoke", effects.barrier(before=key.press), nth=3)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert time.monotonic() - begun < 2
    assert len(key.heard) == 1
    assert world.aws.count("Invoke") == 3, "the third was under way"
    assert (len(run.tally.delivered), len(run.tally.deleted)) == (3, 3)
    assert set(run.tally.kept.values()) == {STOPPED}
    assert (len(world.left()), visible(world)) == (27, 27)
    assert world.faults_of(run.tally) == []
    resumed = world.resume()
    resumed.go()
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})


def test_a_run_that_waits_out_a_throttle_stops_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    run = world.begin()
    key = Key(run)
    world.aws.faults.on("SendMessageBatch", effects.barrier(before=key.press), nth=2)
    world.aws.faults.on("SendMessageBatch", effects.throttle())
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert world.aws.count("SendMessageBatch") == 2
    assert (len(world.left()), visible(world)) == (10, 10)


def test_thousands_set_aside_do_not_make_it_wait(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(300)
    run = world.begin(Order(concurrency=1))
    key = Key(run)
    world.aws.faults.on("ReceiveMessage", effects.barrier(before=key.press), nth=25)
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.answer_late(0.5))
    run.engine._triage.job = replace(run.engine.job, plan=lambda _message: None)  # nothing is selected
    before = world.clock.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert world.clock.monotonic() - before < 10
    assert any("were not given back; they are visible again within" in note for note in run.engine.notes)
    assert len(world.left()) == 300


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_one_leaves_and_a_worker_left_behind_can_begin_nothing(workers: int, tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(30)
    run = world.begin(Order(concurrency=workers))
    key = Key(run)
    key.times = 2
    gate = threading.Event()

    def hang(call: Call) -> None:
        key.press(call)
        assert gate.wait(5)

    world.aws.faults.on("Invoke", effects.barrier(after=hang), nth=2)
    with pytest.raises(KeyboardInterrupt):
        run.go()
    size = run.journal.path.stat().st_size
    gate.set()
    run.engine._crew.wait(lambda: None)
    assert run.journal.path.stat().st_size == size, "closed"
    assert world.lost() == set()
    world.settle_down()
    resumed = world.resume()
    resumed.go()
    assert world.duplicates() <= world.reported(resumed.tally)
    assert (world.left(), world.lost()) == ([], set())
