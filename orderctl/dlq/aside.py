"""Messages a run has received and will not touch: hidden until it ends, and then given back.

Given back at once, SQS would hand out the same ones again and again: each time one more on their receive count, which
on a queue with a redrive policy of its own moves them away in the end, and the run would never come to the rest. So
each is received once and kept hidden, at the price of one ChangeMessageVisibility for ten of them now and then. None
is hidden for longer at a time than the run has lasted, or `LONGEST`: after a kill they come back by themselves.

Of each only what giving back needs is remembered, never its body.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from orderctl.clock import Clock
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.look import bare, give_back
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import OrderctlError

LIMIT = 100_000
"""Messages kept hidden; beyond it they come again by themselves. SQS has 120,000 in flight at most (API reference,
ChangeMessageVisibility)."""
SHORT = 45.0
"""Seconds before its end at which a message is hidden longer."""
LONGEST = 900.0


@dataclass(slots=True)
class Aside:
    """What one run has set aside; filled by all its workers."""

    queues: Queues
    queue: Queue
    clock: Clock
    _fresh: dict[str, Message] = field(default_factory=dict)
    _extended: dict[str, Message] = field(default_factory=dict)
    """Both in the order in which their visibility ends."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock.monotonic()

    def put(self, messages: Iterable[Message]) -> None:
        """Set aside, with the handle each was received with last."""
        with self._lock:
            for message in messages:
                self._extended.pop(message.message_id, None)
                self._fresh.pop(message.message_id, None)
                if len(self._fresh) + len(self._extended) < LIMIT:
                    self._fresh[message.message_id] = bare(message)

    def ids(self) -> set[str]:
        """Messages that are hidden by us now."""
        now = self.clock.monotonic()
        with self._lock:
            return {m.message_id for held in (self._fresh, self._extended) for m in held.values() if m.visible_at > now}

    def tighten(self) -> None:
        """Hide longer whatever runs short, ten at a time. What cannot be is simply handed out again."""
        while short := self._take_short():
            now = self.clock.monotonic()
            seconds = int(min(LONGEST, max(HIDE_FOR, now - self._begun)))
            try:
                failed = self.queues.hide(self.queue, short, seconds)
            except OrderctlError:  # what is worse than a busy moment, the next call finds out
                with self._lock:  # still ours for a while: tried again, and given back if the run ends before
                    self._extended = {message.message_id: message for message in short} | self._extended
                return
            with self._lock:
                kept = [replace(m, visible_at=now + seconds) for m in short if m.message_id not in failed]
                self._extended.update({message.message_id: message for message in kept})

    def _take_short(self) -> list[Message]:
        """At most ten that run short, taken out; those that have come to their end are left out."""
        now = self.clock.monotonic()
        with self._lock:
            short = [each for held in (self._fresh, self._extended) for each in _first_short(held, now)]
            ours = [message for message in short if message.visible_at > now][:10]
            taken = {m.message_id for m in ours} | {m.message_id for m in short if m.visible_at <= now}
            for message_id in taken:
                self._fresh.pop(message_id, None)
                self._extended.pop(message_id, None)
        return ours

    def give_back(self, *, workers: int, within: float | None = None) -> int:
        """Make them visible, for at most `within` seconds; answers how many are left to come back by themselves."""
        with self._lock:
            held = [*self._fresh.values(), *self._extended.values()]
            self._fresh.clear()
            self._extended.clear()
        return give_back(self.queues, self.queue, self.clock, held, workers=workers, within=within)


def _first_short(held: dict[str, Message], now: float) -> list[Message]:
    """Those at the front that run short, until ten of them are still ours."""
    found: list[Message] = []
    ours = 0
    for message in held.values():
        if ours == 10 or message.visible_at - now >= SHORT:
            break
        found.append(message)
        ours += message.visible_at > now
    return found
