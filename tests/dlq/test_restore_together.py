"""A restore with several batches in flight: none lost, none sent twice unnamed, FIFO order as in the file."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from orderctl.dlq.restore import AT_ONCE, Report
from orderctl.errors import OrderctlError
from tests.dlq.test_crew import Meeting
from tests.dlq.test_purge import Died, die
from tests.dlq.test_restore import export, in_groups, left, orders, put_back, reported, whole_fifo
from tests.dlq.world import World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call


@pytest.mark.parametrize(("fifo", "together"), [(False, 4), (True, 1)], ids=["standard", "fifo"])
def test_batches_overlap_on_a_standard_queue_only(fifo: bool, together: int, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(60, groups=60)
    path = export(world, tmp_path / "letters.jsonl")
    meeting = Meeting(together)
    world.aws.faults.on("SendMessageBatch", effects.barrier(meeting.come, meeting.leave))
    assert len(put_back(world, path).restored) == 60
    assert together <= meeting.most <= (1 if fifo else AT_ONCE)
    assert sorted(left(world)) == sorted(orders(60))


def test_a_letter_that_stands_in_the_file_twice_is_sent_once(tmp_path: Path) -> None:
    """Also where the batch of the first is still under way when the second is read."""
    world = World(tmp_path)
    world.seed(40)
    path = export(world, tmp_path / "letters.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    twice = [line for line in lines for _ in range(2)] + lines
    random.Random(7).shuffle(twice)
    path.write_text("".join(twice))
    meeting = Meeting(4)
    world.aws.faults.on("SendMessageBatch", effects.barrier(meeting.come, meeting.leave))
    assert len(put_back(world, path).restored) == 40
    assert sorted(left(world)) == sorted(orders(40))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_fails_none_is_lost_and_what_may_be_there_twice_is_named(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    world = World(tmp_path)
    world.seed(120)
    path = export(world, tmp_path / "letters.jsonl")
    some = [
        effects.throttle(),
        effects.reply_lost("timeout"),
        effects.reply_lost(),
        effects.server_error(),
        effects.answer_late(50),
        effects.entries_fail({dice.randrange(10)}),
    ]
    for effect in dice.sample(some, 2):
        world.aws.faults.on("SendMessageBatch", effect, start=dice.randrange(1, 9), times=dice.randrange(1, 9))
    if dice.random() < 0.5:
        moment = dice.choice(["before", "after"])
        world.aws.faults.on("SendMessageBatch", effects.barrier(**{moment: die}), nth=dice.randrange(2, 12))
    reports = [Report(), Report()]
    with suppress(OrderctlError, Died):
        put_back(world, path, report=reports[0])
    world.aws.faults.clear()
    put_back(world, path, report=reports[1])
    assert set(left(world)) == set(orders(120))
    twice = {order for order in orders(120) if left(world).count(order) > 1}
    assert twice <= reported(world, reports[0]) | reported(world, reports[1])


@pytest.mark.parametrize("seed", range(6))
def test_a_fifo_group_keeps_the_order_of_the_file_whatever_fails(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    world = World(tmp_path, fifo=True)
    world.seed(40, groups=5)
    path = whole_fifo(world, tmp_path)
    world.aws.faults.on("SendMessageBatch", effects.throttle(), start=dice.randrange(1, 5), times=dice.randrange(1, 4))
    world.aws.faults.on("SendMessageBatch", effects.entries_fail(0.3, seed=seed), start=5, times=4)
    report = put_back(world, path)
    assert report.failed == {}
    assert in_groups(left(world), 5) == in_groups(orders(40), 5)


def test_the_calls_of_a_restore_are_no_more_than_batches_of_ten(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(95)
    path = export(world, tmp_path / "letters.jsonl")
    calls: list[Call] = []
    world.aws.faults.on("SendMessageBatch", effects.barrier(before=calls.append))
    put_back(world, path)
    assert sorted(len(call.params["Entries"]) for call in calls) == [5, *[10] * 9]
