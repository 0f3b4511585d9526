"""A redrive by waves: as the own engine's in everything but who makes the deliveries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.dlq.journal import read_lines
from orderctl.dlq.models import Kind, Target, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import runs_folder
from orderctl.errors import AuthError, FailedError, RefusedError
from tests.dlq import letters as a
from tests.dlq.bulk_world import NAME, BulkWorld
from tests.fakes.bulk import Killed
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call


def test_a_queue_is_redriven_in_waves_and_nothing_is_left_behind(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(30)
    tally = world.redrive()
    assert world.faults_of(tally) == []
    assert (world.left(), world.duplicates(), tally.counts()["deleted"]) == ([], set(), 30)
    assert world.left_behind() == []
    assert len(world.far.inputs) >= 3, "a hand is twelve letters"
    assert {said["concurrency"] for said in world.far.inputs} == {1}
    assert world.aws.count("Invoke") == 0, "AWS makes the deliveries"
    assert len(world.aws.lambda_.invocations) == 30


def test_every_wave_is_journaled_before_there_is_anything_of_it(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(3)
    seen: list[list[str]] = []

    def look(_call: Call) -> None:
        seen.append([record["r"] for record, _ in read_lines(runs_folder(tmp_path) / f"{NAME}.jsonl")])

    world.aws.faults.on("PutObject", effects.barrier(before=look), nth=1)
    world.redrive()
    assert seen == [["run", "taken", "wave"]]


@pytest.mark.parametrize("kind", [Kind.LAMBDA_DLQ, Kind.ON_FAILURE])
def test_filters_and_max_hold(kind: Kind, tmp_path: Path) -> None:
    world = BulkWorld(tmp_path, kind)
    world.seed(20)
    tally = world.redrive(Order(concurrency=1, limit=4))
    assert (len(tally.delivered), len(world.left())) == (4, 16)
    assert world.faults_of(tally) == []


def test_a_payload_arrives_byte_for_byte(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path, Kind.ON_FAILURE)
    payload = '{"order_id":  "order-1", "big": 123456789012345678901234567890, "f": 1.10, "t": "é\\u00e9😀\\n"}'
    context = f'{{"requestId": "r-1", "functionArn": "{world.function.arn}:$LATEST", "condition": "RetriesExhausted"}}'
    record = f'{{"version": "1.0", "requestContext": {context}, "requestPayload": {payload}}}'
    world.aws.sqs.seed(world.dlq, record)
    world.aws.ledger.begin()
    world.redrive()
    assert [each.payload for each in world.aws.lambda_.invocations] == [payload.encode()]


def test_a_chunk_that_is_handed_over_twice_is_delivered_once(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(9)
    world.far.repeats = 3
    tally = world.redrive()
    assert (world.duplicates(), tally.possible_duplicates, world.left()) == (set(), {}, [])
    assert len(world.far.invoked) == 9


def test_a_chunk_that_died_half_way_is_tried_again_and_named(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(9)
    world.far.inside.faults.on("Invoke", effects.barrier(after=_die), nth=5)
    tally = world.redrive()
    assert world.faults_of(tally) == []
    assert world.left() == []
    assert len(world.duplicates()) == 2, "two of its three were delivered before it died"
    assert len(tally.possible_duplicates) == 3


def _die(_call: Call) -> None:
    raise Killed


def test_a_function_that_delivers_and_never_says_so_ends_the_run_at_its_second_try(tmp_path: Path) -> None:
    """Or it would deliver again and again."""
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.far.inside.faults.on(
        "PutObject", effects.access_denied(), when=lambda call: "/results/" in call.params["Key"]
    )
    run = world.begin()
    with pytest.raises(FailedError, match="began its chunk twice"):
        run.go()
    assert len(world.aws.lambda_.invocations) == 12, "twice, not five times"
    assert len(run.tally.possible_duplicates) == len(run.tally.kept) == 6
    assert world.faults_of(run.tally) == []


@pytest.mark.parametrize(
    "result",
    [b"", b"{", b"[]", b"null", b'{"v": 1}', b'{"v": 2, "chunk": "K", "fates": {}}',
     b'{"v": 1, "chunk": "other", "fates": {}}',
     b'{"v": 1, "chunk": "K", "fates": {"ID": "sent"}}',
     b'{"v": 1, "chunk": "K", "fates": {"ID": {"status": "done"}}}',
     b'{"v": 1, "chunk": "K", "fates": {"ID": {"status": "sent", "new_id": 5}}}'],
)  # fmt: skip
def test_a_garbled_result_is_never_taken_for_sent(result: bytes, tmp_path: Path) -> None:
    world = BulkWorld(tmp_path, chunk=1)
    world.seed(1)
    (message_id,) = (message.message_id for message in world.dlq.messages.values())

    def garble(call: Call) -> None:
        key = call.params["Key"]
        if "/results/" in key:
            chunk = key.replace("/results/", "/in/").replace(".json", ".jsonl")
            call.params["Body"] = result.replace(b"K", chunk.encode()).replace(b"ID", message_id.encode())

    world.far.inside.faults.on("PutObject", effects.barrier(before=garble))
    run = world.begin()
    run.go()
    assert run.tally.counts()["delivered"] == 0
    assert len(world.left()) == 1
    assert list(run.tally.possible_duplicates) == [message_id]


@pytest.mark.parametrize("looks", [0, 1, 3])
@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_a_map_that_ends_badly_loses_nothing_and_names_what_may_go_twice(
    status: str, looks: int, tmp_path: Path
) -> None:
    """It ends after some chunks; the next wave does the rest, and whatever was begun is not delivered again."""
    world = BulkWorld(tmp_path)
    world.seed(12)
    seen = 0

    def end(_call: Call) -> None:
        nonlocal seen
        seen += 1
        if seen == looks + 1:
            world.aws.states.close("20261122T030000Z-000000-00001", status)

    world.aws.faults.on("DescribeExecution", effects.barrier(before=end))
    run = world.begin()
    try:
        run.go()
    except FailedError:
        assert (status, looks) == ("FAILED", 0), "nothing was begun, and nothing would be another time"
        return
    assert world.faults_of(run.tally) == []
    assert (world.left(), world.duplicates()) == ([], set())


def test_a_map_that_cannot_read_its_chunks_ends_the_run_and_says_why(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(3)
    world.far.fails_with = "States.ItemReaderFailed"
    run = world.begin()
    with pytest.raises(FailedError, match=r"FAILED \(States\.ItemReaderFailed"):
        run.go()
    assert (len(world.left()), world.aws.lambda_.invocations) == (3, [])
    assert run.tally.possible_duplicates == {}


def test_throttled_deliveries_wait_and_go_through(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(9)
    world.far.inside.faults.on("Invoke", effects.throttle(), nth=range(3, 25))
    tally = world.redrive()
    assert world.faults_of(tally) == []
    assert (world.left(), world.duplicates(), tally.possible_duplicates) == ([], set(), {})


def test_a_lost_answer_inside_is_named(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.far.inside.faults.on("Invoke", effects.reply_lost(), nth=2)
    tally = world.redrive()
    assert len(world.duplicates()) == 1
    assert world.faults_of(tally) == []
    assert world.left() == []


def test_a_function_that_may_not_deliver_ends_the_run_and_says_whose_permission_it_is(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.far.inside.faults.on("Invoke", effects.access_denied())
    run = world.begin()
    with pytest.raises(AuthError, match="BulkDeliver: AccessDeniedException") as ended:
        run.go()
    assert "--engine own" in (ended.value.hint or "")
    assert (len(world.left()), len(run.tally.kept), run.tally.possible_duplicates) == (6, 6, {})


def test_a_wave_that_could_not_be_uploaded_delivered_nothing(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.aws.faults.on("PutObject", effects.expired_credentials(), nth=2)
    run = world.begin()
    with pytest.raises(AuthError):
        run.go()
    assert (len(world.left()), run.tally.possible_duplicates) == (6, {})
    assert world.aws.count("StartExecution") == 0


def test_a_start_whose_answer_was_lost_is_started_again_and_is_the_same_execution(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.aws.faults.on("StartExecution", effects.reply_lost(), nth=1)
    tally = world.redrive()
    assert world.aws.count("StartExecution") == 2
    assert (world.duplicates(), tally.possible_duplicates, world.left()) == (set(), {}, [])


def test_a_start_that_is_never_answered_but_came_through_is_known_by_its_marks(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.aws.faults.on("StartExecution", effects.reply_lost())
    world.aws.faults.on("ListObjectsV2", effects.barrier(before=lambda _call: world.far.go_on()), nth=1)
    tally = world.redrive()
    assert (world.duplicates(), tally.possible_duplicates, world.left()) == (set(), {}, [])


@pytest.mark.parametrize("is_cleared", [False, True])
def test_a_start_that_comes_late_delivers_nothing(is_cleared: bool, tmp_path: Path) -> None:
    """It was refused as far as we know, and takes effect once its letters are to go out with another wave: its chunks
    are closed, or gone."""
    world = BulkWorld(tmp_path)
    world.seed(6)

    def come_late(_call: Call) -> None:
        for number in (0, 1):
            world.far.invoke(f"redrives/{NAME}/00001/in/{number:05}.jsonl")

    late = effects.barrier(after=come_late) if is_cleared else effects.barrier(before=come_late)
    world.aws.faults.on("StartExecution", effects.before(), nth=range(1, 6))
    world.aws.faults.on("DeleteObjects", late, nth=1)
    tally = world.redrive()
    assert len(world.far.invoked) == 4
    assert (world.left(), world.duplicates(), tally.possible_duplicates) == ([], set(), {})


@pytest.mark.parametrize("operation", ["DescribeExecution", "ListObjectsV2", "GetObject"])
def test_credentials_that_expire_over_a_wave_leave_it_to_resume(operation: str, tmp_path: Path) -> None:
    """Nothing is known of its letters: they are not given back, and nothing is delivered again that was delivered."""
    world = BulkWorld(tmp_path)
    world.seed(6)
    world.aws.faults.on(operation, effects.expired_credentials())
    run = world.begin()
    with pytest.raises(AuthError):
        run.go()
    assert len(run.tally.kept) == 6
    now = world.clock.now().timestamp()
    assert not any(message.is_visible(now) for message in world.dlq.messages.values()), "AWS may be delivering them"
    world.far.go_on()
    world.settle_down()
    resumed = world.resume()
    resumed.go()
    assert world.faults_of(resumed.tally) == []
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})


def test_passing_trouble_over_a_wave_is_got_over(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(12)
    for operation in ("DescribeExecution", "ListObjectsV2", "GetObject"):
        world.aws.faults.on(operation, effects.reply_lost("timeout"), nth=range(1, 3))
    tally = world.redrive()
    assert (world.left(), world.duplicates(), tally.possible_duplicates) == ([], set(), {})


def test_no_delivery_begins_when_the_letters_may_be_visible_before_it_ends(tmp_path: Path) -> None:
    """The function comes to the chunk minutes late: it leaves it untouched, whatever orderctl does meanwhile."""
    world = BulkWorld(tmp_path)
    world.seed(3)
    world.aws.faults.on("StartExecution", effects.answer_late(260), nth=1)
    visible: list[bool] = []

    def look(_call: Call) -> None:
        now = world.clock.now().timestamp()
        visible.extend(message.is_visible(now) for message in world.dlq.messages.values())

    world.far.inside.faults.on("Invoke", effects.barrier(before=look))
    tally = world.redrive()
    assert not any(visible)
    assert (world.left(), world.duplicates(), tally.possible_duplicates) == ([], set(), {})


def test_a_chunk_says_how_long_it_may_be_begun_and_nothing_of_it_is_read_as_json(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(1)
    bodies: list[bytes] = []
    world.aws.faults.on("PutObject", effects.barrier(before=lambda call: bodies.append(call.params["Body"])), nth=1)
    world.redrive()
    header, line = map(json.loads, bodies[0].splitlines())
    assert 150 < header["seconds"] < 260
    assert line["payload"] == {"text": '{"order_id": "order-0"}'}


def test_the_bucket_of_another_account_is_refused(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.far.s3.buckets[world.far.bucket] = "999999999999"
    with pytest.raises(RefusedError):
        world.bulk.store.check(world.far.bucket)
    world.seed(1)
    with pytest.raises(AuthError):
        world.redrive()
    assert world.left_behind() == []


def to_a_machine(folder: Path) -> tuple[BulkWorld, str]:
    """Letters of a rule whose target is a state machine."""
    world = BulkWorld(folder)
    machine = world.aws.states.create("orders")
    target = Target(a.RULE, "t1", machine)
    world.wiring = Wiring((Wire(Kind.EVENTBRIDGE_TARGET, world.dlq.arn, a.RULE, machine, target=target),))
    marks = {"RULE_ARN": a.RULE, "TARGET_ARN": machine, "ERROR_CODE": "NO_PERMISSIONS"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in marks.items()}
    for number in range(5):
        event = {**a.EVENT, "id": f"event-{number}", "detail": {"order_id": f"order-{number}"}}
        world.aws.sqs.seed(world.dlq, json.dumps(event), MessageAttributes=attributes)
    world.aws.ledger.begin()
    return world, machine


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_start_that_came_before_is_recognised_and_named_by_nobody(is_closed: bool, tmp_path: Path) -> None:
    """Its answer was lost inside; the second wave finds the name, running or closed with the same input."""
    world, machine = to_a_machine(tmp_path)
    lose, first = effects.reply_lost(), list[str]()

    def close(_call: Call) -> None:
        started = [each for each in world.aws.states.executions if each.state_machine_arn == machine]
        if is_closed and not first:
            first.append(started[1].name)
            world.aws.states.close(started[1].name)

    world.far.inside.faults.on("StartExecution", lose, nth=2)
    world.aws.faults.on("StartExecution", effects.barrier(before=close), nth=2)
    tally = world.redrive()
    assert (world.left(), tally.possible_duplicates, tally.counts()["delivered"]) == ([], {}, 5)
    assert len([each for each in world.aws.states.executions if each.state_machine_arn == machine]) == 5
    assert bool(first) == is_closed


def test_a_name_that_another_order_has_is_refused_and_stays(tmp_path: Path) -> None:
    world, machine = to_a_machine(tmp_path)
    world.redrive()
    names = [each.name for each in world.aws.states.executions if each.state_machine_arn == machine]
    again, other = to_a_machine(tmp_path / "again")
    again.aws.client("stepfunctions").start_execution(stateMachineArn=other, name=names[0], input="{}")
    tally = again.redrive()
    assert (len(tally.delivered), len(tally.kept), len(again.left())) == (4, 1, 1)
