"""One batch of letters, from the hand that received them to the last delete.

journal `taken` -> deliver -> check every entry -> journal `delivered` -> delete -> journal `deleted`. The order
is the safety: a message is deleted only after its consumer's service acknowledged that very entry. A lost
answer is tried again, because a message that is missing is worse than one that is there twice, and its id
goes into the list of possible duplicates whatever happens next.

Before every single call the batch is taken a firmer grip of (`grip.py`): nothing is delivered or deleted with a
receipt handle that could end meanwhile. A consumer that asks for less is waited for, letters in hand, for as long
as `pace.THROTTLED_FOR`; any other trouble for about eight seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from orderctl.clock import Clock
from orderctl.dlq.deletes import delete
from orderctl.dlq.delivery import HELD_BACK, Deliver, fifo_group, is_throttled
from orderctl.dlq.grip import HIDE_FOR, Grip
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Message, NotSent, Outcome, Queue, Redrivable, Sent, ToQueue, ToStateMachine, Unknown
from orderctl.dlq.pace import THROTTLED_FOR, Pace, Patience
from orderctl.dlq.ports import Queues
from orderctl.dlq.tally import Tally
from orderctl.errors import FailedError, OrderctlError

__all__ = ["EXPIRED", "HIDE_FOR", "STOPPED", "Desk", "Stay"]

ATTEMPTS = 5
"""Tries for a delivery or a delete; with the waits below about eight seconds of somebody else's trouble."""
WAITS = (0.2, 0.6, 2.0, 5.0)
WAITED_FOR = 2
"""Times that a run waits for one message to be visible again."""
REMEMBERED = 270.0
"""Seconds for which a FIFO queue surely knows a deduplication id again; it keeps them for 300."""

EXPIRED = "its visibility ended before it was delivered; it will come again"
STOPPED = "the run ended before it was delivered"
BUSY = f"its consumer has taken nothing for {THROTTLED_FOR / 60:.0f} minutes but asks for less"
LATE = "its visibility ended while it was being delivered; somebody else may have received it meanwhile"
LOST = "the answer to a delivery was lost; it was tried again"


@dataclass(frozen=True, slots=True)
class Stay:
    """A message that was not delivered, with the visibility it has, and why."""

    message: Message
    reason: str


