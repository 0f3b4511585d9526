"""Somebody's shell: command lines as processes of their own, in a home of their own, with a terminal or without."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from orderctl import jsontext

ROOT = Path(__file__).parents[2]
TIMEOUT = 60
AT_ONCE = 9
"""Processes at a time: one a queue of the stack, as most of a look at a queue is waiting."""


@dataclass(frozen=True)
class Done:
    """A command line that has ended; in a terminal, `out` is what its screen was sent."""

    line: str
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return jsontext.loads(self.out)


class Shell:
    """Runs orderctl below `home`; nothing of this machine's configuration gets in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}

    def run(self, line: str, *, stdin: str = "", expect: int | None = 0) -> Done:
        """`orderctl LINE` with no terminal anywhere; `expect` is its exit code, None whichever."""
        ended = subprocess.run(
            orderctl(line),
            input=stdin,
            capture_output=True,
            text=True,
            env=self._environ,
            cwd=self.home,
            timeout=TIMEOUT,
            check=False,
        )
        return _checked(Done(line, ended.returncode, ended.stdout, ended.stderr), expect)

    def run_all(self, lines: Sequence[str], *, expect: int | None = 0) -> list[Done]:
        """Several at the same time; they must not get in each other's way."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda line: self.run(line, expect=expect), lines))

    def run_in_terminal(self, line: str, *, into: Sequence[str] = (), expect: int | None = 0) -> Done:
        """`orderctl LINE` as typed in a terminal, or with `into`, `orderctl LINE | INTO` typed there.

        In a pipe the terminal is still what stdin and stderr are; `out` is then what INTO printed.
        """
        ours, theirs = pty.openpty()
        screen: list[bytes] = []
        reader = Thread(target=_read, args=(ours, screen))
        reader.start()
        try:
            code, out = self._typed(line, into, theirs)
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)
        shown = b"".join(screen).decode()
        return _checked(Done(line, code, out if into else shown, shown if into else ""), expect)

    def _typed(self, line: str, into: Sequence[str], terminal: int) -> tuple[int, str]:
        first = subprocess.Popen(
            orderctl(line),
            stdin=terminal,
            stdout=subprocess.PIPE if into else terminal,
            stderr=terminal,
            env={**self._environ, "TERM": "xterm"},
            cwd=self.home,
        )
        if not into:
            return first.wait(timeout=TIMEOUT), ""
        assert first.stdout is not None
        with first.stdout:
            second = subprocess.run(into, stdin=first.stdout, capture_output=True, timeout=TIMEOUT, check=True)
        return first.wait(timeout=TIMEOUT), second.stdout.decode()


def orderctl(line: str) -> list[str]:
    return [sys.executable, "-m", "orderctl", *shlex.split(line)]


def _read(terminal: int, into: list[bytes]) -> None:
    """Until the last process has let go of the terminal, which Linux tells as an error."""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            return
        if not chunk:
            return
        into.append(chunk)


def _checked(done: Done, expect: int | None) -> Done:
    said = f"orderctl {done.line}: exit code {done.code}\n{done.out}\n{done.err}"
    assert expect is None or done.code == expect, said
    assert "Traceback" not in done.err, said
    return done
