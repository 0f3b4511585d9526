"""Nothing is delivered or deleted with a receipt handle that may end meanwhile, however slow the calls are."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.aws.session import CONNECT_TIMEOUT, READ_TIMEOUT
from orderctl.dlq.batch import EXPIRED
from orderctl.dlq.engine import TOO_SLOW
from orderctl.dlq.grip import HIDE_FOR, MARGIN, Grip
from orderctl.dlq.models import Kind, Message
from orderctl.dlq.plan import Order
from tests.dlq.world import FunctionWorld, World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call
from tests.fakes.sqs.message import read_handle


def test_the_margin_covers_the_longest_call() -> None:
    assert CONNECT_TIMEOUT + READ_TIMEOUT < MARGIN < HIDE_FOR


def hidden_for(world: World, message_id: str) -> float:
    message = next(each for each in world.dlq.messages.values() if each.message_id == message_id)
    return float(message.visible_at - world.clock.now().timestamp())


@pytest.mark.parametrize("kind", [Kind.LAMBDA_DLQ, Kind.ON_FAILURE])
def test_ten_slow_invokes_never_work_on_a_message_that_is_not_hidden(kind: Kind, tmp_path: Path) -> None:
    """Ten calls of fifty seconds each: without being hidden longer, eight of the messages would be visible again."""
    world = FunctionWorld(tmp_path, kind)
    world.seed(10)
    visible: list[str] = []
    now = world.clock.now

    def look(_call: Call) -> None:
        stolen = world.dlq.receive(10, now().timestamp(), 30, is_short=False)
        visible.extend(message.message_id for message in stolen)

    world.aws.faults.on("Invoke", effects.delay(50))
    world.aws.faults.on("Invoke", effects.barrier(before=look, after=look))
    tally = world.redrive()
    assert (visible, world.left(), world.duplicates(), tally.possible_duplicates) == ([], [], set(), {})
    assert len(world.aws.lambda_.invocations) == 10


def test_slow_fifo_waves_never_work_on_a_message_that_is_not_hidden(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(8, groups=1)
    short: list[float] = []

    def look(_call: Call) -> None:
        now = world.clock.now().timestamp()
        short.extend(m.visible_at - now for m in world.dlq.messages.values() if m.visible_at - now < MARGIN)

    world.aws.faults.on("SendMessageBatch", effects.barrier(before=look))
    world.aws.faults.on("SendMessageBatch", effects.delay(50))
    tally = world.redrive()
    assert short == []
    assert (world.left(), world.duplicates(), len(tally.delivered)) == ([], set(), 8)


def test_what_cannot_be_hidden_longer_is_not_delivered_but_comes_again(tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(4)
    world.aws.faults.on("Invoke", effects.delay(50), nth=1)
    world.aws.faults.on(
        "ChangeMessageVisibilityBatch", effects.entries_fail(lambda _: True, "InvalidParameterValue"), nth=1
    )
    run = world.begin()
    run.go()
    assert world.faults_of(run.tally) == []
    assert (world.left(), world.duplicates(), run.tally.kept) == ([], set(), {})


def test_a_delivery_that_outlasts_its_visibility_is_named_and_never_deleted_by_its_old_handle(tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(1)
    used: list[float] = []

    def note(call: Call) -> None:
        for entry in call.params["Entries"]:
            found = read_handle(entry["ReceiptHandle"])
            assert found is not None
            used.append(world.dlq.messages[found[1]].visible_at - world.clock.now().timestamp())

    world.aws.faults.on("Invoke", effects.answer_late(HIDE_FOR + 5), nth=1)
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=note))
    tally = world.redrive()
    assert list(tally.possible_duplicates.values()) == [
        "its visibility ended while it was being delivered; somebody else may have received it meanwhile"
    ]
    assert used
    assert min(used) > 0
    assert (world.left(), len(world.aws.lambda_.invocations)) == ([], 1)


def test_messages_that_can_never_be_kept_in_hand_are_left_and_the_run_ends(tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(2)
    world.aws.faults.on("ReceiveMessage", effects.answer_late(HIDE_FOR - 10))
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.entries_fail(lambda _: True, "InvalidParameterValue"))
    tally = world.redrive()
    assert set(tally.kept.values()) <= {EXPIRED, TOO_SLOW}
    assert (len(tally.kept), len(world.left()), world.aws.lambda_.invocations) == (2, 2, [])


def test_a_fifo_head_whose_visibility_ended_is_delivered_in_the_same_run_before_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(6, groups=1)
    world.aws.faults.on("ReceiveMessage", effects.answer_late(HIDE_FOR + 30), nth=1)
    tally = world.redrive(Order(concurrency=1))
    sent = [record.body for record in world.aws.ledger.deliveries]
    assert [int(body.split("order-")[1].split('"')[0]) for body in sent] == list(range(6))
    assert (tally.kept, world.left()) == ({}, [])


def test_a_fifo_head_that_could_not_be_hidden_longer_takes_its_group_back_with_it(tmp_path: Path) -> None:
    """The head alone is out of hand. Kept hidden, the rest would lock the group, and the head never come again."""
    world = World(tmp_path, fifo=True)
    world.seed(6, groups=1)
    world.aws.faults.on("ReceiveMessage", effects.answer_late(HIDE_FOR - 40), nth=1)
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.entries_fail({0}, "InvalidParameterValue"), nth=1)
    tally = world.redrive(Order(concurrency=1))
    sent = [record.body for record in world.aws.ledger.deliveries]
    assert [int(body.split("order-")[1].split('"')[0]) for body in sent] == list(range(6))
    assert (tally.kept, world.left()) == ({}, [])


def test_a_grip_without_an_answer_stays_what_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(1)
    services = world.services
    queue = services.queues.describe(world.dlq_name)
    (message,) = services.queues.receive(queue, up_to=1, hide_for=HIDE_FOR, wait=0)
    grip = Grip(services.queues, queue, world.clock).take([message])
    world.clock.advance(60)
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.reply_lost())
    grip.tighten()
    assert (grip.holds(message.message_id), grip.left(message.message_id)) == (False, 60)
    world.aws.faults.clear()
    world.aws.faults.on("ChangeMessageVisibilityBatch", effects.entries_fail({0}, "InvalidParameterValue"))
    refused = Grip(services.queues, queue, world.clock).take([message])
    refused.tighten()
    assert refused.left(message.message_id) == 0, "somebody else may have it"
    world.aws.faults.clear()
    grip.tighten()
    assert grip.left(message.message_id) == HIDE_FOR
    assert hidden_for(world, message.message_id) == HIDE_FOR
    world.clock.advance(HIDE_FOR)
    grip.tighten()
    assert grip.left(message.message_id) == 0, "what has ended is not taken in hand again"
    assert grip.left("nobody") == 0
    assert isinstance(grip.now(message), Message)
