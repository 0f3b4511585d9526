"""Where items are handed to workers and outcomes come back.

Only the thread that asks for outcomes takes from `again` and counts in `out`; the workers only ever append. So there
is no lock, and an interrupt finds nothing half done.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from orderctl.errors import OrderctlError
from orderctl.pool.crew import Crew
from orderctl.pool.outcome import Outcome

T = TypeVar("T")
R = TypeVar("R")


LOOK_AFTER = 0.2
"""Seconds after which whoever waits for the last looks whether all of them are still coming."""


class Bell:
    """Rung by anybody, heard by one. No `threading.Event`: Ctrl-C inside its wait may break its lock (CPython)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake whoever waits, or the next that does."""
        if self._lock.locked():
            with suppress(RuntimeError):  # somebody else rang at the same moment
                self._lock.release()

    def wait(self, seconds: float = -1) -> None:
        """Until it rings, or so many seconds; at once where it rang since the last time."""
        self._lock.acquire(timeout=seconds)


@dataclass(slots=True)
class Attempt(Generic[T]):
    """An item to be tried (again) after `wait` seconds, until the monotonic time `give_up`."""

    item: T
    error: OrderctlError | None
    give_up: float
    wait: float


@dataclass(slots=True)
class Desk(Generic[T, R]):
    """Where items are handed to workers and outcomes come back."""

    crew: Crew
    ready: SimpleQueue[Attempt[T] | None] = field(default_factory=SimpleQueue)
    again: deque[Attempt[T]] = field(default_factory=deque)
    """Throttled, and to be handed out before any other."""
    landed: deque[Outcome[T, R]] = field(default_factory=deque)
    broken: list[BaseException] = field(default_factory=list)
    """Faults of the work itself."""
    fatal: OrderctlError | None = None
    arrived: set[threading.Thread] = field(default_factory=set)
    """Workers that have come for their first item."""
    bell: Bell = field(default_factory=Bell)
    """Something came back."""
    out: int = 0
    """Items taken whose outcome was not told yet."""

    @property
    def unlanded(self) -> int:
        """Items in a worker's hands, or waiting for one."""
        return self.out - len(self.again) - len(self.broken) - len(self.landed)

    @property
    def stop(self) -> BaseException | None:
        """Why nothing more is to be handed out."""
        return self.broken[0] if self.broken else self.fatal

    def take_back(self) -> None:
        """What was handed out and nobody will begin: all but one for each worker that was called for it just now."""
        with suppress(Empty):
            while self.ready.qsize() > self.crew.newcomers(self.arrived):
                attempt = self.ready.get_nowait()
                if attempt is not None and attempt.error is not None:
                    self.again.append(attempt)
                else:
                    self.out -= 1  # never tried: it has no outcome

    def come_down(self) -> None:
        """Nothing more is begun; returns when nothing is in flight."""
        self.take_back()
        while self.unlanded:
            self.bell.wait(LOOK_AFTER)
            self.take_back()

    def send_home(self) -> None:
        """Nobody is needed any more."""
        for _ in range(self.crew.size):
            self.ready.put(None)
