"""How many may be at work: additive increase, multiplicative decrease, as TCP does."""

from __future__ import annotations

import threading

START_WIDTH = 4.0


class Width:
    """How many may run at once, from 1 to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._now = min(START_WIDTH, float(most))
        self._lock = threading.Lock()

    @property
    def now(self) -> int:
        """The number at the moment."""
        return max(1, int(self._now))

    def widen(self) -> None:
        """A call succeeded: one more after about `now` of them."""
        if self._now < self.most:
            with self._lock:
                self._now = min(float(self.most), self._now + 1 / self._now)

    def narrow(self) -> None:
        """A call was throttled: half."""
        with self._lock:
            self._now = max(1.0, self._now / 2)
