"""A FIFO queue: order inside a message group, a group locked while its head is in flight, deduplication for 5 minutes.

Recorded on AWS (2024-04-30, 2025-11-19): a receive takes as many as it can of one group before the next one; groups
served go to the end of the line; what stands behind an invisible message of its group is not given out, what stands
before it is. So a group offers the visible messages at its front and nothing behind the first hidden one. Deleting
after the visibility timeout is an error here ("The receipt handle has expired."), not a silent success.

A repeated MessageDeduplicationId within five minutes is accepted, answered with the first message's id and sequence
number, and not delivered, even when the first one was received and deleted long ago (SendMessage reference).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes.sqs.errors import expired_receipt_handle
from tests.fakes.sqs.message import Message
from tests.fakes.sqs.queue import Queue, Surroundings

FIVE_MINUTES = 300.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A receive that named a ReceiveRequestAttemptId: when, and each message with its handle and timeout."""

    at: float
    taken: tuple[tuple[Message, str | None, float], ...]

    def still_stands(self, queue: Queue, now: float) -> bool:
        return now - self.at < FIVE_MINUTES and all(
            message.serial in queue.messages and (message.receipt, message.visible_at) == (receipt, visible_at)
            for message, receipt, visible_at in self.taken
        )


class FifoQueue(Queue):
    """First in, first out within each message group."""

    is_fifo = True

    def __init__(self, name: str, arn: str, url: str, around: Surroundings) -> None:
        super().__init__(name, arn, url, around)
        self._groups: OrderedDict[str, dict[int, Message]] = OrderedDict()
        self._sent: dict[tuple[str, str], tuple[float, Message]] = {}
        self._attempts: dict[str, Attempt] = {}
        self._sequence = 18_880_000_000_000_000_000

    def put(self, message: Message, now: float, delay: float | None = None) -> Message:
        """Put it, or return the message its deduplication id already stands for."""
        key = self._deduplication_key(message)
        at, earlier = self._sent.get(key, (float("-inf"), message))
        if now - at < FIVE_MINUTES:
            self._note("swallowed", message, now)
            return earlier
        self._sent[key] = (now, message)
        return super().put(message, now, delay)

    def _deduplication_key(self, message: Message) -> tuple[str, str]:
        by_group = self.attributes.get("DeduplicationScope") == "messageGroup"
        return (message.group_id or "") if by_group else "", message.deduplication_id or ""

    def adopt(self, message: Message, now: float, what: str = "moved") -> None:
        self._sequence += 256
        message.sequence_number = str(self._sequence)
        self._groups.setdefault(message.group_id or "", {})[message.serial] = message
        super().adopt(message, now, what)

    def remove(self, message: Message, what: str = "", now: float = 0.0) -> None:
        group = self._groups[message.group_id or ""]
        del group[message.serial]
        if not group:
            del self._groups[message.group_id or ""]
        super().remove(message, what, now)

    def _offered(self, now: float, *, is_short: bool) -> Iterator[Message]:
        """Group by group, each from its front up to its first hidden message; a group served moves to the end."""
        for name in list(self._groups):
            for message in list(self._groups.get(name, {}).values()):
                if not message.is_visible(now):
                    break
                if name in self._groups:
                    self._groups.move_to_end(name)
                yield message

    def receive_again(self, attempt_id: str, now: float, visibility: float) -> list[Message] | None:
        """The same messages and handles for a repeated ReceiveRequestAttemptId, or None when it does not apply."""
        attempt = self._attempts.get(attempt_id)
        if attempt is None or not attempt.still_stands(self, now):
            return None
        messages = [message for message, _, _ in attempt.taken]
        for message in messages:
            message.visible_at = now + visibility
        self.remember(attempt_id, messages, attempt.at)
        return messages

    def remember(self, attempt_id: str, messages: list[Message], now: float) -> None:
        taken = tuple((message, message.receipt, message.visible_at) for message in messages)
        self._attempts[attempt_id] = Attempt(now, taken)

    def delete(self, handle: str, serial: int, now: float) -> None:
        message = self.messages.get(serial)
        if message is not None and (message.receipt != handle or not message.is_in_flight(now)):
            raise expired_receipt_handle(handle)
        super().delete(handle, serial, now)

    def _refuse_expired(self, handle: str) -> None:
        """Not recorded for FIFO; refused, as the message's group may have gone on."""
        raise expired_receipt_handle(handle)

    def purge(self, now: float) -> None:
        """Also forgets the deduplication ids."""
        super().purge(now)
        self._sent.clear()
