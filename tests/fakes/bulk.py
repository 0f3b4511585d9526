"""The bulk workflow as AWS would run it: a Distributed Map over the chunks, and the real function for each.

Executions go on while somebody looks (DescribeExecution), one chunk a look, and to their end with `go_on`: what AWS
does while orderctl is dead. The function's calls have faults of their own (`inside`): they happen elsewhere.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orderctl.stack.package import HERE
from tests.fakes.s3 import FakeS3, FakeS3Client
from tests.fakes.sqs.faults import Faults

if TYPE_CHECKING:
    from tests.fakes.aws_wire import FakeAws
    from tests.fakes.states import Execution

sys.path.insert(0, str(HERE / "layers"))
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "test")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "test")


class Killed(BaseException):
    """The function's environment is gone: nothing more of the invocation happens."""


class FakeBulk:
    """Bucket `bulk` and state machine `orders-bulk` on a fake AWS."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.s3 = FakeS3(aws.clock, aws.account)
        aws.services["s3"] = self.s3
        self.bucket = self.s3.create("bulk")
        self.machine = aws.states.create("orders-bulk")
        aws.states.on_look[self.machine] = self.work
        self.client = FakeS3Client(aws)
        self.inside = copy.copy(aws)
        self.inside.faults, self.inside.calls = Faults(aws.clock), []
        self.inside._session, self.inside._lock = None, threading.Lock()
        self._clients: dict[str, Any] = {}
        self.remaining: Callable[[], float] = lambda: 180.0
        self.fails_with: str | None = None
        """The Map cannot begin: error of the execution."""
        self.repeats = 1
        """How often each chunk is handed to the function."""
        self.invoked: list[str] = []
        self.inputs: list[dict[str, Any]] = []
        self._waiting: dict[str, list[str]] = {}

    def work(self, execution: Execution) -> None:
        """One more chunk of a running execution; its end after the last."""
        if execution.status != "RUNNING":
            return
        said = json.loads(execution.input)
        if execution.arn not in self._waiting:
            self.inputs.append(said)
            self._waiting[execution.arn] = self.s3.keys(said["bucket"], said["prefix"])
        if self.fails_with is not None:
            execution.status, execution.error = "FAILED", self.fails_with
            return
        waiting = self._waiting[execution.arn]
        if waiting:
            key = waiting.pop(0)
            for _ in range(self.repeats):
                self.invoke(key)
            return
        execution.status, execution.stopped_at = "SUCCEEDED", self.aws.clock.now()

    def go_on(self) -> None:
        """Everything that is running runs to its end."""
        for execution in list(self.aws.states.executions):
            while execution.state_machine_arn == self.machine and execution.status == "RUNNING":
                self.work(execution)

    def invoke(self, key: str) -> dict[str, int] | None:
        """The function on one chunk; None where it died over it, or failed."""
        from orderctl.stack.functions.bulk_deliver import Place, deliver_chunk

        self.invoked.append(key)
        clock = self.aws.clock
        place = Place(self.bucket, key, self.aws.account)
        try:
            return deliver_chunk(
                place,
                FakeS3Client(self.inside),
                self._client,
                self.remaining,
                now=lambda: clock.now().timestamp(),
                sleep=lambda _seconds: None,
            )
        except (Killed, Exception):
            return None

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.inside.client(service)
        return self._clients[service]
