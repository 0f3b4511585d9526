"""The local runtime speaks the Runtime API: results, errors under their own names, the end."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from local_runtime import Context, fault, is_first_failure, load, serve_one

CONTEXT = Context("f", "1", 128, "arn", "r", 1)
ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}


class RuntimeApi:
    """Hands out events, keeps what comes back; 500 once there are none, as a stopped emulator says."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.posted: list[tuple[str, Any]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not api.events:
                    self._answer(500, b"{}")
                    return
                self._answer(200, json.dumps(api.events.pop(0)).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.posted.append((self.path.rpartition("/runtime")[2], json.loads(body)))
                self._answer(202, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", "r-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", "1")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=5)


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    runtime = RuntimeApi()
    yield runtime
    runtime.server.shutdown()
    runtime.server.server_close()


@pytest.fixture
def connection(api: RuntimeApi) -> Iterator[http.client.HTTPConnection]:
    made = api.connect()
    yield made
    made.close()


def test_a_result_goes_back_as_the_response(api: RuntimeApi, connection: http.client.HTTPConnection) -> None:
    api.events = [{"a": 1}]
    serve_one(connection, lambda event, context: {"got": event, "id": context.aws_request_id}, ENVIRON)
    assert api.posted == [("/invocation/r-1/response", {"got": {"a": 1}, "id": "r-1"})]


def test_an_error_goes_back_under_its_own_name(api: RuntimeApi, connection: http.client.HTTPConnection) -> None:
    def refuse(event: Any, context: Context) -> None:
        raise LookupError("nothing there")

    api.events = [5]
    serve_one(connection, refuse, ENVIRON)
    ((path, body),) = api.posted
    assert path == "/invocation/r-1/error"
    assert (body["errorType"], body["errorMessage"]) == ("LookupError", "nothing there")
    assert body["stackTrace"]


def test_the_runtime_ends_when_the_emulator_has_stopped(
    api: RuntimeApi, connection: http.client.HTTPConnection
) -> None:
    with pytest.raises(SystemExit):
        serve_one(connection, lambda event, context: None, ENVIRON)


def test_the_runtime_ends_when_there_is_nobody_to_ask() -> None:
    with pytest.raises(SystemExit):
        serve_one(http.client.HTTPConnection("127.0.0.1", 1, timeout=1), lambda event, context: None, ENVIRON)


def test_a_handler_is_found_by_its_name() -> None:
    assert load("operator.eq")(CONTEXT, CONTEXT) is True


def test_the_time_left_is_never_below_zero() -> None:
    assert CONTEXT.get_remaining_time_in_millis() == 0


def test_a_fault_without_a_trace_is_still_a_record() -> None:
    assert json.loads(fault(ValueError("x"))) == {"errorMessage": "x", "errorType": "ValueError", "stackTrace": []}


def test_only_the_first_failure_of_an_event_is_handed_on(tmp_path: Path) -> None:
    event = json.dumps({"id": "e-1", "detail-type": "OrderCreated", "source": "orders.api"}).encode()
    assert [is_first_failure(event, "f", tmp_path) for _ in range(3)] == [True, False, False]
    assert is_first_failure(event, "g", tmp_path)


@pytest.mark.parametrize("body", [b"5", b"[]", b'{"id": "x"}', b'{"Records": []}'])
def test_what_did_not_come_from_eventbridge_is_not_handed_on(body: bytes, tmp_path: Path) -> None:
    assert not is_first_failure(body, "f", tmp_path)
