"""POST /process answers with what became of the order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from orderctl.stack.functions.process_api import make_app
from tests.stack.functions.invocation import ORDER, Context, answer, http_event, unconnected

if TYPE_CHECKING:
    pass

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:express"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:express:express:x:y"
ENDED = {"executionArn": EXECUTION, "startDate": "2026-01-01T00:00:00Z", "stopDate": "2026-01-01T00:00:01Z"}


def post(body: object, ended: dict[str, Any] | None) -> tuple[int, Any]:
    client = unconnected("stepfunctions")
    with Stubber(client) as stub:
        if ended is not None:
            sent = {"stateMachineArn": MACHINE, "input": json.dumps(body, sort_keys=True)}
            stub.add_response("start_sync_execution", {**ENDED, **ended}, sent)
        app = make_app(client, MACHINE)
        return answer(app.resolve(http_event("POST", "/process", body), Context()))


def test_a_processed_order_is_200_with_its_output() -> None:
    status, body = post(ORDER, {"status": "SUCCEEDED", "output": '{"status": "ACCEPTED"}'})
    assert status == 200
    assert body == {
        "order_id": "o-1",
        "status": "SUCCEEDED",
        "execution_arn": EXECUTION,
        "output": {"status": "ACCEPTED"},
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ValidationError", 400),
        ("ProductNotFound", 404),
        ("OutOfStock", 409),
        ("OrderIdReused", 409),
        ("States.Runtime", 502),
    ],
)
def test_a_failed_execution_is_not_a_200(error: str, status: int) -> None:
    got, body = post(ORDER, {"status": "FAILED", "error": error, "cause": "because"})
    assert (got, body["error"], body["cause"]) == (status, error, "because")


def test_an_execution_that_timed_out_is_504() -> None:
    assert post(ORDER, {"status": "TIMED_OUT"})[0] == 504


def test_a_body_that_is_no_object_is_400_and_starts_nothing() -> None:
    assert post("[]", None)[0] == 400
