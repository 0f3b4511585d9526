"""What would hurt most: every call of a redrive made to fail in every way, on standard and FIFO queues.

After each trial, whatever the run said: no order is lost, every order that was delivered twice stands in the
report, and the run resumed without faults brings every order to its consumer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from orderctl.dlq.batch import HIDE_FOR
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import Run
from orderctl.dlq.tally import Tally
from orderctl.errors import AuthError, OrderctlError
from tests.dlq.world import World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Effect
from tests.fakes.sqs.redrive import move

OPERATIONS = (
    "ReceiveMessage",
    "SendMessageBatch",
    "DeleteMessageBatch",
    "ChangeMessageVisibilityBatch",
    "GetQueueAttributes",
)
BATCHED = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
COUNT = 23


@dataclass(frozen=True)
class Trial:
    fifo: bool
    operation: str
    effect: str
    nth: int

    def __str__(self) -> str:
        return f"{'fifo' if self.fifo else 'standard'}-{self.operation}-{self.effect}-{self.nth}"

    def make(self) -> Effect:
        match self.effect:
            case "before":
                return effects.before()
            case "reply_lost":
                return effects.reply_lost()
            case "server_error":
                return effects.server_error()
            case "throttled":
                return effects.throttle()
            case "slow":
                return effects.delay(HIDE_FOR + 30)
            case "half_failed":
                return effects.entries_fail(0.5, "InternalError", sender_fault=False, seed=self.nth)
            case "half_refused":
                return effects.entries_fail(0.5, "InvalidParameterValue", sender_fault=True, seed=self.nth)
            case "expired":
                return effects.expired_credentials()
        raise AssertionError(self.effect)


def trials() -> list[Trial]:
    whole = ("before", "reply_lost", "server_error", "throttled", "slow", "expired")
    partial = ("half_failed", "half_refused")
    found = []
    for fifo, operation, nth in itertools.product((False, True), OPERATIONS, (1, 2)):
        names = whole + (partial if operation in BATCHED else ())
        found += [Trial(fifo, operation, name, nth) for name in names]
    return found


def go(run: Run) -> OrderctlError | None:
    try:
        run.go()
    except OrderctlError as error:
        return error
    return None


def check(world: World, tally: Tally) -> None:
    assert world.faults_of(tally) == []


@pytest.mark.parametrize("trial", trials(), ids=str)
def test_nothing_is_lost_and_every_duplicate_is_reported(trial: Trial, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=trial.fifo)
    world.seed(COUNT, groups=4)
    run = world.begin(Order(limit=COUNT - 1, concurrency=1) if "Visibility" in trial.operation else None)
    world.aws.faults.on(trial.operation, trial.make(), nth=trial.nth)
    go(run)
    check(world, run.tally)

    world.aws.faults.clear()
    world.clock.advance(HIDE_FOR + 1)
    resumed = world.resume()
    assert go(resumed) is None
    check(world, resumed.tally)
    assert world.left() == []
    assert len(world.duplicates()) <= 10, "more than the batch in flight"


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_credentials_that_expire_at_any_call_end_with_exit_4_and_lose_nothing(fifo: bool, tmp_path: Path) -> None:
    probe = World(tmp_path / "probe", fifo=fifo)
    probe.seed(COUNT, groups=4)
    run = probe.begin()
    before = len(probe.aws.calls)
    run.go()
    calls = len(probe.aws.calls) - before
    assert calls > 8
    for k in range(1, calls + 1):
        world = World(tmp_path / str(k), fifo=fifo)
        world.seed(COUNT, groups=4)
        run = world.begin()
        world.aws.faults.on("*", effects.expired_credentials(), start=k)
        error = go(run)
        assert isinstance(error, AuthError), k
        check(world, run.tally)
        world.aws.faults.clear()
        world.clock.advance(HIDE_FOR + 1)
        resumed = world.resume()
        assert go(resumed) is None
        check(world, resumed.tally)
        assert world.duplicates() == set()
        assert world.left() == []


def test_thirty_percent_throttles_all_done(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(200)
    world.aws.faults.on("*", effects.throttle(), rate=0.3)
    tally = world.redrive(Order(concurrency=4))
    check(world, tally)
    assert (len(tally.delivered), world.left(), world.duplicates()) == (200, [], set())


def test_an_empty_answer_is_not_the_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(40)
    world.aws.faults.on("ReceiveMessage", effects.false_empty(), when=lambda _call: len(world.aws.calls) % 3 != 0)
    assert len(world.redrive().delivered) == 40


def test_fifo_keeps_the_order_of_every_group_under_ten_percent_entry_failures(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(1000, groups=50)
    world.aws.faults.on("SendMessageBatch", effects.entries_fail(0.1, "InternalError", sender_fault=False, seed=7))
    tally = world.redrive(Order(concurrency=4))
    check(world, tally)
    assert world.left() == []
    sent = [record.body for record in world.aws.ledger.deliveries]
    numbers = [int(body.split("order-")[1].split('"')[0]) for body in sent]
    assert len(numbers) == 1000
    for group in range(50):
        of_group = [number for number in numbers if number % 50 == group]
        assert of_group == sorted(of_group), f"group {group} was turned round"


def test_a_fifo_message_that_cannot_be_delivered_holds_back_its_group_and_no_other(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(40, groups=4)

    def is_poison(entry: dict[str, object]) -> bool:
        return '"order-6"' in str(entry["MessageBody"])

    world.aws.faults.on(
        "SendMessageBatch", effects.entries_fail(is_poison, "InvalidMessageContents", sender_fault=True)
    )
    tally = world.redrive()
    left = sorted(int(body.split("order-")[1].split('"')[0]) for body in world.left())
    assert left == [6, 10, 14, 18, 22, 26, 30, 34, 38], "group 2 waits behind order-6, the others are through"
    assert len(tally.delivered) == 31
    assert world.lost() == set()


def test_a_full_disk_stops_the_run_before_the_delivery_it_could_not_journal(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(30)
    run = world.begin()
    real, count = run.journal.file.append, itertools.count()

    def full(text: bytes, *, must_last: bool = True) -> None:
        if next(count) >= 3:
            raise OSError(28, "No space left on device")
        real(text, must_last=must_last)

    run.journal.file.append = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="No space"):
        run.go()
    check(world, run.tally)
    assert world.duplicates() == set()
    world.clock.advance(HIDE_FOR + 1)
    resumed = world.resume()
    resumed.go()
    check(world, resumed.tally)
    assert world.left() == []


@pytest.mark.parametrize("seconds", [0, 1, 300])
def test_a_letter_that_fails_again_at_once_is_known_again_and_not_delivered_a_second_time(
    seconds: float, tmp_path: Path
) -> None:
    """SQS moves it back with the id that our delivery was answered with, and with the time of that delivery: in the
    first second of a run that is not later than its cut-off."""
    world = World(tmp_path)
    world.seed(20)

    def bounce(_call: object) -> None:
        for message in list(world.source.messages.values()):
            move(message, world.source, world.dlq, world.clock.now().timestamp())

    world.aws.faults.on("SendMessageBatch", effects.barrier(after=bounce))
    world.clock.advance(3600)
    run = world.begin()
    world.clock.advance(seconds)
    run.go()
    assert (len(run.tally.came_back), run.tally.arrived_later) == (20, 0)
    assert (len(run.tally.delivered), world.aws.count("SendMessageBatch"), len(world.left())) == (20, 2, 20)


def test_a_consumer_that_bounces_everything_does_not_make_a_loop(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(20)
    bounced: set[str] = set()

    def bounce(_call: object) -> None:
        """The consumer fails at once: SQS moves what was sent back to the dead-letter queue, id kept."""
        for message in list(world.source.messages.values()):
            if message.message_id not in bounced:
                bounced.add(message.message_id)
                world.aws.sqs.seed(world.dlq, message.body, source=world.source)

    world.aws.faults.on("DeleteMessageBatch", effects.barrier(after=bounce))
    world.clock.advance(5)
    run = world.begin()
    world.clock.advance(5)
    run.go()
    assert len(run.tally.delivered) == 20
    assert run.tally.arrived_later == 20
    assert world.aws.count("SendMessageBatch") == 2
