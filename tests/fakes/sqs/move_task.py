"""Message move tasks: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask, as recorded on 2024-04-30.

A task runs by the clock: it is picked up a second after its start, counts what is visible then
(ApproximateNumberOfMessagesToMove, absent until then and fixed afterwards), and moves one message each 1/rate second,
oldest first. What is in flight or delayed it does not see, so a task right after a peek ends COMPLETED with 0 moved.
Cancelling is not immediate: AWS answered 2 moved and ended CANCELLED at 8; here it goes on for `CANCEL_SECONDS`.
A moved message is a new one: new MessageId, time and receive count; body, attributes, trace header and group are kept
(the last is implied by the reference, not recorded). Only a message that a redrive policy put there knows its source;
without a destination any other one fails the task with CouldNotDetermineMessageSource.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.sqs import checks
from tests.fakes.sqs.errors import AwsError, Json, invalid_parameter, invalid_value, resource_not_found
from tests.fakes.sqs.message import Message
from tests.fakes.sqs.queue import Queue

if TYPE_CHECKING:
    from tests.fakes.sqs.server import SqsServer

PICKED_AFTER = 1.0
CANCEL_SECONDS = 6.0
DEFAULT_RATE = 500.0
SOURCE_MISSING = "The resource that you specified for the SourceArn parameter doesn't exist."
DESTINATION_MISSING = "The resource that you specified for the DestinationArn parameter doesn't exist."
RUNNING_ALREADY = (
    "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
)


@dataclass(eq=False)
class MoveTask:
    """One task; `next_at` is when it moves its next message."""

    task_id: str
    source_arn: str
    destination_arn: str | None
    rate: int | None
    started_at: float
    next_at: float
    status: str = "RUNNING"
    moved: int = 0
    to_move: int | None = None
    cancelled_at: float | None = None
    failure: str | None = None

    @property
    def handle(self) -> str:
        text = json.dumps({"taskId": self.task_id, "sourceArn": self.source_arn})
        return base64.b64encode(text.encode()).decode()

    @property
    def is_active(self) -> bool:
        return self.status in ("RUNNING", "CANCELLING")

    def advance(self, server: SqsServer, now: float) -> None:
        """Do what the task would have done by `now`."""
        while self.is_active and self.next_at <= now:
            self._step(server, self.next_at)
            self.next_at += 1.0 / (self.rate or DEFAULT_RATE)

    def _step(self, server: SqsServer, at: float) -> None:
        if self.cancelled_at is not None and at >= self.cancelled_at + CANCEL_SECONDS:
            self.status = "CANCELLED"
            return
        source = server.by_arn(self.source_arn)
        if source is None:
            self._fail("AWS.SimpleQueueService.NonExistentQueue")
            return
        if self.to_move is None:
            self.to_move = source.count(at)[0]
        message = next((each for each in source.messages.values() if each.is_visible(at)), None)
        if message is None or self.moved >= self.to_move:
            self.status = "COMPLETED" if self.cancelled_at is None else "CANCELLED"
            return
        self._move(server, source, message, at)

    def _move(self, server: SqsServer, source: Queue, message: Message, at: float) -> None:
        target_arn = self.destination_arn or message.dead_letter_source
        if target_arn is None:
            self._fail("CouldNotDetermineMessageSource")
            return
        target = server.by_arn(target_arn)
        if target is None:
            self._fail("AWS.SimpleQueueService.NonExistentQueue")
            return
        source.remove(message, "moved by task", at)
        target.put(_anew(server, message, target, at), at, 0.0)
        self.moved += 1

    def _fail(self, reason: str) -> None:
        self.status, self.failure = "FAILED", reason

    def shown(self) -> Json:
        """As listed: no handle unless RUNNING, and nothing that was not given or is not known yet."""
        fields: Json = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source_arn,
            "DestinationArn": self.destination_arn,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": round(self.started_at * 1000),
        }
        return {name: value for name, value in fields.items() if value is not None}


def _anew(server: SqsServer, message: Message, target: Queue, at: float) -> Message:
    """The message as the task sends it. Which deduplication id AWS gives it on FIFO is not known: a new one here."""
    return Message(
        message_id=server.new_id(),
        body=message.body,
        sent_at=at,
        serial=server.next_serial(),
        attributes=dict(message.attributes),
        trace_header=message.trace_header,
        group_id=message.group_id,
        deduplication_id=server.new_id() if target.is_fifo else None,
    )


def start_message_move_task(server: SqsServer, params: Json) -> Json:
    source = _source(server, params["SourceArn"])
    if not server.sources_of(source):
        raise invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
    rate = params.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= 500:
        raise invalid_value("MaxNumberOfMessagesPerSecond", rate, "Must be between 1 and 500, if provided.")
    _check_destination(server, source, params.get("DestinationArn"))
    if any(task.is_active and task.source_arn == source.arn for task in server.tasks):
        raise invalid_parameter(RUNNING_ALREADY)
    now = server.now()
    task = MoveTask(server.new_id(), source.arn, params.get("DestinationArn"), rate, now, now + PICKED_AFTER)
    server.tasks.append(task)
    return {"TaskHandle": task.handle}


def _source(server: SqsServer, arn: str) -> Queue:
    queue = server.by_arn(arn)
    if queue is None:
        raise resource_not_found(SOURCE_MISSING)
    return queue


def _check_destination(server: SqsServer, source: Queue, arn: str | None) -> None:
    if arn is None:
        return
    target = server.by_arn(arn)
    if target is None:
        raise resource_not_found(DESTINATION_MISSING)
    if target.is_fifo != source.is_fifo:  # text not recorded
        raise invalid_parameter("The source and destination queues must be of the same type.")


def list_message_move_tasks(server: SqsServer, params: Json) -> Json:
    """Newest first; one unless MaxResults says more (up to 10)."""
    source = _source(server, params["SourceArn"])
    limit = checks.number(params, "MaxResults", 1, 10, 1)
    tasks = [task for task in reversed(server.tasks) if task.source_arn == source.arn]
    return {"Results": [task.shown() for task in tasks[:limit]]}


def cancel_message_move_task(server: SqsServer, params: Json) -> Json:
    """Ask a RUNNING task to stop; the answer is what it has moved so far, and it will move some more."""
    try:
        handle = json.loads(base64.b64decode(params["TaskHandle"], validate=True))
        task_id, source_arn = handle["taskId"], handle["sourceArn"]
    except (ValueError, KeyError, TypeError) as error:
        raise invalid_parameter("Value for parameter TaskHandle is invalid.") from error
    _source(server, source_arn)
    task = next((each for each in server.tasks if each.task_id == task_id), None)
    if task is None or task.status != "RUNNING":
        raise _no_such_task()
    task.status, task.cancelled_at = "CANCELLING", server.now()
    return {"ApproximateNumberOfMessagesMoved": task.moved}


def _no_such_task() -> AwsError:
    return resource_not_found("Task does not exist.")


OPERATIONS: dict[str, Callable[[SqsServer, Json], Json]] = {
    "StartMessageMoveTask": start_message_move_task,
    "ListMessageMoveTasks": list_message_move_tasks,
    "CancelMessageMoveTask": cancel_message_move_task,
}
