"""`orderctl top` on a real terminal, over the wire: keys, a window that changes, a closer look, and back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.backstage import eventually
from tests.end_to_end.shell import Shell, orderctl

pytestmark = pytest.mark.end_to_end
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LAST_QUEUE = "orders-local-send-email-target-dlq"
"""Once it is on the screen there is something to choose."""
PATIENCE = 30.0


class Terminal:
    """A process on a terminal, what it has written so far, and somebody who types."""

    def __init__(self, shell: Shell, line: str, columns: int, rows: int) -> None:
        self._ours, theirs = pty.openpty()
        self.theirs = theirs
        self.resize(columns, rows)
        self.before = termios.tcgetattr(theirs)
        environ = {**shell._environ, "TERM": "xterm", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            orderctl(line), stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=shell.home,
            preexec_fn=self._becomes_the_terminals_own, start_new_session=True,
        )  # fmt: skip
        self.shown = ""

    def _becomes_the_terminals_own(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def waits_for(self, words: str) -> str:
        """Everything written since the last wait, up to what holds these words."""
        since, end = "", time.monotonic() + PATIENCE
        while words not in since:
            assert time.monotonic() < end, f"waited for {words!r}; {self.shown[-3000:]}"
            if select.select([self._ours], [], [], 0.2)[0]:
                read = ESCAPES.sub("", os.read(self._ours, 65536).decode(errors="replace"))
                since += read
                self.shown += read
        return since

    def ends(self) -> int:
        code = self.process.wait(timeout=PATIENCE)
        assert termios.tcgetattr(self.theirs) == self.before, "the terminal is not as it was"
        return code

    def leave(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.theirs)
        os.close(self._ours)


@contextmanager
def on_a_terminal(shell: Shell, line: str, columns: int = 80, rows: int = 24) -> Iterator[Terminal]:
    terminal = Terminal(shell, line, columns, rows)
    try:
        yield terminal
    finally:
        terminal.leave()


def test_keys_choose_and_look_closer_and_a_key_comes_back(shell: Shell) -> None:
    with on_a_terminal(shell, "top --low 0") as terminal:
        terminal.waits_for(LAST_QUEUE)
        terminal.types("j")
        terminal.waits_for("> ")
        terminal.types("\r")
        terminal.waits_for("any key goes back")
        assert "$ orderctl dlq inspect orders-local-" in terminal.shown
        assert "gave them back" in terminal.shown or "about 0 messages" in terminal.shown
        terminal.types(" ")
        terminal.waits_for("q quit")
        terminal.types("q")
        assert terminal.ends() == 0


def test_a_smaller_window_gets_a_smaller_screen(shell: Shell) -> None:
    with on_a_terminal(shell, "top --low 0") as terminal:
        terminal.waits_for("q quit")
        terminal.resize(40, 12)
        terminal.types("r")
        frame = terminal.waits_for("enter look closer …")
        assert all(len(line) < 40 for line in frame.splitlines())
        terminal.types("q")
        assert terminal.ends() == 0


def test_ctrl_c_leaves_the_terminal_as_it_was(shell: Shell) -> None:
    with on_a_terminal(shell, "top --low 0") as terminal:
        terminal.waits_for("q quit")
        terminal.types("\x03")
        assert terminal.ends() == 130


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what a process ignores from /proc")
def test_a_closer_look_can_be_ended_with_ctrl_c(shell: Shell) -> None:
    with on_a_terminal(shell, "top --low 0") as terminal:
        terminal.waits_for(LAST_QUEUE)
        terminal.types("j\r")
        terminal.waits_for("$ orderctl dlq inspect")
        pid = terminal.process.pid
        child = eventually(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or None, "the command")
        status = Path(f"/proc/{child[0]}/status").read_text()
        (ignored,) = re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
        assert not int(ignored, 16) & 1 << signal.SIGINT - 1
        terminal.waits_for("any key goes back")
        terminal.types("q")
        assert terminal.ends() == 0


def test_a_terminal_that_is_closed_ends_it(shell: Shell) -> None:
    with on_a_terminal(shell, "top --low 0") as terminal:
        terminal.waits_for("q quit")
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.process.wait(timeout=PATIENCE) == 129
