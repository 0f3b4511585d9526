from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Outcome
from tests.cli.test_orders import Desk
from tests.fakes.histories import OUT_OF_STOCK, SUCCEEDED
from tests.orders.test_tail import Busy


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    clock = Busy([(1, "a", SUCCEEDED), (7, "b", OUT_OF_STOCK)])
    desk.clock, desk.executions = clock, clock.executions
    return desk


def tail(desk: Desk, *flags: str) -> Outcome:
    return desk.run("orders", "tail", "--timeout", "30s", *flags)


def test_tail_is_a_line_a_transition_of_every_order(desk: Desk) -> None:
    done = tail(desk)
    assert done.code == 124
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [line[1:4] for line in lines if line[1] == "b"] == [
        ["b", "", "started"],
        ["b", "TakeStock", "entered"],
        ["b", "TakeStock", "attempt 1 failed"],
        ["b", "TakeStock", "caught"],
        ["b", "OutOfStock", "entered"],
        ["b", "", "failed"],
    ]
    assert lines[0][1] == "a"


def test_summary_is_a_line_an_ended_order(desk: Desk) -> None:
    assert tail(desk, "--summary").out == (
        "2026-11-22T03:00:04.500Z\ta\tSUCCEEDED\t3.5\t\t\n"
        "2026-11-22T03:00:07.300Z\tb\tFAILED\t0.3\tOutOfStock\tOutOfStock\n"
    )


def test_status_state_and_error_narrow_it(desk: Desk) -> None:
    assert [line.split("\t")[1] for line in tail(desk, "--status", "FAILED").out.splitlines()] == ["b"]


def test_a_state_alone(desk: Desk) -> None:
    assert {line.split("\t")[2] for line in tail(desk, "--state", "TakeStock").out.splitlines()} == {"TakeStock"}


def test_an_error_alone(desk: Desk) -> None:
    assert tail(desk, "--error", "OutOfStock").out.count("\n") == 1


def test_for_a_program_it_is_a_stream_of_events(desk: Desk) -> None:
    *events, _ = [json.loads(line) for line in tail(desk, "-o", "jsonl").out.splitlines()]
    assert len(events) == len(SUCCEEDED) + len(OUT_OF_STOCK)
    assert {event["order_id"] for event in events} == {"a", "b"}


def test_for_a_person_it_is_told_as_it_happens(desk: Desk) -> None:
    assert tail(desk, "-o", "table", "--summary").out == (
        "2026-11-22T03:00:04.500Z  a  SUCCEEDED  3.5s\n"
        "2026-11-22T03:00:07.300Z  b  FAILED  300ms  OutOfStock: asks for 9, left: 2\n"
    )


def test_a_stream_of_json_ends_with_one_result(desk: Desk) -> None:
    *steps, last = [json.loads(line) for line in tail(desk, "-o", "jsonl").out.splitlines()]
    assert last == {"type": "result", "outcome": "timeout", "exit_code": 124, "message": "the timeout passed"}
    assert "result" not in [step["type"] for step in steps]
