"""How fast a run goes, and whether it goes on: `--rate`, the pauses AWS asks for by throttling, Ctrl-C.

Shared by all workers of a run. A throttle makes everybody wait, twice as long each time up to a limit, and halves
the number of workers; every call that goes well halves the wait again, and every full batch lets the number grow.
So the run settles at what the account gives and at what the queue has to give.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from orderctl.clock import Clock
from orderctl.pool import Load, Width

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
SLICE = 0.2
"""Seconds a worker sleeps at a time: what Ctrl-C waits for at most."""
TEND_EVERY = 15.0
"""Seconds of waiting after which `meanwhile` is called."""
THROTTLED_FOR = 900.0
"""Seconds for which one that takes nothing but asks for less is waited for. Far below the 12 hours for which SQS
lets a message be hidden, and long past a burst or a deployment."""


class Pace:
    """A token bucket of messages a second, a pause that grows and shrinks, and how many workers there may be.

    `stop`: nothing new is begun, what is in hand and not yet sent goes back. `done`: nothing more is received, what
    is in hand is delivered. `meanwhile` is called now and then by workers that wait.
    """

    def __init__(self, clock: Clock, rate: float | None = None, workers: int = 1, load: Load | None = None) -> None:
        self.stop = threading.Event()
        self.done = threading.Event()
        self.width = Width(workers, load)
        self.meanwhile: Callable[[], None] = lambda: None
        self._clock = clock
        self._rate = rate
        self._lock = threading.Lock()
        self._next = clock.monotonic()
        self._pause = 0.0
        self._until = 0.0
        self._tended = clock.monotonic()

    @property
    def is_over(self) -> bool:
        """Is nothing more to be received?"""
        return self.stop.is_set() or self.done.is_set()

    def batch(self, most: int) -> int:
        """How many messages to receive at once: no more than a second's worth, so none waits hidden for long."""
        return most if self._rate is None else max(1, min(most, int(self._rate)))

    def take(self, count: int) -> bool:
        """Wait until `count` messages may go; answers False when the run is being stopped."""
        if self._rate is None:
            return not self.stop.is_set()
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
        """AWS asked for less: everybody waits, and half of the workers leave.

        What several workers hear while a pause is on is one word, not several.
        """
        with self._lock:
            now = self._clock.monotonic()
            if now < self._until:
                return
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))
            self._until = now + self._pause
        self.width.narrow()

    def went_well(self) -> None:
        """A call got through."""
        with self._lock:
            self._pause = self._pause / 2 if self._pause > FIRST_PAUSE else 0.0

    def wait(self, seconds: float) -> bool:
        """Sleep in slices; answers False when the run is being stopped."""
        end = self._clock.monotonic() + seconds
        while not self.stop.is_set():
            left = end - self._clock.monotonic()
            if left <= 0:
                return True
            self._clock.sleep(min(SLICE, left))
            self._tend()
        return False

    def _tend(self) -> None:
        """A wait may be long: what has to be looked after is, by whoever waits."""
        with self._lock:
            if self._clock.monotonic() - self._tended < TEND_EVERY:
                return
            self._tended = self._clock.monotonic()
        self.meanwhile()


class Patience:
    """Since when each service of a run has taken nothing but asked for less, by ARN."""

    def __init__(self, clock: Clock, seconds: float = THROTTLED_FOR) -> None:
        self._clock = clock
        self._seconds = seconds
        self._since: dict[str, float] = {}
        self._last_took = clock.monotonic()
        self._lock = threading.Lock()

    def throttled(self, arn: str) -> bool:
        """It asked for less; answers whether to wait for it further."""
        with self._lock:
            now = self._clock.monotonic()
            return now - self._since.setdefault(arn, now) < self._seconds

    def took(self, arn: str) -> None:
        """It took something."""
        with self._lock:
            self._since.pop(arn, None)
            self._last_took = self._clock.monotonic()

    def eased(self, arn: str) -> None:
        """It answers again, though that is no delivery."""
        with self._lock:
            self._since.pop(arn, None)

    @property
    def nobody_takes(self) -> bool:
        """Has nobody taken anything for as long as one is waited for?"""
        with self._lock:
            return self._clock.monotonic() - self._last_took >= self._seconds
