"""How long a redrive is said to take."""

from __future__ import annotations

import pytest

from orderctl.dlq.duration import ENDING_SECONDS, expected_seconds, words
from orderctl.dlq.models import Delivery, ToFunction, ToQueue

QUEUE, FUNCTION = ToQueue("arn", "{}"), ToFunction("arn", b"{}")


def expected(
    total: int, *sample: Delivery, rate: float | None = None, concurrency: int = 8, call: float | None = 0.1
) -> float | None:
    return expected_seconds(total, sample or (QUEUE,), rate=rate, concurrency=concurrency, call_seconds=call)


def test_nothing_to_deliver_or_nothing_to_go_by_is_no_number() -> None:
    assert expected(0) is None
    assert expected(100, call=None) is None
    assert expected(100, call=0.0) is None


def test_a_rate_decides_where_it_is_the_slower() -> None:
    assert expected(101, rate=2) == 50 + ENDING_SECONDS
    assert expected(101, rate=2, call=None) == 50 + ENDING_SECONDS
    assert expected(101, rate=1_000_000) == expected(101)


def test_three_calls_a_batch_of_ten_spread_over_the_workers() -> None:
    assert expected(100, concurrency=5) == pytest.approx(10 * 0.3 / 5 + ENDING_SECONDS)
    assert expected(10, concurrency=8) == pytest.approx(0.3 + ENDING_SECONDS)


def test_functions_are_called_one_by_one() -> None:
    assert expected(100, FUNCTION, concurrency=10) == pytest.approx(10 * 1.2 / 10 + ENDING_SECONDS)


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.2, "about 4 s"), (89, "about 89 s"), (170, "about 3 min"), (7000, "about 2 h")]
)
def test_it_is_said_no_more_exactly_than_it_is_known(seconds: float, said: str) -> None:
    assert words(seconds) == said
