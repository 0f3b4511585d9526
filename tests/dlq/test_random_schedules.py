"""Random schedules: any faults, deaths, resumed and new runs, one after another, on every kind of queue.

Nobody thinks of everything that can come together. Whatever does, no order is lost, each that was delivered twice was
named by some report, no report says what is not so, and in the end everything that was asked for is delivered.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from orderctl.cli.dlq_report import verdict
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import prepare
from orderctl.dlq.redrive import Run, begin, runs_folder
from orderctl.dlq.selection import Selection
from orderctl.dlq.tally import Tally
from orderctl.errors import OrderctlError
from tests.dlq.test_killed import Died, die
from tests.dlq.world import HIDDEN_LONGEST, FunctionWorld, World, identity
from tests.fakes.sqs import effects

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
"""A death is an exception in a worker, which the run raises too."""

CALLS = ("ReceiveMessage", "SendMessageBatch", "Invoke", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
EFFECTS = {
    "refused": effects.before(),
    "lost": effects.reply_lost("timeout"),
    "failed": effects.server_error(),
    "throttled": effects.throttle(),
    "slow": effects.delay(HIDE_FOR + 30),
    "late": effects.answer_late(HIDE_FOR - 20),
    "very late": effects.answer_late(310),
}


@dataclass(frozen=True)
class Fault:
    call: str
    effect: str
    start: int
    times: int

    def strike(self, world: World) -> None:
        world.aws.faults.on(self.call, EFFECTS[self.effect], start=self.start, times=self.times)


@dataclass(frozen=True)
class Phase:
    """One run, new or resumed, under its faults; `dies_at` counts its calls. It sleeps `then` seconds afterwards."""

    faults: tuple[Fault, ...]
    dies_at: int | None
    resumes: bool
    workers: int
    limit: int | None
    then: int


fault = st.builds(Fault, st.sampled_from(CALLS), st.sampled_from(sorted(EFFECTS)), st.integers(1, 6), st.integers(1, 6))
phase = st.builds(
    Phase,
    st.lists(fault, max_size=3).map(tuple),
    st.none() | st.integers(2, 30),
    st.booleans(),
    st.sampled_from([1, 1, 2]),
    st.none() | st.integers(1, 12),
    st.sampled_from([1, 200, HIDDEN_LONGEST]),
)
bounded = settings(
    max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class Story:
    """The runs of one world, and every duplicate that any of them has named."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.named: set[str] = set()
        self.last: dict[str, str] = {}
        self.runs = 0

    def begin(self, order: Order, queue: str) -> Run:
        self.runs += 1
        services = self.world.services
        there = prepare(services, services.queues.describe(queue), self.world.wiring)
        name = f"20261122T030000Z-{self.runs:06}"
        self.last[queue] = name
        return begin(services, there, order, runs_folder(self.world.folder), name, {})

    def go(self, run: Run) -> bool:
        """Did it come to its end?"""
        with suppress(OrderctlError, OSError, Died):
            run.go()
            return True
        return False

    def check(self, tally: Tally) -> None:
        world = self.world
        self.named |= world.reported(tally)
        ids = {message.message_id for queue in world.aws.sqs.queues.values() for message in queue.messages.values()}
        assert world.lost() == set()
        assert world.duplicates() - self.named == set(), "delivered twice, and nobody was told"
        assert set(tally.deleted) & ids == set(), "said to be deleted"
        assert set(tally.settled_twins) & ids == set(), "said to be settled"

    def play(self, phases: list[Phase], queues: tuple[str, ...], selection: Selection) -> None:
        world = self.world
        for number, each in enumerate(phases):
            world.aws.faults.clear()
            queue = queues[number % len(queues)]
            order = Order(selection, concurrency=each.workers, limit=each.limit)
            is_resumed = each.resumes and queue in self.last and len(queues) == 1
            run = world.resume(self.last[queue], order) if is_resumed else self.begin(order, queue)
            for one in each.faults:
                one.strike(world)
            if each.dies_at is not None:
                world.aws.faults.on("*", effects.barrier(after=die), start=each.dies_at)
            is_done = self.go(run)
            self.check(run.tally)
            if is_done and verdict(run.tally, "") is None and each.limit is None:
                self.check_done(selection, queue)
            world.clock.advance(each.then)
        world.settle_down()
        for queue in queues:
            run = self.begin(Order(selection, concurrency=1), queue)
            assert self.go(run)
            self.check(run.tally)

    def check_done(self, selection: Selection, queue: str) -> None:
        left = {identity(body) for body in self.world.aws.sqs.bodies(queue)}
        assert left & (selection.order_ids or left) == set(), "exit code 0, and not done"


