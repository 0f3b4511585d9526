"""How a long poll waits when time is a fake: virtually, and never while another thread still works.

A long poll on a `FakeClock` jumps to the moment something can change. With several threads a jump by the idle one
would time out the messages in the hands of the busy one, which no real queue does. So with more than one thread a
poll first waits a few real milliseconds for another call; only when all is quiet does it move the clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar
from weakref import WeakSet

QUIET_SECONDS = 0.05
T = TypeVar("T")


class AnyClock(Protocol):
    """What the fakes need of a clock; one that also has `advance` is moved, another is really waited for."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Waiting:
    """The server's lock and its long polls."""

    def __init__(self, clock: AnyClock) -> None:
        self.lock = threading.Condition()
        self._activity = 0
        self._threads: WeakSet[threading.Thread] = WeakSet()
        self._clock = clock
        self._is_fake = hasattr(clock, "advance")

    def enter(self) -> None:
        """A thread makes a call."""
        self._threads.add(threading.current_thread())
        self.note()

    def note(self) -> None:
        """Something happened: polls look again."""
        with self.lock:
            self._activity += 1
            self.lock.notify_all()

    def poll(self, look: Callable[[], list[T]], next_change: Callable[[], float], seconds: float) -> list[T]:
        """Look until something is found or `seconds` have passed; `next_change` is a time of `now()`."""
        deadline = self._clock.monotonic() + seconds
        while not (found := look()) and self._clock.monotonic() < deadline:
            if self._may_pass_time():
                self._pass_time(deadline, next_change())
        return found

    def _may_pass_time(self) -> bool:
        """A fake clock is moved only when no other thread has called for a moment."""
        return not self._is_fake or not self._others() or self._is_quiet()

    def _pass_time(self, deadline: float, next_change: float) -> None:
        """Up to the next change or the deadline; another poll may have moved the clock there already."""
        left = deadline - self._clock.monotonic()
        until_change = next_change - self._clock.now().timestamp() + 0.001
        step = min(left, max(until_change, 0.001))
        if not self._is_fake:
            self.lock.wait(step)
        elif step > 0:
            pass_time(self._clock, step)
            self.note()

    def _others(self) -> bool:
        """The main thread sets a test up and looks at its end; meanwhile it works on nothing."""
        idle = (threading.current_thread(), threading.main_thread())
        return any(thread.is_alive() for thread in self._threads if thread not in idle)

    def _is_quiet(self) -> bool:
        before = self._activity
        self.lock.wait(QUIET_SECONDS)
        return self._activity == before


def pass_time(clock: AnyClock, seconds: float) -> None:
    """Move a fake clock without counting as the tool's own sleep; really sleep on any other."""
    getattr(clock, "advance", clock.sleep)(seconds)
