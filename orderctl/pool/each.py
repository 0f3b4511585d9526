"""One kind of call over many items: bounded, adaptive, and honest about its end.

`each` takes from `items` only what it can start soon: half as many again as may run, so that a worker that is
done finds the next one waiting; where one may run, nothing before its outcome was told. So a million rows need
the memory of a few dozen. How many run at once follows what the service gives (`width.py`): a throttled call is
tried again after a jittered wait and halves the number, every success lets it grow a little. A failed item is a
result, not the end of the others; but missing permission or a missing table would fail every one alike, so those
stop the feeding and are raised once what is in flight has ended.

A second try counts like a new item: it waits for its place, so that a throttled service really sees fewer
calls and not the same ones again and again.

Ctrl-C does the same as a fatal error: nothing is started or tried again, what is in flight is waited for and
reported, then the interrupt goes on its way. Who waits for a second try is not in flight: `rest` wakes it.

The items are taken by the thread that asks for outcomes, and worked on by others, even where there is only one:
a source may be a pipe or a file that nobody else may touch, and a call that Ctrl-C cut off would have no outcome.
Workers stay from the first item to the last. They are begun when there is an item for them and nobody else is free.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from orderctl.clock import Clock
from orderctl.errors import OrderctlError, ThrottledError
from orderctl.pool.crew import Crew
from orderctl.pool.desk import LOOK_AFTER, Attempt, Desk
from orderctl.pool.outcome import FATAL, Done, Failed, Outcome, PartlyThrottledError
from orderctl.pool.width import Width

T = TypeVar("T")
R = TypeVar("R")

FIRST_WAIT = 0.05
"""Seconds before the second try of a throttled call; doubles, with full jitter."""
LONGEST_WAIT = 5.0
_DOZE = 0.1
"""Seconds after which a rest looks whether it is to end."""


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

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Generator[Outcome[T, R]]:
        """One outcome for every item started, as they end. Raises a fatal error, or Ctrl-C, after the last."""
        self._stopping.clear()
        waiting = iter(items)
        stopped: BaseException | None = None
        desk: Desk[T, R] = Desk(Crew(lambda: self._serve(work, desk), self.width))
        try:
            while True:
                try:
                    stopped = stopped or desk.stop
                    if stopped is None:
                        self._feed(desk, waiting)
                    else:
                        self._stopping.set()
                        desk.take_back()
                    if not desk.landed:
                        if not desk.out or (stopped is not None and not desk.unlanded):
                            break
                        desk.bell.wait(-1 if stopped is None else LOOK_AFTER)
                    while desk.landed:  # from taking an outcome to telling it no call, after which Ctrl-C might come
                        outcome = desk.landed[0]
                        del desk.landed[0]
                        desk.out -= 1
                        yield outcome
                except GeneratorExit:  # nobody asks any more
                    self._stopping.set()
                    desk.come_down()
                    raise
                except BaseException as error:  # Ctrl-C, or the source of the items failed
                    if stopped is not None:
                        raise  # the second Ctrl-C waits for nobody
                    stopped = error
        finally:
            desk.send_home()
        for left in desk.again:
            yield Failed(left.item, left.error or ThrottledError("not tried"))
        if stopped is not None:
            raise stopped

    def rest(self, seconds: float) -> bool:
        """Wait before a second try; gives False at once where nothing is to be tried again."""
        end = self._clock.monotonic() + seconds
        while not self._stopping.is_set() and (left := end - self._clock.monotonic()) > 0.001:
            self._clock.sleep(min(_DOZE, left))
        return not self._stopping.is_set()

    def _feed(self, desk: Desk[T, R], waiting: Iterator[T]) -> None:
        """Hand out as many as may run, and some more for whoever is done first; call workers for the former."""
        width = self.width.now
        self._hand_out(desk, waiting, width, with_workers=True)
        if not self._stopping.is_set():
            self._hand_out(desk, waiting, width + width // 2, with_workers=False)
            for _ in range(min(width, desk.unlanded) - desk.crew.size):
                desk.crew.start(1)

    def _hand_out(self, desk: Desk[T, R], waiting: Iterator[T], most: int, *, with_workers: bool) -> None:
        """Until `most` are out, those that were throttled first."""
        while desk.out - len(desk.again) < most:
            attempt: Attempt[T] | None
            if desk.again:
                attempt = desk.again[0]
                del desk.again[0]
            else:
                attempt = self._first(waiting)
                if attempt is None:
                    return
                desk.out += 1
            desk.ready.put(attempt)
            if with_workers and desk.crew.size < desk.unlanded:
                desk.crew.start(1)

    def _first(self, waiting: Iterator[T]) -> Attempt[T] | None:
        """The next item as one that was never tried; None where there is none left."""
        for item in waiting:
            return Attempt(item, None, self._clock.monotonic() + self._patience, 0.0)
        return None

    def _serve(self, work: Callable[[T], R], desk: Desk[T, R]) -> None:
        """What a worker does, until it is sent home or there are more than the width lets.

        What was throttled is tried again by the same worker where it may stay, and goes back where not.
        """
        attempt = desk.ready.get()
        desk.arrived.add(threading.current_thread())
        while attempt is not None:
            if desk.crew.is_surplus():
                if attempt.error is None:
                    desk.ready.put(attempt)
                else:
                    desk.again.append(attempt)
                desk.bell.ring()
                return
            if self._is_over(work, attempt, desk):
                desk.bell.ring()
                attempt = None if self._stopping.is_set() else desk.ready.get()

    def _is_over(self, work: Callable[[T], R], attempt: Attempt[T], desk: Desk[T, R]) -> bool:
        """One try; answers False where another has to follow."""
        if attempt.wait and not self.rest(attempt.wait * self._dice.uniform(0.5, 1)):
            desk.again.append(attempt)
            return True
        try:
            result = work(attempt.item)
        except ThrottledError as error:
            return self._has_failed(attempt, error, desk)
        except OrderctlError as error:
            if isinstance(error, FATAL):
                desk.fatal = desk.fatal or error
                self._stopping.set()
            desk.landed.append(Failed(attempt.item, error))
        except BaseException as error:  # a fault of the work itself: the others still have outcomes to tell
            desk.broken.append(error)
            self._stopping.set()
        else:
            self.width.widen()
            desk.landed.append(Done(attempt.item, result))
        return True

    def _has_failed(self, attempt: Attempt[T], error: ThrottledError, desk: Desk[T, R]) -> bool:
        """It was throttled: it is tried again, unless its patience has ended."""
        now = self._clock.monotonic()
        if isinstance(error, PartlyThrottledError):
            attempt.give_up = now + self._patience
        if now >= attempt.give_up:
            desk.landed.append(Failed(attempt.item, error))
            return True
        self.width.narrow()
        attempt.error = error
        attempt.wait = min(LONGEST_WAIT, max(FIRST_WAIT, attempt.wait * 2))
        return False
