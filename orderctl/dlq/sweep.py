"""Walk through a whole queue, ten messages at a time: what export and purge have in common.

The rules are those of a look (`look.py`): every message is shown once, none is promised, and what was not taken out
is given back at the end. Two things differ, because a sweep goes to the end of a queue of any length. It holds of
each message only what giving back needs, never its body. And one empty answer is not the end: after three quiet
polls the queue's own count is asked, and believed for ten.

Not given back sooner, because SQS would hand the same messages out again and again and never come to the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from orderctl.clock import Clock
from orderctl.dlq.look import Glance, give_back
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import NoConnectionError, ThrottledError, UnreachableError

T = TypeVar("T")

HIDE_FOR = 60
"""Seconds a message is hidden, for a short queue; a sweep that is killed leaves them hidden no longer."""
SLOWEST = 20
"""Messages a second that a slow line still handles: a long queue's messages are hidden as much longer."""
HIDE_LIMIT = 900
QUIET_ENOUGH = 3
QUIET_LIMIT = 10
HOLD_LIMIT = 10_000
"""Messages given back by handle; beyond it they come back by themselves when their visibility ends."""
WAITS = (0.2, 0.6, 2.0, 5.0)
"""Seconds between tries when AWS asks for less or does not answer."""


@dataclass(slots=True)
class Sweep:
    """One walk; `batches` may be called once. `glance` tells afterwards what was seen."""

    queues: Queues
    queue: Queue
    clock: Clock
    glance: Glance
    stop: threading.Event = field(default_factory=threading.Event)
    _seen: set[str] = field(default_factory=set)
    _held: dict[str, Message] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def batches(self) -> Generator[list[Message]]:
        """Messages not shown before, one to ten at a time. Closing it gives back what is held."""
        quiet = 0
        try:
            while not self._is_over(quiet):
                fresh = self._receive()
                quiet = 0 if fresh else quiet + 1
                if fresh:
                    yield fresh
        finally:
            give_back(self.queues, self.queue, self.clock, list(self._held.values()))

    def deleted(self, message_ids: Iterable[str]) -> None:
        """These are out of the queue and not given back."""
        for message_id in message_ids:
            self._gone.add(message_id)
            self._held.pop(message_id, None)

    def _receive(self) -> list[Message]:
        hide_for = min(HIDE_LIMIT, HIDE_FOR + self.queue.depth // SLOWEST)
        messages = patiently(self.clock, lambda: self.queues.receive(self.queue, up_to=10, hide_for=hide_for, wait=1))
        fresh = [message for message in messages if message.message_id not in self._seen]
        self._seen.update(message.message_id for message in fresh)
        self.glance.seen += len(fresh)
        for message in messages:
            if message.message_id in self._held or len(self._held) < HOLD_LIMIT:
                self._held[message.message_id] = replace(message, body="", attributes={}, system={})
        return fresh

    def _is_over(self, quiet: int) -> bool:
        if self.stop.is_set():
            return True
        if quiet < QUIET_ENOUGH:
            return False
        now = patiently(self.clock, lambda: self.queues.describe(self.queue.url))
        if now.depth and quiet < QUIET_LIMIT:
            return False
        self.glance.is_whole = not now.depth and now.in_flight <= len(self._seen) - len(self._gone)
        return True


def patiently(clock: Clock, call: Callable[[], T]) -> T:
    """Make a call that may be made twice, again after throttling and lost connections, about eight seconds long."""
    for wait in WAITS:
        try:
            return call()
        except (ThrottledError, UnreachableError, NoConnectionError):
            clock.sleep(wait)
    return call()


def stoppable(work: Callable[[threading.Event], None]) -> None:
    """Run `work` so that Ctrl-C lets it end the batch in hand; a second one leaves at once.

    `work` looks at the event it is given between its batches. What it raises is raised here.
    """
    stop, done = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work(stop)
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=guarded, daemon=True).start()
    try:
        _wait(done)
    except KeyboardInterrupt:
        stop.set()
        _wait(done)
        raise
    if errors:
        raise errors[0]


def _wait(done: threading.Event) -> None:
    """Not `Thread.join`: interrupted by Ctrl-C, it takes a running thread for ended (CPython before 3.13)."""
    while not done.wait(0.2):
        continue
