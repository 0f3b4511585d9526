"""PurgeQueue behind `orderctl.dlq.purge.Purger`: the one SQS call that deletes what nobody has looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call
from orderctl.dlq.models import Queue

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class QueuePurger:
    """Empties queues; `once` is a client with a single attempt.

    Repeated by the SDK after a lost reply, the call would answer that a purge is in progress: its own.
    """

    def __init__(self, once: SQSClient) -> None:
        self._once = once

    def purge(self, queue: Queue) -> None:
        """Begin to delete everything, in flight too; takes up to a minute. Raises ConflictError within one."""
        with aws_call("sqs", "PurgeQueue", subject=f"queue {queue.name}"):
            self._once.purge_queue(QueueUrl=queue.url)
