"""`dlq redrive --engine distributed` by the front door: screens, exit codes, and what it says of what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orderctl.context import App
from orderctl.dlq.engine_choice import WORTH_A_BULK
from orderctl.dlq.models import Kind, Wire, Wiring
from tests.cli.support import Outcome, new_app, run
from tests.cli.test_dlq import Silent
from tests.dlq.bulk_world import BulkWorld
from tests.fakes.sqs import effects

SHORT = ("dlq", "redrive", "orders-dlq", "--engine", "distributed")
WHERE = {"ORDERCTL_BULK_BUCKET": "bulk", "AWS_REGION": "ap-northeast-1"}


class Wired:
    """Clients of the fake AWS; S3's is one of its own."""

    region = "ap-northeast-1"

    def __init__(self, world: BulkWorld) -> None:
        self._world = world

    def client(self, service: str, **_: object) -> Any:
        return self._world.far.client if service == "s3" else self._world.aws.client(service)


@pytest.fixture
def world(tmp_path: Path) -> BulkWorld:
    found = BulkWorld(tmp_path / "state", hand=2000, chunk=100)
    found.aws.services["cloudwatch"] = Silent()
    found.function.dead_letter_arn = found.dlq.arn
    return found


def app(world: BulkWorld, home: Path, environ: dict[str, str]) -> App:
    made: Any = new_app(home, environ=environ, clock=world.clock)
    made.aws = Wired(world)
    return made  # type: ignore[no-any-return]


def orderctl(world: BulkWorld, home: Path, *argv: str, **environ: str) -> Outcome:
    known = {**WHERE, "ORDERCTL_BULK_STATE_MACHINE": world.far.machine, **environ}
    return run(app(world, home, {name: value for name, value in known.items() if value}), *argv)


