"""What a wave that has ended means for each of its letters, as the outcome that the desk works with.

What was not tried may be tried again, and says why only where nothing of the wave moved. What nothing is known of is
`Unknown`, and tried once more. If its chunk is lost a second time, that ends the run: a function that delivers and
cannot say so would deliver again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.bulk.models import Fate, Status, Wave
from orderctl.bulk.wave import Ended, at_once
from orderctl.dlq.delivery import Consumers
from orderctl.dlq.distributed.lines import outcome
from orderctl.dlq.models import NotSent, Outcome, Redrivable, ToStateMachine
from orderctl.dlq.pace import Pace
from orderctl.dlq.tally import Tally
from orderctl.errors import PASSING, FailedError, OrderctlError

CUT_SHORT = "AWS was delivering its chunk when the run was stopped; --resume looks at what came of it"
LOST_TWICE = "BulkDeliver began its chunk twice and left no result"


@dataclass(slots=True)
class Judge:
    """Remembers, for one run, whose chunk was lost once."""

    consumers: Consumers
    tally: Tally
    pace: Pace
    _lost: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def outcomes(
        self, wave: Wave, letters: Sequence[Redrivable], ended: Ended, refusal: OrderctlError | None
    ) -> dict[str, Outcome]:
        """Message id to outcome; nothing for letters that were not tried, where others were."""
        fates, is_stopped = ended.fates, self.pace.stop.is_set()
        moves = any(fate.status in (Status.SENT, Status.BUSY) for fate in fates.values())
        untouched = None if moves or is_stopped else why_untouched(wave, ended, refusal)
        outcomes: dict[str, Outcome] = {}
        for letter in letters:
            found = outcome(fates[_id(letter)]) or untouched
            if found is not None:
                outcomes[_id(letter)] = found
        return outcomes | self._taken(letters, fates) | self._lost_again(wave, ended, is_stopped=is_stopped)

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


def why_untouched(wave: Wave, ended: Ended, refusal: OrderctlError | None) -> Outcome:
    """Why nothing at all was tried; nothing would be another time where that is no passing trouble."""
    if refusal is not None:
        return refused(refusal)
    looked = ended.looked
    if ended.has_begun_nothing and looked is not None and looked.status in ("FAILED", "SUCCEEDED"):
        problem = ended.problem or f"the bulk execution ended without beginning a chunk in s3://{wave.bucket}"
        hint = "look at it in Step Functions; is the bucket the state machine's own, and may its function run?"
        return NotSent(problem, is_fatal=True, error=FailedError(problem, hint=hint))
    return NotSent(ended.problem or "AWS did not come to it", is_retryable=True)


def refused(error: OrderctlError) -> NotSent:
    """What an error says of deliveries that were certainly not begun."""
    is_passing = isinstance(error, PASSING)
    return NotSent(error.message, is_retryable=is_passing, is_fatal=not is_passing, error=error)


def _id(letter: Redrivable) -> str:
    return letter.letter.message.message_id
