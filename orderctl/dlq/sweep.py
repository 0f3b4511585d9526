"""Walk through a whole queue, ten messages at a time: what export and purge have in common.

The rules are those of a look (`look.py`): every message is shown once, none is promised, and what was not taken out
is given back at the end. Two things differ, because a sweep goes to the end of a queue of any length. It holds of
each message only what giving back needs, never its body. And one empty answer is not the end: after three quiet
polls the queue's own count is asked, and believed for ten.

Not given back sooner, because SQS would hand the same messages out again and again and never come to the rest.

A long queue is received from by several workers, one for each hundred messages. On a FIFO queue none of them gets
what another has a part of: SQS locks a group while one of its messages is in flight. Polls that overlap are quiet
together and count once, so that the end is waited for as long as by one worker; and nobody believes it while
another still has messages in hand.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from orderctl.clock import Clock
from orderctl.dlq.ids import IdSet
from orderctl.dlq.look import Glance, bare, give_back
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import NoConnectionError, ThrottledError, UnreachableError
from orderctl.pool import Failed, Pool

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
AT_ONCE = 16
EACH = 100
"""Messages for which a worker is worth it."""


def workers_for(count: int) -> int:
    """How many receive from a queue of `count` messages at once at most."""
    return max(1, min(AT_ONCE, count // EACH))


@dataclass(slots=True)
class Sweep:
    """One walk; `batches` may be called once. `glance` tells afterwards what was seen."""

    queues: Queues
    queue: Queue
    clock: Clock
    glance: Glance
    stop: threading.Event = field(default_factory=threading.Event)
    workers: int = 0
    """How many receive at once at most; 0: as the queue's length wants it."""
    _seen: IdSet = field(default_factory=IdSet)
    _held: dict[str, Message] = field(default_factory=dict)
    _gone: int = 0
    _quiet: int = 0
    _answers: int = 0
    """How many answers counted, quiet ones that overlapped another one not."""
    _at_work: int = 0
    _pool: Pool = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.workers = self.workers or workers_for(self.queue.depth)
        self._pool = Pool(self.clock, workers=self.workers, patience=sum(WAITS))

    def batches(self, treat: Callable[[Sequence[Message]], T]) -> Generator[T]:
        """What `treat` makes of messages not shown before, one to ten at a time, in the thread that received them.

        Closing it ends what is in hand and gives back what is held.
        """
        try:
            with contextlib.closing(self._pool.each(lambda _: self._round(treat), self._polls())) as outcomes:
                for outcome in outcomes:
                    if isinstance(outcome, Failed):
                        raise outcome.error
                    yield from outcome.result
        finally:
            give_back(self.queues, self.queue, self.clock, list(self._held.values()), workers=self.workers)

    def deleted(self, message_ids: Iterable[str]) -> None:
        """These are out of the queue and not given back."""
        with self._lock:
            for message_id in message_ids:
                self._gone += 1
                self._held.pop(message_id, None)

    def _round(self, treat: Callable[[Sequence[Message]], T]) -> list[T]:
        """Receive once; what came of the messages that are new, if any are."""
        fresh = self._receive()
        if not fresh:
            self._pool.width.narrow()
            return []
        try:
            return [treat(fresh)]
        finally:
            with self._lock:
                self._at_work -= 1

    def _receive(self) -> list[Message]:
        hide_for, before = min(HIDE_LIMIT, HIDE_FOR + self.queue.depth // SLOWEST), self._answers
        messages = patiently(self.clock, lambda: self._ask(hide_for))
        with self._lock:
            fresh = [message for message in messages if message.message_id not in self._seen]
            self._seen.update(message.message_id for message in fresh)
            self.glance.seen += len(fresh)
            for message in messages:
                if message.message_id in self._held or len(self._held) < HOLD_LIMIT:
                    self._held[message.message_id] = bare(message)
            self._count(is_quiet=not fresh, is_news=self._answers == before)
            return fresh

    def _ask(self, hide_for: int) -> Sequence[Message]:
        try:
            return self.queues.receive(self.queue, up_to=10, hide_for=hide_for, wait=1)
        except ThrottledError:
            self._pool.width.narrow()
            raise

    def _count(self, *, is_quiet: bool, is_news: bool) -> None:
        if not is_quiet:
            self._quiet, self._at_work = 0, self._at_work + 1
        elif is_news:
            self._quiet += 1
        self._answers += not is_quiet or is_news

    def _polls(self) -> Iterator[None]:
        """One for each receive."""
        while not self._is_over():
            yield None

    def _is_over(self) -> bool:
        if self.stop.is_set():
            return True
        if self._quiet < QUIET_ENOUGH or self._at_work:
            return False
        quiet, now = self._quiet, patiently(self.clock, lambda: self.queues.describe(self.queue.url))
        with self._lock:
            if self._at_work or self._quiet < quiet or (now.depth and quiet < QUIET_LIMIT):
                return False
            self.glance.is_whole = not now.depth and now.in_flight <= len(self._seen) - self._gone
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
