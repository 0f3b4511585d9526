"""Redrive policies: when a message is moved to the dead-letter queue, and what the move changes on it.

The move happens at the receive after the last allowed one: with maxReceiveCount 1 the second receive moves it and
returns nothing (recorded on AWS, 2024-04-30). MessageId, body, user attributes and AWSTraceHeader are kept, the
receive count carries on, DeadLetterQueueSourceArn is added. A standard message keeps the time that retention counts
from, a FIFO message starts again, and its deduplication id becomes its MessageId ("Configuring a dead-letter queue
redrive" and "Dead-letter queues" in the SQS Developer Guide). A dead-letter queue with a policy of its own counts its
own receives (not recorded).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.sqs.attributes import parse_policy
from tests.fakes.sqs.errors import Json, invalid_parameter, invalid_value

if TYPE_CHECKING:
    from tests.fakes.sqs.message import Message
    from tests.fakes.sqs.queue import Queue


@dataclass(frozen=True, slots=True)
class RedrivePolicy:
    """Where a queue sends what was received too often, and after how many receives."""

    target_arn: str
    max_receive_count: int


def redrive_policy(text: str) -> RedrivePolicy | None:
    """Parse the attribute; None for an empty one. Raises AWS's errors for a missing or wrong field."""
    policy = parse_policy("RedrivePolicy", text)
    if not policy:
        return None
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise invalid_parameter(f"The required parameter '{name}' is missing")
    return RedrivePolicy(str(policy["deadLetterTargetArn"]), _receive_count(text, policy))


def target_arn(queue: Queue) -> str | None:
    """The dead-letter queue a queue's redrive policy names, existing or not."""
    policy = redrive_policy(queue.attributes.get("RedrivePolicy", ""))
    return policy.target_arn if policy else None


def _receive_count(text: str, policy: Json) -> int:
    count = str(policy["maxReceiveCount"])
    if not count.isdigit() or not 1 <= int(count) <= 1000:
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        raise invalid_value("RedrivePolicy", text, reason)
    return int(count)


def check_allowed(source: Queue, target: Queue | None, policy_text: str) -> None:
    """What SetQueueAttributes refuses: no such DLQ, another queue type, or a DLQ whose RedriveAllowPolicy says no."""
    if target is None:
        raise invalid_value("RedrivePolicy", policy_text, "Dead letter target does not exist.")
    if target.is_fifo != source.is_fifo:
        reason = "Dead-letter queue must be same type of queue as the source."
        raise invalid_value("RedrivePolicy", policy_text, reason)
    if not allows(target, source.arn):
        reason = "The dead-letter queue's RedriveAllowPolicy does not allow this source queue."  # text not recorded
        raise invalid_value("RedrivePolicy", policy_text, reason)


def allows(target: Queue, source_arn: str) -> bool:
    """RedriveAllowPolicy: allowAll (the default), denyAll, or byQueue with at most ten ARNs."""
    policy = parse_policy("RedriveAllowPolicy", target.attributes.get("RedriveAllowPolicy", ""))
    match policy.get("redrivePermission", "allowAll"):
        case "denyAll":
            return False
        case "byQueue":
            return source_arn in policy.get("sourceQueueArns", [])
    return True


def move(message: Message, source: Queue, target: Queue, now: float) -> None:
    """Put an exhausted message into the dead-letter queue; the ledger does not count it as a delivery."""
    source.remove(message)
    message.dead_letter_source = source.arn
    message.receipt = None
    message.receives_here = 0
    message.visible_at = now
    if target.is_fifo:
        message.enqueued_at = now
        message.deduplication_id = message.message_id
    target.adopt(message, now)
