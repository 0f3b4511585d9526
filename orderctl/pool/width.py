"""How many may be at work: additive increase, multiplicative decrease, as TCP does; and never more than the processor
can use (`load.py`)."""

from __future__ import annotations

import threading

from orderctl.pool.load import Load

START_WIDTH = 4.0


class Width:
    """How many may run at once, from 1 to `most`; without a `load` the processor is not asked."""

    def __init__(self, most: int, load: Load | None = None) -> None:
        self.most = most
        self._load = load
        self._now = min(START_WIDTH, float(most))
        self._lock = threading.Lock()

    @property
    def now(self) -> int:
        """The number at the moment."""
        return max(1, int(self._now))

    def widen(self) -> None:
        """A call succeeded: one more after about `now` of them, or one less where they are in each other's way."""
        if self._load is not None and self._load.is_full:
            with self._lock:
                self._now = max(1.0, self._now - 1 / self._now)
        elif self._now < self.most and (self._load is None or self._load.has_room):
            with self._lock:
                self._now = min(float(self.most), self._now + 1 / self._now)

    def narrow(self) -> None:
        """A call was throttled: half."""
        with self._lock:
            self._now = max(1.0, self._now / 2)
