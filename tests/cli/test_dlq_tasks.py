"""Redrive by a message move task, and `dlq tasks`, through the front door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orderctl.context import App
from orderctl.dlq.redrive import runs_folder
from tests.cli.support import Outcome, new_app, run, write_config
from tests.dlq.world import SharedClock, World
from tests.fakes.sqs import effects
from tests.fakes.sqs.errors import AwsError
from tests.fakes.sqs.faults import Call

FOLLOW = "orderctl dlq tasks orders-dlq --follow"
CANCEL = "orderctl dlq tasks orders-dlq --cancel"
BOTH = f"follow it with: {FOLLOW}; cancel it with: {CANCEL}"
NATIVE = ("dlq", "redrive", "orders-dlq", "--engine", "native", "--yes")
INVALID = AwsError("InvalidAction", "The action ListMessageMoveTasks is not valid for this endpoint.", 400)


class Wired:
    """What the App takes its clients from: the fake AWS instead of a session."""

    region = "ap-northeast-1"

    def __init__(self, world: World) -> None:
        self._world = world

    def client(self, service: str, **_: object) -> Any:
        return self._world.aws.client(service)


class Interrupting(SharedClock):
    """Somebody presses Ctrl-C during the sleep that passes `at`."""

    at = float("inf")

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.elapsed >= self.at:
            self.at = float("inf")
            raise KeyboardInterrupt


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state")


def app(world: World, home: Path, **options: Any) -> App:
    options = {"clock": world.clock, **options}
    made = new_app(home, environ={"AWS_REGION": "ap-northeast-1"}, **options)
    made.aws = Wired(world)  # type: ignore[assignment]
    return made


def orderctl(world: World, home: Path, *argv: str, **options: Any) -> Outcome:
    return run(app(world, home, **options), *argv)


def records(home: Path) -> list[dict[str, Any]]:
    (path,) = runs_folder(home / "state" / "orderctl").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run_of(home: Path) -> str:
    return str(records(home)[0]["run"])


# --- redrive --------------------------------------------------------------------------------------------------


def test_a_redrive_by_task_moves_everything_and_keeps_a_record_of_the_run(world: World, tmp_path: Path) -> None:
    world.seed(5)
    done = orderctl(world, tmp_path, *NATIVE, "-o", "json", "--rate", "2")
    assert (done.code, world.left()) == (0, [])
    assert world.lost() == world.duplicates() == set()
    name = run_of(tmp_path)
    assert json.loads(done.out) == {
        "run": name,
        "engine": "native",
        "queue": "orders-dlq",
        "status": "COMPLETED",
        "moved": 5,
        "to_move": 5,
        "started_at": "2026-11-22T03:00:02.000Z",
        "destination_arn": None,
        "failure_reason": None,
        "rate": 2,
        "task_handle": None,
        "left": 0,
        "in_flight": 0,
        "possible_duplicates": None,
    }
    assert done.err.splitlines() == [
        "Plan for orders-dlq: about 5 messages",
        f"       5 sqs                 -> {world.source.arn}  (such as order-0)",
        "  expected: about 5 s",
        "engine: SQS's message move task, each message to its own source (--engine own for ours)",
        "  without a record of each message and without --max-redrives, whose count it does not know; it moves what is"
        " visible when it starts, and nothing else",
        f"run {name}: the move task was started; {BOTH}",
        "RUNNING, moved 0",
        "COMPLETED, moved 5 of 5",
        "the task moved the messages inside AWS: there is no record of each of them, they have new message ids, and "
        "whether one was delivered twice cannot be known",
    ]
    assert world.aws.calls_of("StartMessageMoveTask") == [
        {"SourceArn": world.dlq.arn, "MaxNumberOfMessagesPerSecond": 2}
    ]
    found = records(tmp_path)
    assert [record["r"] for record in found] == ["run", "move_task", "move_task", "move_task", "end"]
    assert found[0]["engine"] == "native"
    assert found[1]["task_handle"]
    assert found[-1]["counts"] == {"moved": 5, "left": 0}


def test_auto_takes_a_task_for_a_long_queue_only(world: World, tmp_path: Path) -> None:
    world.seed(1001)
    dry = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "-o", "json")
    assert (dry.code, json.loads(dry.out)["engine"]) == (0, "native")
    assert world.aws.writes() == []
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert (done.code, json.loads(done.out)["moved"], world.left()) == (0, 1001, [])
    assert world.aws.count("SendMessageBatch") == 0


def test_a_short_queue_is_redriven_by_the_own_engine_without_a_word(world: World, tmp_path: Path) -> None:
    world.seed(3)
    dry = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "-o", "json")
    assert json.loads(dry.out)["engine"] == "own"
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert (done.code, json.loads(done.out)["counts"]["deleted"]) == (0, 3)
    assert "engine" not in done.err
    assert world.aws.count("ListMessageMoveTasks") == world.aws.count("StartMessageMoveTask") == 0


def test_on_an_emulator_auto_uses_the_own_engine_and_says_why(world: World, tmp_path: Path) -> None:
    world.seed(1001)
    world.aws.faults.on("ListMessageMoveTasks", effects.before(INVALID))
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "-o", "json")
    assert (done.code, json.loads(done.out)["engine"]) == (0, "own")
    assert "warning: this endpoint offers no message move tasks; using the own engine\n" in done.err
    native = orderctl(world, tmp_path, *NATIVE)
    assert (native.code, native.err) == (1, "orderctl: this endpoint offers no message move tasks\n")


@pytest.mark.parametrize("engine", ["auto", "native"])
def test_a_mixed_queue_never_sees_a_task(world: World, tmp_path: Path, engine: str) -> None:
    world.aws.lambda_.create("process-order", dead_letter_arn=world.dlq.arn)
    world.seed(1001)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--engine", engine, "--dry-run")
    assert world.aws.count("StartMessageMoveTask") == 0
    assert done.code == (7 if engine == "native" else 0)
    assert ("other kinds (lambda-dlq)" in done.err) == (engine == "native")
    assert "move task, each message" not in done.err


def test_an_unknown_engine_and_a_wish_beyond_a_task_are_usage(world: World, tmp_path: Path) -> None:
    world.seed(1)
    wrong = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--engine", "fast")
    assert (wrong.code, wrong.err) == (
        2,
        "orderctl: --engine cannot be 'fast'\nhint: one of: auto, native, own, distributed\n",
    )
    beyond = orderctl(world, tmp_path, *NATIVE, "--max", "3", "--verify", "60")
    assert (beyond.code, beyond.err) == (
        2,
        "orderctl: a message move task cannot do --max, --verify\nhint: --engine own can\n",
    )
    assert world.aws.writes() == []


def test_a_task_at_work_is_a_conflict_with_the_way_on(world: World, tmp_path: Path) -> None:
    world.seed(60)
    orderctl(world, tmp_path, *NATIVE, "--rate", "1", clock=interrupted_at(world, 10))
    done = orderctl(world, tmp_path, *NATIVE)
    assert done.code == 5
    assert done.err.startswith("orderctl: orders-dlq: a message move task is at work already: RUNNING, moved ")
    assert done.err.endswith(f"\nhint: {BOTH}\n")


def test_a_task_started_by_somebody_else_in_between_is_a_conflict_too(world: World, tmp_path: Path) -> None:
    world.seed(60)

    def started(_: Call) -> None:
        world.aws.sqs.call("StartMessageMoveTask", {"SourceArn": world.dlq.arn, "MaxNumberOfMessagesPerSecond": 1})

    world.aws.faults.on("StartMessageMoveTask", effects.barrier(before=started))
    done = orderctl(world, tmp_path, *NATIVE)
    assert done.code == 5
    assert done.err.endswith(f"hint: {BOTH}\n")
    again = orderctl(world, tmp_path, "dlq", "redrive", "--resume", run_of(tmp_path), "--yes")
    assert again.code == 3
    assert "started no move task: queue orders-dlq: There is already a task running" in again.err


def interrupted_at(world: World, seconds: float) -> SharedClock:
    """The world's clock from now on is one that is interrupted."""
    clock = Interrupting()
    clock.elapsed, clock.at = world.clock.elapsed, world.clock.elapsed + seconds
    world.clock = world.aws.clock = world.aws.sqs.clock = world.aws.sqs.waiting._clock = clock
    return clock


