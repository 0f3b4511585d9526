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
    arrived: list[None] = field(default_factory=list)
    """One for each worker that has come for its first item."""
    bell: threading.Event = field(default_factory=threading.Event)
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
            while self.ready.qsize() > self.crew.hired - len(self.arrived):
                attempt = self.ready.get_nowait()
                if attempt is not None and attempt.error is not None:
                    self.again.append(attempt)
                else:
                    self.out -= 1  # never tried: it has no outcome

    def come_down(self) -> None:
        """Nothing more is begun; returns when nothing is in flight."""
        self.take_back()
        while self.unlanded:
            self.bell.wait()
            self.bell.clear()
            self.take_back()

    def send_home(self) -> None:
        """Nobody is needed any more."""
        for _ in range(self.crew.size):
            self.ready.put(None)
