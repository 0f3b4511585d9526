from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from orderctl.audit.trail import Trail
from orderctl.errors import FailedError
from tests.fakes.clock import FakeClock


def read(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_appended_to_a_private_file(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "state" / "audit.jsonl")
    trail.append({"id": "1"})
    trail.append({"id": "2"})
    assert read(trail.path) == [{"id": "1"}, {"id": "2"}]
    assert stat.S_IMODE(trail.path.stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    trail.path.write_text("")
    trail.path.chmod(0o644)
    trail.append({"id": "1"})
    assert stat.S_IMODE(trail.path.stat().st_mode) == 0o600


def _append(path: Path, writer: int) -> None:
    for number in range(25):
        Trail(path).append({"id": f"{writer}-{number}", "text": "x" * 5000})


def test_processes_that_write_at_the_same_time_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_append, args=(path, writer)) for writer in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert sorted(str(line["id"]) for line in Trail(path).lines() if line) == sorted(
        f"{writer}-{number}" for writer in range(4) for number in range(25)
    )


def test_a_line_that_was_cut_off_costs_itself_only(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    trail.append({"id": "1"})
    with trail.path.open("a") as file:
        file.write('{"id": "2", "wh')
    trail.append({"id": "3"})
    assert list(trail.lines()) == [{"id": "1"}, None, {"id": "3"}]


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    assert list(Trail(tmp_path / "audit.jsonl").lines()) == []


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "full disk"])
def test_what_is_no_file_of_ones_own_is_not_written_to(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "audit.jsonl"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/full")
    with pytest.raises(FailedError):
        Trail(path).append({"id": "1"})
    assert not (tmp_path / "elsewhere").exists()


def test_a_process_that_keeps_the_lock_hangs_nobody(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit.jsonl", FakeClock())
    trail.append({"id": "1"})
    with trail.path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FailedError, match="another process has held"):
            trail.append({"id": "2"})
    trail.append({"id": "3"})
    assert read(trail.path) == [{"id": "1"}, {"id": "3"}]
