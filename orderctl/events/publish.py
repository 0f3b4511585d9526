"""Publishing events so that none vanishes and none is sent twice unasked.

PutEvents has three ways to lose an event quietly: a bus that does not exist answers 200 with an event id; a
200 can hold entries that failed; and the SDK, after a lost answer, would send all of them again. So the bus
is looked up first, every entry's answer is read by its place, only entries EventBridge itself calls
retryable are sent again, and where the answer was lost the entries are reported as unknown: PutEvents has no
deduplication, so only the caller can say whether twice is better than not at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from orderctl.clock import Clock
from orderctl.errors import AuthError, NotFoundError, OrderctlError, ThrottledError
from orderctl.events.models import AnswerLostError, Event, Published, Status, Taken
from orderctl.events.ports import EventBus
from orderctl.pool import Failed, Pool

MOST_ENTRIES = 10
MOST_BYTES = 1024 * 1024
"""Below this in all entries together (user guide, "PutEvents": 1 MB; it was 256 KB until January 2026)."""
RETRYABLE = ("InternalFailure", "ThrottlingException")
"""Entry errors that say "again" (API reference, PutEventsResultEntry); all others would come again."""
TRIES = 8
FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0
_FATAL = (AuthError, NotFoundError)


def pack(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Batches that fit one call, in order."""
    batch: list[Event] = []
    size = 0
    for event in events:
        if batch and (len(batch) == MOST_ENTRIES or size + event.size >= MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch


@dataclass(slots=True)
class Publisher:
    """Puts events on one bus. `resend_unknown` sends again what may have arrived."""

    bus: EventBus
    clock: Clock
    resend_unknown: bool = False
    workers: int = 4
    dice: Callable[[], float] = random.random
    _stopped: OrderctlError | None = field(default=None, init=False)

    def publish(self, events: Iterable[Event]) -> Iterator[Published]:
        """One outcome for every event that was tried. Raises what would fail all others alike, after the last."""
        pool = Pool(self.clock, workers=self.workers)
        for outcome in pool.each(lambda batch: self._send(batch, pool), self._until_stopped(pack(events))):
            assert not isinstance(outcome, Failed), "a batch reports its errors itself"
            yield from outcome.result
        if self._stopped is not None:
            raise self._stopped

    def _until_stopped(self, batches: Iterator[list[Event]]) -> Iterator[list[Event]]:
        for batch in batches:
            if self._stopped is not None:
                return
            yield batch

    def _send(self, events: list[Event], pool: Pool) -> list[Published]:
        """Send one batch until every entry has an answer that stands, the tries are used up, or Ctrl-C."""
        batch = _Batch(events)
        longest = FIRST_WAIT
        for attempt in range(TRIES):
            if attempt:
                if not pool.rest(longest * (0.5 + self.dice() / 2)):
                    break
                longest = min(LONGEST_WAIT, longest * 2)
            try:
                batch.take(self.bus.put(batch.unsettled()))
            except AnswerLostError as error:
                batch.lose(error)
                if not self.resend_unknown:
                    break
            except ThrottledError as error:
                batch.refuse(error)
            except OrderctlError as error:
                batch.refuse(error)
                if isinstance(error, _FATAL):
                    self._stopped = self._stopped or error
                break
            if not batch.left:
                break
        return batch.outcomes()


class _Batch:
    """The entries of one batch and the last word on each."""

    def __init__(self, events: list[Event]) -> None:
        self.left = list(range(len(events)))
        """Places of the entries without an answer that stands."""
        self._events = events
        self._answers: dict[int, Taken] = {}
        self._lost: set[int] = set()
        """Places of entries that stood in a call whose answer was lost: they may be on the bus already."""

    def unsettled(self) -> list[Event]:
        return [self._events[place] for place in self.left]

    def take(self, answers: list[Taken]) -> None:
        """Answers come in the order the entries were sent."""
        self._answers.update(zip(self.left, answers, strict=True))
        self.left = [
            place
            for place, answer in zip(self.left, answers, strict=True)
            if answer.event_id is None and answer.error in RETRYABLE
        ]

    def lose(self, error: AnswerLostError) -> None:
        self._lost.update(self.left)
        self.refuse(error)

    def refuse(self, error: OrderctlError) -> None:
        """No entry of the call has an answer."""
        code = error.aws.code if error.aws is not None else error.code
        self._answers.update(dict.fromkeys(self.left, Taken(None, code, error.message)))

    def outcomes(self) -> list[Published]:
        return [self._outcome(place, event) for place, event in enumerate(self._events)]

    def _outcome(self, place: int, event: Event) -> Published:
        answer, was_lost = self._answers[place], place in self._lost
        is_taken = answer.event_id is not None
        return Published(
            Status.PUBLISHED if is_taken else Status.UNKNOWN if was_lost else Status.FAILED,
            answer.event_id,
            event.source,
            event.detail_type,
            event.order_id,
            answer.error,
            answer.reason,
            event.line,
            may_be_twice=is_taken and was_lost,
        )
