from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orderctl.dlq.deletes import delete
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.pace import Patience
from orderctl.errors import AuthError
from tests.dlq.world import World
from tests.fakes.sqs import effects


def in_hand(world: World, count: int) -> tuple[Queue, list[Message]]:
    """A hand as large as a wave's, received ten at a time."""
    world.seed(count)
    queues = world.services.queues
    queue = queues.describe(world.dlq_name)
    return queue, [
        message for _ in range(0, count, 10) for message in queues.receive(queue, up_to=10, hide_for=120, wait=0)
    ]


def tried(world: World, queue: Queue, messages: list[Message]) -> tuple[set[str], bool]:
    failed, is_busy = delete(world.services.queues, queue, messages, world.clock, Patience(world.clock))
    there = {message.message_id for message in world.dlq.messages.values()}
    assert there == set(failed), "what is said to be deleted is gone, and nothing else"
    return set(failed), is_busy


@pytest.mark.parametrize("count", [1, 10, 11, 200])
def test_all_are_deleted_ten_a_call(count: int, tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, messages = in_hand(world, count)
    assert tried(world, queue, messages) == (set(), False)
    assert world.aws.count("DeleteMessageBatch") == -(-count // 10)


def test_a_large_hand_is_deleted_by_several_calls_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, messages = in_hand(world, 200)
    both = threading.Barrier(2)
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=lambda _call: both.wait(10)), nth=1)
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=lambda _call: both.wait(10)), nth=2)
    assert tried(world, queue, messages) == (set(), False)


def test_what_one_ten_is_refused_is_told_of_that_ten_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, messages = in_hand(world, 60)
    world.aws.faults.on("DeleteMessageBatch", effects.throttle(), nth=3)
    failed, is_busy = tried(world, queue, messages)
    assert (len(failed), is_busy) == (10, True)


def test_entries_that_fail_are_told_one_by_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, messages = in_hand(world, 60)
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail({0, 5}))
    failed, is_busy = tried(world, queue, messages)
    assert (len(failed), is_busy) == (12, False)


def test_a_missing_permission_is_raised(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, messages = in_hand(world, 60)
    world.aws.faults.on("DeleteMessageBatch", effects.access_denied())
    with pytest.raises(AuthError):
        tried(world, queue, messages)
    assert len(world.dlq.messages) == 60
