"""The workers: as many as there is work for and the width lets.

Threads, because a call to AWS is almost all waiting. The number follows a `Width`: successes widen it and the crew
grows; a throttle, or a queue that has nothing more, narrows it, and whoever has just finished a round leaves. One
always stays, until there is nothing more to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from orderctl.pool.width import Width


@dataclass(slots=True)
class Crew:
    """Runs `work` in several threads; `work` does rounds until it is over, or until `is_surplus`."""

    work: Callable[[], None]
    width: Width
    most: int = 0
    """How many there were at once at most."""
    _count: int = 0
    _leaving: int = 0
    _threads: set[threading.Thread] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _nobody: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        """How many there are, those on their way out included."""
        return self._count

    def newcomers(self, arrived: Set[threading.Thread]) -> int:
        """How many are under way and have not arrived; one that an interrupt killed in its start never will."""
        return sum(thread.is_alive() for thread in list(self._threads) if thread not in arrived)

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
            self.most = max(self.most, self._count + 1)
            self._count += 1
        thread = threading.Thread(target=self._run, name="orderctl", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Ctrl-C, in the locks of `Thread.start` (CPython)
                raise error.__context__ from None
            with self._lock:  # the system gives no more threads
                self._count -= 1
            raise

    def is_surplus(self) -> bool:
        """Are there more at work than the width lets? Whoever asks and hears yes has to leave."""
        if self._count <= self.width.now:
            return False
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
            self._threads.discard(threading.current_thread())
            with self._lock:
                self._count -= 1
                self._leaving = max(0, self._leaving - 1)
                if self._count == 0:
                    self._nobody.set()
