from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl.clock import SystemClock
from orderctl.pacing import QUOTAS, SHARE, SLOWEST, TokenBucket, TokenBuckets
from tests.fakes.clock import FakeClock


def spent(clock: FakeClock, bucket: TokenBucket, calls: int) -> float:
    before = clock.elapsed
    for _ in range(calls):
        bucket.take()
    return clock.elapsed - before


def test_a_burst_goes_through_at_once_and_then_the_rate_holds() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=10, burst=5)
    assert spent(clock, bucket, 5) == 0
    assert spent(clock, bucket, 100) == pytest.approx(10)


def test_a_rest_fills_it_up_to_the_burst_and_no_further() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=10, burst=5)
    clock.advance(3600)
    assert spent(clock, bucket, 15) == pytest.approx(1)


def test_a_throttle_halves_the_speed_and_takes_the_burst() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=16, burst=16)
    bucket.throttled()
    assert bucket.per_second == 8
    assert spent(clock, bucket, 4) == pytest.approx(0.5, rel=0.1)


def test_a_storm_of_throttles_counts_once_and_never_stops_the_calls_altogether() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=16)
    for _ in range(50):
        bucket.throttled()
    assert bucket.per_second == 8
    for _ in range(50):
        clock.advance(1)
        bucket.throttled()
    assert 16 * SLOWEST <= bucket.per_second <= 2


def test_the_speed_comes_back_within_half_a_minute_without_throttles() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=16)
    bucket.throttled()
    clock.advance(5)
    assert 8 < bucket.per_second < 16
    clock.advance(25)
    assert bucket.per_second == 16


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0.5, 50), st.floats(1, 20))
def test_no_second_sees_more_calls_than_burst_and_rate_allow(pauses: list[float], rate: float, burst: float) -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=rate, burst=burst)
    at: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        bucket.take()
        at.append(clock.elapsed)
    for first, began in enumerate(at):
        for last in range(first, len(at)):
            assert last - first + 1 <= burst + rate * (at[last] - began) + 1e-6


def test_every_watcher_of_a_process_draws_from_the_same_bucket() -> None:
    clock = FakeClock()
    buckets = TokenBuckets(clock)
    assert buckets.of("GetExecutionHistory") is buckets.of("GetExecutionHistory")
    assert buckets.of("GetExecutionHistory") is not buckets.of("DescribeExecution")
    ours = QUOTAS["GetExecutionHistory"].per_second * SHARE
    together = sum(spent(clock, buckets.of("GetExecutionHistory"), 20) for _watcher in range(10))
    assert together == pytest.approx((200 - ours) / ours)


def test_threads_share_a_bucket_without_losing_count() -> None:
    bucket = TokenBucket(SystemClock(), per_second=2000, burst=1)
    began = SystemClock().monotonic()
    gate = threading.Barrier(8)

    def watcher(_number: int) -> None:
        gate.wait()
        for _ in range(25):
            bucket.take()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(watcher, range(8)))
    assert SystemClock().monotonic() - began >= 199 / 2000
