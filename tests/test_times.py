from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orderctl.errors import UsageError
from orderctl.times import moment, span
from tests.fakes.clock import START


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("10", 10), ("10m", 600), ("1h30m", 5400), ("250ms", 0.25), ("2d", 172800)]
)
def test_durations_are_read_as_people_type_them(text: str, expected: float) -> None:
    assert span(text, "--timeout") == expected


@pytest.mark.parametrize("text", ["", "m", "10 m", "-5s", "1x", "5m5"])
def test_what_is_no_duration_names_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        span(text, "--timeout")


def test_a_duration_is_that_long_ago() -> None:
    assert moment("1h", START, "--since") == datetime(2026, 11, 22, 2, tzinfo=UTC)


def test_a_time_without_an_offset_is_utc() -> None:
    assert moment("2026-11-22T01:00:00", START, "--since") == moment("2026-11-22T03:00:00+02:00", START, "--since")


def test_neither_names_the_flag() -> None:
    with pytest.raises(UsageError, match="--since"):
        moment("yesterday", START, "--since")
