"""What is in hand: a few received messages, and until when each of them is ours.

A receipt handle is good for as long as its message is hidden. Past that, somebody else may have the message, and
whatever we do with it is done twice. So nothing is begun with a message that has less left than the longest that one
call can take, and what runs short is hidden longer first, the whole batch in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from orderctl.clock import Clock
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import NoConnectionError, ThrottledError, UnreachableError

HIDE_FOR = 120
"""Seconds a message is hidden while in hand: many times what a batch needs, short for one that is given up."""
MARGIN = 75.0
"""Seconds that have to be left before a call is begun: more than connecting and reading may take together
(`aws.session`: 5 and 60), since a delivery is a single attempt."""


@dataclass(slots=True)
class Grip:
    """One batch in hand; used by one worker."""

    queues: Queues
    queue: Queue
    clock: Clock
    _messages: dict[str, Message] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    """What SQS would not hide longer: somebody else may have it."""

    def take(self, messages: Iterable[Message]) -> Grip:
        """Take messages in hand, as they were received."""
        for message in messages:
            self._messages[message.message_id] = message
            self._until[message.message_id] = message.visible_at
        return self

    def left(self, message_id: str) -> float:
        """Seconds for which the message is still ours; 0 when it is not, or not any more."""
        until = 0.0 if message_id in self._refused else self._until.get(message_id, 0.0)
        return max(0.0, until - self.clock.monotonic())

    def holds(self, message_id: str) -> bool:
        """Is it ours for as long as one more call can take?"""
        return self.left(message_id) >= MARGIN

    @property
    def is_firm(self) -> bool:
        """Is all that is in hand ours for as long as one more call can take?"""
        return not self._refused and min(self._until.values(), default=0.0) - self.clock.monotonic() >= MARGIN

    def let_go(self, message_ids: Iterable[str]) -> None:
        """These are deleted, or no longer our concern."""
        for message_id in message_ids:
            self._messages.pop(message_id, None)
            self._until.pop(message_id, None)

    def now(self, message: Message) -> Message:
        """The message with the second at which it is visible again, as far as is known."""
        return replace(message, visible_at=self._until.get(message.message_id, 0.0))

    def tighten(self) -> None:
        """Hide longer what runs short. What SQS does not hide longer is out of hand; without an answer nothing is
        known to have changed, and the next call asks again."""
        if self.is_firm:
            return
        now = self.clock.monotonic()
        short = [m for m in self._messages.values() if 0 < self.left(m.message_id) < MARGIN]
        for batch in _tens(short):
            try:
                failed = self.queues.hide(self.queue, batch, HIDE_FOR)
            except (ThrottledError, UnreachableError, NoConnectionError):
                return
            self._refused.update(failed)
            self._until.update({m.message_id: now + HIDE_FOR for m in batch if m.message_id not in failed})


def _tens(messages: Sequence[Message]) -> list[Sequence[Message]]:
    return [messages[start : start + 10] for start in range(0, len(messages), 10)]
