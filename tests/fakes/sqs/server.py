"""The SQS of the tests: queues, their messages and move tasks, with time only from the given clock.

`call("SendMessage", {...})` takes and gives what boto3 does and raises `AwsError`; the wire (`aws_wire.py`) puts a
real client in front. `seed` puts messages in without a call, so that what a test prepared is not counted as work of
the code under test. Where AWS is not known to do one thing or the other, a switch says so: `strict_visibility`.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable
from typing import Any

from tests.fakes.sqs import attributes, message_operations, move_task, queue_operations, redrive
from tests.fakes.sqs.errors import Json, invalid_parameter, no_such_queue, unknown_operation
from tests.fakes.sqs.fifo import FifoQueue
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.message import Message
from tests.fakes.sqs.move_task import MoveTask
from tests.fakes.sqs.queue import Queue, Sampling, Surroundings
from tests.fakes.sqs.waiting import AnyClock, Waiting

OPERATIONS: dict[str, Callable[[SqsServer, Json], Json]]
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class SqsServer:
    """Everything SQS remembers in one account and Region."""

    service = "sqs"

    def __init__(self, clock: AnyClock, region: str = "ap-northeast-1", account: str = "123456789012") -> None:
        self.clock = clock
        self.region = region
        self.account = account
        self.queues: dict[str, Queue] = {}
        self.deleted_at: dict[str, float] = {}
        self.tasks: list[MoveTask] = []
        self.waiting = Waiting(clock)
        self.ledger = Ledger(self.present)
        self.approximate: Callable[[int], int] = int
        self.strict_visibility = False
        self._serial = 0
        self._ids = random.Random(0)

    def call(self, operation: str, params: Json) -> Json:
        """Do one operation as AWS would; raises AwsError. Safe from several threads."""
        act = OPERATIONS.get(operation)
        if act is None:
            raise unknown_operation(operation)
        with self.waiting.lock:
            self.waiting.enter()
            self.catch_up()
            return act(self, params)

    # -- for tests

    def create(self, name: str, **attributes: str) -> Queue:
        """Make a queue without a call; a name ending in .fifo makes a FIFO queue."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        self.call("CreateQueue", {"QueueName": name, "Attributes": attributes})
        return self.queues[name]

    def seed(self, queue: Queue | str, body: str, *, source: Queue | None = None, **params: Any) -> Message:
        """Put a message into a queue; `source` makes it a dead letter of that queue. Other names as in SendMessage."""
        queue = self.queues[queue] if isinstance(queue, str) else queue
        if queue.is_fifo:
            params.setdefault("MessageDeduplicationId", self.new_id())
        self.call("SendMessage", {"QueueUrl": queue.url, "MessageBody": body, **params})
        self.ledger.was_seeded()
        message = queue.messages[next(reversed(queue.messages))]
        if source is not None:
            message.dead_letter_source = source.arn
            message.receive_count = 1
        return message

    def present(self) -> list[tuple[str, str]]:
        """(queue name, body) of every message in any queue, hidden or not."""
        with self.waiting.lock:
            return [(queue.name, each.body) for queue in self.queues.values() for each in queue.messages.values()]

    def bodies(self, queue_name: str) -> list[str]:
        """What a queue holds, oldest first."""
        return [message.body for message in self.queues[queue_name].messages.values()]

    def sample(self, queue_name: str, *, seed: int = 0, empty: float = 0.0, partial: float = 0.0) -> None:
        """Make short polls of a standard queue incomplete: chances of an empty answer and of leaving a message out."""
        self.queues[queue_name].sampling = Sampling(seed, empty, partial, shuffle=True)

    # -- for the operations

    def catch_up(self) -> None:
        """Let the move tasks do what they would have done by now."""
        for task in self.tasks:
            task.advance(self, self.now())

    def next_change(self, queue: Queue) -> float:
        """When something may become visible in a queue; infinity when nothing will by itself."""
        return min([queue.next_change(self.now()), *(task.next_at for task in self.tasks if task.is_active)])

    def now(self) -> float:
        return self.clock.now().timestamp()

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def check_name(self, name: str, *, is_fifo: bool) -> None:
        stem = name.removesuffix(".fifo") if is_fifo else name
        if len(name) > 80 or not NAME.fullmatch(stem) or (is_fifo and stem == name):
            text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            raise invalid_parameter(text)

    def make_queue(self, name: str, *, is_fifo: bool) -> Queue:
        kind = FifoQueue if is_fifo else Queue
        arn = f"arn:aws:sqs:{self.region}:{self.account}:{name}"
        url = f"https://sqs.{self.region}.amazonaws.com/{self.account}/{name}"
        around = Surroundings(self.ledger, self.by_arn, self.waiting.note, lambda: self.strict_visibility)
        queue = kind(name, arn, url, around)
        queue.attributes = {**attributes.DEFAULTS, **(attributes.FIFO_DEFAULTS if is_fifo else {})}
        queue.created_at = self.now()
        return queue

    def named(self, name: str) -> Queue:
        try:
            return self.queues[name]
        except KeyError:
            raise no_such_queue() from None

    def queue_of(self, params: Json) -> Queue:
        """By URL or bare name; a URL of another account names no queue of this one."""
        url = str(params["QueueUrl"])
        parts = url.rsplit("/", 2)
        if len(parts) == 3 and parts[1] != self.account:
            raise no_such_queue()
        return self.named(parts[-1])

    def by_arn(self, arn: str) -> Queue | None:
        return next((queue for queue in self.queues.values() if queue.arn == arn), None)

    def sources_of(self, queue: Queue) -> list[Queue]:
        """Queues whose redrive policy names this one."""
        return [each for each in self.queues.values() if redrive.target_arn(each) == queue.arn]


OPERATIONS = {**message_operations.OPERATIONS, **queue_operations.OPERATIONS, **move_task.OPERATIONS}
