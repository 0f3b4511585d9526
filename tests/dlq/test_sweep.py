"""Several workers walk through one queue: nothing is missed, shown twice, or deleted before it was written down."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from orderctl.dlq.look import Glance
from orderctl.dlq.models import Message
from orderctl.dlq.sweep import AT_ONCE, Sweep, workers_for
from orderctl.errors import OrderctlError
from tests.dlq.test_crew import Meeting
from tests.dlq.test_export import hidden
from tests.dlq.test_purge import Died, assert_back, die, left, lines, new_purge, orders, path_of, written
from tests.dlq.test_restore import put_back
from tests.dlq.world import HIDDEN_LONGEST, World, identity
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call
from tests.fakes.sqs.message import read_handle

WORKERS = 4


def sweep_of(world: World, workers: int = WORKERS, stop: threading.Event | None = None) -> Sweep:
    queue = world.prepared().queue
    return Sweep(world.services.queues, queue, world.clock, Glance(), stop or threading.Event(), workers)


def shown(sweep: Sweep) -> Generator[Message]:
    with contextlib.closing(sweep.batches(list)) as batches:
        for batch in batches:
            yield from batch


def names(messages: Iterator[Message]) -> Counter[str]:
    return Counter(identity(message.body) for message in messages)


@pytest.mark.parametrize(("depth", "workers"), [(0, 1), (57, 1), (199, 1), (250, 2), (10**6, AT_ONCE)])
def test_a_short_queue_has_one_worker_and_a_long_one_not_too_many(depth: int, workers: int) -> None:
    assert workers_for(depth) == workers


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_every_message_is_shown_once_and_given_back(fifo: bool, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(120, groups=120)
    sweep = sweep_of(world)
    assert names(shown(sweep)) == Counter(orders(120))
    assert (sweep.glance.seen, sweep.glance.is_whole) == (120, True)
    assert (len(world.left()), hidden(world), world.aws.writes()) == (120, 0, [])


def test_the_workers_of_a_long_queue_receive_at_the_same_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(500)
    meeting = Meeting(WORKERS)
    world.aws.faults.on("ReceiveMessage", effects.barrier(meeting.come, meeting.leave))
    assert sum(names(shown(sweep_of(world, workers=0))).values()) == 500
    assert WORKERS <= meeting.most <= workers_for(500)


def test_a_fifo_group_is_never_in_two_hands_and_keeps_its_order(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(90, groups=6)
    purge = new_purge(world)
    purge.workers = WORKERS
    purge.run(threading.Event())
    assert purge.file is not None
    purge.file.close()
    assert (left(world), written(path_of(world))) == ([], orders(90))
    for group in range(6):
        mine = [identity(line["body"]) for line in lines(path_of(world)) if line.get("body", "") and
                line["system"]["MessageGroupId"] == f"g{group}"]  # fmt: skip
        assert mine == [f"order-{number}" for number in range(group, 90, 6)]


def test_empty_answers_of_several_workers_together_are_not_the_end(tmp_path: Path) -> None:
    """Four come at once, and eight after them, while the queue still counts: nine quiet moments, and not twelve."""
    world, together = World(tmp_path), threading.Barrier(WORKERS)
    world.seed(80)
    world.aws.faults.on(
        "ReceiveMessage", effects.barrier(before=lambda _call: together.wait(10)), nth=range(3, 3 + WORKERS)
    )
    world.aws.faults.on("ReceiveMessage", effects.false_empty(), start=3, times=WORKERS + 8)
    assert names(shown(sweep_of(world))) == Counter(orders(80))
    assert not together.broken


def test_nobody_believes_in_the_end_while_another_has_messages_in_hand(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    asked = threading.Event()
    world.aws.faults.on("GetQueueAttributes", effects.barrier(before=lambda _call: asked.set()))
    sweep = sweep_of(world)
    asked.clear()
    early: list[bool] = []

    def treat(batch: object) -> object:
        early.append(asked.wait(0.2))
        return batch

    with contextlib.closing(sweep.batches(treat)) as batches:
        assert len(list(batches)) == 1
    assert (early, asked.is_set(), sweep.glance.is_whole) == ([False], True, True)


def test_what_becomes_visible_again_meanwhile_is_not_shown_a_second_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(120)
    world.aws.faults.on("ReceiveMessage", effects.delay(70), nth={5, 9})
    sweep = sweep_of(world)
    assert names(shown(sweep)) == Counter(orders(120))
    assert sum(message.receive_count for message in world.dlq.messages.values()) > 120
    world.clock.advance(HIDDEN_LONGEST)
    assert hidden(world) == 0


def test_a_reader_that_stops_gets_everything_given_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(300)
    messages = shown(sweep_of(world))
    for _ in range(25):
        next(messages)
    messages.close()
    assert (len(world.left()), hidden(world)) == (300, 0)


def test_stopped_no_poll_is_begun_and_what_is_held_goes_back(tmp_path: Path) -> None:
    world, stop = World(tmp_path), threading.Event()
    world.seed(300)
    seen = 0
    for _ in shown(sweep_of(world, stop=stop)):
        stop.set()
        seen += 1
    assert 10 <= seen < 150
    assert (len(world.left()), hidden(world)) == (300, 0)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_fails_nothing_is_deleted_that_was_not_written_down(seed: int, tmp_path: Path) -> None:
    """Throttles, lost and late answers, refusals, a death; then it is gone on with, and undone."""
    dice = random.Random(seed)
    world = World(tmp_path)
    world.seed(110)
    early: list[str] = []
    file = path_of(world)

    def check(call: Call) -> None:
        on_disk = {line["id"] for line in lines(file) if "id" in line}
        for entry in call.params["Entries"]:
            found = read_handle(entry["ReceiptHandle"])
            message = None if found is None else world.dlq.messages.get(found[1])
            if message is not None and message.message_id not in on_disk:
                early.append(message.message_id)

    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=check))
    some = {
        "throttled": effects.throttle(),
        "lost": effects.reply_lost("timeout"),
        "failed": effects.server_error(),
        "late": effects.answer_late(50),
        "slow": effects.delay(70),
        "empty": effects.false_empty(),
    }
    for call in ("ReceiveMessage", "DeleteMessageBatch"):
        effect = some[dice.choice([name for name in some if name != "empty" or call == "ReceiveMessage"])]
        world.aws.faults.on(call, effect, start=dice.randrange(1, 8), times=dice.randrange(1, 8))
    if dice.random() < 0.5:
        world.aws.faults.on("*", effects.barrier(**{dice.choice(["before", "after"]): die}), nth=dice.randrange(4, 30))
    purge = new_purge(world)
    purge.workers = WORKERS
    with contextlib.suppress(OrderctlError, Died):
        purge.run(threading.Event())
    assert purge.file is not None
    purge.file.close()
    assert early == []
    assert written(file) | set(left(world)) == orders(110)

    world.aws.faults.clear()
    world.clock.advance(HIDDEN_LONGEST)
    again = new_purge(world, name="p2")
    again.workers = WORKERS
    again.run(threading.Event())
    assert again.file is not None
    again.file.close()
    assert left(world) == []
    found = [put_back(world, path_of(world, name)) for name in ("p1", "p2")]
    assert_back(world, found, orders(110))


def test_the_file_of_several_workers_has_whole_lines_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(200)
    purge = new_purge(world)
    purge.workers = WORKERS
    purge.run(threading.Event())
    assert purge.file is not None
    purge.file.close()
    records = [json.loads(line) for line in path_of(world).read_text().splitlines()]
    assert sum(len(record["ids"]) for record in records if record.get("r") == "deleted") == 200
    assert records[-1]["counts"]["deleted"] == 200