def test_a_queue_is_redriven_by_aws(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(7)
    done = orderctl(world, tmp_path, *SHORT, "--yes", "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["counts"]["deleted"] == 7
    assert "engine: distributed, AWS makes the deliveries; the letters go through s3://bulk\n" in done.err
    assert (world.left(), world.duplicates(), world.aws.count("Invoke")) == ([], set(), 0)
    again = orderctl(world, tmp_path, *SHORT, "--yes")
    assert again.code == 0


def test_a_dry_run_changes_nothing_and_names_the_engine(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(2)
    done = orderctl(world, tmp_path, *SHORT, "--dry-run", "-o", "json")
    assert (done.code, json.loads(done.out)["engine"]) == (0, "distributed")
    assert [call for call in world.aws.writes() if call.operation != "HeadBucket"] == []


@pytest.mark.parametrize(
    ("argv", "environ", "code", "said"),
    [
        (("--rate", "5"), {}, 2, "--rate cannot be kept by functions side by side in AWS"),
        ((), {"ORDERCTL_BULK_BUCKET": ""}, 2, "names no bulk_bucket"),
        ((), {"ORDERCTL_BULK_STATE_MACHINE": ""}, 2, "names no bulk_state_machine"),
        ((), {"ORDERCTL_BULK_BUCKET": "nowhere"}, 3, "nowhere"),
        ((), {"ORDERCTL_BULK_STATE_MACHINE": "arn:aws:states:ap-northeast-1:123456789012:stateMachine:x"}, 3, "x"),
    ],
)
def test_what_is_missing_or_cannot_be_is_said_before_a_letter_is_touched(
    world: BulkWorld, tmp_path: Path, argv: tuple[str, ...], environ: dict[str, str], code: int, said: str
) -> None:
    world.seed(2)
    done = orderctl(world, tmp_path, *SHORT, "--yes", *argv, **environ)
    assert done.code == code
    assert said in done.err
    assert "--rate" in argv or "orderctl stack deploy" in done.err
    assert world.aws.count("ReceiveMessage") == 0


def test_a_stranger_s_bucket_is_refused(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(1)
    world.far.s3.buckets["bulk"] = "999999999999"
    done = orderctl(world, tmp_path, *SHORT, "--yes")
    assert (done.code, world.aws.count("ReceiveMessage"), world.left_behind()) == (7, 0, [])


def test_a_bucket_that_lets_a_chunk_go_twice_is_not_used(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(1)
    world.far.s3.ignores_conditions = True
    done = orderctl(world, tmp_path, *SHORT, "--yes")
    assert (done.code, len(world.left()), world.aws.lambda_.invocations) == (2, 1, [])


def test_a_fifo_consumer_is_refused(world: BulkWorld, tmp_path: Path) -> None:
    fifo = world.aws.sqs.create("work.fifo")
    made: Any = app(world, tmp_path, {**WHERE, "ORDERCTL_BULK_STATE_MACHINE": world.far.machine})
    wires = Wiring((Wire(Kind.SNS, world.dlq.arn, "arn:aws:sns:r:1:t:s", fifo.arn, topic_arn="arn:aws:sns:r:1:t"),))
    made.wiring = lambda _named=(): wires
    done = run(made, *SHORT, "--yes")
    assert done.code == 7
    assert "work.fifo, to which its letters go, is FIFO" in done.err


def test_what_a_run_left_is_gone_on_with_as_it_began(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(5)
    world.aws.faults.on("DescribeExecution", effects.expired_credentials())
    first = orderctl(world, tmp_path, *SHORT, "--yes", "-o", "json")
    assert first.code == 4
    assert len(json.loads(first.out)["kept"]) == 5
    assert "--resume" in first.err
    world.aws.faults.clear()
    done = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest", "--yes", "-o", "json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert (report["counts"]["deleted"], report["possible_duplicates"]) == (5, [])
    assert "looking at what became of 1 bulk executions that the run had begun\n" in done.err
    assert (world.left(), world.duplicates(), world.aws.count("StartExecution")) == ([], set(), 1)


def test_a_rate_is_refused_for_what_goes_on_by_waves_and_not_for_the_own_engine(
    world: BulkWorld, tmp_path: Path
) -> None:
    world.seed(3)
    world.aws.faults.on("DescribeExecution", effects.expired_credentials())
    orderctl(world, tmp_path, *SHORT, "--yes")
    world.aws.faults.clear()
    resume = ("dlq", "redrive", "--resume", "@latest", "--yes", "--rate", "50")
    assert orderctl(world, tmp_path, *resume).code == 2
    done = orderctl(world, tmp_path, *resume, "--engine", "own")
    assert (done.code, world.left(), world.duplicates()) == (0, [], set()), done.err


def test_a_run_that_began_without_waves_goes_on_without(world: BulkWorld, tmp_path: Path) -> None:
    world.seed(1)
    assert orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes").code == 0
    done = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest", "--yes", "--engine", "distributed")
    assert done.code == 2


def test_auto_never_chooses_it_and_says_that_it_exists_when_the_queue_is_very_long(
    world: BulkWorld, tmp_path: Path
) -> None:
    world.seed(1)
    made: Any = app(world, tmp_path, {**WHERE, "ORDERCTL_BULK_STATE_MACHINE": world.far.machine})
    world.dlq.attributes["MaximumMessageSize"] = "262144"
    real = made.queues.describe

    class Long:
        def __getattr__(self, name: str) -> Any:
            return getattr(made_queues, name)

        def describe(self, queue: str) -> Any:
            from dataclasses import replace

            return replace(real(queue), depth=WORTH_A_BULK + 1)

    made_queues, made.queues = made.queues, Long()
    done = run(made, "dlq", "redrive", "orders-dlq", "--dry-run", "-o", "json")
    assert json.loads(done.out)["engine"] == "own"
    assert "AWS can make these deliveries itself: --engine distributed" in done.err


def test_its_resources_are_found_in_the_stack() -> None:
    from orderctl.config.schema import BY_PATH

    found = {path: BY_PATH[path].output for path in ("resources.bulk_bucket", "resources.bulk_state_machine")}
    assert found == {
        "resources.bulk_bucket": "BulkBucketName",
        "resources.bulk_state_machine": "BulkStateMachineArn",
    }
