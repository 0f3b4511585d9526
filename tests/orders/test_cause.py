from __future__ import annotations

import json

from orderctl.orders.cause import Cause, decode
from tests.fakes.histories import CRASH


def test_a_lambda_cause_becomes_type_message_and_stack() -> None:
    assert decode("WarehouseError", CRASH) == Cause(
        "WarehouseError", "no such warehouse", ('  File "/var/task/handler.py", line 2, in handler',), "5f4c"
    )


def test_the_exceptions_own_name_wins_over_a_generic_error() -> None:
    assert decode("Runtime.HandlerError", CRASH).line == "WarehouseError: no such warehouse"


def test_words_stay_words() -> None:
    assert decode("OutOfStock", "left: 0").line == "OutOfStock: left: 0"


def test_neither_error_nor_cause_is_an_empty_line() -> None:
    assert decode(None, None).line == ""


def test_a_failed_child_execution_is_told_by_its_own_error() -> None:
    cause = json.dumps({"ExecutionArn": "arn:x", "Status": "FAILED", "Error": "Late", "Cause": "too late"})
    assert decode("States.TaskFailed", cause).line == "States.TaskFailed: child execution FAILED: Late: too late"


def test_json_that_is_no_lambda_error_or_is_broken_stays_text() -> None:
    assert decode("E", '{"a": 1}').message == '{"a": 1}'
    assert decode("E", '{"errorMessage": ').message == '{"errorMessage": '
    assert decode("E", "{" * 5000).message == "{" * 5000


def test_only_the_first_line_is_the_line() -> None:
    assert decode("E", "first\nsecond").line == "E: first"
