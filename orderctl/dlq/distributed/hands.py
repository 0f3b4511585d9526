"""Queues with large hands: a receive takes as many messages as a wave delivers, by several calls at a time.

What is received is hidden for as long as a wave may deliver and longer: the deliveries are made elsewhere, and go on
when this process does not. What is in the hands of a wave whose outcome is not known is never given back early.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from orderctl.clock import Clock
from orderctl.dlq.models import Message, Outcome, Queue, ToQueue
from orderctl.dlq.ports import Queues
from orderctl.errors import OrderctlError

HAND = 2_000
"""Letters of one wave at the most: four waves are far below the 120,000 that SQS lets be in flight."""
HAND_BYTES = 16 * 1024 * 1024
"""Of bodies in one hand, about."""
HIDE_FOR = 300
"""Seconds a letter is hidden when it is received, or kept hidden: a wave's whole time for beginning deliveries (180 s),
the longest call after that, and room to delete."""
AT_ONCE = 4
GATHERS_FOR = 20.0
"""Seconds after which a hand is taken as it is."""


@dataclass(slots=True)
class LargeHands:
    """`Queues` for a run whose waves are delivered by AWS."""

    queues: Queues
    clock: Clock
    is_over: Callable[[], bool] = lambda: False
    _open: set[str] = field(default_factory=set)
    """Messages that AWS may be delivering, as far as is known."""

    def hold(self, message_ids: Iterable[str]) -> None:
        """AWS may be delivering these from now on: they are not given back."""
        self._open.update(message_ids)

    def release(self, message_ids: Iterable[str]) -> None:
        """What became of these is known."""
        self._open.difference_update(message_ids)

    def receive(self, queue: Queue, *, up_to: int, hide_for: int, wait: int) -> list[Message]:
        """Up to any number. Raises what SQS says only where nothing was received at all."""
        gathering = _Gathering(up_to, self.clock.monotonic() + GATHERS_FOR)

        def gather() -> None:
            while not self.is_over() and (room := gathering.room(self.clock.monotonic())):
                try:
                    found = self.queues.receive(queue, up_to=room, hide_for=max(hide_for, HIDE_FOR), wait=wait)
                except OrderctlError as error:
                    gathering.failed(error)
                    return
                gathering.take(found, room)

        workers = min(AT_ONCE, (up_to + 9) // 10)
        if workers == 1:
            gather()
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda _: gather(), range(workers)))
        return gathering.result()

    def hide(self, queue: Queue, messages: Sequence[Message], seconds: int) -> Mapping[str, str]:
        """As the port says, for longer; what may be being delivered is not made visible, and comes back by itself."""
        if seconds:
            return self.queues.hide(queue, messages, max(seconds, HIDE_FOR))
        idle = [message for message in messages if message.message_id not in self._open]
        return self.queues.hide(queue, idle, 0) if idle else {}

    def describe(self, queue: str) -> Queue:
        """As the port says."""
        return self.queues.describe(queue)

    def all(self) -> Iterator[Queue]:
        """As the port says."""
        return self.queues.all()

    def sources_of(self, queue: Queue) -> tuple[str, ...] | None:
        """As the port says."""
        return self.queues.sources_of(queue)

    def delete(self, queue: Queue, messages: Sequence[Message]) -> Mapping[str, str]:
        """As the port says."""
        return self.queues.delete(queue, messages)

    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        """As the port says."""
        return self.queues.send(queue, entries)


class _Gathering:
    """One hand being filled by several threads: full by count or bytes, or quiet, or out of time."""

    def __init__(self, up_to: int, until: float) -> None:
        self._left, self._bytes, self._until = up_to, HAND_BYTES, until
        self._messages: dict[str, Message] = {}
        self._error: OrderctlError | None = None
        self._is_quiet = False
        self._lock = threading.Lock()

    def room(self, now: float) -> int:
        """How many the next call may ask for; 0 when there is no next one."""
        with self._lock:
            if self._is_quiet or self._error or self._bytes <= 0 or now >= self._until:
                return 0
            asked = min(10, self._left)
            self._left -= asked
            return asked

    def take(self, found: Sequence[Message], asked: int) -> None:
        """Keep what was received; nothing at all means that the queue is quiet."""
        with self._lock:
            self._left += asked - len(found)
            self._is_quiet = self._is_quiet or not found
            self._bytes -= sum(len(message.body) for message in found)
            self._messages.update({message.message_id: message for message in found})

    def failed(self, error: OrderctlError) -> None:
        """Take no more; what was received before counts more than the error, which comes again if it lasts."""
        with self._lock:
            self._error = error

    def result(self) -> list[Message]:
        """The hand; of a message received twice the later one, whose handle is the valid one."""
        if self._error is not None and not self._messages:
            raise self._error
        return list(self._messages.values())
