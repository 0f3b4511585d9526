from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from orderctl.errors import AuthError, FailedError, NotFoundError
from orderctl.orders.log_lines import OrderLine
from orderctl.orders.log_models import Segment
from orderctl.orders.trace import Timeline, TraceEntry, from_lines, from_record, from_segments
from tests.fakes.clock import START


def at(seconds: float, what: str = "x") -> TraceEntry:
    return TraceEntry(START + timedelta(seconds=seconds), "execution", what)


def line(message: str, *, source: str = "validate", level: str | None = None, match: str = "request_id") -> OrderLine:
    return OrderLine(START, source, level, message, "r-1", match, "/g", "s")


def test_a_timeline_is_in_time_order_and_what_has_no_time_comes_last() -> None:
    found = Timeline()
    found.ask("a", lambda: [at(5, "late"), TraceEntry(None, "stock", "some time")])
    found.ask("b", lambda: [at(1, "early")])
    assert [entry.what for entry in found.in_order()] == ["early", "late", "some time"]
    assert found.span() == (START + timedelta(seconds=1), START + timedelta(seconds=5))


def test_a_part_that_cannot_be_read_is_a_note_and_what_came_before_it_broke_is_kept() -> None:
    found = Timeline()

    def half() -> Iterator[TraceEntry]:
        yield at(1)
        raise FailedError("broken")

    found.ask("function logs", half)
    found.ask("X-Ray", lambda: [at(2)])
    assert [entry.timestamp for entry in found.in_order()] == [at(1).timestamp, at(2).timestamp]
    assert found.notes == ["function logs: not looked at: broken"]
    found.check_found("o-1")


def test_nothing_found_anywhere_is_not_found() -> None:
    found = Timeline()
    found.ask("the execution", lambda: [])
    with pytest.raises(NotFoundError, match="order o-1"):
        found.check_found("o-1")


def test_nothing_found_because_nothing_may_be_read_is_the_first_trouble() -> None:
    found = Timeline()

    def denied() -> list[TraceEntry]:
        raise AuthError("expired")

    found.ask("the execution", denied)
    with pytest.raises(AuthError, match="expired"):
        found.check_found("o-1")


def test_of_lambdas_bookkeeping_only_the_beginning_is_told_and_nothing_that_is_doubtful() -> None:
    lines = [
        line("START RequestId: r-1 Version: 1"),
        line("order refused", level="ERROR"),
        line("accepted", source="orders-api"),
        line("END RequestId: r-1"),
        line("somebody else's", match="time"),
    ]
    assert [(entry.source, entry.what, entry.error) for entry in from_lines(lines)] == [
        ("function", "validate: request", None),
        ("function", "validate: order refused", "order refused"),
        ("api", "orders-api: accepted", None),
    ]


def test_the_orders_record_tells_that_its_stock_was_taken() -> None:
    record = {
        "order_id": "o-1",
        "product_id": "w",
        "quantity": 2,
        "status": "ACCEPTED",
        "accepted_at": "2026-11-22T03:00:01Z",
    }
    [entry] = from_record(record, "orders")
    assert (entry.what, entry.timestamp) == ("taken: 2 of w; ACCEPTED", START + timedelta(seconds=1))
    [undated] = from_record({"product_id": "w", "quantity": 2, "status": "STOCK_TAKEN"}, "orders")
    assert undated.timestamp is None
    assert list(from_record(None, "orders")) == []


def test_parts_of_a_segment_are_told_only_where_they_failed() -> None:
    segments = [
        Segment("t", "orders-api", START, 1.0),
        Segment("t", "fine", START, 0.1, is_inner=True),
        Segment("t", "EventBridge", START, 0.2, "fault", is_inner=True),
    ]
    assert [(entry.what, entry.error) for entry in from_segments(segments)] == [
        ("orders-api", None),
        ("EventBridge", "fault"),
    ]
