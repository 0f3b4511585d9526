"""Message move tasks: which redrive is left to one, and how a task is followed, cancelled and held to account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orderctl.assignments import changes
from orderctl.aws.move_tasks import SqsMoveTasks
from orderctl.dlq import move_tasks
from orderctl.dlq.engine_choice import WORTH_A_TASK, Choice, EngineName, choose, confirm_choice, unsettled_run
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Kind, Queue, Wire, Wiring
from orderctl.dlq.move_tasks import Mark, Moved, MoveTask
from orderctl.dlq.plan import Line, Order, Plan
from orderctl.dlq.prepare import Prepared
from orderctl.dlq.redrive import runs_folder
from orderctl.dlq.selection import Selection
from orderctl.errors import (
    AuthError,
    ConflictError,
    FailedError,
    NoConnectionError,
    NotFoundError,
    OrderctlError,
    PartlyDoneError,
    RefusedError,
    ThrottledError,
    TimeoutPassedError,
    UnreachableError,
    UsageError,
)
from tests.dlq.world import World
from tests.fakes.clock import START, FakeClock
from tests.fakes.sqs import effects
from tests.fakes.sqs.errors import AwsError, resource_not_found
from tests.fakes.sqs.faults import Effect

PLENTY = WORTH_A_TASK + 1
FUNCTION = "arn:aws:lambda:ap-northeast-1:123456789012:function:process-order"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def tasks(world: World) -> SqsMoveTasks:
    return SqsMoveTasks(world.aws.client("sqs"), world.aws.client("sqs"))


def prepared(world: World, *, depth: int = PLENTY) -> Prepared:
    found = world.prepared()
    return replace(found, queue=replace(found.queue, depth=depth))


def choice(
    world: World, name: EngineName, order: Order | None = None, found: Prepared | None = None, *, verifies: bool = False
) -> Choice:
    runs = runs_folder(world.folder)
    return choose(
        name, found or prepared(world), order or Order(), tasks(world), runs, world.clock.now(), verifies=verifies
    )


# --- which engine ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fifo", [False, True])
def test_a_long_queue_that_only_queues_feed_is_left_to_a_task(tmp_path: Path, fifo: bool) -> None:
    world = World(tmp_path, fifo=fifo)
    assert choice(world, EngineName.AUTO) == Choice(True)
    assert choice(world, EngineName.OWN) == Choice()
    assert world.aws.writes() == []


def test_up_to_a_thousand_messages_the_own_engine_with_its_record_serves_better(world: World) -> None:
    assert choice(world, EngineName.AUTO, found=prepared(world, depth=WORTH_A_TASK)) == Choice()
    assert world.aws.count("ListMessageMoveTasks") == 0
    assert choice(world, EngineName.NATIVE, found=prepared(world, depth=1)).is_native


@pytest.mark.parametrize(
    ("order", "verifies", "word"),
    [
        (Order(Selection(kinds=frozenset({Kind.SQS}))), False, "filters"),
        (Order(changes=changes(["a=1"], [])), False, "--set"),
        (Order(limit=5), False, "--max"),
        (Order(function="process-order"), False, "--function"),
        (Order(max_redrives=1), False, "--max-redrives"),
        (Order(), True, "--verify"),
        (Order(rate=0.5), False, "--rate 0.5"),
        (Order(rate=501), False, "--rate 501"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_only_the_own_engine_can_do_is_done_by_it(world: World, order: Order, verifies: bool, word: str) -> None:
    assert choice(world, EngineName.AUTO, order, verifies=verifies) == Choice()
    with pytest.raises(UsageError, match=f"a message move task cannot do {word}"):
        choice(world, EngineName.NATIVE, order, verifies=verifies)


@pytest.mark.parametrize("rate", [1, 500])
def test_a_whole_rate_up_to_500_is_a_tasks_own(world: World, rate: float) -> None:
    assert choice(world, EngineName.AUTO, Order(rate=rate)).is_native


def rewired(found: Prepared, *wires: Wire, blind: frozenset[Kind] = frozenset()) -> Prepared:
    return replace(found, wiring=Wiring(wires, blind=blind))


def test_a_queue_with_letters_of_other_kinds_is_never_left_to_a_task(world: World) -> None:
    found = prepared(world)
    (sqs,) = found.wiring.wires
    for kind in set(Kind) - {Kind.SQS}:
        mixed = rewired(found, sqs, Wire(kind, world.dlq.arn, FUNCTION, FUNCTION))
        assert choice(world, EngineName.AUTO, found=mixed) == Choice()
        with pytest.raises(RefusedError, match=f"other kinds \\({kind.value}\\)"):
            choice(world, EngineName.NATIVE, found=mixed)
    assert world.aws.count("ListMessageMoveTasks") == 0


def test_a_queue_that_nothing_names_or_whose_consumer_is_gone_is_not_left_to_a_task(world: World) -> None:
    found = prepared(world)
    unknown = rewired(found)
    dead = replace(found, dead={world.source.arn: NotFoundError("gone")})
    wrong = rewired(found, Wire(Kind.SQS, world.dlq.arn, world.source.arn + ".fifo", world.source.arn + ".fifo"))
    for each in (unknown, dead, wrong):
        assert choice(world, EngineName.AUTO, found=each) == Choice()
        with pytest.raises(RefusedError):
            choice(world, EngineName.NATIVE, found=each)


def test_where_a_kind_of_wiring_is_hidden_auto_takes_no_task(world: World) -> None:
    found = prepared(world)
    hidden = rewired(found, *found.wiring.wires, blind=frozenset({Kind.SCHEDULER}))
    assert choice(world, EngineName.AUTO, found=hidden) == Choice()
    assert choice(world, EngineName.NATIVE, found=hidden).is_native


def test_an_emulator_without_tasks_means_the_own_engine_or_an_error(world: World) -> None:
    error = AwsError("InvalidAction", "The action ListMessageMoveTasks is not valid for this endpoint.", 400)
    world.aws.faults.on("ListMessageMoveTasks", effects.before(error))
    found = choice(world, EngineName.AUTO)
    assert found == Choice(note="this endpoint offers no message move tasks; using the own engine")
    with pytest.raises(FailedError, match="offers no message move tasks"):
        choice(world, EngineName.NATIVE)


def test_without_the_permission_to_list_tasks_auto_says_so_and_does_without(world: World) -> None:
    world.aws.faults.on("ListMessageMoveTasks", effects.access_denied())
    found = choice(world, EngineName.AUTO)
    assert not found.is_native
    assert found.note is not None
    assert "sqs:ListMessageMoveTasks" in found.note
    with pytest.raises(AuthError):
        choice(world, EngineName.NATIVE)


@pytest.mark.parametrize("name", [EngineName.AUTO, EngineName.NATIVE])
def test_a_second_task_is_a_conflict(world: World, name: EngineName) -> None:
    world.seed(2)
    tasks(world).start(world.dlq.arn, 1)
    with pytest.raises(ConflictError, match="a message move task is at work already: RUNNING, moved 0"):
        choice(world, name)


def test_letters_that_were_delivered_and_not_deleted_are_not_given_to_a_task(world: World) -> None:
    world.seed(3)
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail({0}))
    run = world.begin()
    run.go()
    assert len(run.tally.undeleted) == 1
    found = choice(world, EngineName.AUTO)
    assert found.note == (
        f"run {run.name} delivered letters that may lie in the queue still; a move task would deliver them again; "
        "using the own engine"
    )
    with pytest.raises(RefusedError) as refused:
        choice(world, EngineName.NATIVE)
    assert refused.value.hint == f"--resume {run.name}, or --engine own, which knows them"
    world.aws.faults.clear()
    world.clock.advance(200)
    world.resume().go()
    assert choice(world, EngineName.AUTO).is_native


def test_only_open_letters_of_this_queue_and_of_the_last_14_days_count(world: World, tmp_path: Path) -> None:
    def journal(run: str, queue: str, *records: dict[str, object]) -> None:
        opened = Journal.begin(tmp_path, run, {"queue": queue})
        for record in records:
            opened.append(record)
        opened.close()

    taken: dict[str, object] = {"r": "taken", "letters": [{"id": "a"}]}
    journal("20261101T000000Z-0", world.dlq.arn, taken)
    journal("20261121T000000Z-0", "arn:aws:sqs:x:1:other", taken)
    journal("20261121T000000Z-1", world.dlq.arn, taken, {"r": "kept", "ids": {"a": "refused"}})
    assert unsettled_run(tmp_path, world.dlq.arn, START) is None
    journal("20261121T000000Z-2", world.dlq.arn, taken)
    assert unsettled_run(tmp_path, world.dlq.arn, START) == "20261121T000000Z-2"
    journal("20261121T000000Z-3", world.dlq.arn, taken, {"r": "delivered", "ids": {"a": "b"}})
    assert unsettled_run(tmp_path, world.dlq.arn, START) == "20261121T000000Z-3"
    journal("20261121T000000Z-4", world.dlq.arn, {"r": "deleted", "ids": ["a"]})
    assert unsettled_run(tmp_path, world.dlq.arn, START) is None


def plan(*lines: Line, ids: tuple[str, ...] = ()) -> Plan:
    return Plan("orders-dlq", PLENTY, 2, False, lines, (), ids)


def test_the_sample_can_still_speak_against_a_task(world: World) -> None:
    queue, runs, now = prepared(world).queue, runs_folder(world.folder), world.clock.now()
    good = Line(Kind.SQS, world.source.arn, 1)
    for strange in (Line(Kind.UNKNOWN, None, 1, "cannot be told"), Line(Kind.LAMBDA_DLQ, FUNCTION, 1)):
        found = confirm_choice(Choice(True), plan(good, strange), queue, runs, now)
        assert not found.is_native
        assert found.note is not None
        with pytest.raises(RefusedError, match="a move task would fail at it"):
            confirm_choice(Choice(True, is_forced=True), plan(good, strange), queue, runs, now)
    assert confirm_choice(Choice(True), plan(good), queue, runs, now) == Choice(True)
    assert confirm_choice(Choice(), plan(good), queue, runs, now) == Choice()


def test_letters_that_came_back_are_counted_by_the_own_engine(world: World) -> None:
    world.seed(1)
    became = next(iter(world.redrive().became))
    queue, runs, now = prepared(world).queue, runs_folder(world.folder), world.clock.now()
    again = plan(Line(Kind.SQS, world.source.arn, 1), ids=(became,))
    assert not confirm_choice(Choice(True), again, queue, runs, now).is_native
    forced = confirm_choice(Choice(True, is_forced=True), again, queue, runs, now)
    assert forced.is_native
    assert forced.note == "some letters came back from an earlier redrive; only the own engine counts how often"


# --- start, follow, cancel ------------------------------------------------------------------------------------


def begin(world: World, rate: int | None = None) -> Mark:
    queue = world.services.queues.describe(world.dlq_name)
    return move_tasks.start(tasks(world), queue, rate, world.clock, tasks(world).of(world.dlq.arn) or [])


def followed(world: World, mark: Mark, timeout: float | None = None) -> list[MoveTask]:
    return list(move_tasks.follow(tasks(world), world.dlq.arn, mark, world.clock, timeout=timeout))


def test_a_task_is_followed_to_its_end_though_its_handle_goes_away(world: World) -> None:
    world.seed(30)
    looks = followed(world, begin(world, rate=2))
    assert looks[0].status == "RUNNING"
    assert looks[0].to_move is None, "not picked up yet"
    assert [look.moved for look in looks] == sorted(look.moved for look in looks)
    assert (looks[-1].status, looks[-1].moved, looks[-1].to_move, looks[-1].task_handle) == ("COMPLETED", 30, 30, None)
    assert [look.has_ended for look in looks].count(True) == 1
    assert max(world.clock.slept) <= move_tasks.LONGEST_PAUSE
    assert world.left() == []
    assert world.lost() == world.duplicates() == set()


def test_a_task_that_ended_before_the_first_look_is_not_mistaken_for_an_earlier_one(world: World) -> None:
    world.seed(1)
    followed(world, begin(world))
    world.clock.advance(60)
    world.seed(3)
    mark = begin(world)
    world.clock.advance(60)
    assert [look.moved for look in followed(world, mark)] == [3]


def test_a_task_is_known_by_its_handle_then_by_its_start_then_by_not_having_been_there() -> None:
    ours, later = replace(DONE, moved=1), replace(DONE, started_at=START + timedelta(minutes=5))
    older = replace(DONE, started_at=START - timedelta(minutes=5))
    listed = [later, ours, older]
    assert Mark("h", START).find(listed) is ours
    assert Mark("h", earlier=frozenset({older.started_at})).find(listed) is ours
    assert Mark("h").find([replace(later, status="RUNNING", task_handle="h"), ours]) != ours
    other = replace(later, status="RUNNING", task_handle="somebody else's")
    assert Mark("h", earlier=frozenset({START, older.started_at})).find([other, ours, older]) is None
    assert Mark(earlier=frozenset({START, older.started_at})).find([other, ours, older]) is other


def test_a_start_whose_answer_is_lost_is_found_in_the_listing(world: World) -> None:
    world.seed(3)
    world.aws.faults.on("StartMessageMoveTask", effects.reply_lost())
    mark = begin(world)
    assert followed(world, mark)[-1].moved == 3
    assert world.aws.count("StartMessageMoveTask") == 1


@pytest.mark.parametrize("error", [effects.before(), effects.server_error()])
def test_a_start_that_did_not_happen_is_its_error(world: World, error: Effect) -> None:
    world.aws.faults.on("StartMessageMoveTask", error)
    with pytest.raises(FailedError):
        begin(world)
    assert world.aws.count("StartMessageMoveTask") == 1


def test_a_follower_outlasts_throttling_and_lost_connections(world: World) -> None:
    world.seed(3)
    mark = begin(world)
    world.aws.faults.on("ListMessageMoveTasks", effects.throttle(), nth=(1, 3))
    world.aws.faults.on("ListMessageMoveTasks", effects.before(), nth=2)
    world.aws.faults.on("ListMessageMoveTasks", effects.reply_lost(), nth=4)
    assert followed(world, mark)[-1].status == "COMPLETED"


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (effects.throttle(), ThrottledError),
        (effects.before(), NoConnectionError),
        (effects.reply_lost(), UnreachableError),
        (effects.expired_credentials(), AuthError),
    ],
)
def test_looks_that_are_not_answered_any_more_end_the_following(
    world: World, effect: Effect, kind: type[OrderctlError]
) -> None:
    world.seed(3)
    mark = begin(world)
    world.aws.faults.on("ListMessageMoveTasks", effect)
    with pytest.raises(kind):
        followed(world, mark)


def test_a_task_that_is_never_listed_is_not_believed(world: World) -> None:
    with pytest.raises(FailedError, match="does not list the message move task"):
        followed(world, Mark("a handle"))
    assert world.clock.elapsed == pytest.approx(move_tasks.UNLISTED_FOR, abs=move_tasks.LONGEST_PAUSE)


def test_a_task_that_was_seen_and_is_not_listed_any_more_is_not_waited_for_forever(world: World) -> None:
    world.seed(60)
    mark, looks = begin(world, rate=1), 0

    def forget(*_: object) -> dict[str, object]:
        nonlocal looks
        looks += 1
        return {"Results": []}

    world.aws.faults.on("ListMessageMoveTasks", forget, when=lambda _: looks > 0 or world.clock.elapsed > 5)
    with pytest.raises(FailedError, match=r"does not list .* any more; it was last seen RUNNING"):
        followed(world, mark)
    assert world.clock.elapsed < 5 + 2 * move_tasks.UNLISTED_FOR


def test_a_timeout_ends_the_following_and_not_the_task(world: World) -> None:
    world.seed(60)
    with pytest.raises(TimeoutPassedError, match=r"has not ended within 7 s; it goes on"):
        followed(world, begin(world, rate=1), timeout=7)
    assert world.clock.elapsed == pytest.approx(7)
    world.clock.advance(100)
    assert world.left() != [] or (tasks(world).of(world.dlq.arn) or [])[0].status == "COMPLETED"


def cancelled(world: World, found: Sequence[MoveTask] | None = None) -> list[MoveTask]:
    listed = tasks(world).of(world.dlq.arn) or []
    return list(move_tasks.cancel(tasks(world), world.dlq.arn, listed if found is None else found, world.clock))


def test_a_cancelled_task_is_waited_for_while_it_moves_on(world: World) -> None:
    world.seed(60)
    begin(world, rate=1)
    world.clock.advance(3)
    before = (tasks(world).of(world.dlq.arn) or [])[0].moved
    looks = cancelled(world)
    assert looks[0].status == "CANCELLING"
    assert looks[-1].status == "CANCELLED"
    assert looks[-1].moved > before
    assert len(world.left()) == 60 - looks[-1].moved
    world.clock.advance(600)
    assert len(world.left()) == 60 - looks[-1].moved, "it had truly ended"


def test_a_second_cancel_waits_for_the_first(world: World) -> None:
    world.seed(60)
    begin(world, rate=1)
    stale = tasks(world).of(world.dlq.arn) or []
    tasks(world).cancel(world.dlq.arn, stale[0].task_handle or "")
    assert cancelled(world)[-1].status == "CANCELLED"
    assert world.aws.count("CancelMessageMoveTask") == 1
    assert cancelled(world) == []


def test_a_cancel_that_comes_too_late_tells_how_the_task_ended(world: World) -> None:
    world.seed(3)
    begin(world)
    listed = tasks(world).of(world.dlq.arn) or []
    world.clock.advance(60)
    (ended,) = cancelled(world, listed)
    assert (ended.status, ended.moved) == ("COMPLETED", 3)
    assert world.aws.count("CancelMessageMoveTask") == 1


def test_a_cancel_of_which_the_answer_says_no_such_task_is_followed_all_the_same(world: World) -> None:
    world.seed(60)
    begin(world, rate=1)
    refused = effects.before(resource_not_found("Task does not exist."))
    world.aws.faults.on("CancelMessageMoveTask", refused)
    assert cancelled(world)[-1].status == "COMPLETED"


# --- what it came to ------------------------------------------------------------------------------------------


def test_messages_in_flight_are_waited_for_and_no_longer_than_a_look_can_hide_them(world: World) -> None:
    world.seed(3)
    queues, queue = world.services.queues, world.services.queues.describe(world.dlq_name)
    queues.receive(queue, up_to=10, hide_for=40, wait=0)
    assert move_tasks.wait_for_in_flight(queues, queue, world.clock).in_flight == 0
    assert world.clock.elapsed == pytest.approx(40, abs=move_tasks.LOOK_EVERY)
    queues.receive(queue, up_to=10, hide_for=400, wait=0)
    assert move_tasks.wait_for_in_flight(queues, queue, world.clock).in_flight == 3


QUEUE = Queue("https://sqs/orders-dlq", "arn:aws:sqs:ap-northeast-1:123456789012:orders-dlq")
DONE = MoveTask("orders-dlq", "COMPLETED", 10, 10, START)


def test_everything_moved_and_nothing_left_is_done() -> None:
    assert Moved(DONE, 10, QUEUE).verdict() is None
    assert Moved(replace(DONE, moved=0, to_move=0), 0, QUEUE).verdict() is None


@pytest.mark.parametrize(
    ("task", "queue", "text"),
    [
        (DONE, replace(QUEUE, depth=2), "10 messages were moved and about 2 lie in the queue"),
        (DONE, replace(QUEUE, in_flight=2), "10 messages were moved and about 2 lie in the queue"),
        (replace(DONE, moved=0, to_move=0), replace(QUEUE, in_flight=10), "10 messages are in flight"),
        (replace(DONE, moved=0, to_move=0), replace(QUEUE, depth=10), "moved nothing: messages that were just looked"),
        (replace(DONE, moved=0, to_move=0), QUEUE, "moved nothing: the queue counts no message any more"),
        (replace(DONE, moved=0, to_move=None), QUEUE, "moved nothing"),
        (replace(DONE, status="CANCELLED", moved=8), replace(QUEUE, depth=2), "CANCELLED, moved 8 of 10; 2 messages"),
        (replace(DONE, status="CANCELLED", moved=8), QUEUE, "was cancelled"),
    ],
)
def test_what_is_left_is_partly_done_with_the_reason(task: MoveTask, queue: Queue, text: str) -> None:
    verdict = Moved(task, 10, queue).verdict()
    assert isinstance(verdict, PartlyDoneError)
    assert text in verdict.message


@pytest.mark.parametrize(
    ("reason", "text", "hint"),
    [
        ("CouldNotDetermineMessageSource", "no source queue's redrive policy put there", "own engine"),
        ("AWS.SimpleQueueService.NonExistentQueue", "does not exist any more", "own engine moves the others"),
        ("AccessDenied", "in your name", "aws:CalledViaLast"),
        ("SomethingNew", "SomethingNew", None),
        (None, "SQS gives no reason", None),
    ],
)
def test_a_failed_task_is_explained(reason: str | None, text: str, hint: str | None) -> None:
    task = replace(DONE, status="FAILED", moved=3, failure_reason=reason)
    verdict = Moved(task, 10, QUEUE).verdict()
    assert type(verdict) is FailedError
    assert verdict.message.startswith("the message move task failed after 3 messages: ")
    assert text in verdict.message
    assert (move_tasks.remedy(task) or "").find(hint or "") >= 0
    assert (hint is None) == (move_tasks.remedy(task) is None)


def test_counts_get_a_minute_to_follow(world: World) -> None:
    world.seed(2)
    clock = FakeClock(START - timedelta(hours=1))
    queues, queue = world.services.queues, world.services.queues.describe(world.dlq_name)
    assert move_tasks.settled_counts(queues, queue, clock).depth == 2
    assert clock.elapsed == move_tasks.COUNTS_SETTLE_IN
