"""The workers of a run: as many as the queue has work for and AWS lets through.

Threads, because a call to AWS is almost all waiting. The number follows the run's `Width`: full batches widen it and
the crew grows; a throttle or an empty answer narrows it, and whoever has just finished a round leaves. One always
stays, until there is nothing more to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from orderctl.pool import Width


@dataclass(slots=True)
class Crew:
    """Runs `work` in several threads; `work` does rounds until it is over, or until `is_surplus`."""

    work: Callable[[], None]
    width: Width
    most: int = 0
    """How many there were at once at most."""
    _count: int = 0
    _leaving: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _nobody: threading.Event = field(default_factory=threading.Event)

    def start(self, count: int) -> None:
        """Begin with so many, as far as the width lets."""
        for _ in range(max(1, count)):
            self._begin(at_least=0)

    def grow(self) -> None:
        """One more, where the width lets, and while there are any."""
        self._begin(at_least=1)

    def _begin(self, *, at_least: int) -> None:
        with self._lock:
            if not at_least <= self._count < self.width.now:
                return
            self._count += 1
            self.most = max(self.most, self._count)
        threading.Thread(target=self._run, daemon=True).start()

    def is_surplus(self) -> bool:
        """Are there more at work than the width lets? Whoever asks and hears yes has to leave."""
        with self._lock:
            if self._count - self._leaving <= self.width.now:
                return False
            self._leaving += 1
            return True

    def wait(self, tick: Callable[[], None]) -> None:
        """Until everybody has left. Not Thread.join(): interrupted by Ctrl-C it believes that the thread ended."""
        while not self._nobody.wait(0.2):
            tick()

    def _run(self) -> None:
        try:
            self.work()
        finally:
            with self._lock:
                self._count -= 1
                self._leaving = max(0, self._leaving - 1)
                if self._count == 0:
                    self._nobody.set()