def test_ctrl_c_leaves_the_task_at_work_and_says_so(world: World, tmp_path: Path) -> None:
    world.seed(30)
    done = orderctl(world, tmp_path, *NATIVE, "--rate", "1", "-o", "json", clock=interrupted_at(world, 10))
    assert done.code == 130
    assert done.err.endswith(f"orderctl: interrupted\nhint: the move task goes on in AWS; {BOTH}\n")
    last = json.loads(done.out)
    assert (last["status"], last["left"]) == ("RUNNING", None)
    assert world.aws.count("CancelMessageMoveTask") == 0
    again = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest", "-o", "json")
    assert (again.code, json.loads(again.out)["moved"]) == (0, 30)
    assert world.aws.count("StartMessageMoveTask") == 1
    assert world.left() == []


def test_a_task_that_ended_meanwhile_is_found_again_by_resume(world: World, tmp_path: Path) -> None:
    world.seed(30)
    orderctl(world, tmp_path, *NATIVE, "--rate", "1", clock=interrupted_at(world, 3.5))
    world.clock.advance(600)
    again = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest", "-o", "json")
    report = json.loads(again.out)
    assert (again.code, report["status"], report["moved"], report["left"]) == (0, "COMPLETED", 30, 0)


def test_messages_in_flight_are_waited_for_before_the_start(world: World, tmp_path: Path) -> None:
    world.seed(12)
    queues = world.services.queues
    queues.receive(queues.describe("orders-dlq"), up_to=2, hide_for=30, wait=0)
    done = orderctl(world, tmp_path, *NATIVE, "-o", "json")
    assert (done.code, json.loads(done.out)["moved"]) == (0, 12)
    assert "waiting for 2 messages in flight: a move task cannot see them\n" in done.err


