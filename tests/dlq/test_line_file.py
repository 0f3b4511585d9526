from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orderctl.dlq.line_file import LineFile


def opened(path: Path, sync: Callable[[int], None] = os.fsync) -> LineFile:
    return LineFile(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), sync=sync)


@contextmanager
def a_disk_with_room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a write across the border is cut short, then refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_lines_of_many_threads_are_all_there_whole_and_in_the_order_of_each(tmp_path: Path) -> None:
    file = opened(tmp_path / "lines")

    def write(name: int) -> None:
        for number in range(200):
            file.append(f"{name} {number} {'x' * (number % 50)}\n".encode(), must_last=number % 3 > 0)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line.split() for line in (tmp_path / "lines").read_text().splitlines()]
    assert len(lines) == 1600
    for name in range(8):
        assert [int(line[1]) for line in lines if int(line[0]) == name] == list(range(200))
    assert file.size == (tmp_path / "lines").stat().st_size


class SlowDisk:
    """Keeps whoever waits for it until the test lets go, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, _handle: int) -> None:
        self.calls += 1
        self.entered.set()
        assert self.go_on.wait(10)


def test_what_comes_while_the_disk_is_busy_is_written_together(tmp_path: Path) -> None:
    disk = SlowDisk()
    file = opened(tmp_path / "lines", disk)
    returned: list[int] = []

    def write(number: int) -> None:
        file.append(f"{number}\n".encode())
        returned.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(9)]
    threads[0].start()
    assert disk.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(file._laid_down) < 8:
        pass
    assert returned == [], "nobody is told that a line is on disk before it is"
    disk.go_on.set()
    for thread in threads:
        thread.join()
    assert disk.calls == 2
    assert sorted((tmp_path / "lines").read_text().split()) == [str(number) for number in range(9)]


def test_a_line_that_need_not_last_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    disk = SlowDisk()
    file = opened(tmp_path / "lines", disk)
    file.append(b"a\n", must_last=False)
    assert (disk.calls, (tmp_path / "lines").read_bytes()) == (0, b"a\n")


def test_a_line_that_does_not_fit_is_refused_whole_and_a_shorter_one_still_goes_in(tmp_path: Path) -> None:
    file = opened(tmp_path / "lines")
    file.append(b"first\n")
    with a_disk_with_room_for(20):
        with pytest.raises(OSError, match="File too large"):
            file.append(b"x" * 100 + b"\n")
        assert (tmp_path / "lines").read_bytes() == b"first\n"
        file.append(b"short\n")
    assert ((tmp_path / "lines").read_bytes(), file.size) == (b"first\nshort\n", 12)


def test_of_lines_written_together_each_hears_of_its_own_fate(tmp_path: Path) -> None:
    disk = SlowDisk()
    file = opened(tmp_path / "lines", disk)
    fates: dict[str, str] = {}

    def write(text: str) -> None:
        try:
            file.append(f"{text}\n".encode())
        except OSError as error:
            fates[text] = str(error.strerror)
        else:
            fates[text] = "written"

    lines = ["begin", "y" * 100, "short"]
    threads = [threading.Thread(target=write, args=(line,)) for line in lines]
    with a_disk_with_room_for(40):
        threads[0].start()
        assert disk.entered.wait(10)
        for count, thread in enumerate(threads[1:], 1):
            thread.start()
            while len(file._laid_down) < count:
                pass
        disk.go_on.set()
        for thread in threads:
            thread.join()
    assert fates == {"begin": "written", "y" * 100: "File too large", "short": "written"}
    assert (tmp_path / "lines").read_bytes() == b"begin\nshort\n"


def test_a_disk_that_fails_is_told_to_everybody_who_waited_for_it(tmp_path: Path) -> None:
    faults = [OSError(5, "Input/output error")]

    def sync(_handle: int) -> None:
        if faults:
            raise faults.pop()

    file = opened(tmp_path / "lines", sync)
    file.append(b"first\n", must_last=False)
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"second\n")
    file.append(b"third\n")
    assert (tmp_path / "lines").read_bytes() == b"first\nthird\n"


def test_a_closed_file_takes_nothing_and_is_closed_once(tmp_path: Path) -> None:
    file = opened(tmp_path / "lines")
    file.append(b"a\n")
    file.close()
    file.close()
    with pytest.raises(OSError, match="closed"):
        file.append(b"b\n")
    assert (tmp_path / "lines").read_bytes() == b"a\n"
