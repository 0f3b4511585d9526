from __future__ import annotations

import json

import pytest

from orderctl.orders.log_lines import is_platform, mentions, order_line, request_id_in, trace_ids_in
from orderctl.orders.log_models import LogLine
from tests.fakes.clock import START

REQUEST = "dd52f132-9c3d-485b-9047-b75a2d942142"
POWERTOOLS = json.dumps(
    {
        "level": "ERROR",
        "message": "order refused",
        "service": "validate-order",
        "function_name": "orders-ValidateOrder",
        "function_request_id": REQUEST,
        "exception_name": "ValidationError",
        "xray_trace_id": "1-67480000-0123456789abcdef01234567",
    }
)


def line(message: str) -> LogLine:
    return LogLine("1", START, "/g", "s", message)


@pytest.mark.parametrize(
    "message",
    [
        f"START RequestId: {REQUEST} Version: $LATEST",
        f"REPORT RequestId: {REQUEST}\tDuration: 2 ms",
        f"2026-11-22T03:00:00.000Z {REQUEST} Task timed out RequestId: {REQUEST}",
        json.dumps({"type": "platform.start", "record": {"requestId": REQUEST}}),
        json.dumps({"AWSRequestId": REQUEST, "message": "x"}),
        POWERTOOLS,
    ],
)
def test_a_line_tells_its_request_in_every_form_lambda_writes(message: str) -> None:
    assert request_id_in(message) == REQUEST


@pytest.mark.parametrize("message", ["", "hello", "{broken", "{}", '{"record": 3}', '{"requestId": 7}'])
def test_a_line_without_a_request_has_none(message: str) -> None:
    assert request_id_in(message) is None


def test_a_structured_line_is_shown_by_its_words() -> None:
    shown = order_line(line(POWERTOOLS), "functions", "request_id")
    assert (shown.source, shown.level, shown.message) == (
        "orders-ValidateOrder",
        "ERROR",
        "order refused: ValidationError",
    )
    assert (shown.request_id, shown.trace_id) == (REQUEST, "1-67480000-0123456789abcdef01234567")


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("[ERROR] KeyError: 'x'", "ERROR"),
        ("plain words", None),
        (f"{REQUEST} Task timed out after 3.00 seconds", "ERROR"),
    ],
)
def test_a_line_of_text_is_shown_as_it_is(message: str, level: str | None) -> None:
    shown = order_line(line(message), "validate", "order_id")
    assert (shown.source, shown.level, shown.message) == ("validate", level, message)


def test_an_order_is_not_meant_by_a_longer_id() -> None:
    assert mentions('{"order_id": "o-1"}', "o-1")
    assert mentions("order o-1: done", "o-1")
    assert not mentions("order o-12 and xo-1 and o-1-new", "o-1")


def test_trace_ids_are_found_in_any_text() -> None:
    assert trace_ids_in("Root=1-67480000-0123456789abcdef01234567;Parent=1") == ["1-67480000-0123456789abcdef01234567"]


def test_lambdas_own_bookkeeping_is_known() -> None:
    assert is_platform(order_line(line(f"END RequestId: {REQUEST}"), "f", "time"))
    assert is_platform(order_line(line('{"type": "platform.report"}'), "f", "time"))
    assert not is_platform(order_line(line(POWERTOOLS), "f", "time"))