def test_what_stays_in_flight_is_left_and_reported(world: World, tmp_path: Path) -> None:
    world.seed(12)
    queues = world.services.queues
    queues.receive(queues.describe("orders-dlq"), up_to=2, hide_for=3600, wait=0)
    done = orderctl(world, tmp_path, *NATIVE, "-o", "json")
    report = json.loads(done.out)
    assert (done.code, report["moved"], report["left"], report["in_flight"]) == (6, 10, 2, 2)
    assert "warning: 2 messages are still in flight; the task will leave them\n" in done.err
    assert "10 messages were moved and about 2 lie in the queue" in done.err


def test_a_task_that_completes_having_moved_nothing_is_not_called_done(world: World, tmp_path: Path) -> None:
    world.seed(3)
    queues = world.services.queues

    def looked_at(_: Call) -> None:
        queues.receive(queues.describe("orders-dlq"), up_to=10, hide_for=3600, wait=0)

    world.aws.faults.on("StartMessageMoveTask", effects.barrier(before=looked_at))
    done = orderctl(world, tmp_path, *NATIVE)
    assert done.code == 6
    assert done.err.endswith(
        "orderctl: the task ended COMPLETED, but moved nothing: 3 messages are in flight, and a task cannot see those\n"
        "hint: the rest with: orderctl dlq redrive orders-dlq --engine own; look with: orderctl dlq inspect "
        "orders-dlq\n"
    )
    assert "whether one was delivered twice" not in done.err


def test_a_letter_without_a_source_fails_the_task_with_the_reason(world: World, tmp_path: Path) -> None:
    world.seed(5)

    def sent(_: Call) -> None:
        world.aws.sqs.seed(world.dlq, "by hand")

    world.aws.faults.on("StartMessageMoveTask", effects.barrier(before=sent))
    done = orderctl(world, tmp_path, *NATIVE, "-o", "json")
    report = json.loads(done.out)
    assert (done.code, report["status"], report["moved"], report["left"]) == (1, "FAILED", 5, 1)
    assert report["failure_reason"] == "CouldNotDetermineMessageSource"
    error = json.loads(done.err.splitlines()[-1])
    assert error["message"].startswith("the message move task failed after 5 messages: CouldNotDetermineMessageSource")
    assert "orderctl dlq redrive orders-dlq --engine own" in error["hint"]


def test_a_letter_without_a_source_in_the_sample_stops_it_before_the_start(world: World, tmp_path: Path) -> None:
    world.seed(2)
    world.aws.sqs.seed(world.dlq, "by hand")
    done = orderctl(world, tmp_path, *NATIVE)
    assert done.code == 7
    assert world.aws.count("StartMessageMoveTask") == 0


