"""Start a process that outlives us, and later end exactly that one.

A process id is reused. What is not reused is the id together with the moment the process was born, so every
process is remembered by both; a signal goes out only after the mark was compared. Linux tells the birth in
/proc (clock ticks since boot, so the boot's own id goes with it), other systems through `ps`.

POSIX only: sessions, signals and file locks are used.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from orderctl.clock import Clock

PAUSE = 0.05
"""Seconds between two looks at a process that is ending."""
_PROC = Path("/proc")


def spawn(command: Sequence[str], environ: Mapping[str, str], *, cwd: Path, log: int) -> tuple[int, str]:
    """Start `command` in a session of its own, output to descriptor `log`; gives its id and birth mark.

    Its own session keeps a Ctrl-C in this terminal, and the terminal's end, away from it. Raises OSError.
    """
    process = subprocess.Popen(
        command, env=dict(environ), cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    process.returncode = 0  # it is not ours to wait for: without this Popen warns that it still runs
    return process.pid, mark(process.pid) or ""


def mark(pid: int) -> str | None:
    """The birth mark of the living process `pid`; None where there is none (a zombie is none either)."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
    return _mark_from_proc(pid) if (_PROC / "self" / "stat").exists() else _mark_from_ps(pid)


def is_alive(pid: int, birth: str) -> bool:
    """Does the process live that was born with this mark?"""
    return bool(birth) and mark(pid) == birth


def end(pid: int, birth: str, clock: Clock, *, grace: float) -> bool:
    """Ask the process to end, wait `grace` seconds, then kill it and what it started; was it there at all?

    Its children share its process group; those that outlive it are killed as well.
    """
    if not is_alive(pid, birth):
        return False
    _signal(pid, signal.SIGTERM)
    if not _is_gone(pid, birth, clock, grace):
        _signal(pid, signal.SIGKILL)
        _is_gone(pid, birth, clock, grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_gone(pid: int, birth: str, clock: Clock, grace: float) -> bool:
    deadline = clock.monotonic() + grace
    while is_alive(pid, birth):
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(PAUSE)
    return True


def _mark_from_proc(pid: int) -> str | None:
    """State, thread count and start time are fields 3, 20 and 22; the name before may hold anything but ends in `)`.

    A zombie with threads left is still dying, and still holds its port.
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    is_gone = fields[0] in "ZX" and int(fields[17]) <= 1
    return None if is_gone else f"{boot}:{fields[19]}"


def _mark_from_ps(pid: int) -> str | None:
    asked = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"},
    )  # fmt: skip
    state, _, born = asked.stdout.strip().partition(" ")
    return None if not born or state.startswith("Z") else born.strip()
