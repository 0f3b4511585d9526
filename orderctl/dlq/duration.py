"""How long a redrive will take: by `--rate` where one was given, else by how fast SQS answers.

An estimate for a person who wonders whether to wait, and no promise: consumers answer as fast as they do, and
AWS throttles when it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from orderctl.dlq.models import Delivery, ToQueue

BATCH = 10
ENDING_SECONDS = 3.0
"""The quiet long polls a run ends with."""
SLOWEST_CALL, FASTEST_CALL = 1.0, 0.005
"""Seconds; a first answer outside of these says more about the connection's set-up than about the calls to come."""


def expected_seconds(
    total: int, sample: Sequence[Delivery], *, rate: float | None, concurrency: int, call_seconds: float | None
) -> float | None:
    """Seconds for `total` letters of which `sample` are some; None where nothing speaks for any number.

    `call_seconds` is how long SQS took for one answer just now.
    """
    if not total or not sample:
        return None
    paced = 0.0 if rate is None else (total - 1) / rate
    if call_seconds is None or call_seconds <= 0:
        return paced + ENDING_SECONDS if rate is not None else None
    call = min(max(call_seconds, FASTEST_CALL), SLOWEST_CALL)
    batches = ceil(total / BATCH)
    working = batches * call * _calls_a_batch(sample) / min(concurrency, batches)
    return max(paced, working) + ENDING_SECONDS


def _calls_a_batch(sample: Sequence[Delivery]) -> float:
    """Receive and delete; one send for what goes to queues, and one call for each of the others."""
    alone = sum(not isinstance(delivery, ToQueue) for delivery in sample) / len(sample)
    return 2 + (1 if alone < 1 else 0) + BATCH * alone


def words(seconds: float) -> str:
    """`about 40 s`, `about 3 min`, `about 2 h`: no more exact than it is."""
    if seconds < 90:
        return f"about {ceil(seconds)} s"
    return f"about {ceil(seconds / 60)} min" if seconds < 5400 else f"about {ceil(seconds / 3600)} h"
