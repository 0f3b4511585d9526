"""Deliver by waves: the letters in hand become chunks in S3, one execution delivers them, and the results come back.

This is the `deliver` of the desk (`batch.py`), nothing else: triage, journal, the deletes and the report are the own
engine's. What differs is how one attempt is made, and how it is known afterwards what it did (`bulk/wave.py`):

    journal `wave` -> upload the chunks -> start RUN-WAVE -> follow it -> close and read every chunk -> outcomes

Everything before the start can die without a trace; the journal names the wave before there is anything of it. After
it, a letter is taken for not delivered only where nobody can begin its chunk any more. What nothing is known of is
`Unknown`, named as a possible duplicate and tried once more. If its chunk is lost a second time, the run ends: a
function that delivers and cannot say so would deliver again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.bulk import chunks
from orderctl.bulk.models import Fate, Item, Status, Wave
from orderctl.bulk.ports import BulkMachine, BulkStore
from orderctl.bulk.wave import PASSING, SPARE, Ended, Runner, at_once
from orderctl.clock import Clock
from orderctl.dlq.delivery import Consumers, May
from orderctl.dlq.distributed.hands import HIDE_FOR, LargeHands
from orderctl.dlq.distributed.lines import item, outcome
from orderctl.dlq.distributed.record import Recorded
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import NotSent, Outcome, Queue, Redrivable, ToStateMachine
from orderctl.dlq.pace import Pace
from orderctl.dlq.tally import Tally
from orderctl.errors import FailedError, OrderctlError

CALL_SECONDS = 22.0
"""The longest that one delivery of the function takes (`orders_common.clients`)."""
NEEDED = 230.0
"""Seconds for which a letter has to be hidden when its wave begins; else it is hidden anew."""
START_WAITS = (1.0, 2.0, 5.0, 10.0)
LEFT = "AWS may be delivering it; what became of it could not be read yet, --resume looks at its wave"
CUT_SHORT = "AWS was delivering its chunk when the run was stopped; --resume looks at what came of it"
LOST_TWICE = "BulkDeliver began its chunk twice and left no result"


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
    _lost: set[str] = field(default_factory=set)
    """Letters whose chunk was lost once."""
    _last: dict[int, Wave] = field(default_factory=dict)
    """The last wave of each worker: once the worker comes again, its outcomes are journaled."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self._runner = Runner(self.bulk.store, self.bulk.machine, self.clock, self.pace.wait)

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
            self._clear(recorded.wave)
            return dict.fromkeys(recorded.wave.ids, _refusal(error))
        return self._carried(recorded.wave, ready, begins_until, may)

    def finish(self) -> None:
        """The run has ended in order, so everything is journaled: delete what its last waves left in the bucket."""
        while self._last:
            self._clear(self._last.popitem()[1])

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
        return self._outcomes(wave, letters, ended, refusal)

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

    def _outcomes(
        self, wave: Wave, letters: Sequence[Redrivable], ended: Ended, refusal: OrderctlError | None
    ) -> dict[str, Outcome]:
        fates, is_stopped = ended.fates, self.pace.stop.is_set()
        moves = any(fate.status in (Status.SENT, Status.BUSY) for fate in fates.values())
        untouched = None if moves or is_stopped else self._why_untouched(ended, refusal)
        outcomes: dict[str, Outcome] = {}
        for letter in letters:
            found = outcome(fates[_id(letter)]) or untouched
            if found is not None:
                outcomes[_id(letter)] = found
        outcomes |= self._taken(letters, fates)
        outcomes |= self._lost_again(wave, ended, is_stopped=is_stopped)
        if not any(fate.status is Status.UNKNOWN for fate in fates.values()):
            self._last[threading.get_ident()] = wave
        return outcomes

    def _why_untouched(self, ended: Ended, refusal: OrderctlError | None) -> Outcome:
        """Why nothing at all was tried; nothing would be another time where that is no passing trouble."""
        if refusal is not None:
            return _refusal(refusal)
        looked = ended.looked
        if ended.has_begun_nothing and looked is not None and looked.status in ("FAILED", "SUCCEEDED"):
            where = f"s3://{self.bulk.bucket}"
            problem = ended.problem or f"the bulk execution ended without beginning a chunk in {where}"
            hint = "look at it in Step Functions; is the bucket the state machine's own, and may its function run?"
            return NotSent(problem, is_fatal=True, error=FailedError(problem, hint=hint))
        return NotSent(ended.problem or "AWS did not come to it", is_retryable=True)

    def _taken(self, letters: Sequence[Redrivable], fates: Mapping[str, Fate]) -> dict[str, Outcome]:
        """An execution of that name was there before: the starter looks whether it is the letter's own."""
        found = {_id(x): x.delivery for x in letters if fates[_id(x)].status is Status.TAKEN}
        starts = [(each, delivery) for each, delivery in found.items() if isinstance(delivery, ToStateMachine)]
        outcomes = at_once(lambda start: self.consumers.starter.start(start[1]), starts)
        return {message_id: each for (message_id, _), each in zip(starts, outcomes, strict=True)}

    def _lost_again(self, wave: Wave, ended: Ended, *, is_stopped: bool) -> dict[str, Outcome]:
        """Letters of chunks that were lost before are not tried again, and end the run."""
        ids = {item_id for number in ended.lost for item_id in wave.chunks[number]}
        with self._lock:
            twice = set() if is_stopped else ids & self._lost
            self._lost |= ids
        if is_stopped:
            with self.tally.lock:
                for message_id in ids:
                    self.tally.possible_duplicates.setdefault(message_id, CUT_SHORT)
        hint = "look at the log of BulkDeliver before you go on: it may have delivered them, twice"
        error = FailedError(f"{LOST_TWICE}: {len(twice)} letters", hint=hint)
        return {each: NotSent(LOST_TWICE, is_fatal=True, error=error) for each in twice}

    def _clear_last(self) -> None:
        wave = self._last.pop(threading.get_ident(), None)
        if wave is not None:
            self._clear(wave)

    def _clear(self, wave: Wave) -> None:
        """What cannot be deleted, the bucket's lifecycle rule deletes."""
        try:
            self._runner.clear(wave)
        except OrderctlError as error:
            note = f"not everything of s3://{wave.bucket}/redrives/{self.journal.run}/ was deleted: {error.message}"
            self.notes += [] if self.notes else [note]


def _refusal(error: OrderctlError) -> NotSent:
    """What an error says of deliveries that were certainly not begun."""
    is_passing = isinstance(error, PASSING)
    return NotSent(error.message, is_retryable=is_passing, is_fatal=not is_passing, error=error)


def _id(letter: Redrivable) -> str:
    return letter.letter.message.message_id