@dataclass(slots=True)
class Desk:
    """Delivers and deletes batches of one run. Used by several workers at once."""

    queue: Queue
    queues: Queues
    deliver: Deliver
    journal: Journal
    tally: Tally
    clock: Clock
    pace: Pace
    due_back: float = field(default=0.0, init=False)
    """The monotonic second at which everything this run is not done with is visible again."""
    patience: Patience = field(init=False)
    _expected: Counter[str] = field(default_factory=Counter)
    _unclear_since: dict[str, float] = field(default_factory=dict)
    """When the first attempt began whose answer was lost; a message may come again in another batch."""

    def __post_init__(self) -> None:
        self.patience = Patience(self.clock)

    def settle(self, letters: Sequence[Redrivable]) -> list[Stay]:
        """Deliver and delete; answers what stays.

        Raises OSError when the journal cannot be written before the delivery (nothing was delivered), and
        the error a fatal outcome carries, after everything acknowledged was journaled and deleted.
        """
        self.journal.taken([(letter.letter, letter.delivery.arn) for letter in letters])
        batch = _Batch(letters, Grip(self.queues, self.queue, self.clock).take(x.letter.message for x in letters))
        fatal: OrderctlError | None = None
        while batch.waiting:
            begun = self.clock.monotonic()
            outcomes = self.deliver(batch.waiting, lambda some: self._may_go(batch.grip, some))
            fatal = self._finish(batch, outcomes, begun)
            batch.sort(outcomes)
            if fatal is not None or not batch.waiting or not self._goes_on(batch, outcomes):
                break
        batch.end(STOPPED if fatal is not None or self.pace.stop.is_set() else EXPIRED)
        self.journal.unknown(batch.unnoted)  # first: what is kept is not in doubt any more
        self.journal.kept(batch.staying)
        if fatal is not None:
            raise fatal
        return batch.stays()

    def _may_go(self, grip: Grip, letters: Sequence[Redrivable]) -> list[Redrivable]:
        """Letters that may be delivered now, in one call: none once the run is being stopped."""
        if not self.pace.ready():
            return []
        grip.tighten()
        return list(letters) if grip.is_firm else [letter for letter in letters if grip.holds(_id(letter))]

    def _goes_on(self, batch: _Batch, outcomes: Mapping[str, Outcome]) -> bool:
        """Wait as long as it takes until the next attempt; answers whether to make it."""
        took = {x.delivery.arn for x in batch.letters if isinstance(outcomes.get(_id(x)), Sent)}
        busy = {x.delivery.arn for x in batch.letters if is_throttled(outcomes.get(_id(x)))}
        batch.idle = 0 if took or busy else batch.idle + 1
        if not busy:
            return batch.idle < ATTEMPTS and self.pace.wait(WAITS[min(batch.idle, len(WAITS) - 1)])
        self.pace.throttled()
        tired = {arn for arn in busy - took if not self.patience.throttled(arn)}
        batch.give_up(tired)
        if tired and self.patience.nobody_takes:
            self.pace.done.set()
        return self.pace.ready()

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete delivered messages; what cannot be deleted now is left to be deleted when it comes again."""
        if messages:
            self._delete(Grip(self.queues, self.queue, self.clock).take(messages), list(messages))

    def _delete(self, grip: Grip, left: list[Message]) -> None:
        """A receipt handle past its visibility is not used: on a standard queue SQS would say yes and delete
        nothing (API reference, DeleteMessage)."""
        attempt = 0
        while attempt < ATTEMPTS:
            grip.tighten()
            left = left if grip.is_firm else [message for message in left if grip.left(message.message_id)]
            if not left:
                return
            failed, is_busy = delete(self.queues, self.queue, left, self.clock, self.patience)
            is_firm = grip.is_firm
            gone = [m.message_id for m in left if m.message_id not in failed and (is_firm or grip.left(m.message_id))]
            self._gone(gone, grip)
            left = [message for message in left if message.message_id in failed]
            attempt += 0 if is_busy and self.patience.throttled(self.queue.arn) else 1
            if not left or not (self._after_throttle() if is_busy else self._after_failure(attempt)):
                break
        self.expect([grip.now(message) for message in left])

    def expect(self, messages: Sequence[Message]) -> None:
        """These are visible again before long, and then delivered or deleted: the run waits for each, twice."""
        with self.tally.lock:
            self._expected.update(message.message_id for message in messages)
            due = [m.visible_at for m in messages if self._expected[m.message_id] <= WAITED_FOR]
            self.due_back = max([self.due_back, *due])

    def _gone(self, message_ids: Sequence[str], grip: Grip) -> None:
        grip.let_go(message_ids)
        with self.tally.lock:
            self.tally.deleted.update(message_ids)
        self.journal.deleted(message_ids)

    def _after_throttle(self) -> bool:
        self.pace.throttled()
        return self.pace.ready()

    def _after_failure(self, attempt: int) -> bool:
        return attempt < ATTEMPTS and self.pace.wait(WAITS[attempt - 1])

    def _finish(self, batch: _Batch, outcomes: Mapping[str, Outcome], begun: float) -> OrderctlError | None:
        """Journal and delete what was acknowledged; answers the error that ends the run, if one does."""
        sent = {message_id: o.new_id for message_id, o in outcomes.items() if isinstance(o, Sent)}
        unknown = {message_id: o.reason for message_id, o in outcomes.items() if isinstance(o, Unknown)}
        by_id = {_id(letter): letter for letter in batch.letters}
        with self.tally.lock:
            self._count(batch, [(by_id[message_id], new_id) for message_id, new_id in sent.items()])
            for message_id in unknown:
                self._unclear_since.setdefault(message_id, begun)
                self.tally.possible_duplicates.setdefault(message_id, LOST)
        written = self._note(batch, sent, unknown)
        for arn in {by_id[message_id].delivery.arn for message_id in sent}:
            self.patience.took(arn)
            self.pace.went_well()
        self._delete(batch.grip, [by_id[message_id].letter.message for message_id in sent])
        if written is not None:
            return written
        fatal = [o for o in outcomes.values() if isinstance(o, NotSent) and o.is_fatal]
        return None if not fatal else fatal[0].error or FailedError(fatal[0].reason)

    def _count(self, batch: _Batch, sent: Sequence[tuple[Redrivable, str | None]]) -> None:
        """Take in what was acknowledged, and what is known by that of its being there twice."""
        duplicates, now, is_firm = self.tally.possible_duplicates, self.clock.monotonic(), batch.grip.is_firm
        self.tally.sent({_id(letter): new_id for letter, new_id in sent})
        for letter, new_id in sent:
            message_id = _id(letter)
            self.tally.invoked(letter.letter)
            since = now - self._unclear_since.get(message_id, now)
            if duplicates.get(message_id) == LOST and _is_recognised(letter, new_id, since):
                del duplicates[message_id]
            if not (is_firm or batch.grip.left(message_id)):
                duplicates.setdefault(message_id, LATE)

    def _note(self, batch: _Batch, sent: Mapping[str, str | None], unknown: Mapping[str, str]) -> OrderctlError | None:
        """A journal that cannot be written now must not keep us from deleting what was acknowledged."""
        batch.unnoted.update(unknown)
        try:
            self.journal.unknown(batch.unnoted)
            batch.unnoted.clear()
            self.journal.delivered(sent)
        except OSError as error:
            return FailedError(f"the journal cannot be written: {error.strerror}", hint="free some space, then resume")
        return None


@dataclass(slots=True)
class _Batch:
    """The letters of one batch: which wait for an attempt, and why the others stay."""

    letters: Sequence[Redrivable]
    grip: Grip
    waiting: list[Redrivable] = field(init=False)
    staying: dict[str, str] = field(default_factory=dict)
    unnoted: dict[str, str] = field(default_factory=dict)
    """Lost answers that the journal could not take down when they were lost."""
    idle: int = 0
    """Attempts in a row that brought nothing, and no word of throttling either."""
    _tries: Counter[str] = field(default_factory=Counter)
    _reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = list(self.letters)

    def sort(self, outcomes: Mapping[str, Outcome]) -> None:
        """Keep those waiting for whom another attempt can be made."""
        again: list[Redrivable] = []
        for letter in self.waiting:
            message_id, outcome = _id(letter), outcomes.get(_id(letter))
            match outcome:
                case Sent():
                    continue
                case NotSent(reason, is_retryable=False) | NotSent(reason, is_fatal=True):
                    self.staying[message_id] = reason
                    continue
                case Unknown(reason):
                    self._reasons[message_id] = f"no answer came, it may have been delivered: {reason}"
                    self._tries[message_id] += 1
                case NotSent(reason):
                    self._reasons[message_id] = reason
                    self._tries[message_id] += reason != HELD_BACK and not outcome.is_throttled
                case None:
                    pass
                case _:
                    assert_never(outcome)
            if self._tries[message_id] >= ATTEMPTS:
                self.staying[message_id] = self._reasons[message_id]
            elif self.grip.left(message_id):
                again.append(letter)
            else:
                self.staying[message_id] = EXPIRED
        self._hold_back(again)

    def give_up(self, arns: set[str]) -> None:
        """Wait no longer for these consumers."""
        for letter in self.waiting:
            if letter.delivery.arn in arns:
                self.staying[_id(letter)] = BUSY
        self._hold_back([letter for letter in self.waiting if _id(letter) not in self.staying])

    def end(self, reason: str) -> None:
        """No other attempt is made; `reason` for letters of which nothing else is known."""
        self.staying.update({_id(letter): self._reasons.get(_id(letter), reason) for letter in self.waiting})
        self.waiting = []

    def stays(self) -> list[Stay]:
        """What was not delivered, as it is in hand now."""
        by_id = {_id(letter): letter.letter.message for letter in self.letters}
        return [Stay(self.grip.now(by_id[message_id]), reason) for message_id, reason in self.staying.items()]

    def _hold_back(self, waiting: list[Redrivable]) -> None:
        self.waiting, behind = _behind(self.letters, waiting, self.staying)
        self.staying.update(behind)


def _id(letter: Redrivable) -> str:
    return letter.letter.message.message_id


def _is_recognised(letter: Redrivable, new_id: str | None, since: float) -> bool:
    """Did the service itself recognise the repetition, `since` seconds after the first attempt?

    SQS FIFO swallows a repeated deduplication id for five minutes; StartExecution with the same name and input
    answers the same execution on a Standard state machine, never on an Express one.
    """
    delivery = letter.delivery
    if isinstance(delivery, ToStateMachine):
        return ":execution:" in (new_id or "")
    return isinstance(delivery, ToQueue) and bool(delivery.deduplication_id) and since < REMEMBERED


def _behind(
    letters: Sequence[Redrivable], waiting: Sequence[Redrivable], staying: Mapping[str, str]
) -> tuple[list[Redrivable], dict[str, str]]:
    """What may still be tried, and what must not because an earlier message of its FIFO group stays."""
    blocked = {fifo_group(x) for x in letters if _id(x) in staying} - {None}
    expired = {fifo_group(x) for x in letters if staying.get(_id(x)) == EXPIRED}
    behind = {_id(x): EXPIRED if fifo_group(x) in expired else HELD_BACK for x in waiting if fifo_group(x) in blocked}
    return [x for x in waiting if _id(x) not in behind], behind
