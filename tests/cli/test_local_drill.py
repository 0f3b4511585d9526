"""`orderctl local drill`, by the front door, over fakes; the real stack's part is in tests/end_to_end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orderctl.aws.lambda_ import LambdaFunctions
from orderctl.aws.rules import EventBridgeRules
from orderctl.aws.scheduler import SchedulerSchedules
from orderctl.aws.sns import SnsSubscriptions
from orderctl.aws.sqs import SqsQueues
from orderctl.context import App
from orderctl.dlq import drill_letters
from orderctl.dlq.models import Kind, Wire
from orderctl.inventory.models import Stock
from orderctl.local import drill
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import entries_fail
from tests.fakes.stock import FakeStockTable

CONFIG = """
default_env = "local"
[env.local]
local = true
region = "ap-northeast-1"
endpoint_url = "http://127.0.0.1:4566"
stack = "orders-local"
[env.prod]
region = "ap-northeast-1"
stack = "orders"
[env.local-in-name]
local = true
endpoint_url = "http://127.0.0.1:4566"
stack = "other"
"""
STACK = ("process-dlq", "failures", "work-dlq")


class Stack:
    """The local stack as CloudFormation tells of it."""

    def outputs(self, stack: str) -> Mapping[str, str]:
        return {"EventBusName": "default", "InventoryTableName": "inventory"}

    def resources(self, stack: str) -> Mapping[str, tuple[str, ...]]:
        return {"AWS::SQS::Queue": STACK}


class Practice:
    """Makes only the queue: the fakes know no streams, and no schedule is needed here."""

    queue = "orders-local-drills"

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def ensure(self) -> None:
        self._aws.sqs.create(self.queue)


class Consumers:
    """Nobody reads the queues of these tests."""

    @contextmanager
    def paused(self, queue_arn: str) -> Iterator[None]:
        yield


class House:
    """A small stack: one function with both kinds of failure queue, one queue with a dead-letter queue."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.aws = FakeAws(FakeClock())
        self.stock = FakeStockTable()
        arns = {name: self.aws.sqs.create(name).arn for name in ("process-dlq", "failures", "work-dlq", "foreign-dlq")}
        policy = json.dumps({"deadLetterTargetArn": arns["work-dlq"], "maxReceiveCount": 2})
        self.aws.sqs.create("work", RedrivePolicy=policy)
        self.aws.lambda_.create("process", dead_letter_arn=arns["process-dlq"]).on_failure(arns["failures"])
        self.aws.lambda_.create("foreign", dead_letter_arn=arns["foreign-dlq"])
        write_config(home, CONFIG)

    def types(self, *argv: str) -> Outcome:
        return run(self.app(), "local", "drill", *argv)

    def app(self) -> App:
        aws, clock = self.aws, self.aws.clock
        app = new_app(self.home, clock=FakeClock())
        app.queues = SqsQueues(aws.client("sqs"), aws.client("sqs"), clock)
        app.functions = LambdaFunctions(aws.client("lambda"), aws.client("lambda"), clock)
        app.rules = EventBridgeRules(aws.client("events"), clock)
        app.subscriptions = SnsSubscriptions(aws.client("sns"), aws.client("sns"), clock)
        app.schedules = SchedulerSchedules(aws.client("scheduler"), clock)
        app.stacks, app.stock = Stack(), self.stock
        vars(app).update(practice=Practice(aws), consumers=Consumers())
        return app

    def lying_in(self, *queues: str) -> list[str]:
        return [body for queue in queues for body in self.aws.sqs.bodies(queue)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_letter_lies_in_its_queue_and_the_next_command_is_told(house: House) -> None:
    done = house.types("on-failure", "--order-id", "o-1", "--error", "ValidationError: no quantity")
    [body] = house.lying_in("failures")
    record = json.loads(body)
    assert record["responsePayload"]["errorMessage"] == "no quantity"
    assert record["requestPayload"]["detail"]["order_id"] == "o-1"
    assert (done.code, done.err) == (
        0,
        "product widget-1: 1000 put in stock\nnext: orderctl dlq inspect failures\n",
    )
    [row] = done.out.splitlines()
    assert row.split("\t")[:2] == ["failures", "on-failure"]
    assert row.split("\t")[3:] == ["o-1", "true"]


def test_json_has_one_object_a_letter(house: House) -> None:
    done = house.types("lambda-dlq", "--count", "3", "-o", "json")
    letters = json.loads(done.out)
    assert [set(each) for each in letters] == [{"queue", "kind", "message_id", "order_id", "is_redrivable"}] * 3
    assert len({each["message_id"] for each in letters}) == len({each["order_id"] for each in letters}) == 3
    assert {each["queue"] for each in letters} == {"process-dlq"}


def test_all_is_every_kind_that_is_wired_and_leaves_other_stacks_alone(house: House) -> None:
    letters = [json.loads(line) for line in house.types("all", "-o", "jsonl").out.splitlines()]
    assert [(each["kind"], each["queue"], each["is_redrivable"]) for each in letters] == [
        ("sqs", "work-dlq", True),
        ("lambda-dlq", "process-dlq", True),
        ("on-failure", "failures", True),
    ]
    assert len(house.lying_in("work-dlq", "process-dlq", "failures")) == 3
    assert not house.lying_in("foreign-dlq", "work")


def test_the_same_order_in_both_queues_of_a_function_is_one_failure(house: House) -> None:
    house.types("lambda-dlq", "on-failure", "--order-id", "o-1")
    [record] = map(json.loads, house.lying_in("failures"))
    call = next(call for call in house.aws.calls_of("SendMessageBatch") if call["QueueUrl"].endswith("process-dlq"))
    request_id = call["Entries"][0]["MessageAttributes"]["RequestID"]["StringValue"]
    assert record["requestContext"]["requestId"] == request_id


def test_every_consumer_of_a_kind_misses_every_order_named(house: House) -> None:
    second = house.aws.lambda_.create("second", dead_letter_arn=house.aws.sqs.create("second-dlq").arn)
    house.aws.lambda_.create("third", dead_letter_arn=second.dead_letter_arn)
    named = ["--queue", "process-dlq", "--queue", "second-dlq", "--order-id", "o-1", "--order-id", "o-2"]
    letters = json.loads(house.types("lambda-dlq", *named, "-o", "json").out)
    assert sorted((each["queue"], each["order_id"], each["is_redrivable"]) for each in letters) == [
        ("process-dlq", "o-1", True),
        ("process-dlq", "o-2", True),
        ("second-dlq", "o-1", False),
        ("second-dlq", "o-1", False),
        ("second-dlq", "o-2", False),
        ("second-dlq", "o-2", False),
    ], "two functions share the last queue, and a Lambda dead letter names neither"


def test_only_the_named_queues_are_used(house: House) -> None:
    house.types("all", "--queue", "failures", "--queue", "process-dlq", "--count", "2")
    assert (len(house.lying_in("failures")), len(house.lying_in("process-dlq"))) == (2 + 1, 2 + 1)
    assert not house.lying_in("work-dlq")
    assert house.types("sqs", "--queue", "nowhere").code == 3


def test_stock_that_is_there_stays_and_too_little_is_warned_of(house: House) -> None:
    house.stock = FakeStockTable(Stock("widget-1", 1))
    done = house.types("lambda-dlq", "--count", "3")
    assert house.stock.rows["widget-1"] == Stock("widget-1", 1)
    assert done.code == 0
    assert "warning: that is less than 3 orders take: orderctl inventory adjust widget-1 --by 2\n" in done.err


@pytest.mark.parametrize("environment", ["prod", "local-in-name"])
def test_another_environment_is_refused_before_anything_is_asked_of_it(house: House, environment: str) -> None:
    done = house.types("sqs", "--env", environment)
    assert (done.code, house.aws.calls) == (7, [])
    assert done.err == (
        f"orderctl: drills are for the local stack; environment '{environment}' is not it\n"
        "hint: orderctl local drill sqs --env local, once 'orderctl local up' has made it\n"
    )


@pytest.mark.parametrize("endpoint", ["https://sqs.ap-northeast-1.amazonaws.com", "http://10.0.0.7:4566"])
def test_an_endpoint_on_another_machine_is_refused(house: House, endpoint: str) -> None:
    assert house.types("sqs", "--endpoint-url", endpoint).code == 7
    assert house.aws.calls == []


def test_a_dry_run_changes_nothing_and_shows_the_same_letters(house: House) -> None:
    done = house.types("all", "--order-id", "o-1", "--dry-run", "-o", "json")
    assert (done.code, house.aws.writes(), dict(house.stock.writes)) == (0, [], {})
    assert [each["order_id"] for each in json.loads(done.out)] == ["o-1"] * 3
    assert {each["message_id"] for each in json.loads(done.out)} == {None}


def test_a_dry_run_says_what_would_be_made_beside_the_stack(house: House) -> None:
    done = house.types("scheduler", "--dry-run", "-o", "json")
    assert (done.code, json.loads(done.out), house.aws.writes()) == (0, [], [])
    assert "would make queue orders-local-drills where it is missing" in done.err


def test_a_letter_that_was_not_sent_is_named_and_the_exit_code_is_6(house: House) -> None:
    house.aws.faults.on("SendMessageBatch", entries_fail({0}))
    done = house.types("lambda-dlq", "--count", "2", "-o", "json")
    assert done.code == 6
    assert [each["message_id"] is None for each in json.loads(done.out)] == [True, False]
    assert "warning: process-dlq: drill-lambda-dlq-" in done.err


@pytest.mark.parametrize("argv", [["eggs"], ["sqs", "--count", "0"], []])
def test_what_makes_no_sense_is_2(house: House, argv: list[str]) -> None:
    assert house.types(*argv).code == 2


def test_a_kind_nothing_is_wired_as_is_3(house: House) -> None:
    assert house.types("sns").code == 3


def test_the_letters_order_what_is_put_in_stock() -> None:
    queue = "arn:aws:sqs:ap-northeast-1:123456789012:q"
    slot = drill_letters.Slot(Wire(Kind.UNKNOWN, queue, queue, queue), "o-1", None, datetime(2026, 11, 22, tzinfo=UTC))
    assert drill_letters.order(slot)["product_id"] == drill.PRODUCT
