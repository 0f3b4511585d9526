"""A run by waves that dies, at every call and at every line of its journal, while AWS goes on or does not."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from orderctl.dlq.journal import Journal, Standing, read_lines
from orderctl.dlq.models import Kind
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import runs_folder
from orderctl.errors import NotFoundError
from tests.dlq.bulk_world import NAME, BulkWorld
from tests.dlq.test_interrupted import Key
from tests.dlq.test_killed import Died, die, work_until_death
from tests.fakes.bulk import Killed
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call

LETTERS = 8


def killed_at(folder: Path, place: int, when: str) -> tuple[BulkWorld, bool]:
    world = BulkWorld(folder, hand=5)
    world.seed(LETTERS)
    run = world.begin()
    barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
    world.aws.faults.on("*", barrier, nth=place)
    died = work_until_death(run)
    world.aws.faults.clear()
    return world, died


def check_resumed(world: BulkWorld) -> None:
    """Nothing lost, the queue empty, and whatever went twice is named."""
    assert world.lost() == set()
    resumed = world.resume()
    resumed.go()
    if world.left():  # hidden still when the run looked: later it is done
        world.settle_down()
        resumed = world.resume()
        resumed.go()
    assert world.faults_of(resumed.tally) == []
    assert world.left() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("meanwhile", ["aws goes on", "aws waits", "hidden no more"])
def test_a_run_that_dies_at_any_call_is_completed_by_resume_and_nothing_goes_twice(
    meanwhile: str, when: str, tmp_path: Path
) -> None:
    """As long as the function itself lives, its result tells everything: no duplicate at all, at no seam."""
    deaths = 0
    for place in itertools.count(1):
        world, died = killed_at(tmp_path / str(place), place, when)
        if meanwhile != "aws waits":
            world.far.go_on()
        if meanwhile == "hidden no more":
            world.settle_down()
        check_resumed(world)
        assert world.duplicates() == set(), place
        deaths += died
        if not died:
            break
    assert deaths >= 25


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_and_the_function_that_both_die_lose_nothing_and_name_every_duplicate(when: str, tmp_path: Path) -> None:
    for place in itertools.count(1):
        world = BulkWorld(tmp_path / str(place), hand=5)
        world.seed(LETTERS)
        run = world.begin()
        barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        world.aws.faults.on("*", barrier, nth=place)
        world.far.inside.faults.on("Invoke", effects.barrier(after=_killed), nth=2)
        died = work_until_death(run)
        world.aws.faults.clear()
        world.far.go_on()
        check_resumed(world)
        assert len(world.duplicates()) <= 2, "what one chunk had delivered"
        if not died:
            break


def _killed(_call: Call) -> None:
    raise Killed


@pytest.mark.parametrize("is_written", [False, True])
def test_a_run_that_dies_at_any_line_of_its_journal_is_completed_by_resume(is_written: bool, tmp_path: Path) -> None:
    for line in itertools.count(1):
        world = BulkWorld(tmp_path / str(line), hand=5)
        world.seed(LETTERS)
        run = world.begin()
        die_at(run.journal, line, is_written=is_written)
        died = work_until_death(run)
        world.far.go_on()
        check_resumed(world)
        assert world.duplicates() == set()
        if not died:
            break
    assert line > 6


def die_at(journal: Journal, line: int, *, is_written: bool) -> None:
    real, seen = journal.file.append, itertools.count(1)

    def append(text: bytes, *, must_last: bool = True) -> None:
        is_last = next(seen) == line
        if is_last and not is_written:
            raise Died
        real(text, must_last=must_last)
        if is_last:
            raise Died

    journal.file.append = append  # type: ignore[method-assign]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_resume_that_dies_is_resumed(when: str, tmp_path: Path) -> None:
    for place in itertools.count(1):
        folder = tmp_path / str(place)
        world, _ = killed_at(folder, 17, "after")
        assert world.aws.count("StartExecution") == 1
        world.far.go_on()
        barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        world.aws.faults.on("*", barrier, nth=place)
        died = False
        try:
            died = work_until_death(world.resume())
        except Died:
            died = True
        world.aws.faults.clear()
        world.far.go_on()
        check_resumed(world)
        assert world.duplicates() == set(), place
        if not died:
            break


def started(world: BulkWorld, count: int = 6) -> None:
    """Dead once AWS was told to deliver; nobody has looked since."""
    world.seed(count)
    run = world.begin()
    world.aws.faults.on("StartExecution", effects.barrier(after=die), nth=1)
    assert work_until_death(run)
    world.aws.faults.clear()


def test_resume_waits_for_what_aws_is_delivering_and_deletes_it_at_once(tmp_path: Path) -> None:
    """With the handles of then: nobody has to wait for the letters to be visible again."""
    world = BulkWorld(tmp_path)
    started(world)
    begun = world.clock.monotonic()
    resumed = world.resume()
    resumed.go()
    assert (world.left(), world.duplicates()) == ([], set())
    assert (resumed.tally.counts()["deleted"], resumed.tally.possible_duplicates) == (6, {})
    assert world.clock.monotonic() - begun < 60
    assert world.left_behind() == []
    assert world.aws.count("StartExecution") == 1


def test_a_handle_is_not_used_when_somebody_else_may_have_the_letter(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    started(world)
    world.far.go_on()
    world.settle_down()
    run = world.resume()
    assert world.aws.count("DeleteMessageBatch") == 0
    run.go()
    assert (world.left(), world.duplicates(), run.tally.possible_duplicates) == ([], set(), {})


def test_what_a_wave_did_not_begin_is_delivered_by_resume_and_named_by_nobody(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    started(world)
    world.aws.states.close(f"{NAME}-00001", "ABORTED")
    resumed = world.resume()
    resumed.go()
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})
    again = world.resume()
    assert again.tally.possible_duplicates == {}, "nor by the journal afterwards"
    again.journal.close()


def test_a_run_that_is_done_leaves_nothing_in_the_bucket_of_its_earlier_parts_either(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(9)
    run = world.begin()
    key = Key(run)
    world.aws.faults.on("DescribeExecution", effects.barrier(before=key.press), nth=1)
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert any("/in/" in each for each in world.left_behind()), "for --resume"
    world.resume().go()
    assert (world.left_behind(), world.left(), world.duplicates()) == ([], [], set())


def test_evidence_about_a_letter_that_stays_is_kept(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(2)
    world.far.inside.faults.on("Invoke", effects.reply_lost())
    run = world.begin()
    run.go()
    assert len(run.tally.kept) == 2
    assert any("/results/" in each for each in world.left_behind())


def test_a_wave_numbers_on_in_a_resumed_run(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    started(world)
    world.aws.states.close(f"{NAME}-00001", "ABORTED")
    world.resume().go()
    names = [each.name for each in world.aws.states.executions]
    assert names == [f"{NAME}-00001", f"{NAME}-00002"], "the same name would be the old execution"


def test_a_resume_by_the_own_engine_looks_at_the_waves_first(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    started(world)
    world.far.work(world.aws.states.executions[0])
    world.aws.states.close(f"{NAME}-00001", "ABORTED")
    resumed = world.resume(by_waves=False)
    resumed.go()
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})
    assert world.aws.count("Invoke") == 3, "one chunk was AWS's, the other ours"


def test_an_older_wave_does_not_clear_what_the_own_engine_did_after_it(tmp_path: Path) -> None:
    """The wave delivered nothing, and its marks lie there still; then the run went on by the own engine, and died over
    its answer."""
    world = BulkWorld(tmp_path)
    started(world, 1)
    world.aws.faults.on("DeleteObjects", effects.access_denied())
    world.aws.states.close(f"{NAME}-00001", "ABORTED")
    run = world.resume(by_waves=False)
    world.aws.faults.on("Invoke", effects.barrier(after=die), nth=1)
    assert work_until_death(run)
    world.settle_down()
    resumed = world.resume()
    resumed.go()
    assert len(world.duplicates()) == 1
    assert world.faults_of(resumed.tally) == []


def test_an_emptied_bucket_proves_nothing(tmp_path: Path) -> None:
    """Somebody deleted the wave's objects: that there is no mark does not mean that it was not begun."""
    world = BulkWorld(tmp_path)
    started(world)
    world.far.go_on()
    world.far.s3.objects.clear()
    check_resumed(world)
    assert len(world.duplicates()) == 6


