"""A Lambda runtime for the embedded emulator: fetch an event, call the handler, hand back what came of it.

The emulator's own Python runtime reports every exception as `Runtime.HandlerError`, so a workflow could
never catch one by its name. A custom runtime (`provided.al2023`) reports errors itself; this one does it as
AWS's Python runtime does, over the documented Runtime API. It never goes to AWS.

It also mends how the emulator delivers from EventBridge: once, and a failure is forgotten. Here the first
failure of an event is handed to Lambda's own asynchronous invocation, which retries and ends in the
on-failure queue as on AWS.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API = "/2018-06-01/runtime"

Handler = Callable[[Any, "Context"], Any]


@dataclass(frozen=True)
class Context:
    """What a handler is told about its invocation."""

    function_name: str
    function_version: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    deadline_ms: int

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out, never below 0."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def main(environ: Mapping[str, str] = os.environ) -> None:
    """Serve until the emulator is gone."""
    api = http.client.HTTPConnection(environ["AWS_LAMBDA_RUNTIME_API"])
    os.environ.setdefault("AWS_ENDPOINT_URL", f"http://127.0.0.1:{environ.get('GATEWAY_PORT', '4566')}")
    try:
        handler = load(environ["_HANDLER"])
    except Exception as error:
        _post(api, "/init/error", fault(error))
        raise SystemExit(1) from error
    while True:
        serve_one(api, handler, environ)


def load(name: str) -> Handler:
    """`module.function`, as the function's Handler setting says it."""
    module, _, function = name.rpartition(".")
    loaded: Handler = getattr(importlib.import_module(module), function)
    return loaded


def serve_one(api: http.client.HTTPConnection, handler: Handler, environ: Mapping[str, str]) -> None:
    """One invocation, whatever comes of it; ends the process when there is nobody to ask any more."""
    try:
        api.request("GET", f"{API}/invocation/next")
        answer = api.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        raise SystemExit(0) from None
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(0)
    context = _context(dict(answer.headers.items()), environ)
    if trace_id := answer.headers.get("Lambda-Runtime-Trace-Id"):
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    try:
        result = json.dumps(handler(json.loads(body), context)).encode()
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        if is_first_failure(body, context.function_name):
            retry_asynchronously(body, context.function_name)
        _post(api, f"/invocation/{context.aws_request_id}/error", fault(error))
    else:
        _post(api, f"/invocation/{context.aws_request_id}/response", result)


def is_first_failure(body: bytes, function: str, folder: Path | None = None) -> bool:
    """Did an event of EventBridge fail here for the first time? Remembers it in a file, for the other
    environments of the function; later failures of the same event are the retries' own."""
    event = json.loads(body)
    if not isinstance(event, dict) or not {"detail-type", "source", "id"} <= event.keys():
        return False
    digest = hashlib.sha256(json.dumps([function, event["id"], event.get("replay-name")]).encode()).hexdigest()
    marks = folder or Path(tempfile.gettempdir()) / "orderctl-failed-events"
    marks.mkdir(parents=True, exist_ok=True)
    try:
        (marks / digest).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def retry_asynchronously(body: bytes, function: str) -> None:
    """Invoke the function again the way EventBridge does it on AWS: asynchronously."""
    import boto3

    boto3.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=body)


def fault(error: BaseException) -> bytes:
    """The error record AWS's Python runtime would send."""
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
    ).encode()


def _context(headers: Mapping[str, str], environ: Mapping[str, str]) -> Context:
    return Context(
        function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        memory_limit_in_mb=int(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")),
        invoked_function_arn=headers.get("Lambda-Runtime-Invoked-Function-Arn", ""),
        aws_request_id=headers["Lambda-Runtime-Aws-Request-Id"],
        deadline_ms=int(headers.get("Lambda-Runtime-Deadline-Ms", "0")),
    )


def _post(api: http.client.HTTPConnection, path: str, body: bytes) -> None:
    api.request("POST", API + path, body, {"Content-Type": "application/json"})
    api.getresponse().read()


if __name__ == "__main__":
    main()