def make_world(kind: str, folder: Path) -> World:
    if kind in ("standard", "fifo"):
        return World(folder, fifo=kind == "fifo")
    return FunctionWorld(folder, Kind(kind))


@seed(7)
@bounded
@given(
    kind=st.sampled_from(["standard", "fifo", "lambda-dlq", "on-failure"]),
    count=st.sampled_from([1, 5, 14]),
    groups=st.sampled_from([1, 3]),
    phases=st.lists(phase, min_size=1, max_size=3),
    chosen=st.none() | st.sets(st.integers(0, 13), min_size=1),
)
def test_whatever_comes_together_nothing_is_lost_and_nothing_goes_twice_untold(
    kind: str, count: int, groups: int, phases: list[Phase], chosen: set[int] | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(kind, Path(folder))
        world.seed(count, groups=groups)
        story = Story(world)
        selection = Selection(order_ids=frozenset(f"order-{number}" for number in chosen or ()))
        story.play(phases, (world.dlq_name,), selection)
        if kind != "fifo":
            story.check_done(selection, world.dlq_name)


class Twofold(FunctionWorld):
    """Every failure is reported twice: to the function's dead-letter queue and to its on-failure destination."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Kind.LAMBDA_DLQ)
        self.other = self.aws.sqs.create("failures")
        arn = f"{self.function.arn}:$LATEST"
        self.wiring = Wiring((*self.wiring.wires, Wire(Kind.ON_FAILURE, self.other.arn, arn, arn)))

    def seed(self, count: int, *, groups: int = 1) -> None:
        super().seed(count)
        for number in range(count):
            context = {
                "requestId": f"request-{number}",
                "functionArn": f"{self.function.arn}:$LATEST",
                "condition": "RetriesExhausted",
            }
            record = {"version": "1.0", "requestContext": context, "requestPayload": {"order_id": f"order-{number}"}}
            self.aws.sqs.seed(self.other, json.dumps(record))
        self.aws.ledger.begin()


@seed(7)
@bounded
@given(count=st.sampled_from([1, 4]), phases=st.lists(phase, min_size=1, max_size=3))
def test_two_reports_of_each_failure_in_two_queues_are_one_delivery_or_named(count: int, phases: list[Phase]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = Twofold(Path(folder))
        world.seed(count)
        Story(world).play(phases, (world.dlq_name, "failures"), Selection())


@pytest.mark.parametrize("how", ["death", "lost answers"])
def test_the_other_report_of_a_letter_that_may_have_been_delivered_is_named(how: str, tmp_path: Path) -> None:
    """A run dies over the one report, or never hears of it. Whoever redrives the other one has to be told."""
    world = Twofold(tmp_path)
    world.seed(1)
    story = Story(world)
    effect = effects.barrier(after=die) if how == "death" else effects.reply_lost()
    world.aws.faults.on("Invoke", effect, nth=1 if how == "death" else None)
    story.go(story.begin(Order(concurrency=1), world.dlq_name))
    world.settle_down()
    run = story.begin(Order(concurrency=1), "failures")
    assert story.go(run)
    assert len(world.duplicates()) == 1
    assert len(run.tally.possible_duplicates) == 1
