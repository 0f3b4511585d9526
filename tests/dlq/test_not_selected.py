"""What is not selected goes back: at the end on a standard queue, as soon as its batch is settled on a FIFO queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.dlq.aside import LONGEST, Aside
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.plan import Order
from orderctl.dlq.selection import Selection
from tests.dlq.world import World
from tests.fakes.sqs import effects


def only(world: World, *numbers: int) -> Selection:
    return Selection(order_ids=frozenset(f"order-{number}" for number in numbers))


def order_of(bodies: list[str]) -> list[int]:
    return [int(body.split("order-")[1].split('"')[0]) for body in bodies]


def all_visible(world: World) -> bool:
    now = world.clock.now().timestamp()
    return all(message.is_visible(now) for message in world.dlq.messages.values())


def test_on_a_standard_queue_each_is_received_once_and_given_back_at_the_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(60)
    tally = world.redrive(Order(only(world, 3, 58), concurrency=2))
    assert sorted(order_of(world.left())) == sorted(set(range(60)) - {3, 58})
    assert {message.receive_count for message in world.dlq.messages.values()} == {2}, "one of them by the seed"
    assert (tally.not_selected, tally.kept, tally.left, all_visible(world)) == (58, {}, 0, True)


def test_in_a_long_run_they_stay_hidden_and_are_not_received_again(tmp_path: Path) -> None:
    """At one message in fifty seconds the run takes far longer than a message is hidden for."""
    world = World(tmp_path)
    world.seed(40)
    tally = world.redrive(Order(only(world, *range(30, 40)), rate=0.02, concurrency=1))
    assert (len(tally.delivered), tally.not_selected) == (10, 30)
    assert {message.receive_count for message in world.dlq.messages.values()} == {2}
    assert all_visible(world)


def test_behind_fifo_messages_that_are_not_selected_all_selected_ones_are_reached(tmp_path: Path) -> None:
    """Two groups of thirty; of each the first four and every third are not meant. A receive reaches ten."""
    world = World(tmp_path, fifo=True)
    world.seed(60, groups=2)
    chosen = [number for number in range(60) if number >= 8 and (number // 2) % 3]
    tally = world.redrive(Order(only(world, *chosen), concurrency=1))
    sent = order_of([record.body for record in world.aws.ledger.deliveries])
    for group in (0, 1):
        of_group = list(range(group, 60, 2))
        assert [n for n in sent if n % 2 == group] == [n for n in chosen if n % 2 == group][: len(sent) // 2]
        stay = [n for n in of_group if n not in sent]
        assert [n for n in order_of(world.left()) if n % 2 == group] == stay, "they kept their order"
        assert not set(stay[:10]) & set(chosen), "all that a receive can show"
    assert len(sent) == 24
    assert (tally.left > 0, all_visible(world)) == (True, True)
    assert tally.kept == {}


def test_a_fifo_group_with_few_unselected_messages_is_done_to_its_end(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(50, groups=1)
    chosen = [number for number in range(50) if number not in (0, 1, 17, 33)]
    tally = world.redrive(Order(only(world, *chosen), concurrency=1))
    assert order_of([record.body for record in world.aws.ledger.deliveries]) == chosen
    assert order_of(world.left()) == [0, 1, 17, 33]
    assert (tally.not_selected, tally.left, tally.kept, all_visible(world)) == (4, 0, {}, True)


def test_a_fifo_group_of_nothing_selected_does_not_stop_the_others(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(60, groups=3)
    chosen = [number for number in range(60) if number % 3]
    tally = world.redrive(Order(only(world, *chosen), concurrency=2))
    assert sorted(order_of([record.body for record in world.aws.ledger.deliveries])) == chosen
    assert (tally.not_selected, tally.left > 0) == (10, True), "ten of them could be seen, the rest lies behind"
    assert all_visible(world)


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_a_killed_run_leaves_none_hidden_for_longer_than_it_lasted(fifo: bool, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(10, groups=2)
    services = world.services
    queue = services.queues.describe(world.dlq_name)
    aside = Aside(services.queues, queue, world.clock)
    aside.put(services.queues.receive(queue, up_to=10, hide_for=HIDE_FOR, wait=0))
    for lasted in (80, 160, 290, 550, 1080):
        world.clock.advance(lasted - world.clock.monotonic())
        aside.tighten()
        now = world.clock.now().timestamp()
        longest = max(message.visible_at - now for message in world.dlq.messages.values())
        assert longest <= min(LONGEST, max(HIDE_FOR, lasted))
    assert len(aside.ids()) == 10
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.throttle())
    world.clock.advance(LONGEST - 30)
    aside.tighten()
    assert len(aside.ids()) == 10, "without an answer they are ours for as long as they were"
    world.clock.advance(31)
    aside.tighten()
    assert aside.ids() == set(), "then they are left to come again"
