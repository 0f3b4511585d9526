"""One order in one timeline, over fakes of everybody who may know something of it."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, FailedError, OrderctlError
from orderctl.orders.log_models import Segment
from orderctl.orders.names import named
from tests.cli.support import Outcome, new_app, run
from tests.cli.test_dlq import Silent, Wired
from tests.dlq.world import World
from tests.fakes.executions import EXPRESS, EXPRESS_GROUP, MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, SUCCEEDED
from tests.fakes.logs import FakeGroups, FakeLogs, FakeRecords, FakeTraces

TRACE = "1-67480000-0123456789abcdef01234567"
REQUEST = "dd52f132-9c3d-485b-9047-b75a2d942142"
GROUP = "/orders/functions"
SETTINGS = {
    "AWS_REGION": "ap-northeast-1",
    "ORDERCTL_STATE_MACHINE": MACHINE,
    "ORDERCTL_EXPRESS_STATE_MACHINE": EXPRESS,
    "ORDERCTL_ORDERS_TABLE": "orders",
    "ORDERCTL_FUNCTION_LOG_GROUP": GROUP,
}


class Scene:
    """An environment in which order-1 left something everywhere."""

    def __init__(self, home: Path) -> None:
        self.home, self.world = home, World(home / "state")
        self.world.aws.services["cloudwatch"] = Silent()
        self.clock = self.world.clock
        self.executions = FakeExecutions(self.clock)
        self.logs = FakeLogs(self.clock, GROUP, EXPRESS_GROUP)
        self.records, self.traces = FakeRecords(), FakeTraces()

    def app(self) -> App:
        app = new_app(self.home, environ=SETTINGS, clock=self.clock)
        app.aws = Wired(self.world)  # type: ignore[assignment]
        app.executions, app.logs, app.function_groups = self.executions, self.logs, FakeGroups()
        app.order_records, app.traces = self.records, self.traces
        app.wiring = lambda named=(): self.world.wiring  # type: ignore[method-assign]
        return app

    def run(self, *flags: str, order: str = "order-1") -> Outcome:
        return run(self.app(), "orders", "trace", order, *flags)

    def entries(self, *flags: str) -> list[tuple[str, str]]:
        found = json.loads(self.run(*flags, "-o", "json").out)
        return [(entry["source"], entry["what"]) for entry in found]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.executions.run("order-1", OUT_OF_STOCK)
    said = {"message": "order refused", "level": "ERROR", "service": "orders-api", "xray_trace_id": TRACE}
    scene.logs.put(GROUP, json.dumps({**said, "order_id": "order-1", "function_request_id": REQUEST}))
    scene.logs.put(GROUP, json.dumps({"message": "another", "order_id": "order-12"}))
    scene.logs.put_execution(EXPRESS_GROUP, SUCCEEDED[:1], EXPRESS.replace("stateMachine", "express") + ":order-1:u")
    scene.traces.traces[TRACE] = [Segment(TRACE, "orders-api", scene.clock.now() - timedelta(seconds=1), 0.5, "fault")]
    scene.records.records["order-1"] = {"product_id": "w", "quantity": Decimal(2), "status": "STOCK_TAKEN"}
    scene.world.seed(3)
    scene.clock.advance(60)
    return scene


def test_everything_about_an_order_stands_in_one_timeline(scene: Scene) -> None:
    done = scene.run("-o", "table")
    assert done.code == 0
    letter = next(iter(m.message_id for m in scene.world.dlq.messages.values() if "order-1" in m.body))
    assert done.out == (
        "2026-11-22T02:59:59.000Z  x-ray        orders-api  500ms  fault\n"
        "2026-11-22T03:00:00.000Z  execution    execution started\n"
        "2026-11-22T03:00:00.000Z  express      execution started\n"
        "2026-11-22T03:00:00.000Z  api          orders-api: order refused\n"
        f"2026-11-22T03:00:00.000Z  dead-letter  waits in orders-dlq (sqs), message {letter}\n"
        "2026-11-22T03:00:00.200Z  execution    TakeStock attempt 1 failed  200ms  "
        "DynamoDB.ConditionalCheckFailedException: The conditional failed\n"
        "2026-11-22T03:00:00.200Z  execution    TakeStock caught  200ms  DynamoDB.ConditionalCheckFailedException\n"
        "2026-11-22T03:00:00.300Z  execution    execution failed  300ms  OutOfStock: asks for 9, left: 2\n"
        "-                         stock        taken: 2 of w; STOCK_TAKEN\n"
    )


def test_looking_at_the_queues_gives_everything_back_and_says_its_price(scene: Scene) -> None:
    done = scene.run()
    assert done.err == (
        "looking through 3 messages in 1 queues: it adds one to each receive count and hides them for a moment "
        "(--no-dead-letters leaves them alone)\n"
    )
    assert scene.world.aws.writes() == []
    assert len(scene.world.services.queues.receive(scene.world.prepared().queue, up_to=10, hide_for=0, wait=0)) == 3


def test_without_dead_letters_no_queue_is_touched(scene: Scene) -> None:
    assert "dead-letter" not in [source for source, _ in scene.entries("--no-dead-letters")]
    assert all(message.receives_here == 0 for message in scene.world.dlq.messages.values())


def test_a_very_full_queue_is_named_and_left_alone(scene: Scene) -> None:
    scene.world.seed(1001)
    done = scene.run()
    assert "dead-letter" not in done.out
    assert "orderctl dlq inspect orders-dlq --order-id order-1" in done.err


@pytest.mark.parametrize("error", [FailedError("broken"), AuthError("not authorized")])
def test_each_part_that_cannot_be_read_is_a_warning_and_no_failure(scene: Scene, error: OrderctlError) -> None:
    scene.records.error = scene.traces.error = error
    scene.logs.fail(error, times=9)
    done = scene.run()
    assert done.code == 0
    warned = [line for line in done.err.splitlines() if line.startswith("warning:")]
    assert [line.removeprefix("warning: ").split(":")[0] for line in warned] == [
        "Express executions",
        "log group /orders/functions cannot be read",
        "stock",
    ]


def test_the_trace_an_execution_was_started_in_is_asked_for(scene: Scene) -> None:
    other = "1-67480000-fedcba987654321001234567"
    scene.executions.runs[named(MACHINE, "order-1")].trace_header = f"Root={other};Parent=53995c3f42cd8ad8;Sampled=1"
    scene.run("--no-dead-letters")
    assert scene.traces.asked == [other, TRACE]


def test_x_ray_degrades_alone(scene: Scene) -> None:
    scene.traces.error = FailedError("400")
    done = scene.run("--no-dead-letters")
    assert (done.code, done.err) == (0, "warning: X-Ray: not looked at: 400\n")


def test_an_order_nobody_knows_is_exit_3(scene: Scene) -> None:
    done = scene.run("--no-dead-letters", order="order-9")
    assert (done.code, done.out) == (3, "")
    assert "order order-9: no execution, log line, dead letter, record or trace was found" in done.err


def test_with_credentials_that_are_no_good_it_is_exit_4_and_not_3(scene: Scene) -> None:
    for operation in ("history", "state_machine", "describe"):
        scene.executions.fail(operation, AuthError("expired"), times=9)
    scene.logs.fail(AuthError("expired"), times=9)
    scene.records.error = AuthError("expired")
    assert scene.run("--no-dead-letters", order="order-9").code == 4


def test_what_is_no_order_id_is_refused(scene: Scene) -> None:
    assert scene.run(order="a b").code == 2


def test_in_json_an_entry_has_its_documented_names(scene: Scene) -> None:
    [first, *_] = json.loads(scene.run("-o", "json").out)
    assert list(first) == ["timestamp", "source", "what", "duration_seconds", "error", "where", "request_id"]
