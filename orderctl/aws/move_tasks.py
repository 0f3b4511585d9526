"""SQS's message move tasks behind `orderctl.dlq.move_tasks.MoveTasks`.

Starting goes through a client that never tries twice by itself: where a first answer was lost, a second try is
refused because of the very task it started. Errors of one code are told apart by SQS's own words, as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.not_offered import is_not_offered
from orderctl.dlq.move_tasks import MoveTask
from orderctl.errors import ConflictError, FailedError, OrderctlError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

MOST = 10
"""Tasks that can be listed; without MaxResults it is one, and there are no pages."""
_RUNNING_ALREADY = "already a task running"


class SqsMoveTasks:
    """The move tasks of one account and Region; `once` has a single attempt."""

    def __init__(self, client: SQSClient, once: SQSClient) -> None:
        self._client: Any = client
        self._once: Any = once

    def of(self, queue_arn: str) -> list[MoveTask] | None:
        """The latest 10 tasks, newest first; None where the service (an emulator) has no such operation."""
        try:
            with aws_call("sqs", "ListMessageMoveTasks", subject=_subject(queue_arn)):
                answer = self._client.list_message_move_tasks(SourceArn=queue_arn, MaxResults=MOST)
        except OrderctlError as error:
            if is_not_offered(error):
                return None
            raise
        found = [_task(queue_arn, said) for said in answer.get("Results", ())]
        return sorted(found, key=_start, reverse=True)

    def start(self, queue_arn: str, rate: int | None) -> str:
        """Without a destination: each message to its own source. `rate` is 1 to 500 messages a second."""
        limit = {} if rate is None else {"MaxNumberOfMessagesPerSecond": rate}
        try:
            with aws_call("sqs", "StartMessageMoveTask", subject=_subject(queue_arn)):
                return str(self._once.start_message_move_task(SourceArn=queue_arn, **limit)["TaskHandle"])
        except FailedError as error:
            if _RUNNING_ALREADY in error.message:
                raise ConflictError(error.message, aws=error.aws) from error
            raise

    def cancel(self, queue_arn: str, task_handle: str) -> int:
        """Ask it to stop; how many it had moved by then, which is fewer than it will have."""
        with aws_call("sqs", "CancelMessageMoveTask", subject=_subject(queue_arn)):
            answer = self._client.cancel_message_move_task(TaskHandle=task_handle)
        return int(answer.get("ApproximateNumberOfMessagesMoved") or 0)


def _subject(queue_arn: str) -> str:
    return f"queue {queue_arn.rsplit(':', 1)[-1]}"


def _task(queue_arn: str, said: Mapping[str, Any]) -> MoveTask:
    """SQS leaves out what was not given and what it does not know yet."""
    milliseconds = said.get("StartedTimestamp")
    return MoveTask(
        queue=queue_arn.rsplit(":", 1)[-1],
        status=said.get("Status", "UNKNOWN"),
        moved=said.get("ApproximateNumberOfMessagesMoved", 0),
        to_move=said.get("ApproximateNumberOfMessagesToMove"),
        started_at=None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC),
        destination_arn=said.get("DestinationArn"),
        failure_reason=said.get("FailureReason"),
        rate=said.get("MaxNumberOfMessagesPerSecond"),
        task_handle=said.get("TaskHandle"),
    )


def _start(task: MoveTask) -> float:
    return task.started_at.timestamp() if task.started_at else 0.0