def test_a_bucket_that_is_gone_does_not_keep_the_run_from_going_on(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    started(world)
    world.far.go_on()
    world.far.s3.buckets.clear()
    resumed = world.resume(by_waves=False)
    world.settle_down()
    with_faults = resumed
    with_faults.go()
    assert world.faults_of(with_faults.tally) == []
    assert world.left() == []
    with pytest.raises(NotFoundError):
        world.bulk.store.check(world.far.bucket)


def test_ctrl_c_stops_the_execution_takes_what_is_there_and_leaves_in_time(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(9)
    run = world.begin()
    key = Key(run)
    world.aws.faults.on("DescribeExecution", effects.barrier(after=key.press), nth=2)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert time.monotonic() - begun < 2
    assert world.aws.count("StopExecution") == 1
    done = len(world.aws.lambda_.invocations)
    assert 0 < done < 9
    assert (len(run.tally.deleted), run.tally.possible_duplicates) == (done, {})
    assert world.faults_of(run.tally) == []
    assert len(visible(world)) == 9 - done, "what was not begun is given back"
    resumed = world.resume()
    resumed.go()
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})


def test_ctrl_c_over_a_chunk_in_hand_leaves_it_to_resume(tmp_path: Path) -> None:
    """Its function is at it: its letters are named, stay hidden, and resume takes its result."""
    world = BulkWorld(tmp_path, chunk=9)
    world.seed(9)
    run = world.begin()
    key = Key(run)

    def begin_the_chunk(_call: Call) -> None:
        begun = f"redrives/{NAME}/00001/begun/00000"
        world.far.inside.services["s3"].call("PutObject", {"Bucket": "bulk", "Key": begun, "Body": b"x"})
        key.press(_call)

    world.aws.faults.on("DescribeExecution", effects.barrier(before=begin_the_chunk), nth=1)
    world.aws.faults.on("DescribeExecution", effects.before(), nth=1)
    with pytest.raises(KeyboardInterrupt):
        run.go()
    assert len(run.tally.possible_duplicates) == len(run.tally.kept) == 9
    assert visible(world) == [], "AWS may be delivering them"
    key_of_result = f"redrives/{NAME}/00001/results/00000.json"
    ids = [message.message_id for message in world.dlq.messages.values()]
    for message in world.dlq.messages.values():
        world.aws.lambda_.call("Invoke", {"FunctionName": "process", "InvocationType": "Event",
                                          "Payload": message.body.encode()})  # fmt: skip
    fates = {each: {"status": "sent", "new_id": f"new-{each}"} for each in ids}
    body = json.dumps({"v": 1, "chunk": f"redrives/{NAME}/00001/in/00000.jsonl", "fates": fates}).encode()
    world.far.s3.call("PutObject", {"Bucket": "bulk", "Key": key_of_result, "Body": body})
    resumed = world.resume()
    resumed.go()
    assert (world.left(), world.duplicates(), resumed.tally.possible_duplicates) == ([], set(), {})


def visible(world: BulkWorld) -> list[str]:
    now = world.clock.now().timestamp()
    return [message.message_id for message in world.dlq.messages.values() if message.is_visible(now)]


def test_several_waves_at_once_and_a_death_lose_nothing(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path, Kind.ON_FAILURE, hand=10)
    world.seed(60)
    run = world.begin(Order(concurrency=4))
    run.go()
    assert (world.left(), world.duplicates(), run.engine.most_workers) == ([], set(), 4)
    assert world.faults_of(run.tally) == []


def test_the_journal_of_a_run_by_waves_reads_like_any_other(tmp_path: Path) -> None:
    world = BulkWorld(tmp_path)
    world.seed(4)
    world.redrive()
    standing = Standing()
    for record, _ in read_lines(runs_folder(tmp_path) / f"{NAME}.jsonl"):
        standing.read(record)
    assert (len(standing.deleted), standing.in_doubt, standing.kept, standing.ended) == (4, set(), {}, True)
    assert standing.header["engine"] == "distributed"
