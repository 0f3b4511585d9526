"""A clock that moves only when told to, or when somebody sleeps on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


class FakeClock:
    """Starts at 03:00 UTC; `sleep` advances it at once and is recorded in `slept`."""

    def __init__(self, start: datetime = START) -> None:
        self.elapsed = 0.0
        self.slept: list[float] = []
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept.append(seconds)
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
