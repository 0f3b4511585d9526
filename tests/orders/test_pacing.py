from __future__ import annotations

from orderctl.orders.pacing import TokenBucket
from tests.fakes.clock import FakeClock


def test_a_burst_goes_through_at_once_and_then_the_rate_holds() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=10, burst=5)
    for _ in range(5):
        bucket.take()
    assert clock.elapsed == 0
    for _ in range(100):
        bucket.take()
    assert abs(clock.elapsed - 10) < 0.01


def test_a_rest_fills_it_up_to_the_burst_and_no_further() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, per_second=10, burst=5)
    clock.advance(3600)
    for _ in range(15):
        bucket.take()
    assert abs(clock.elapsed - 3601) < 0.01
