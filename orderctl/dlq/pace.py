"""How fast a run goes: `--rate`, and the pauses AWS asks for by throttling.

Shared by all workers of a run. A throttle makes everybody wait, twice as long each time up to a limit; every
call that goes well halves the wait again, so the run settles at what the account gives.
"""

from __future__ import annotations

import threading

from orderctl.clock import Clock

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
SLICE = 0.2
"""Seconds a worker sleeps at a time: what Ctrl-C waits for at most."""


class Pace:
    """A token bucket of messages a second, and a pause that grows and shrinks."""

    def __init__(self, clock: Clock, rate: float | None, stop: threading.Event) -> None:
        self._clock = clock
        self._rate = rate
        self._stop = stop
        self._lock = threading.Lock()
        self._next = clock.monotonic()
        self._pause = 0.0
        self._until = 0.0

    def batch(self, most: int) -> int:
        """How many messages to receive at once: no more than a second's worth, so none waits hidden for long."""
        return most if self._rate is None else max(1, min(most, int(self._rate)))

    def take(self, count: int) -> bool:
        """Wait until `count` messages may go; answers False when the run is being stopped."""
        if self._rate is None:
            return not self._stop.is_set()
        with self._lock:
            start = max(self._next, self._clock.monotonic())
            self._next = start + count / self._rate
        return self.wait(start - self._clock.monotonic())

    def refund(self, count: int) -> None:
        """So many of the messages taken for were not sent after all."""
        if self._rate is not None and count > 0:
            with self._lock:
                self._next -= count / self._rate

    def ready(self) -> bool:
        """Wait out a throttle's pause; answers False when the run is being stopped."""
        return self.wait(self._until - self._clock.monotonic())

    def throttled(self) -> None:
        """AWS asked for less: everybody waits."""
        with self._lock:
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))
            self._until = self._clock.monotonic() + self._pause

    def went_well(self) -> None:
        """A call got through."""
        with self._lock:
            self._pause = self._pause / 2 if self._pause > FIRST_PAUSE else 0.0

    def wait(self, seconds: float) -> bool:
        """Sleep in slices; answers False when the run is being stopped."""
        end = self._clock.monotonic() + seconds
        while not self._stop.is_set():
            left = end - self._clock.monotonic()
            if left <= 0:
                return True
            self._clock.sleep(min(SLICE, left))
        return False
