"""One wave: chunks uploaded, one execution over them started and followed, and what became of every delivery.

How it can be known. A chunk can be claimed once, by a mark that S3 lets nobody write twice. The function claims it
before its first delivery. After the end, whatever that was, every chunk without a result is claimed here: where that
works nobody has begun it and nobody can any more, so its deliveries were not made, for certain. Where it does not,
the chunk was begun; its result may still come while its function runs, and that is waited for. Without one its
deliveries are unknown. So nothing hangs on what DescribeExecution, which is behind at times, says of an execution,
nor on when a start whose answer was lost takes effect. A chunk that is not there tells nothing: it may never have been
uploaded, or somebody has emptied the bucket since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from orderctl.bulk import chunks
from orderctl.bulk.models import Fate, Item, Looked, Status, Wave
from orderctl.bulk.ports import BulkMachine, BulkStore
from orderctl.clock import Clock
from orderctl.errors import PASSING, OrderctlError

T = TypeVar("T")
R = TypeVar("R")

CALLS_AT_ONCE = 8
FUNCTION_SECONDS = 180.0
"""Timeout of BulkDeliver: so long after a chunk was claimed its result may come, and no longer."""
SPARE = 15.0
"""Seconds for what lies between two clocks and two services."""
UNKNOWN_FOR = 10.0
"""Seconds for which an execution just started may be unknown to DescribeExecution."""
FIRST_LOOK, LONGEST_LOOK = 0.25, 3.0
"""Seconds between two looks at an execution, growing: a wave takes from a second to some minutes."""
LOST = "its chunk was begun, and no result of it came"
CLOSED = "AWS had not begun its chunk"
GONE = "its chunk is not in the bucket, so nothing tells whether it was delivered"


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a wave. `lost`: chunks that were begun, or may have been, and left no result."""

    fates: Mapping[str, Fate]
    looked: Looked | None
    lost: frozenset[int] = frozenset()

    @property
    def has_begun_nothing(self) -> bool:
        """Has nobody begun a single chunk?"""
        return all(fate.status is Status.UNTOUCHED and fate.reason == CLOSED for fate in self.fates.values())

    @property
    def problem(self) -> str | None:
        """Why the execution did not do its work; None where it did."""
        if self.looked is None:
            return "Step Functions knows no such execution"
        return None if self.looked.status == "SUCCEEDED" else f"the bulk execution is {self.looked.words}"