def test_without_the_permission_to_start_nothing_is_moved_and_the_record_says_why(world: World, tmp_path: Path) -> None:
    world.seed(2)
    world.aws.faults.on("StartMessageMoveTask", effects.access_denied())
    done = orderctl(world, tmp_path, *NATIVE)
    assert done.code == 4
    assert done.err.endswith("hint: the credentials need sqs:StartMessageMoveTask; or redrive with --engine own\n")
    assert "refused" in records(tmp_path)[-1]
    assert len(world.left()) == 2


def test_credentials_that_expire_on_the_way_end_with_4_and_the_task_goes_on(world: World, tmp_path: Path) -> None:
    world.seed(30)
    world.aws.faults.on("ListMessageMoveTasks", effects.expired_credentials(), start=4)
    done = orderctl(world, tmp_path, *NATIVE, "--rate", "1")
    assert done.code == 4
    assert f"the move task goes on in AWS; {BOTH}\n" in done.err
    world.aws.faults.clear()
    again = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest")
    assert (again.code, world.left()) == (0, [])


def test_a_protected_environment_wants_its_name_before_a_task_is_started(world: World, tmp_path: Path) -> None:
    write_config(tmp_path, '[env.prod]\nprotected = true\nregion = "ap-northeast-1"\n')
    world.seed(2)
    done = orderctl(world, tmp_path, *NATIVE, "--env", "prod")
    assert (done.code, world.aws.count("StartMessageMoveTask")) == (7, 0)


# --- tasks ----------------------------------------------------------------------------------------------------


def start(world: World, rate: int = 1) -> None:
    params = {"SourceArn": world.dlq.arn, "MaxNumberOfMessagesPerSecond": rate}
    world.aws.client("sqs").start_message_move_task(**params)


def test_tasks_lists_every_task_of_the_queues_that_queues_feed(world: World, tmp_path: Path) -> None:
    world.seed(30)
    world.aws.sqs.create("of-a-function")
    start(world)
    world.clock.advance(3)
    done = orderctl(world, tmp_path, "dlq", "tasks", "-o", "csv")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "queue,status,moved,to_move,started_at,rate,destination_arn,failure_reason\n"
        "orders-dlq,RUNNING,3,30,2026-11-22T03:00:00.000Z,1,,\n"
    )
    (task,) = json.loads(orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "-o", "json").out)
    assert task["task_handle"]
    assert world.aws.count("ListMessageMoveTasks") == 2


def test_tasks_is_an_empty_list_where_there_are_none(world: World, tmp_path: Path) -> None:
    done = orderctl(world, tmp_path, "dlq", "tasks", "-o", "json")
    assert (done.code, done.out, done.err) == (0, "[]\n", "")
    unknown = orderctl(world, tmp_path, "dlq", "tasks", "no-such-queue")
    assert unknown.code == 3


def test_a_queue_that_may_not_be_looked_at_is_named_and_the_others_are_listed(world: World, tmp_path: Path) -> None:
    other = world.aws.sqs.create("payments-dlq")
    world.aws.sqs.create("payments", RedrivePolicy=f'{{"deadLetterTargetArn":"{other.arn}","maxReceiveCount":"3"}}')
    world.seed(3)
    start(world)
    is_other = lambda call: call.params["SourceArn"] == other.arn  # noqa: E731
    world.aws.faults.on("ListMessageMoveTasks", effects.access_denied(), when=is_other)
    done = orderctl(world, tmp_path, "dlq", "tasks", "--query", "[].queue")
    assert (done.code, done.out) == (0, "orders-dlq\n")
    assert done.err.startswith("warning: queue payments-dlq: ")


def test_an_emulator_has_no_tasks_to_list_and_none_to_cancel(world: World, tmp_path: Path) -> None:
    world.aws.faults.on("ListMessageMoveTasks", effects.before(INVALID))
    done = orderctl(world, tmp_path, "dlq", "tasks", "-o", "json")
    assert (done.code, done.out) == (0, "[]\n")
    assert done.err == "warning: orders-dlq: this endpoint offers no message move tasks\n"
    assert orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes").code == 1


def test_cancel_waits_until_the_task_has_truly_ended(world: World, tmp_path: Path) -> None:
    world.seed(60)
    start(world)
    world.clock.advance(3)
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes", "-o", "json")
    task = json.loads(done.out)
    assert (done.code, task["status"]) == (0, "CANCELLED")
    assert task["moved"] > 3
    assert len(world.left()) == 60 - task["moved"]
    assert done.err.splitlines() == [
        "orders-dlq: RUNNING, moved 3 of 60; what was moved stays moved",
        "CANCELLING, moved 3 of 60",
        f"CANCELLED, moved {task['moved']} of 60",
    ]


