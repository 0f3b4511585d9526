"""One redrive at a time of a queue, and of the queues that hold the other reports of its failures.

Two processes on one machine would not know of each other: what one has delivered and could not delete in time the
other would deliver again, and of two reports of one failure, in two queues, each would deliver its own. Neither would
have it in its report. So a run holds a lock of its queue, and a shared one of each twin queue: others may hold that
too, but nobody may redrive it. The kernel takes the locks back when the process ends, however it ends.

Runs on several machines are kept apart by SQS's visibility alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from orderctl.clock import Clock
from orderctl.errors import ConflictError

WAITS_FOR = 60.0
"""Seconds for which the other run's end is waited for; then it is a long one, and somebody has to know of it."""
LOOKS_EVERY = 0.25


def claim(
    folder: Path,
    run: str,
    queue_arn: str,
    twin_queues: Iterable[str],
    clock: Clock,
    on_wait: Callable[[str], None],
) -> list[int]:
    """Locks for one run, as open files; closing them gives the locks back. `on_wait` is told once what is waited for.

    Raises ConflictError when another run holds one of them for longer than `WAITS_FOR`, and OSError. Whoever waits
    holds none, so that two never wait for each other.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    twins, give_up_at = list(twin_queues), clock.monotonic() + WAITS_FOR
    while True:
        try:
            return _all(folder, run, queue_arn, twins)
        except ConflictError as error:
            if clock.monotonic() >= give_up_at:
                raise
            on_wait(f"{error.message}: waiting for its end")
            on_wait = _silent
            clock.sleep(LOOKS_EVERY)


def _silent(_text: str) -> None:
    """It was told already."""


def _all(folder: Path, run: str, queue_arn: str, twin_queues: Iterable[str]) -> list[int]:
    held: list[int] = []
    try:
        held.append(_lock(folder, queue_arn, run, fcntl.LOCK_EX))
        held += [_lock(folder, arn, run, fcntl.LOCK_SH) for arn in twin_queues if arn != queue_arn]
    except BaseException:
        give_up(held)
        raise
    return held


def give_up(locks: Iterable[int]) -> None:
    """The run is over."""
    for handle in locks:
        os.close(handle)


def _lock(folder: Path, arn: str, run: str, how: int) -> int:
    path = folder / f".{sha256(arn.encode()).hexdigest()[:24]}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except OSError as error:
        other = os.pread(handle, 100, 0).decode("ascii", "replace").strip() or "another run"
        os.close(handle)
        name = arn.rsplit(":", 1)[-1]
        raise ConflictError(
            f"{other} is at work on {name}, or on the other reports of its failures",
            hint="wait until it has ended: each of the two would deliver what the other one delivers",
        ) from error
    if how == fcntl.LOCK_EX:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"run {run}".encode(), 0)
    return handle
