"""The overlay makes what the template could not, and says so."""

from __future__ import annotations

import json
from pathlib import Path

from orderctl.stack import overlay
from orderctl.stack.overlay import Cors

OUTPUTS = {
    "UsersApiId": "rest1",
    "OrdersApiId": "http1",
    "UsersFunctionName": "users",
    "ProcessOrderFunctionName": "process",
    "ProcessOrderDlqUrl": "http://127.0.0.1/process-dlq",
    "EventArchiveName": "orders-orders",
    "EventBusArn": "arn:bus",
}


class RecordingApis:
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def validate_body(self, rest_api_id: str, path: str, method: str, schema: str) -> None:
        self.calls.append(("validate", rest_api_id, path, method, json.loads(schema)["required"]))

    def allow_origins(self, http_api_id: str, cors: Cors) -> None:
        self.calls.append(("cors", http_api_id, cors.origins))

    def follow_latest(self, function: str, alias: str) -> None:
        self.calls.append(("alias", function, alias))

    def set_dead_letter_queue(self, function: str, queue_url: str) -> None:
        self.calls.append(("dead letters", function, queue_url))

    def ensure_archive(self, name: str, bus_arn: str, pattern: str, retention_days: int) -> None:
        self.calls.append(("archive", name, bus_arn, pattern, retention_days))


def test_the_overlay_goes_by_the_outputs_of_the_stack() -> None:
    apis = RecordingApis()
    said = list(overlay.apply(apis, OUTPUTS))
    assert apis.calls == [
        ("validate", "rest1", "/users", "POST", ["user_id", "email", "name"]),
        ("cors", "http1", ("http://localhost:3000",)),
        ("alias", "users", "live"),
        ("dead letters", "process", "http://127.0.0.1/process-dlq"),
        ("archive", "orders-orders", "arn:bus", '{"source": ["orders.api"]}', 30),
    ]
    assert said == [
        "body validation of POST /users",
        "CORS of the Orders API",
        "alias live of the Users API",
        "dead-letter queue of ProcessOrder",
        "event archive orders-orders",
    ]


def test_a_step_is_told_only_once_it_is_done() -> None:
    apis = RecordingApis()
    steps = overlay.apply(apis, OUTPUTS)
    assert apis.calls == []
    next(steps)
    assert len(apis.calls) == 1


def test_one_more_step_or_another_way_of_doing_one_is_another_digest(tmp_path: Path) -> None:
    steps, adapter = tmp_path / "steps.py", tmp_path / "adapter.py"
    steps.write_text("validate()")
    adapter.write_text("put_method()")
    first = overlay.digest((steps, adapter))
    assert overlay.digest((steps, adapter)) == first
    steps.write_text("validate(); archive()")
    second = overlay.digest((steps, adapter))
    adapter.write_text("put_method(); put_integration()")
    assert len({first, second, overlay.digest((steps, adapter))}) == 3
    assert all(source.is_file() for source in overlay.SOURCES)
