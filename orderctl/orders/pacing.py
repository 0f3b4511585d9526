"""How fast we may ask: a token bucket below the account's own.

Step Functions counts calls for the whole account and Region: every console, dashboard and script of the
team draws from the same bucket, which for GetExecutionHistory refills with 20 tokens a second. We take
15 at most and leave the rest to them.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

from orderctl.clock import Clock

HISTORY_PER_SECOND = 15.0
"""Calls of GetExecutionHistory; the account's bucket refills with 20 (all Regions)."""
START_PER_SECOND = 100.0
"""Calls of StartExecution; the account's bucket refills with 150 in most Regions, 300 in three."""
LIST_PER_SECOND = 1.5
"""Calls of ListExecutions; the account's bucket refills with 2 a second in most Regions, 5 in three."""
LIST_BURST = 20.0
"""Of the account's 100 (200 in three Regions)."""
DESCRIBE_PER_SECOND = 8.0
"""Calls of DescribeExecution; the account's bucket refills with 10 a second in most Regions, 15 in three."""
DESCRIBE_BURST = 80.0
"""Of the account's 250 (300 in three Regions)."""
LOGS_PER_SECOND = 4.0
"""Calls of FilterLogEvents; the account's quota is 5 a second in the smallest Regions, 10 in most."""


class TokenBucket:
    """Lets through `per_second` calls a second, and `burst` at once after a rest."""

    def __init__(self, clock: Clock, per_second: float, burst: float | None = None) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = per_second if burst is None else burst
        self._tokens = self._burst
        self._at = clock.monotonic()

    def take(self) -> None:
        """Wait for the next token, and take it."""
        self._refill()
        if self._tokens < 1:
            self._clock.sleep((1 - self._tokens) / self._per_second)
            self._refill()
        self._tokens -= 1

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
