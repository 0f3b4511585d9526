"""The one shape of doing many small calls at a time: bounded, adaptive, and honest about its end.

`each` takes from `items` only what it can start, so a million rows need the memory of a few dozen. How many
run at once follows what the service gives (additive increase, multiplicative decrease, as TCP does): a
throttled call is tried again after a jittered wait and halves the number, every success lets it grow a
little. A failed item is a result, not the end of the others; but missing permission or a missing table
would fail every one alike, so those stop the feeding and are raised once what is in flight has ended.

A second try counts like a new item: it waits for its place, so that a throttled service really sees fewer
calls and not the same ones again and again.

Ctrl-C does the same as a fatal error: nothing is started or tried again, what is in flight is waited for and
reported, then the interrupt goes on its way. Who waits for a second try is not in flight: `rest` wakes it.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from orderctl.clock import Clock
from orderctl.errors import AuthError, NotFoundError, OrderctlError, RefusedError, ThrottledError

T = TypeVar("T")
R = TypeVar("R")

FATAL: tuple[type[OrderctlError], ...] = (AuthError, NotFoundError, RefusedError)
"""What would end every other item the same way."""
FIRST_WAIT = 0.05
"""Seconds before the second try of a throttled call; doubles, with full jitter."""
LONGEST_WAIT = 5.0
START_WIDTH = 4.0
_DOZE = 0.1
"""Seconds after which a rest looks whether it is to end."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T, R]):
    """`item` was worked on; `result` is what came of it."""

    item: T
    result: R


@dataclass(frozen=True, slots=True)
class Failed(Generic[T]):
    """`item` failed, or was still throttled when the patience ended."""

    item: T
    error: OrderctlError


Outcome: TypeAlias = Done[T, R] | Failed[T]


class PartlyThrottledError(ThrottledError):
    """A part of the item is done, the rest of it was throttled: its patience begins anew."""


class Width:
    """How many may run at once, from 1 to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._now = min(START_WIDTH, float(most))
        self._lock = threading.Lock()

    @property
    def now(self) -> int:
        """The number at the moment."""
        return max(1, int(self._now))

    def widen(self) -> None:
        """A call succeeded: one more after about `now` of them."""
        with self._lock:
            self._now = min(float(self.most), self._now + 1 / self._now)

    def narrow(self) -> None:
        """A call was throttled: half."""
        with self._lock:
            self._now = max(1.0, self._now / 2)


class Pool:
    """Runs one kind of call over many items."""

    def __init__(
        self, clock: Clock, *, workers: int = 16, patience: float = 60.0, dice: random.Random | None = None
    ) -> None:
        """`patience`: seconds one item is tried again while it is throttled."""
        self.width = Width(workers)
        self._clock = clock
        self._patience = patience
        self._dice = dice or random.Random()
        self._stopping = threading.Event()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[Outcome[T, R]]:
        """One outcome for every item started, as they end. Raises a fatal error, or Ctrl-C, after the last."""
        self._stopping.clear()
        waiting = iter(items)
        again: deque[_Throttled[T]] = deque()
        stopped: BaseException | None = None
        with ThreadPoolExecutor(self.width.most, thread_name_prefix="orderctl") as threads:
            flying: set[Future[Outcome[T, R] | _Throttled[T]]] = set()
            while True:
                if stopped is not None:
                    self._stopping.set()
                try:
                    while stopped is None and len(flying) < self.width.now:
                        attempt = again.popleft() if again else self._first(waiting)
                        if attempt is None:
                            break
                        flying.add(threads.submit(self._try, work, attempt))
                    if not flying:
                        break
                    landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                except BaseException as error:  # Ctrl-C, or the source of the items failed
                    if stopped is not None:
                        raise  # the second Ctrl-C waits for nobody
                    stopped, landed = error, set()
                flying -= landed
                for future in landed:
                    broken = future.exception()
                    if broken is not None:  # a fault of the work itself: the others still have outcomes to tell
                        stopped = stopped or broken
                        continue
                    outcome = future.result()
                    if isinstance(outcome, _Throttled):
                        again.append(outcome)
                        continue
                    if isinstance(outcome, Failed) and isinstance(outcome.error, FATAL):
                        stopped = stopped or outcome.error
                    yield outcome
            for left in again:
                yield Failed(left.item, left.error)
        if stopped is not None:
            raise stopped

    def rest(self, seconds: float) -> bool:
        """Wait before a second try; gives False at once where nothing is to be tried again."""
        end = self._clock.monotonic() + seconds
        while not self._stopping.is_set() and (left := end - self._clock.monotonic()) > 0.001:
            self._clock.sleep(min(_DOZE, left))
        return not self._stopping.is_set()

    def _first(self, waiting: Iterator[T]) -> _Throttled[T] | None:
        """The next item as one that was never tried; None where there is none left."""
        for item in waiting:
            return _Throttled(item, _NEVER_TRIED, self._clock.monotonic() + self._patience, 0.0)
        return None

    def _try(self, work: Callable[[T], R], attempt: _Throttled[T]) -> Outcome[T, R] | _Throttled[T]:
        """One try. A throttled one keeps its place in the width while it waits, then asks for another."""
        if attempt.wait and not self.rest(attempt.wait * self._dice.uniform(0.5, 1)):
            return attempt
        try:
            result = work(attempt.item)
        except ThrottledError as error:
            now = self._clock.monotonic()
            give_up = now + self._patience if isinstance(error, PartlyThrottledError) else attempt.give_up
            if now >= give_up:
                return Failed(attempt.item, error)
            self.width.narrow()
            longer = min(LONGEST_WAIT, max(FIRST_WAIT, attempt.wait * 2))
            return _Throttled(attempt.item, error, give_up, longer)
        except OrderctlError as error:
            return Failed(attempt.item, error)
        self.width.widen()
        return Done(attempt.item, result)


@dataclass(frozen=True, slots=True)
class _Throttled(Generic[T]):
    """An item to be tried (again) after `wait` seconds, until the monotonic time `give_up`."""

    item: T
    error: OrderctlError
    give_up: float
    wait: float


_NEVER_TRIED = ThrottledError("not tried")