def test_a_second_cancel_says_how_the_first_ended_and_changes_nothing(world: World, tmp_path: Path) -> None:
    world.seed(60)
    start(world)
    assert orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes").code == 0
    again = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--query", "status")
    assert (again.code, again.out) == (0, "CANCELLED\n")
    assert again.err.startswith("nothing to cancel on orders-dlq: CANCELLED, moved ")
    assert world.aws.count("CancelMessageMoveTask") == 1


def test_cancel_during_a_cancel_waits_with_it(world: World, tmp_path: Path) -> None:
    world.seed(60)
    start(world)
    (task,) = world.aws.client("sqs").list_message_move_tasks(SourceArn=world.dlq.arn)["Results"]
    world.aws.client("sqs").cancel_message_move_task(TaskHandle=task["TaskHandle"])
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes", "--query", "status")
    assert (done.code, done.out) == (0, "CANCELLED\n")
    assert "it is being cancelled already; waiting for its end\n" in done.err
    assert world.aws.count("CancelMessageMoveTask") == 1


def test_cancel_asks_first_and_a_dry_run_cancels_nothing(world: World, tmp_path: Path) -> None:
    world.seed(60)
    start(world)
    assert orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel").code == 7
    dry = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--dry-run", "--query", "status")
    assert (dry.code, dry.out, dry.err) == (0, "RUNNING\n", "would cancel orders-dlq: RUNNING, moved 0\n")
    assert world.aws.count("CancelMessageMoveTask") == 0
    typed = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", terminal=True, stdin="y\n")
    assert typed.code == 0


def test_a_task_that_completes_before_the_cancel_is_told_so(world: World, tmp_path: Path) -> None:
    world.seed(3)
    start(world, rate=500)
    world.aws.faults.on("CancelMessageMoveTask", effects.delay(60))
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes", "--query", "status")
    assert (done.code, done.out) == (0, "COMPLETED\n")
    assert done.err.endswith("warning: the task completed before it could be cancelled\n")


def test_cancel_of_a_queue_without_any_task_is_not_found(world: World, tmp_path: Path) -> None:
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes")
    assert (done.code, done.err) == (
        3,
        "orderctl: SQS lists no message move task of orders-dlq\nhint: orderctl dlq tasks\n",
    )


def test_a_timeout_ends_the_wait_and_not_the_cancel(world: World, tmp_path: Path) -> None:
    world.seed(60)
    start(world)
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--cancel", "--yes", "--timeout", "3s")
    assert done.code == 124
    assert done.err.endswith(f"hint: it is asked to stop, and has not yet; follow it with: {FOLLOW}\n")
    assert "CANCELLING" in done.out


def test_follow_shows_a_task_to_its_end_whoever_started_it(world: World, tmp_path: Path) -> None:
    world.seed(90)
    start(world)
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--follow", "-o", "json")
    assert (done.code, json.loads(done.out)["moved"]) == (0, 90)
    lines = done.err.splitlines()
    assert lines[0].startswith("RUNNING, moved")
    assert lines[-1] == "COMPLETED, moved 90 of 90"
    assert 3 <= len(lines) <= 6, "a line for a change of status and every half minute, not for every look"
    world.aws.sqs.seed(world.dlq, "by hand")
    world.clock.advance(10)
    start(world)
    failed = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--follow")
    assert failed.code == 1
    assert "CouldNotDetermineMessageSource" in failed.err


def test_follow_and_cancel_want_one_queue_and_one_of_them(world: World, tmp_path: Path) -> None:
    for argv in (["--follow"], ["--cancel", "a", "b"], ["--follow", "--cancel", "orders-dlq"]):
        assert orderctl(world, tmp_path, "dlq", "tasks", *argv).code == 2
    assert world.aws.calls == []


def test_progress_on_a_terminal_stays_on_one_line(world: World, tmp_path: Path) -> None:
    world.seed(30)
    start(world)
    done = orderctl(world, tmp_path, "dlq", "tasks", "orders-dlq", "--follow", terminal=True)
    assert done.err.startswith("\r\x1b[2KRUNNING, moved 0\r")
    assert done.err.endswith("\r\x1b[2KCOMPLETED, moved 30 of 30\n")
