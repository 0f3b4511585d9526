"""The one shape of doing many small calls at a time: bounded, adaptive, and honest about its end.

`each` takes from `items` only what it can start, so a million rows need the memory of a few dozen. How many
run at once follows what the service gives (additive increase, multiplicative decrease, as TCP does): a
throttled call is tried again after a jittered wait and halves the number, every success lets it grow a
little. A failed item is a result, not the end of the others; but missing permission or a missing table
would fail every one alike, so those stop the feeding and are raised once what is in flight has ended.

Ctrl-C does the same: nothing new is started, what is in flight is waited for and reported, then the
interrupt goes on its way.
"""

from __future__ import annotations

import random
import threading
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

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[Outcome[T, R]]:
        """One outcome for every item started, as they end. Raises a fatal error, or Ctrl-C, after the last."""
        waiting = iter(items)
        stopped: BaseException | None = None
        with ThreadPoolExecutor(self.width.most, thread_name_prefix="orderctl") as threads:
            flying: set[Future[Outcome[T, R]]] = set()
            exhausted = False
            while True:
                try:
                    while not exhausted and stopped is None and len(flying) < self.width.now:
                        item = next(waiting, _END)
                        if item is _END:
                            exhausted = True
                        else:
                            flying.add(threads.submit(self._one, work, item))  # type: ignore[arg-type]
                    if not flying:
                        break
                    landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                except BaseException as error:  # Ctrl-C, or the source of the items failed
                    if stopped is not None:
                        raise  # the second Ctrl-C waits for nobody
                    stopped, landed = error, set()
                flying -= landed
                for future in landed:
                    outcome = future.result()
                    if isinstance(outcome, Failed) and isinstance(outcome.error, FATAL):
                        stopped = stopped or outcome.error
                    yield outcome
        if stopped is not None:
            raise stopped

    def _one(self, work: Callable[[T], R], item: T) -> Outcome[T, R]:
        give_up = self._clock.monotonic() + self._patience
        longest = FIRST_WAIT
        while True:
            try:
                result = work(item)
            except OrderctlError as error:
                if not isinstance(error, ThrottledError) or self._clock.monotonic() >= give_up:
                    return Failed(item, error)
                self.width.narrow()
                self._clock.sleep(longest * self._dice.uniform(0.5, 1))
                longest = min(LONGEST_WAIT, longest * 2)
            else:
                self.width.widen()
                return Done(item, result)


_END = object()
