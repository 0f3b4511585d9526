"""A service that asks for less is waited for, letters in hand; nothing is given up before a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.dlq.batch import BUSY
from orderctl.dlq.models import Kind
from orderctl.dlq.pace import LONGEST_PAUSE, THROTTLED_FOR, Pace, Patience
from orderctl.dlq.plan import Order
from orderctl.errors import ThrottledError
from tests.dlq.world import FunctionWorld, World
from tests.fakes.clock import FakeClock
from tests.fakes.sqs import effects


def throttle_until(world: World, operation: str, seconds: float) -> None:
    """Everything of that name is refused for so long from now on."""
    end = world.clock.monotonic() + seconds
    world.aws.faults.on(operation, effects.throttle(), when=lambda _call: world.clock.monotonic() < end)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("operation", ["SendMessageBatch", "DeleteMessageBatch", "*"])
def test_two_minutes_of_throttling_and_all_is_done(operation: str, fifo: bool, workers: int, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(25, groups=4)
    run = world.begin(Order(concurrency=workers))
    throttle_until(world, operation, 120)
    run.go()
    assert world.faults_of(run.tally) == []
    assert (len(run.tally.delivered), world.left(), world.duplicates()) == (25, [], set())
    assert (run.tally.kept, run.tally.left, run.tally.possible_duplicates) == ({}, 0, {})


@pytest.mark.parametrize("kind", [Kind.LAMBDA_DLQ, Kind.ON_FAILURE])
def test_a_function_that_is_throttled_for_ten_minutes_gets_every_event_once(kind: Kind, tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, kind)
    world.seed(12)
    run = world.begin()
    throttle_until(world, "Invoke", 600)
    run.go()
    assert world.faults_of(run.tally) == []
    assert (len(run.tally.delivered), world.left(), world.duplicates()) == (12, [], set())
    receives = [message.receive_count for message in world.dlq.removed.values()]
    assert set(receives) == {1}, "kept in hand, not received again and again"


def test_a_consumer_that_takes_nothing_for_a_quarter_of_an_hour_is_given_up_and_nothing_more_received(
    tmp_path: Path,
) -> None:
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    world.seed(40)
    run = world.begin()
    begun = world.clock.monotonic()
    world.aws.faults.on("Invoke", effects.throttle())
    run.go()
    assert set(run.tally.kept.values()) == {BUSY}
    assert len(run.tally.kept) == 10, "what was in hand; the others were not even received"
    assert world.clock.monotonic() - begun == pytest.approx(THROTTLED_FOR, abs=3 * LONGEST_PAUSE)
    assert world.aws.count("ReceiveMessage") == 1
    assert len(world.left()) == 40
    now = world.clock.now().timestamp()
    assert all(message.is_visible(now) for message in world.dlq.messages.values()), "given back"


def test_a_queue_that_refuses_every_receive_for_a_quarter_of_an_hour_ends_the_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    run = world.begin()
    world.aws.faults.on("ReceiveMessage", effects.throttle())
    with pytest.raises(ThrottledError):
        run.go()
    assert (len(world.left()), world.lost()) == (3, set())


def test_a_lost_answer_that_is_tried_again_after_five_minutes_is_named_on_a_fifo_queue_too(tmp_path: Path) -> None:
    """SQS knows a deduplication id for five minutes; here the second try comes after ten."""
    world = World(tmp_path, fifo=True)
    world.seed(1)
    run = world.begin()
    world.aws.faults.on("SendMessageBatch", effects.reply_lost(), nth=1)
    end = world.clock.monotonic() + 600
    sends = world.aws.count
    world.aws.faults.on(
        "SendMessageBatch",
        effects.throttle(),
        when=lambda _call: sends("SendMessageBatch") > 1 and world.clock.monotonic() < end,
    )
    run.go()
    assert world.duplicates() == {"order-0"}
    assert world.faults_of(run.tally) == []


def test_an_unclear_delivery_is_not_repeated_for_as_long_as_another_one_is_throttled(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(2)
    run = world.begin()

    def throttled(entry: dict[str, object]) -> bool:
        return '"order-1"' in str(entry["MessageBody"])

    world.aws.faults.on("SendMessageBatch", effects.entries_fail(throttled, "ThrottlingException", sender_fault=True))
    world.aws.faults.on("SendMessageBatch", effects.entries_fail({0}, "InternalError"), start=1)
    run.go()
    tried = [
        sum('"order-0"' in str(entry["MessageBody"]) for entry in call["Entries"])
        for call in world.aws.calls_of("SendMessageBatch")
    ]
    assert sum(tried) == 5
    assert world.faults_of(run.tally) == []


def test_thirty_percent_throttles_of_everything_all_done_by_functions_too(tmp_path: Path) -> None:
    world = FunctionWorld(tmp_path, Kind.ON_FAILURE)
    world.seed(60)
    run = world.begin(Order(concurrency=4))
    world.aws.faults.on("*", effects.throttle(), rate=0.3)
    run.go()
    assert world.faults_of(run.tally) == []
    assert (len(run.tally.delivered), world.left(), world.duplicates()) == (60, [], set())


def test_a_quiet_queue_is_not_done_while_a_worker_has_messages_in_hand(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(2, groups=1)
    engine = world.begin().engine
    engine._quiet = 99
    world.clock.advance(999)
    with engine._working(True):
        assert not engine._is_drained()
    assert not engine._is_drained(), "what it let go of may come up now"
    world.clock.advance(999)
    assert engine._is_drained()
    with engine._working(False):
        assert engine._is_drained()


def test_what_several_workers_hear_at_once_is_one_throttle() -> None:
    clock = FakeClock()
    pace = Pace(clock, workers=16)
    for _ in range(8):
        pace.throttled()
    assert pace.width.now == 2, "half of four, once"
    pace.ready()
    assert clock.monotonic() == pytest.approx(0.25)
    pace.throttled()
    assert pace.width.now == 1


def test_patience_begins_anew_when_something_was_taken() -> None:
    clock = FakeClock()
    patience = Patience(clock, 10)
    assert patience.throttled("a")
    clock.advance(9)
    patience.took("a")
    assert patience.throttled("a")
    clock.advance(9)
    assert patience.throttled("a")
    assert not patience.nobody_takes
    clock.advance(1)
    assert not patience.throttled("a")
    assert patience.nobody_takes
