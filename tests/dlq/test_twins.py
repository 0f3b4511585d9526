"""One failed invocation, reported to the dead-letter queue and to the on-failure queue: it runs again once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import prepare
from orderctl.dlq.redrive import begin, runs_folder
from orderctl.dlq.tally import Tally
from orderctl.dlq.verify import find_returned
from tests.dlq.world import World

ATTRIBUTES = {
    "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    "ErrorMessage": {"DataType": "String", "StringValue": "it broke"},
}


class Twins(World):
    """A function whose failures go to both queues, or twice to one shared queue."""

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        super().__init__(folder)
        self.function = self.aws.lambda_.create("process")
        self.first = self.aws.sqs.create("process-dlq")
        self.second = self.first if shared else self.aws.sqs.create("process-failures")
        arn = self.function.arn
        self.wiring = Wiring(
            (
                Wire(Kind.LAMBDA_DLQ, self.first.arn, arn, arn),
                Wire(Kind.ON_FAILURE, self.second.arn, f"{arn}:$LATEST", f"{arn}:$LATEST"),
            )
        )

    def fail(self, number: int, *, dlq: bool = True, record: bool = True) -> None:
        event = {"order_id": f"order-{number}"}
        request = f"request-{number}"
        if dlq:
            attributes = {**ATTRIBUTES, "RequestID": {"DataType": "String", "StringValue": request}}
            self.aws.sqs.seed(self.first, json.dumps(event), MessageAttributes=attributes)
        if record:
            context = {
                "requestId": request,
                "functionArn": f"{self.function.arn}:$LATEST",
                "condition": "RetriesExhausted",
            }
            body = {"version": "1.0", "requestContext": context, "requestPayload": event}
            self.aws.sqs.seed(self.second, json.dumps(body))

    def redrive_queue(self, name: str, run: str) -> Tally:
        self.clock.advance(61)
        services = self.services
        prepared = prepare(services, services.queues.describe(name), self.wiring)
        going = begin(services, prepared, Order(concurrency=1), runs_folder(self.folder), run, {})
        going.go()
        return going.tally

    def invoked(self) -> list[str]:
        return sorted(json.loads(payload)["order_id"] for payload in self.aws.lambda_.payloads("process"))


@pytest.mark.parametrize("queue", ["process-dlq", "process-failures"])
def test_twins_in_two_queues_are_delivered_once_and_both_settled(queue: str, tmp_path: Path) -> None:
    world = Twins(tmp_path)
    for number in range(12):
        world.fail(number)
    tally = world.redrive_queue(queue, "20261122T030000Z-aaaaaa")
    assert world.invoked() == sorted(f"order-{n}" for n in range(12))
    assert (len(tally.delivered), len(tally.settled_twins)) == (12, 12)
    assert world.aws.sqs.bodies("process-dlq") == world.aws.sqs.bodies("process-failures") == []


def test_twins_in_one_shared_queue_are_delivered_once(tmp_path: Path) -> None:
    world = Twins(tmp_path, shared=True)
    for number in range(7):
        world.fail(number)
    tally = world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    assert world.invoked() == sorted(f"order-{n}" for n in range(7))
    assert (len(tally.delivered), len(tally.settled_twins)) == (7, 7)
    assert world.aws.sqs.bodies("process-dlq") == []


def test_a_letter_without_a_twin_is_redriven_and_a_strangers_record_stays(tmp_path: Path) -> None:
    world = Twins(tmp_path)
    world.fail(1, record=False)
    world.fail(2, dlq=False)
    tally = world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    assert world.invoked() == ["order-1"]
    assert tally.settled_twins == {}
    assert len(world.aws.sqs.bodies("process-failures")) == 1


def test_a_twin_that_turns_up_later_is_refused_by_the_next_run(tmp_path: Path) -> None:
    world = Twins(tmp_path)
    world.fail(1, record=False)
    world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    world.fail(1, dlq=False)
    tally = world.redrive_queue("process-failures", "20261122T031000Z-bbbbbb")
    assert world.invoked() == ["order-1"]
    assert list(tally.refused.values()) == [
        "the same failure was redriven already, as lambda-dlq in run 20261122T030000Z-aaaaaa"
    ]


class Nameless(Twins):
    """Records without a request id, as some emulators write them: only the payload tells one that came back."""

    def fail(self, number: int, *, dlq: bool = False, record: bool = True) -> None:
        context = {"functionArn": f"{self.function.arn}:$LATEST", "condition": "RetriesExhausted"}
        body = {"requestContext": context, "requestPayload": {"order_id": f"order-{number}"}}
        self.aws.sqs.seed(self.second, json.dumps(body))


def test_a_letter_that_failed_again_is_found_by_its_payload(tmp_path: Path) -> None:
    world = Nameless(tmp_path)
    world.fail(1)
    tally = world.redrive_queue("process-failures", "20261122T030000Z-aaaaaa")
    world.clock.advance(5)
    world.fail(1)
    world.fail(2)
    queue = world.services.queues.describe("process-failures")
    found = find_returned(world.services.queues, queue, world.wiring, tally, world.clock)
    assert list(found) == list(tally.delivered)


def test_a_letter_that_came_back_three_times_is_left(tmp_path: Path) -> None:
    world = Nameless(tmp_path)
    for number in range(4):
        world.fail(1)
        tally = world.redrive_queue("process-failures", f"20261122T03{number}000Z-aaaaaa")
    assert world.invoked() == ["order-1"] * 3
    assert list(tally.refused.values()) == ["it was redriven 3 times already and came back (--max-redrives 3)"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_report_that_lies_there_twice_is_delivered_once_and_settled(shared: bool, tmp_path: Path) -> None:
    """Lambda and SQS deliver at least once: two messages of one kind, one request id, one payload."""
    world = Twins(tmp_path, shared=shared)
    for number in (1, 2, 1):
        world.fail(number, record=False)
    tally = world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    assert world.invoked() == ["order-1", "order-2"]
    assert (len(tally.delivered), len(tally.settled_twins), tally.kept) == (2, 1, {})
    assert world.aws.sqs.bodies("process-dlq") == []


def test_a_second_report_with_another_payload_stays_and_is_said_to(tmp_path: Path) -> None:
    world = Twins(tmp_path)
    world.fail(1, record=False)
    attributes = {**ATTRIBUTES, "RequestID": {"DataType": "String", "StringValue": "request-1"}}
    other = world.aws.sqs.seed(world.first, '{"order_id": "order-9"}', MessageAttributes=attributes)
    tally = world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    (delivered,) = tally.delivered
    assert tally.kept == {other.message_id: f"it tells the same failure as message {delivered}"}
    assert world.invoked() == ["order-1"]


def test_a_second_report_that_turns_up_later_is_refused_by_the_next_run(tmp_path: Path) -> None:
    world = Twins(tmp_path)
    world.fail(1, record=False)
    world.redrive_queue("process-dlq", "20261122T030000Z-aaaaaa")
    world.fail(1, record=False)
    tally = world.redrive_queue("process-dlq", "20261122T031000Z-bbbbbb")
    assert world.invoked() == ["order-1"]
    assert list(tally.refused.values()) == [
        "the same failure was redriven already, as lambda-dlq in run 20261122T030000Z-aaaaaa"
    ]


def test_a_resumed_run_settles_the_twin_of_what_its_earlier_part_delivered(tmp_path: Path) -> None:
    from orderctl.dlq.journal import Journal
    from orderctl.dlq.redrive import resume
    from tests.dlq.test_killed import die, work_until_death
    from tests.fakes.sqs import effects

    world = Twins(tmp_path, shared=True)
    world.fail(1, record=False)
    services = world.services
    prepared = prepare(services, services.queues.describe("process-dlq"), world.wiring)
    run = begin(services, prepared, Order(concurrency=1), runs_folder(tmp_path), "20261122T030000Z-aaaaaa", {})
    at = world.clock.now()
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(after=die))
    assert work_until_death(run)
    world.settle_down()
    world.fail(1, dlq=False)
    opened, standing = Journal.resume(runs_folder(tmp_path), "20261122T030000Z-aaaaaa")
    prepared = prepare(services, services.queues.describe("process-dlq"), world.wiring)
    later = at.replace(hour=23)
    resumed = resume(services, prepared, Order(concurrency=1), opened, standing, later)
    resumed.go()
    assert world.invoked() == ["order-1"]
    assert (len(resumed.tally.settled_twins), resumed.tally.refused, resumed.tally.kept) == (1, {}, {})
    assert world.aws.sqs.bodies("process-dlq") == []
