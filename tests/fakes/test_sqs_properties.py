"""Whatever is done to a queue, in whatever order: nothing is lost that was not deleted, and FIFO order holds.

The model keeps its own books from the answers alone (which handle was given last for a message, until when it is
hidden) and never looks into the queue, except to compare what it holds.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.clock import FakeClock
from tests.fakes.sqs import AwsError, SqsServer

SETTINGS = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
GROUPS = ("g1", "g2", "g3")


class QueueMachine(RuleBasedStateMachine):
    """Random sends, receives, deletes, visibility changes and time on one queue; `name` says which type."""

    name = "orders"

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.server = SqsServer(self.clock)
        self.queue = self.server.create(self.name)
        self.alive: list[str] = []
        self.group_of: dict[str, str] = {}
        self.handles: list[tuple[str, str]] = []
        self.latest: dict[str, str] = {}
        self.hidden_until: dict[str, float] = {}
        self.count = 0

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.server.call(operation, {"QueueUrl": self.queue.url, **params})

    def is_hidden(self, body: str) -> bool:
        return self.hidden_until.get(body, 0.0) > self.clock.elapsed

    @rule(group=st.sampled_from(GROUPS))
    def send(self, group: str) -> None:
        self.count += 1
        body = f"{group}-{self.count}"
        extra = {"MessageDeduplicationId": body} if self.queue.is_fifo else {}
        self.call("SendMessage", MessageBody=body, MessageGroupId=group, **extra)
        self.alive.append(body)
        self.group_of[body] = group

    @rule(limit=st.integers(1, 10), timeout=st.integers(0, 40))
    def receive(self, limit: int, timeout: int) -> None:
        messages = self.call("ReceiveMessage", MaxNumberOfMessages=limit, VisibilityTimeout=timeout).get("Messages", [])
        self.check_order([message["Body"] for message in messages])
        for message in messages:
            body = message["Body"]
            assert body in self.alive
            assert not self.is_hidden(body)
            self.latest[body] = message["ReceiptHandle"]
            self.hidden_until[body] = self.clock.elapsed + timeout
            self.handles.append((body, message["ReceiptHandle"]))
        if len(messages) < limit and not self.queue.is_fifo:
            assert all(self.is_hidden(body) or body in {m["Body"] for m in messages} for body in self.alive)

    def check_order(self, received: list[str]) -> None:
        """FIFO: what comes of a group is the front of it, with nothing of it hidden before."""
        for group in GROUPS if self.queue.is_fifo else ():
            mine = [body for body in received if self.group_of[body] == group]
            assert mine == [body for body in self.alive if self.group_of[body] == group][: len(mine)]

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        body, handle = data.draw(st.sampled_from(self.handles))
        is_current = self.latest[body] == handle
        counts = is_current and (self.is_hidden(body) or not self.queue.is_fifo)
        try:
            self.call("DeleteMessage", ReceiptHandle=handle)
        except AwsError:
            assert self.queue.is_fifo
            assert body in self.alive
            assert not counts
        else:
            if body in self.alive and counts:
                self.alive.remove(body)

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), timeout=st.integers(0, 60))
    def change_visibility(self, data: st.DataObject, timeout: int) -> None:
        body, handle = data.draw(st.sampled_from(self.handles))
        try:
            self.call("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout=timeout)
        except AwsError:
            stale = self.latest[body] != handle or body not in self.alive
            assert stale or (self.queue.is_fifo and not self.is_hidden(body))
        else:
            assert self.latest[body] == handle
            assert body in self.alive
            self.hidden_until[body] = self.clock.elapsed + timeout

    @rule(seconds=st.floats(0.1, 50))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert sorted(self.server.bodies(self.name)) == sorted(self.alive)

    @invariant()
    def the_ledger_agrees(self) -> None:
        deleted = [record.body for record in self.server.ledger.records if record.what == "deleted"]
        assert len(deleted) + len(self.alive) == self.count
        assert not self.server.ledger.lost()


class FifoMachine(QueueMachine):
    """The same on a FIFO queue."""

    name = "orders.fifo"


TestStandardQueue = QueueMachine.TestCase
TestStandardQueue.settings = SETTINGS
TestFifoQueue = FifoMachine.TestCase
TestFifoQueue.settings = SETTINGS
