"""Remember where restored letters came from.

SQS writes `DeadLetterQueueSourceArn` on a message it moves, and lets nobody else write it. A letter that was restored
is an ordinary message to it, and would be refused by a redrive as sent there directly. The restore journal knows
better: SQS answered our send with the new message id, an id no sender can choose. So a received message with that id
is given back the mark it had. The wiring still has to agree, as for every letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from orderctl.dlq.journal import SUFFIX, readable
from orderctl.dlq.models import Message, Outcome, Queue, ToQueue
from orderctl.dlq.ports import Queues


class RememberingQueues:
    """`Queues`, whose received messages carry what a restore on this machine knows of them."""

    def __init__(self, queues: Queues, folder: Path) -> None:
        self._queues = queues
        self._folder = folder

    def describe(self, queue: str) -> Queue:
        """As the port says."""
        return self._queues.describe(queue)

    def all(self) -> Iterator[Queue]:
        """As the port says."""
        return self._queues.all()

    def sources_of(self, queue: Queue) -> tuple[str, ...] | None:
        """As the port says."""
        return self._queues.sources_of(queue)

    def receive(self, queue: Queue, *, up_to: int, hide_for: int, wait: int) -> list[Message]:
        """As the port says, restored letters with their source queue."""
        return [
            self._marked(message) for message in self._queues.receive(queue, up_to=up_to, hide_for=hide_for, wait=wait)
        ]

    def hide(self, queue: Queue, messages: Sequence[Message], seconds: int) -> Mapping[str, str]:
        """As the port says."""
        return self._queues.hide(queue, messages, seconds)

    def delete(self, queue: Queue, messages: Sequence[Message]) -> Mapping[str, str]:
        """As the port says."""
        return self._queues.delete(queue, messages)

    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        """As the port says."""
        return self._queues.send(queue, entries)

    def _marked(self, message: Message) -> Message:
        source = None if message.source_arn else self._origins.get(message.message_id)
        if source is None:
            return message
        return replace(message, system={**message.system, "DeadLetterQueueSourceArn": source})

    @cached_property
    def _origins(self) -> dict[str, str]:
        return origins(self._folder)


def origins(folder: Path) -> dict[str, str]:
    """New message id to the ARN of the source queue, from every restore journal of a folder."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        sources: dict[str, str] = {}
        for record in readable(path):
            if record.get("r") == "taken":
                sources.update({x["id"]: x["source"] for x in record["letters"] if x.get("source")})
            elif record.get("r") == "delivered":
                found.update({new: sources[old] for old, new in record["ids"].items() if new and old in sources})
    return found
