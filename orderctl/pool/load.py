"""How much of a processor this process takes, so that no thread is added that could only wait for the others.

Python runs one thread's code at a time. Workers pay while each of them mostly waits for AWS. When the process takes
three quarters of a processor, another one finishes nothing sooner: what it would add goes into handing the turn from
one to the other, up to half as much CPU again for the same work, and memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOKS_EVERY = 0.05
"""Seconds between two looks: enough calls to tell, few enough to follow a change at once."""
ROOM_BELOW = 0.6
FULL_ABOVE = 0.75
"""Parts of one processor. Between the two nothing is changed."""
STALE = 1.0
"""Seconds after which a look says nothing about now: a question may have been asked meanwhile."""


class Load:
    """The processor's share of the last while; asked by all workers of a process. `cpu` and `now` in seconds."""

    def __init__(
        self, cpu: Callable[[], float] = time.process_time, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._cpu, self._now = cpu, now
        self._used, self._at = cpu(), now()
        self._share = _UNKNOWN
        self._lock = threading.Lock()

    @property
    def has_room(self) -> bool:
        """Would another worker get anything done?"""
        return self._looked() < ROOM_BELOW

    @property
    def is_full(self) -> bool:
        """Is there a worker too many?"""
        return self._looked() > FULL_ABOVE

    def _looked(self) -> float:
        now = self._now()
        if now - self._at >= LOOKS_EVERY and self._lock.acquire(blocking=False):
            try:
                used, passed = self._cpu(), now - self._at
                self._share = (used - self._used) / passed if passed < STALE else _UNKNOWN
                self._used, self._at = used, now
            finally:
                self._lock.release()
        return self._share


_UNKNOWN = (ROOM_BELOW + FULL_ABOVE) / 2
"""A share at which the number of workers stays as it is."""
