"""The tutorial as a reader runs it: every line, in order, on an embedded stack of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, ShellLine, shell_lines

pytestmark = pytest.mark.end_to_end
SAYS = {
    "orderctl inventory get widget-1": "quantity    98\n",
    "orderctl orders show too-many": "next step       a redrive enters OutOfStock again and fails again",
    "orderctl dlq inspect orders-local-order-failures --output": "poison    InjectedFault  order poison fails until",
    "orderctl dlq list orders-local-order-failures": "on-failure  0      0",
}
"""What the tutorial promises of lines that begin so."""


class Reader:
    """Somebody with an empty home folder and orderctl on the path."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        programs = folder / "bin"
        for made in (self.home, programs):
            made.mkdir()
        script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m orderctl "$@"\n'
        (programs / "orderctl").write_text(script, encoding="utf-8")
        (programs / "orderctl").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORDERCTL_", "XDG_"))}
        path = f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}"
        self.environ = {**kept, "HOME": str(self.home), "PATH": path, "PYTHONPATH": str(ROOT)}

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", line],
            env=self.environ,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    somebody = Reader(tmp_path)
    try:
        yield somebody
    finally:
        somebody.types("orderctl local down")


def test_every_line_of_the_tutorial_ends_as_it_says(reader: Reader) -> None:
    lines = list(shell_lines(DOCS / "tutorial.md"))
    assert len(lines) > 20
    for line in lines:
        _check(line, reader.types(line.text))


def _check(line: ShellLine, done: subprocess.CompletedProcess[str]) -> None:
    story = f"$ {line.text}\n{done.stdout}{done.stderr}"
    assert done.returncode == line.exit_code, f"{story}exit code {done.returncode}, not {line.exit_code}"
    for start, words in SAYS.items():
        if line.text.startswith(start):
            assert " ".join(words.split()) in " ".join(done.stdout.split()), story
