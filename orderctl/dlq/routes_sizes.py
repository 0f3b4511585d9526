"""How much each consumer takes: a letter that is too large for it must stay, whatever else speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from orderctl.dlq.delivery import message_bytes as message_bytes
from orderctl.dlq.models import Delivery, Queue, ToFunction, ToQueue, ToStateMachine, ToTopic
from orderctl.dlq.routes_parts import MustStay

MAX_FUNCTION_BYTES = 1_048_576
"""Asynchronous Lambda.Invoke (lambda/latest/api/API_Invoke)."""
MAX_QUEUE_BYTES = 1_048_576
"""SQS.SendMessage, attributes included; a queue may be set lower (`Queue.max_message_bytes`)."""
MAX_TOPIC_BYTES = 262_144
"""SNS.Publish (sns/latest/api/API_Publish)."""
MAX_INPUT_BYTES = 262_144
"""States.StartExecution (step-functions/latest/dg/service-quotas)."""


def check_size(delivery: Delivery, queues: Mapping[str, Queue]) -> None:
    """Raise MustStay for what its consumer would refuse; `queues` are destination queues by ARN."""
    match delivery:
        case ToQueue():
            queue = queues.get(delivery.arn)
            _fits(message_bytes(delivery), queue.max_message_bytes if queue else MAX_QUEUE_BYTES, delivery.arn)
        case ToFunction():
            _fits(len(delivery.payload), MAX_FUNCTION_BYTES, delivery.arn)
        case ToTopic():
            _fits(len(delivery.message.encode()), MAX_TOPIC_BYTES, delivery.arn)
        case ToStateMachine():
            _fits(len(delivery.input.encode()), MAX_INPUT_BYTES, delivery.arn)
        case _:
            assert_never(delivery)


def _fits(size: int, limit: int, arn: str) -> None:
    if size > limit:
        raise MustStay(f"{size} bytes are more than {arn} takes ({limit})")
