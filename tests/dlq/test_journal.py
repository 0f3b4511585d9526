"""A journal that was damaged, or belongs somewhere else; and what a resumed run takes from it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orderctl.dlq.asked import Asked
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.journal import Journal, Standing, look_at, read_lines, readable
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import begin, resume, runs_folder
from orderctl.dlq.restore_source import RunSource
from orderctl.errors import NotFoundError, RefusedError
from tests.dlq.test_killed import NAME, die, work_until_death
from tests.dlq.world import World
from tests.fakes.sqs import effects

SECOND = "20261122T040000Z-bbbbbb"


def a_dead_run(folder: Path, count: int = 3) -> tuple[World, Path]:
    """Delivered, not deleted: the journal has its header, one `taken` and one `delivered`."""
    world = World(folder)
    world.seed(count)
    run = world.begin()
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=die))
    assert work_until_death(run)
    world.settle_down()
    return world, runs_folder(folder) / f"{NAME}.jsonl"


def spoil(path: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    path.write_bytes(b"".join(lines))


def zeros(line: bytes) -> bytes:
    return b"\0" * (len(line) - 1) + b"\n"


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("change", [zeros, lambda line: line[5:], lambda _line: b'["a list"]\n'])
def test_a_damaged_line_is_refused_with_its_number(
    number: int, change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    _, path = a_dead_run(tmp_path)
    spoil(path, number, change)
    before = path.read_bytes()
    for read in (
        lambda: Journal.resume(path.parent, NAME),
        lambda: look_at(path.parent, NAME),
        lambda: RunSource(path.parent, NAME),
    ):
        with pytest.raises(RefusedError, match=f"line {number} of .* is damaged") as refused:
            read()
        assert refused.value.exit_code == 7
        assert "begin a new run" in str(refused.value.hint)
    assert path.read_bytes() == before, "nothing of it was cut off"


def test_only_a_last_line_without_its_end_is_taken_for_cut_off(tmp_path: Path) -> None:
    _, path = a_dead_run(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"r":"deleted","ids":["x"]}')
    assert len(list(read_lines(path))) == 3
    journal, standing = Journal.resume(path.parent, NAME)
    journal.close()
    assert (len(standing.to_delete), standing.deleted) == (3, set())
    path.write_bytes(whole + b"\0\0\n")
    with pytest.raises(RefusedError, match="line 4"):
        Journal.resume(path.parent, NAME)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_new_run_after_a_damaged_one_reads_the_rest_and_names_every_letter(number: int, tmp_path: Path) -> None:
    world, path = a_dead_run(tmp_path)
    spoil(path, number, zeros)
    damaged: list[int] = []
    assert len(list(readable(path, damaged))) == 2
    assert damaged == [number]
    run = world.begin(name=SECOND)
    run.go()
    assert world.faults_of(run.tally) == []
    assert (world.left(), world.lost()) == ([], set())
    assert world.duplicates() == ({"order-0", "order-1", "order-2"} if number == 3 else set())
    assert run.engine.notes[0].startswith(f"line {number} of {path} is damaged; every letter is named")


def test_what_only_the_damaged_line_knew_is_named_when_it_goes_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    run = world.begin()
    world.aws.faults.on("SendMessageBatch", effects.barrier(after=die))
    assert work_until_death(run)
    world.settle_down()
    spoil(run.journal.path, 2, zeros)
    second = world.begin(name=SECOND)
    second.go()
    assert len(world.duplicates()) == 3
    assert world.faults_of(second.tally) == []


def test_damage_to_another_queues_run_changes_nothing_here(tmp_path: Path) -> None:
    world, path = a_dead_run(tmp_path)
    spoil(path, 1, lambda line: line.replace(b"orders-dlq", b"others-dlq"))
    spoil(path, 2, zeros)
    run = world.begin(name=SECOND)
    run.go()
    assert run.tally.possible_duplicates == {}
    assert run.engine.notes == []


def test_a_run_goes_on_in_its_own_environment_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(2)
    begin(world.services, world.prepared(), Order(), tmp_path, NAME, {}, "prod").journal.close()
    standing = look_at(tmp_path, NAME)
    standing.check_environment("prod")
    with pytest.raises(RefusedError, match="begun in environment prod, this is staging") as refused:
        standing.check_environment("staging")
    assert refused.value.hint == "go on with --env prod"
    Standing(header={"queue": "a"}).check_environment("any")


def test_a_run_goes_on_with_its_own_queue_only(tmp_path: Path) -> None:
    world, path = a_dead_run(tmp_path)
    spoil(path, 1, lambda line: line.replace(b":123456789012:", b":999999999999:"))
    opened, standing = Journal.resume(path.parent, NAME)
    at = world.clock.now()
    with pytest.raises(RefusedError, match=r"999999999999:orders-dlq, found is .*123456789012:orders-dlq"):
        resume(world.services, world.prepared(), Order(), opened, standing, at)
    opened.close()
    assert world.aws.count("ReceiveMessage") == 1, "the dead run's own"


def test_how_fast_and_how_often_is_kept_for_the_resumed_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    asked = Asked(errors=("Boom",), limit=7)
    order = asked.order(lambda _: None, rate=2.5, concurrency=3, max_redrives=0)  # type: ignore[arg-type,return-value]
    begin(world.services, world.prepared(), order, tmp_path, NAME, asked.document()).journal.close()
    said = Asked.read(look_at(tmp_path, NAME).header["said"])
    again = said.order(lambda _: None)  # type: ignore[arg-type,return-value]
    assert (again.rate, again.concurrency, again.max_redrives, again.limit) == (2.5, 3, 0, 7)
    changed = said.order(lambda _: None, rate=9.0, concurrency=1, max_redrives=5)  # type: ignore[arg-type,return-value]
    assert (changed.rate, changed.concurrency, changed.max_redrives) == (9.0, 1, 5)
    plain = Asked().order(lambda _: None)  # type: ignore[arg-type,return-value]
    assert (plain.rate, plain.concurrency, plain.max_redrives) == (None, Order().concurrency, 3)
    assert Asked(rate=1.0, max_redrives=2).is_everything


def test_a_resumed_run_whose_limit_is_used_up_receives_nothing_and_is_done(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(20)
    run = world.begin(Order(concurrency=1, limit=5))
    run.go()
    before = world.aws.count("ReceiveMessage")
    resumed = world.resume(order=Order(concurrency=1, limit=5))
    resumed.go()
    assert (resumed.tally.kept, resumed.tally.left, resumed.tally.undeleted) == ({}, 0, [])
    assert (len(resumed.tally.delivered), world.aws.count("ReceiveMessage")) == (5, before)


def test_a_resumed_run_whose_limit_is_used_up_still_deletes_what_was_delivered(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(40)
    run = world.begin(Order(concurrency=1, limit=5))
    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=die))
    assert work_until_death(run)
    world.settle_down()
    world.aws.sqs.sample(world.dlq_name, seed=3)
    resumed = world.resume(order=Order(concurrency=1, limit=5))
    resumed.go()
    assert (resumed.tally.kept, resumed.tally.left, resumed.tally.undeleted) == ({}, 0, [])
    assert (len(world.left()), world.duplicates()) == (35, set())


def test_what_was_in_doubt_has_its_share_of_the_limit_before_anything_new(tmp_path: Path) -> None:
    """The five in doubt come last: other letters must not take their place, or they would be left undone."""
    world = World(tmp_path)
    world.seed(40)
    run = world.begin(Order(concurrency=1, limit=5))
    world.aws.faults.on("SendMessageBatch", effects.barrier(after=die))
    assert work_until_death(run)
    world.aws.faults.clear()
    world.clock.advance(1)
    resumed = world.resume(order=Order(concurrency=1, limit=5))

    def late(_call: object) -> None:
        """SQS hands out the others first."""
        for message in list(world.dlq.messages.values())[:10]:
            message.visible_at = max(message.visible_at, world.clock.now().timestamp() + 10)

    world.aws.faults.on("ReceiveMessage", effects.barrier(before=late), nth=1)
    world.clock.advance(HIDE_FOR)
    resumed.go()
    assert (len(resumed.tally.delivered), resumed.tally.kept) == (5, {})
    assert len(resumed.tally.possible_duplicates) == 5
    assert world.duplicates() == {f"order-{number}" for number in range(5)}
    assert (world.faults_of(resumed.tally), len(world.left())) == ([], 35)


def test_a_closed_journal_takes_nothing_more_and_harms_no_other_file(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, NAME, {"queue": "q"})
    journal.close()
    other = tmp_path / "other"
    handle = os.open(other, os.O_WRONLY | os.O_CREAT)  # very likely the number the journal had
    with pytest.raises(OSError, match="closed"):
        journal.append({"r": "deleted", "ids": ["a"]})
    journal.close()
    os.close(handle)
    assert other.read_bytes() == b""
    assert [json.loads(line)["r"] for line in journal.path.read_text().splitlines()] == ["run"]


def test_a_journal_that_cannot_be_resumed_is_free_for_the_next_one_to_try(tmp_path: Path) -> None:
    tmp_path.joinpath(f"{NAME}.jsonl").write_text("")
    for _ in range(2):
        with pytest.raises(NotFoundError, match="had not begun"):
            Journal.resume(tmp_path, NAME)
