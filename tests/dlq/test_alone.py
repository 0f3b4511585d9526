"""Two runs at once on one machine: of one queue, or of the two queues that hold the reports of one failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.dlq.alone import claim, give_up
from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import prepare
from orderctl.dlq.redrive import begin, runs_folder
from orderctl.errors import ConflictError
from tests.dlq.world import FunctionWorld, World
from tests.fakes.clock import FakeClock
from tests.fakes.sqs import effects


def nobody(_text: str) -> None:
    """Is told what is waited for."""


SECOND = "20261122T040000Z-bbbbbb"


def test_a_second_run_of_the_queue_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    first = world.begin()
    with pytest.raises(ConflictError) as refused:
        world.begin(name=SECOND)
    assert (
        refused.value.message == f"run {first.name} is at work on orders-dlq, or on the other reports of its failures"
    )
    assert [path.name for path in runs_folder(tmp_path).glob("*.jsonl")] == [f"{first.name}.jsonl"], "none was begun"
    first.go()
    world.begin(name=SECOND).go()
    assert (world.left(), world.duplicates()) == ([], set())


def test_the_other_report_of_a_failure_is_not_redriven_at_the_same_time(tmp_path: Path) -> None:
    """While the one report is being delivered, a run of the queue with the other one would deliver it as well."""
    world = FunctionWorld(tmp_path, Kind.LAMBDA_DLQ)
    other = world.aws.sqs.create("failures")
    qualified = f"{world.function.arn}:$LATEST"
    world.wiring = Wiring((*world.wiring.wires, Wire(Kind.ON_FAILURE, other.arn, qualified, qualified)))
    world.seed(1)
    context = {"requestId": "request-0", "functionArn": qualified, "condition": "RetriesExhausted"}
    record = json.dumps({"version": "1.0", "requestContext": context, "requestPayload": {"order_id": "order-0"}})
    world.aws.sqs.seed(other, record)
    told: list[str] = []

    def redrive_other(_call: object) -> None:
        services = world.services
        there = prepare(services, services.queues.describe("failures"), world.wiring)
        try:
            begin(services, there, Order(concurrency=1), runs_folder(tmp_path), SECOND, {}).go()
        except ConflictError as error:
            told.append(error.message)

    world.aws.faults.on("Invoke", effects.barrier(before=redrive_other), nth=1)
    tally = world.redrive()
    assert len(world.aws.lambda_.invocations) == 1
    assert len(told) == 1
    assert len(tally.settled_twins) == 1


def test_queues_that_share_a_twin_queue_may_be_redriven_at_once(tmp_path: Path) -> None:
    locks = claim(tmp_path, "one", "arn:dlq-1", ["arn:failures"], FakeClock(), nobody) + claim(
        tmp_path, "two", "arn:dlq-2", ["arn:failures"], FakeClock(), nobody
    )
    with pytest.raises(ConflictError):
        claim(tmp_path, "three", "arn:failures", ["arn:dlq-1", "arn:dlq-2"], FakeClock(), nobody)
    give_up(locks)
    give_up(claim(tmp_path, "three", "arn:failures", ["arn:dlq-1", "arn:dlq-2"], FakeClock(), nobody))


def test_a_run_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    locks = claim(tmp_path, "one", "arn:dlq", [], FakeClock(), nobody)

    class Ending(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.monotonic() > 5:
                give_up(locks)
                locks.clear()

    said: list[str] = []
    give_up(claim(tmp_path, "two", "arn:failures", ["arn:dlq"], Ending(), said.append))
    assert said == ["run one is at work on dlq, or on the other reports of its failures: waiting for its end"]


def test_resume_waits_as_well(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    world.begin().journal.close()
    world.begin(name=SECOND)
    with pytest.raises(ConflictError):
        world.resume()


def test_a_journal_that_cannot_be_begun_leaves_no_lock(tmp_path: Path) -> None:
    world = World(tmp_path)
    prepared = world.prepared()
    folder = runs_folder(tmp_path)
    begin(world.services, prepared, Order(), folder, SECOND, {}).journal.close()
    with pytest.raises(FileExistsError):
        begin(world.services, prepared, Order(), folder, SECOND, {})
    give_up(claim(folder, "x", world.dlq.arn, [], world.clock, nobody))
