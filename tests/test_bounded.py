"""However much there is, only a handful is held: what is read is written before more is read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from orderctl.orders.history import FIRST_PAGE, HistoryReader
from orderctl.orders.models import HistoryEvent, HistoryPage
from orderctl.orders.watching import steps_of
from orderctl.pacing import TokenBucket
from orderctl.render.renderer import Renderer
from tests.fakes.clock import START, FakeClock

ARN = "arn:aws:states:eu-west-1:123456789012:execution:orders:order-1"


@pytest.mark.parametrize("form", ["jsonl", "tsv", "csv"])
def test_a_line_is_written_before_the_next_is_asked_for(form: str) -> None:
    out = io.StringIO()
    behind: list[int] = []

    def items() -> Iterator[dict[str, int]]:
        for number in range(500):
            behind.append(number - (out.getvalue().count("\n") - (form == "csv")))
            yield {"number": number}

    Renderer(out, io.StringIO(), FakeClock(), output=form).rows(("number",), items())
    assert out.getvalue().count("\n") == 500 + (form == "csv")
    assert max(behind) <= 1


class LongHistory:
    """A history of `pages` full pages, counting how many were asked for."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked = 0

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        number = int(token or 0)
        self.asked += 1
        first = number * page_size + 1
        events = [
            HistoryEvent(each, "TaskScheduled", START + timedelta(seconds=each), each - 1, None, {})
            for each in range(first, first + page_size)
        ]
        return HistoryPage(events, str(number + 1) if number + 1 < self.pages else None)


def test_a_history_is_read_no_further_than_it_is_shown() -> None:
    histories: Any = LongHistory(pages=25)
    steps = steps_of(HistoryReader(histories, ARN, TokenBucket(FakeClock(), 15)))
    shown = 0
    for step in steps:
        shown += 1
        assert step.id == shown
        assert histories.asked <= (shown - 1) // FIRST_PAGE + 1
    assert (shown, histories.asked) == (25 * FIRST_PAGE, 25)
