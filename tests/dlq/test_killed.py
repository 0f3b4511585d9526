"""A run that dies: at every call, at every byte of its journal, and as a process under SIGKILL."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orderctl.dlq.batch import HIDE_FOR
from orderctl.dlq.journal import Journal, Standing, read_lines
from orderctl.dlq.redrive import Run, runs_folder
from tests.dlq.world import World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call

NAME = "20261122T030000Z-000000"


class Died(BaseException):
    """The process is gone: nothing catches it, nothing is given back, nothing more is written."""


def work_until_death(run: Run) -> bool:
    """Run the worker on this very thread; answers whether it died."""
    try:
        run.engine._work()
    except Died:
        return True
    finally:
        run.journal.close()
    return False


def die(_call: Call) -> None:
    raise Died


def check_resumed(world: World, died: bool) -> None:
    assert world.lost() == set()
    world.aws.faults.clear()
    world.clock.advance(HIDE_FOR + 1)
    resumed = world.resume(NAME)
    resumed.go()
    assert world.faults_of(resumed.tally) == []
    assert world.left() == []
    assert len(world.duplicates()) <= 10, "more than the batch in flight"
    assert died or not world.duplicates()


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_at_any_call_is_completed_by_resume(fifo: bool, when: str, tmp_path: Path) -> None:
    deaths = 0
    for k in itertools.count(1):
        world = World(tmp_path / str(k), fifo=fifo)
        world.seed(14, groups=3)
        run = world.begin()
        before = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        world.aws.faults.on("*", before, nth=k)
        died = work_until_death(run)
        check_resumed(world, died)
        deaths += died
        if not died:
            break
    assert deaths >= 10


def test_a_journal_torn_anywhere_is_completed_by_resume(tmp_path: Path) -> None:
    whole = World(tmp_path / "whole")
    whole.seed(3)
    whole.begin().go()
    size = (runs_folder(tmp_path / "whole") / f"{NAME}.jsonl").stat().st_size
    header = next(read_lines(runs_folder(tmp_path / "whole") / f"{NAME}.jsonl"))[1]
    assert size - header > 500
    for cut in range(header + 1, size, 71):
        world = World(tmp_path / str(cut))
        world.seed(3)
        run = world.begin()
        tear(run.journal, cut)
        check_resumed(world, work_until_death(run))


def tear(journal: Journal, cut: int) -> None:
    """Let the process die when the journal reaches byte `cut`, with that much of it on disk."""
    whole = journal.file.append

    def append(text: bytes, *, must_last: bool = True) -> None:
        room = cut - journal.file.size
        whole(text[: max(room, 0)], must_last=must_last)
        if room < len(text):
            raise Died

    journal.file.append = append  # type: ignore[method-assign]


def test_a_journal_cut_at_every_byte_reads_as_what_was_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(12)
    world.begin().go()
    path = runs_folder(tmp_path) / f"{NAME}.jsonl"
    text = path.read_bytes()
    ends = [end for _, end in read_lines(path)]
    states = []
    for cut in range(len(text) + 1):
        path.write_bytes(text[:cut])
        standing = Standing()
        lines = 0
        for record, end in read_lines(path):
            standing.read(record)
            lines += 1
            assert end <= cut
        assert lines == sum(end <= cut for end in ends)
        states.append((len(standing.in_doubt), len(standing.to_delete), len(standing.deleted)))
    assert states[0] == (0, 0, 0)
    assert states[-1] == (0, 0, 12)
    assert {(10, 0, 0), (0, 10, 0), (0, 0, 10)} <= set(states)


@pytest.mark.parametrize("operation", ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_sigkill_loses_nothing_and_resume_completes(operation: str, when: str, fifo: bool, tmp_path: Path) -> None:
    kill_and_resume(World(tmp_path, fifo=fifo), operation, when, workers=1)


@pytest.mark.parametrize(("operation", "when"), [("SendMessageBatch", "after"), ("DeleteMessageBatch", "before")])
def test_sigkill_of_several_workers_loses_nothing_either(operation: str, when: str, tmp_path: Path) -> None:
    kill_and_resume(World(tmp_path), operation, when, workers=3)


def kill_and_resume(world: World, operation: str, when: str, *, workers: int) -> None:
    world.seed(25, groups=4)
    children: list[subprocess.Popen[str]] = []

    def kill(_call: Call) -> None:
        children[-1].kill()
        children[-1].wait(10)

    def is_the_run(call: Call) -> bool:
        """Not the look that the plan takes first."""
        return bool(call.params.get("VisibilityTimeout", HIDE_FOR) == HIDE_FOR)

    barrier = effects.barrier(before=kill) if when == "before" else effects.barrier(after=kill)
    how = ("--concurrency", str(workers), "-o", "json")
    with world.aws.serve() as url:
        world.aws.faults.on(operation, barrier, nth=2, when=is_the_run)
        first = orderctl(url, world.folder, "dlq", "redrive", world.dlq_name, "--yes", *how)
        children.append(first)
        first.communicate(timeout=60)
        assert first.returncode == -signal.SIGKILL
        assert world.lost() == set()
        time.sleep(0.2)  # the call it died in is still being answered
        world.aws.faults.clear()
        world.clock.advance(HIDE_FOR + 1)
        again = orderctl(url, world.folder, "dlq", "redrive", "--resume", "@latest", "--yes", "-o", "json")
        out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    report = json.loads(out)
    ids = {item["message_id"] for item in report["possible_duplicates"]}
    bodies = {record.message_id: record.body for record in world.aws.ledger.records}
    assert world.duplicates() <= {json.loads(bodies[message_id])["order_id"] for message_id in ids}
    assert world.lost() == set()
    assert world.left() == []


def orderctl(url: str, home: Path, *words: str) -> subprocess.Popen[str]:
    environ = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "ap-northeast-1",
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "fake",
    }
    command = [sys.executable, "-m", "orderctl", *words]
    return subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
