"""Token buckets of a test: the shared ones of one process that has just begun."""

from __future__ import annotations

from orderctl.clock import Clock
from orderctl.pacing import TokenBucket, TokenBuckets


def history_bucket(clock: Clock) -> TokenBucket:
    """Paces GetExecutionHistory."""
    return TokenBuckets(clock).of("GetExecutionHistory")
