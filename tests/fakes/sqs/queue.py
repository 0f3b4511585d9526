"""A standard queue: messages in order of arrival, each with its own visibility timeout and current receipt handle.

Rules, all per message: a receive hides it for the visibility timeout and makes a new receipt handle; when the timeout
passes it is visible again, and the last handle still works until somebody receives it again (recorded on AWS for
delete and for ChangeMessageVisibility). A delete with an older handle answers success and deletes nothing
("ReceiptHandle" in the DeleteMessage reference). What is older than the retention period is gone.

Short polls of a standard queue ask only some servers. `Sampling` makes that happen, seeded; without one a receive
sees everything, oldest first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from tests.fakes.sqs import redrive
from tests.fakes.sqs.errors import (
    invalid_value,
    not_available_for_visibility,
    not_in_flight,
    over_limit,
)
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.message import Message

TWELVE_HOURS = 43_200.0


@dataclass
class Sampling:
    """How incomplete a short poll is: chance of an empty answer, chance of each message to be left out, and order."""

    seed: int = 0
    empty: float = 0.0
    partial: float = 0.0
    shuffle: bool = False
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def of(self, found: list[Message]) -> list[Message]:
        if self.random.random() < self.empty:
            return []
        seen = [message for message in found if self.random.random() >= self.partial]
        if self.shuffle:
            self.random.shuffle(seen)
        return seen


@dataclass
class Surroundings:
    """What a queue needs from its server."""

    ledger: Ledger
    find: Callable[[str], Queue | None]
    changed: Callable[[], None]
    strict_visibility: Callable[[], bool]


class Queue:
    """Standard queue; `FifoQueue` overrides what order and groups change."""

    is_fifo = False

    def __init__(self, name: str, arn: str, url: str, around: Surroundings) -> None:
        self.name = name
        self.arn = arn
        self.url = url
        self.attributes: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.messages: dict[int, Message] = {}
        self.removed: dict[int, Message] = {}
        self.created_at = self.modified_at = 0.0
        self.purged_at: float | None = None
        self.sampling: Sampling | None = None
        self.in_flight_limit = 120_000
        self._around = around
        self._oldest = float("inf")

    def number(self, attribute: str) -> float:
        return float(self.attributes[attribute])

    # -- coming in

    def put(self, message: Message, now: float, delay: float | None = None) -> Message:
        """A producer's message; `delay` in seconds, the queue's own when None."""
        message.visible_at = now + (self.number("DelaySeconds") if delay is None else delay)
        message.enqueued_at = now
        self.adopt(message, now, "sent")
        return message

    def adopt(self, message: Message, now: float, what: str = "moved") -> None:
        self.messages[message.serial] = message
        self._oldest = min(self._oldest, message.enqueued_at)
        self._note(what, message, now)
        self._around.changed()

    # -- going out

    def receive(self, limit: int, now: float, visibility: float, *, is_short: bool) -> list[Message]:
        """Up to `limit` visible messages, hidden for `visibility` seconds; exhausted ones go to the DLQ instead."""
        self.expire(now)
        if self._is_full(now):
            if is_short and not self.is_fifo:
                raise over_limit()
            return []
        taken: list[Message] = []
        for message in self._offered(now, is_short=is_short):
            if not self.dead_letter(message, now):
                message.take(self.name, now, visibility)
                taken.append(message)
            if len(taken) == limit:
                break
        return taken

    def _offered(self, now: float, *, is_short: bool) -> Iterator[Message]:
        visible = (message for message in list(self.messages.values()) if message.is_visible(now))
        if self.sampling is None:
            return visible
        sampled = self.sampling if is_short else Sampling(self.sampling.random.randrange(2**32))
        return iter(sampled.of(list(islice(visible, 1000))))

    def _is_full(self, now: float) -> bool:
        """Too many in flight: a short poll of a standard queue is told so, every other one finds nothing."""
        return len(self.messages) >= self.in_flight_limit and self.count(now)[2] >= self.in_flight_limit

    def dead_letter(self, message: Message, now: float) -> bool:
        """Move it when the redrive policy says so and the dead-letter queue still exists."""
        policy = redrive.redrive_policy(self.attributes.get("RedrivePolicy", ""))
        if policy is None or message.receives_here < policy.max_receive_count:
            return False
        target = self._around.find(policy.target_arn)
        if target is None:
            return False
        redrive.move(message, self, target, now)
        return True

    # -- by receipt handle

    def delete(self, handle: str, serial: int, now: float) -> None:
        """Delete with the current handle; a stale one, or one of a message that is gone, changes nothing."""
        message = self.messages.get(serial)
        if message is not None and message.receipt == handle:
            self.remove(message, "deleted", now)

    def change_visibility(self, handle: str, serial: int, now: float, timeout: float) -> None:
        message = self.messages.get(serial)
        if message is None or message.receipt != handle:
            raise not_available_for_visibility(handle)
        if not message.is_in_flight(now):
            self._refuse_expired(handle)
        if now + timeout > message.received_at + TWELVE_HOURS:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise invalid_value("VisibilityTimeout", f"{timeout:.0f}", reason)
        message.visible_at = now + timeout
        self._around.changed()

    def _refuse_expired(self, handle: str) -> None:
        """AWS accepted this call on a standard queue when recorded (2024-04-30); the reference says it may refuse."""
        if self._around.strict_visibility():
            raise not_in_flight()

    # -- going away

    def remove(self, message: Message, what: str = "", now: float = 0.0) -> None:
        del self.messages[message.serial]
        if what:
            self.removed[message.serial] = message
            self._note(what, message, now)
        self._around.changed()

    def purge(self, now: float) -> None:
        for message in list(self.messages.values()):
            self.remove(message, "purged", now)

    def expire(self, now: float) -> None:
        """Drop what is older than the retention period, in flight or not."""
        horizon = now - self.number("MessageRetentionPeriod")
        if self._oldest > horizon:
            return
        for message in [each for each in self.messages.values() if each.enqueued_at <= horizon]:
            self.remove(message, "expired", now)
        self._oldest = min((each.enqueued_at for each in self.messages.values()), default=float("inf"))

    def resurrect(self, message_id: str, now: float) -> None:
        """A deleted message comes back once more, as a standard queue may do on rare occasions (DeleteMessage)."""
        message = next(each for each in self.removed.values() if each.message_id == message_id)
        del self.removed[message.serial]
        message.visible_at = now
        self.adopt(message, now)

    # -- looking

    def count(self, now: float) -> tuple[int, int, int]:
        """Visible, delayed, in flight."""
        self.expire(now)
        delayed = sum(message.is_delayed(now) for message in self.messages.values())
        in_flight = sum(message.is_in_flight(now) for message in self.messages.values())
        return len(self.messages) - delayed - in_flight, delayed, in_flight

    def next_change(self, now: float) -> float:
        """When the next hidden message becomes visible; infinity when none will."""
        later = (message.visible_at for message in self.messages.values() if message.visible_at > now)
        return min(later, default=float("inf"))

    def _note(self, what: str, message: Message, now: float) -> None:
        self._around.ledger.add(what, "sqs", self.name, message.message_id, message.body, now)
