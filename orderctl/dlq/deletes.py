"""One attempt to delete what was delivered: ten messages a call, and of a large hand several tens at once.

Each ten has its own answer. What SQS did not say is deleted is told with the reason, and whoever asked tries again;
what cannot pass (permission, a queue that is gone) is raised once what is in flight has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderctl.clock import Clock
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.pace import Patience
from orderctl.dlq.ports import Queues
from orderctl.errors import PASSING, OrderctlError, ThrottledError
from orderctl.pool import Done, Pool

AT_ONCE = 8
TENS = 10
"""Entries of one call (SQS Developer Guide, "quotas-messages")."""


def delete(
    queues: Queues, queue: Queue, messages: Sequence[Message], clock: Clock, patience: Patience
) -> tuple[Mapping[str, str], bool]:
    """(message id to why it is not deleted, did SQS ask for less?)."""
    if len(messages) <= TENS:
        try:
            failed = queues.delete(queue, messages)
        except PASSING as error:
            return _none_of(messages, error), isinstance(error, ThrottledError)
        patience.took(queue.arn)
        return failed, False
    return _many(queues, queue, messages, clock, patience)


def _many(
    queues: Queues, queue: Queue, messages: Sequence[Message], clock: Clock, patience: Patience
) -> tuple[Mapping[str, str], bool]:
    failed: dict[str, str] = {}
    is_busy = False
    tens = [messages[start : start + TENS] for start in range(0, len(messages), TENS)]
    pool: Pool = Pool(clock, workers=AT_ONCE, patience=0.0)
    for outcome in pool.each(lambda ten: queues.delete(queue, ten), tens):
        if isinstance(outcome, Done):
            failed.update(outcome.result)
            patience.took(queue.arn)
        elif isinstance(outcome.error, PASSING):
            failed.update(_none_of(outcome.item, outcome.error))
            is_busy = is_busy or isinstance(outcome.error, ThrottledError)
        else:
            raise outcome.error
    return failed, is_busy


def _none_of(messages: Sequence[Message], error: OrderctlError) -> dict[str, str]:
    return {message.message_id: error.message for message in messages}
