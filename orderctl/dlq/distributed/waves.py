"""Deliver by waves: the letters in hand become chunks in S3, one execution delivers them, and the results come back.

This is the `deliver` of the desk (`batch.py`), nothing else: triage, journal, the deletes and the report are the own
engine's. What differs is how one attempt is made, and how it is known afterwards what it did (`bulk/wave.py`):

    journal `wave` -> upload the chunks -> start RUN-WAVE -> follow it -> close and read every chunk -> outcomes

Everything before the start can die without a trace; the journal names the wave before there is anything of it. After
it, a letter is taken for not delivered only where nobody can begin its chunk any more. What the end of a wave means for
each letter is told in `outcomes.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from orderctl.bulk import chunks
from orderctl.bulk.models import Item, Status, Wave
from orderctl.bulk.ports import BulkMachine, BulkStore
from orderctl.bulk.wave import SPARE, Runner
from orderctl.clock import Clock
from orderctl.dlq.delivery import Consumers, May
from orderctl.dlq.distributed.hands import HIDE_FOR, LargeHands
from orderctl.dlq.distributed.lines import item
from orderctl.dlq.distributed.outcomes import Judge, refused
from orderctl.dlq.distributed.record import Recorded
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Outcome, Queue, Redrivable
from orderctl.dlq.pace import Pace
from orderctl.dlq.tally import Tally
from orderctl.errors import PASSING, OrderctlError

CALL_SECONDS = 22.0
"""The longest that one delivery of the function takes (`orders_common.clients`)."""
NEEDED = 230.0
"""Seconds for which a letter has to be hidden when its wave begins; else it is hidden anew."""
START_WAITS = (1.0, 2.0, 5.0, 10.0)
LEFT = "AWS may be delivering it; what became of it could not be read yet, --resume looks at its wave"


@dataclass(frozen=True, slots=True)
class Bulk:
    """What delivers for us: where the chunks go, and the state machine that hands them to its function."""

    store: BulkStore
    machine: BulkMachine
    bucket: str
    machine_arn: str


@dataclass(slots=True)
class Waves:
    """The waves of one run; used by all its workers."""

    bulk: Bulk
    queue: Queue
    hands: LargeHands
    consumers: Consumers
    journal: Journal
    tally: Tally
    pace: Pace
    clock: Clock
    concurrency: int
    begun: int = 0
    """Waves that were begun, in earlier parts of the run too: each has a number of its own."""
    chunk_items: int = chunks.ITEMS
    notes: list[str] = field(default_factory=list)
    _last: dict[int, Wave] = field(default_factory=dict)
    """The last wave of each worker: once the worker comes again, its outcomes are journaled."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runner: Runner = field(init=False)
    _judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self._runner = Runner(self.bulk.store, self.bulk.machine, self.clock, self.pace.wait)
        self._judge = Judge(self.consumers, self.tally, self.pace)

    def deliver(self, letters: Sequence[Redrivable], may: May) -> dict[str, Outcome]:
        """One wave; message id to outcome, nothing for letters that were not tried.

        Raises OrderctlError where a wave was started and what came of it cannot be read: nothing is known of its
        letters then, and the journal says so. Raises OSError when the wave cannot be journaled; nothing was begun.
        """
        self._clear_last()
        ready, visible_at = self._held(may(letters))
        if not ready:
            return {}
        lines = (item(_id(x), x.delivery, self.consumers.targets) for x in ready)
        parts = list(chunks.cut(lines, self.chunk_items))
        recorded = self._recorded(ready, parts, visible_at)
        self.journal.append(recorded.document())
        begins_until = visible_at - CALL_SECONDS - 2 * SPARE
        try:
            self._runner.upload(recorded.wave, parts, begins_until)
        except OrderctlError as error:
            self._clear(recorded.wave.prefix)
            return dict.fromkeys(recorded.wave.ids, refused(error))
        return self._carried(recorded.wave, ready, begins_until, may)

    def finish(self) -> None:
        """The run has ended in order, so everything is journaled: delete what it left in the bucket, in its earlier
        parts too, unless a letter stays of which nothing is known."""
        if self.tally.kept.keys() & self.tally.possible_duplicates.keys():
            while self._last:
                self._clear(self._last.popitem()[1].prefix)
        else:
            self._clear(f"redrives/{self.journal.run}/")

    def _held(self, letters: Sequence[Redrivable]) -> tuple[list[Redrivable], float]:
        """Those that stay hidden for as long as the wave may deliver them, and the second at which the first of them
        is visible again."""
        now = self.clock.monotonic()
        until = {_id(x): x.letter.message.visible_at for x in letters}
        short = [x.letter.message for x in letters if until[_id(x)] - now < NEEDED]
        for start in range(0, len(short), 10):
            batch = short[start : start + 10]
            asked_at = self.clock.monotonic()
            try:
                failed = set(self.hands.hide(self.queue, batch, HIDE_FOR))
            except PASSING:
                failed = {message.message_id for message in batch}
            until.update({m.message_id: 0.0 if m.message_id in failed else asked_at + HIDE_FOR for m in batch})
        ready = [letter for letter in letters if until[_id(letter)] - self.clock.monotonic() >= NEEDED]
        return ready, min((until[_id(letter)] for letter in ready), default=0.0)

    def _recorded(self, ready: Sequence[Redrivable], parts: Sequence[Sequence[Item]], visible_at: float) -> Recorded:
        with self._lock:
            self.begun += 1
            number = self.begun
        name = f"{self.journal.run}-{number:05}"
        prefix = f"redrives/{self.journal.run}/{number:05}/"
        ids = tuple(tuple(each.item_id for each in part) for part in parts)
        wave = Wave(self.bulk.bucket, self.bulk.machine_arn, name, prefix, ids)
        until = self.clock.now().timestamp() + visible_at - self.clock.monotonic()
        return Recorded(wave, until, {_id(x): x.letter.message.receipt_handle for x in ready})

    def _carried(self, wave: Wave, letters: Sequence[Redrivable], begins_until: float, may: May) -> dict[str, Outcome]:
        """Start it, see it through, and say what became of each letter."""
        self.hands.hold(wave.ids)
        refusal = self._refused_start(wave)
        try:
            if refusal is None:
                ended = self._runner.see_through(wave, begins_until, keep=lambda: may(letters))
            else:
                ended = self._runner.collect(wave, None)
        except OrderctlError as error:
            self._leave(wave)
            if refusal is not None:
                raise refusal from error
            raise
        self.hands.release(item_id for item_id in wave.ids if ended.fates[item_id].status is not Status.UNKNOWN)
        if not any(fate.status is Status.UNKNOWN for fate in ended.fates.values()):
            self._last[threading.get_ident()] = wave
        return self._judge.outcomes(wave, letters, ended, refusal)

    def _refused_start(self, wave: Wave) -> OrderctlError | None:
        """Start it; why it was not, as far as is known. Passing trouble is waited out, an answer that was lost too: by
        its name it is the same execution."""
        for wait in (*START_WAITS, None):
            try:
                self._runner.start(wave, self.concurrency)
            except PASSING as error:
                if wait is None or not self.pace.wait(wait):
                    return error
            except OrderctlError as error:
                return error
            else:
                return None
        raise AssertionError("the last wait is None")

    def _leave(self, wave: Wave) -> None:
        """Nothing is known of its letters: they are neither delivered nor kept, and not given back."""
        with self.tally.lock:
            for message_id in wave.ids:
                self.tally.kept[message_id] = LEFT

    def _clear_last(self) -> None:
        wave = self._last.pop(threading.get_ident(), None)
        if wave is not None:
            self._clear(wave.prefix)

    def _clear(self, prefix: str) -> None:
        """What cannot be deleted, the bucket's lifecycle rule deletes."""
        try:
            self._runner.clear(self.bulk.bucket, prefix)
        except OrderctlError as error:
            note = (
                f"not everything of s3://{self.bulk.bucket}/redrives/{self.journal.run}/ was deleted: {error.message}"
            )
            self.notes += [] if self.notes else [note]


def _id(letter: Redrivable) -> str:
    return letter.letter.message.message_id
