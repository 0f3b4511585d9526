"""How fast we may ask: one token bucket for each API of an account and Region, shared by the whole process.

AWS counts calls for the account and Region: every console, dashboard and script of the team draws from the
same bucket. We take three quarters of what is published at most and leave the rest to them. Where they take
more than that, AWS throttles us, and the bucket answers with half its speed; calls that go through give it
back, a twentieth of the published speed each second.

Waiting is by appointment: whoever comes takes the next free moment and sleeps outside the lock, so watchers
and workers are served in the order they came and none of them is starved.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import ThrottledError

SHARE = 0.75
"""The part of a published quota that is ours."""
SLOWEST = 1 / 16
"""The part of our speed that is left however often AWS throttles."""
RECOVERY = 1 / 20
"""The part of our speed that comes back each second without a throttle."""
SAME_STORM = 1.0
"""Seconds in which several throttled calls tell one thing, and count once."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What AWS publishes for one API, in calls a second, and how many of ours may come at once after a rest."""

    per_second: float
    at_once: float


QUOTAS = {
    "GetExecutionHistory": Quota(20, at_once=15),  # a watch is a steady reader: it has no use for a burst
    "DescribeExecution": Quota(10, at_once=80),
    "ListExecutions": Quota(2, at_once=20),
    "StartExecution": Quota(150, at_once=100),
    "StopExecution": Quota(25, at_once=100),
    "RedriveExecution": Quota(150, at_once=100),
    "DescribeStateMachine": Quota(20, at_once=40),
    "FilterLogEvents": Quota(5, at_once=3.75),
    "PutEvents": Quota(400, at_once=100),
}
"""Of the Regions with the smallest quotas; three large ones allow more for some. AWS's own bursts are 5 to 50 times as
large, the one of FilterLogEvents excepted, which has none."""


class TokenBucket:
    """Lets through `per_second` calls a second, and `burst` at once after a rest. For several threads at once."""

    def __init__(self, clock: Clock, per_second: float, burst: float | None = None) -> None:
        self._clock = clock
        self._full = self._rate = per_second
        self._burst = per_second if burst is None else burst
        self._tokens = self._burst
        self._at = clock.monotonic()
        self._throttled_at: float | None = None
        self._lock = threading.Lock()

    @property
    def per_second(self) -> float:
        """The speed at the moment: the published one, less what throttling took."""
        with self._lock:
            self._refill()
            return self._rate

    def take(self) -> None:
        """Take a token, and wait until its time has come."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._clock.sleep(wait)

    def throttled(self) -> None:
        """AWS asked for less: half the speed, and no burst. Calls throttled in the same second count once."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)
            if self._throttled_at is None or self._at - self._throttled_at >= SAME_STORM:
                self._throttled_at = self._at
                self._rate = max(self._full * SLOWEST, self._rate / 2)

    @contextmanager
    def paced(self) -> Iterator[None]:
        """One call: waits for its turn, and slows down where it is throttled."""
        self.take()
        try:
            yield
        except ThrottledError:
            self.throttled()
            raise

    def _refill(self) -> None:
        """What the time since the last look brought: tokens at the speed of then, and some speed back."""
        now = self._clock.monotonic()
        passed, self._at = now - self._at, now
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        self._rate = min(self._full, self._rate + passed * self._full * RECOVERY)


class TokenBuckets:
    """The buckets of one account and Region, one for each API, made when first asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, TokenBucket] = {}
        self._lock = threading.Lock()

    def of(self, operation: str) -> TokenBucket:
        """The one bucket for an operation named in QUOTAS (`GetExecutionHistory`): the same for everybody."""
        with self._lock:
            if operation not in self._made:
                quota = QUOTAS[operation]
                self._made[operation] = TokenBucket(self._clock, quota.per_second * SHARE, quota.at_once)
            return self._made[operation]

    @contextmanager
    def paced(self, operation: str) -> Iterator[None]:
        """One call of the operation: waits for its turn, and slows down where it is throttled."""
        with self.of(operation).paced():
            yield
