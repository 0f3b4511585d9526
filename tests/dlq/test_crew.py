"""How many workers there are follows what the queue gives and what AWS lets through."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import most_workers
from orderctl.pool import Crew, Width
from tests.dlq.world import World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call


class Meeting:
    """Sends wait for each other, until so many are under way at once or none joins any more."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.now = self.most = 0
        self._changed = threading.Condition()

    def come(self, _call: Call) -> None:
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.expected, timeout=0.3)

    def leave(self, _call: Call) -> None:
        with self._changed:
            self.now -= 1


@pytest.mark.parametrize(("limit", "most"), [(16, 7), (3, 3), (1, 1)])
def test_full_batches_make_the_crew_grow_up_to_the_limit(limit: int, most: int, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(600)
    meeting = Meeting(most)
    world.aws.faults.on("SendMessageBatch", effects.barrier(meeting.come, meeting.leave))
    run = world.begin(Order(concurrency=limit))
    run.go()
    assert (world.left(), world.faults_of(run.tally)) == ([], [])
    assert meeting.most >= most
    assert run.engine.most_workers <= limit


def test_a_short_queue_has_one_worker(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(7)
    run = world.begin(Order(concurrency=16))
    run.go()
    assert run.engine.most_workers == 1


def test_a_queue_that_counts_too_little_at_first_gets_more_workers_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(200)
    world.aws.sqs.approximate = lambda _count: 0
    run = world.begin(Order(concurrency=4))
    world.aws.sqs.approximate = int
    run.go()
    assert run.engine.most_workers == 4
    assert world.left() == []


def test_a_throttle_sends_half_of_the_workers_home(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(120)
    run = world.begin(Order(concurrency=4))
    world.aws.faults.on("SendMessageBatch", effects.throttle(), times=6)
    run.go()
    width = run.engine.desk.pace.width
    assert width.now < 4
    assert world.left() == []


def test_a_crew_never_loses_its_last_worker() -> None:
    width = Width(4)
    gate = threading.Event()
    left: list[bool] = []

    def work() -> None:
        gate.wait(5)
        left.append(crew.is_surplus())

    crew = Crew(work, width)
    crew.start(9)
    for _ in range(6):
        width.narrow()
    gate.set()
    crew.wait(lambda: None)
    assert (sorted(left), crew.most) == ([False, True, True, True], 4)
    crew.grow()
    assert crew.most == 4, "nobody is there to be joined"


@pytest.mark.parametrize(("rate", "most"), [(None, 8), (100.0, 8), (0.05, 3), (0.001, 1)])
def test_a_low_rate_needs_few_workers(rate: float | None, most: int) -> None:
    assert most_workers(Order(rate=rate, concurrency=8)) == most