@dataclass(slots=True)
class Runner:
    """Carries waves through. `pause` sleeps and answers False once the run is being stopped."""

    store: BulkStore
    machine: BulkMachine
    clock: Clock
    pause: Callable[[float], bool]
    stopping: float = field(default=0.6)
    """Seconds for which results of what was begun are waited for once the run is being stopped."""

    def upload(self, wave: Wave, parts: Sequence[Sequence[Item]], begins_until: float) -> None:
        """Store the chunks; nothing of them may be begun after that monotonic second. Raises what S3 says."""
        at_once(lambda each: self._put(wave, each[0], each[1], begins_until), list(enumerate(parts)))

    def _put(self, wave: Wave, number: int, part: Sequence[Item], begins_until: float) -> None:
        """The function counts from when S3 stored the object. Where that may have been long after the seconds were
        told, they are told again."""
        while True:
            at = self.clock.monotonic()
            self.store.put(wave.bucket, wave.chunk_key(number), chunks.written(part, max(0.0, begins_until - at)))
            if self.clock.monotonic() - at <= SPARE:
                return

    def start(self, wave: Wave, concurrency: int) -> None:
        """Start its execution. By its name it is the same one however often it is started."""
        document = {"bucket": wave.bucket, "prefix": f"{wave.prefix}in/", "concurrency": concurrency}
        self.machine.start(wave.machine_arn, wave.name, document)

    def see_through(self, wave: Wave, begins_until: float, *, keep: Callable[[], object] = lambda: None) -> Ended:
        """Follow a started wave to its end and read what came of it. `begins_until` is the monotonic second after
        which nothing of it can be begun; `keep` is called at every look, to keep hold of what is being delivered.

        Raises OrderctlError where what came of it cannot be read: then it has to be looked at later.
        """
        looked = self._followed(wave, begins_until + SPARE, keep)
        if looked is None or not looked.has_ended:
            self._stop(wave)
        return self.collect(wave, looked, keep=keep)

    def _followed(self, wave: Wave, until: float, keep: Callable[[], object]) -> Looked | None:
        """The execution's last known state: ended, or as it was when the time or the run was over."""
        looked: Looked | None = None
        pause, unknown_until = FIRST_LOOK, self.clock.monotonic() + UNKNOWN_FOR
        while self.pause(pause) and self.clock.monotonic() < until:
            keep()
            try:
                looked = self.machine.look(wave.execution_arn) or looked
            except PASSING:
                pass
            else:
                if looked is None and self.clock.monotonic() >= unknown_until:
                    break
            if looked is not None and looked.has_ended:
                break
            pause = min(LONGEST_LOOK, pause * 1.5)
        return looked

    def _stop(self, wave: Wave) -> None:
        """It is ours, and no order's; that it cannot be stopped changes nothing of what is known afterwards."""
        try:
            self.machine.stop(wave.execution_arn)
        except OrderctlError:
            return

    def collect(self, wave: Wave, looked: Looked | None, *, keep: Callable[[], object] = lambda: None) -> Ended:
        """Close what was not begun, read every result, and wait for those of what was begun.

        After the first step nothing more can begin, so a function's time bounds the wait; where the Map has succeeded
        its functions have ended, too. Raises OrderctlError where something cannot be read to the last.
        """
        found, open_ = self._patiently(lambda: self._evidence(wave), self.clock.monotonic() + FUNCTION_SECONDS)
        is_over = looked is not None and looked.status == "SUCCEEDED"
        last = self.clock.monotonic() + SPARE + (0.0 if is_over else FUNCTION_SECONDS)
        pause = FIRST_LOOK
        while open_ and self.clock.monotonic() < last:
            if not self.pause(pause):
                last = min(last, self.clock.monotonic() + self.stopping)
                self.clock.sleep(FIRST_LOOK)
            keep()
            found |= self._patiently(partial(self._results, wave, open_), last)
            open_ = [number for number in open_ if not found.keys() >= set(wave.chunks[number])]
            pause = min(LONGEST_LOOK, pause * 1.5)
        found |= {item_id: Fate(Status.UNKNOWN, reason=LOST) for number in open_ for item_id in wave.chunks[number]}
        lost = (
            number for number, ids in enumerate(wave.chunks) if any(found[each].reason in (LOST, GONE) for each in ids)
        )
        return Ended(found, looked, frozenset(lost))

    def _evidence(self, wave: Wave) -> tuple[dict[str, Fate], list[int]]:
        """(what is known, chunks that were begun and have no result yet)."""
        keys = self.store.keys(wave.bucket, wave.prefix)
        numbers = range(len(wave.chunks))
        rest = [number for number in numbers if wave.result_key(number) not in keys]
        claimed = at_once(lambda number: self.store.claim(wave.bucket, wave.begun_key(number)), rest)
        closed = {number for number, is_ours in zip(rest, claimed, strict=True) if is_ours}
        gone = {number for number in closed if wave.chunk_key(number) not in keys}
        found = {
            each: Fate(Status.UNTOUCHED, reason=CLOSED) for number in closed - gone for each in wave.chunks[number]
        }
        found |= {each: Fate(Status.UNKNOWN, reason=GONE) for number in gone for each in wave.chunks[number]}
        others = [number for number in numbers if number not in closed]
        found |= self._results(wave, others)
        return found, [number for number in others if not found.keys() >= set(wave.chunks[number])]

    def _results(self, wave: Wave, numbers: Iterable[int]) -> dict[str, Fate]:
        """What the results that are there say."""
        wanted = list(numbers)
        bodies = at_once(lambda number: self.store.read(wave.bucket, wave.result_key(number)), wanted)
        found: dict[str, Fate] = {}
        for number, body in zip(wanted, bodies, strict=True):
            if body is not None:
                found |= chunks.fates(body, wave.chunks[number], wave.chunk_key(number))
        return found

    def _patiently(self, call: Callable[[], T], until: float) -> T:
        """Through passing trouble, until then; a run that is being stopped does not wait."""
        while True:
            try:
                return call()
            except PASSING:
                if self.clock.monotonic() >= until or not self.pause(1.0):
                    raise

    def clear(self, bucket: str, prefix: str) -> None:
        """Delete what waves left below it: the chunks first, so that nothing late finds one without its mark."""
        keys = self.store.keys(bucket, prefix)
        for part in ("/in/", "/results/", "/begun/"):
            self.store.delete(bucket, sorted(key for key in keys if part in key))


def at_once(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Each called, a few at a time, the answers in order; raises the first error after the last has ended."""
    if len(items) <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(CALLS_AT_ONCE, len(items))) as pool:
        return list(pool.map(call, items))
