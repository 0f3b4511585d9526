"""What a new run, not a resumed one, makes of what an earlier run left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.dlq.batch import HIDE_FOR
from orderctl.dlq.plan import Order
from orderctl.errors import OrderctlError
from tests.dlq.test_killed import die, work_until_death
from tests.dlq.world import World
from tests.fakes.sqs import effects

SECOND = "20261122T040000Z-bbbbbb"


def second_run(world: World, order: Order | None = None) -> None:
    world.aws.faults.clear()
    world.clock.advance(HIDE_FOR + 1)
    run = world.begin(order, SECOND)
    run.go()
    assert world.faults_of(run.tally) == []
    assert world.left() == []


def test_letters_whose_answer_was_lost_are_named_when_another_run_delivers_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(5)
    world.aws.faults.on("SendMessageBatch", effects.reply_lost())
    world.begin().go()
    second_run(world)
    assert len(world.duplicates()) == 5


@pytest.mark.parametrize("when", ["before", "after"])
def test_letters_a_dead_run_was_at_are_named_when_another_run_delivers_them(when: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(5)
    run = world.begin()
    barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
    world.aws.faults.on("SendMessageBatch", barrier, nth=1)
    assert work_until_death(run)
    second_run(world)


def test_a_letter_that_was_delivered_and_is_still_there_is_only_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(5)
    world.aws.faults.on("DeleteMessageBatch", effects.before())
    world.begin().go()
    assert len(world.left()) == 5
    second_run(world)
    assert world.duplicates() == set()


def test_one_message_in_two_hands_is_delivered_once(tmp_path: Path) -> None:
    """A batch so slow that its messages are handed out again to another worker."""
    world = World(tmp_path)
    world.seed(60)
    world.aws.faults.on("SendMessageBatch", effects.delay(HIDE_FOR + 30), nth=1)
    run = world.begin(Order(concurrency=2))
    try:
        run.go()
    except OrderctlError:
        raise AssertionError("the run should end by itself") from None
    assert world.faults_of(run.tally) == []
