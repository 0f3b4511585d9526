"""One batch of letters, from the hand that received them to the last delete.

journal `taken` -> deliver -> check every entry -> journal `delivered` -> delete -> journal `deleted`. The order
is the safety: a message is deleted only after its consumer's service acknowledged that very entry. A lost
answer is tried again, because a message that is missing is worse than one that is there twice, and its id
goes into the list of possible duplicates whatever happens next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from orderctl.clock import Clock
from orderctl.dlq.delivery import HELD_BACK, Deliver, fifo_group
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Message, NotSent, Outcome, Queue, Redrivable, Sent, ToQueue, ToStateMachine, Unknown
from orderctl.dlq.ports import Queues
from orderctl.dlq.tally import Tally
from orderctl.errors import FailedError, NoConnectionError, OrderctlError, ThrottledError, UnreachableError

ATTEMPTS = 5
"""Tries for a delivery or a delete; with the waits below about eight seconds of somebody else's trouble."""
WAITS = (0.2, 0.6, 2.0, 5.0)
HIDE_FOR = 120
"""Seconds a message is hidden while in hand: many times what a batch needs, short for one that is given up."""
MARGIN = 30.0
"""Seconds of visibility a delivery has to have left; with less it is extended first, or not begun."""

EXPIRED = "its visibility ended before it was delivered; it will come again"


@dataclass(slots=True)
class Desk:
    """Delivers and deletes batches of one run. Used by several workers at once."""

    queue: Queue
    queues: Queues
    deliver: Deliver
    journal: Journal
    tally: Tally
    clock: Clock
    pause: Callable[[float], bool]
    """Waits; answers False when the run is being stopped."""

    def settle(self, letters: Sequence[Redrivable]) -> dict[str, str]:
        """Deliver and delete; answers what stays, message id to reason.

        Raises OSError when the journal cannot be written before the delivery (nothing was delivered), and
        the error a fatal outcome carries, after everything acknowledged was journaled and deleted.
        """
        self.journal.taken([(letter.letter, letter.delivery.arn) for letter in letters])
        waiting, reasons = list(letters), dict[str, str]()
        staying: dict[str, str] = {}
        fatal: OrderctlError | None = None
        idle = 0
        while waiting and fatal is None:
            waiting, expired = self._still_ours(waiting)
            staying.update(dict.fromkeys(expired, EXPIRED))
            outcomes = self.deliver(waiting) if waiting else {}
            fatal = self._finish(waiting, outcomes)
            waiting, refused, reasons = _sort(waiting, outcomes)
            staying.update(refused)
            waiting, behind = _behind(letters, waiting, staying)
            staying.update(behind)
            idle = 0 if any(isinstance(outcome, Sent) for outcome in outcomes.values()) else idle + 1
            if idle == ATTEMPTS or (waiting and not self.pause(WAITS[min(idle, len(WAITS) - 1)])):
                break
        staying.update({x.letter.message.message_id: reasons[x.letter.message.message_id] for x in waiting})
        self.journal.kept(staying)
        if fatal is not None:
            raise fatal
        return staying

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete delivered messages; what cannot be deleted now is left to be deleted when it comes again.

        A receipt handle past its visibility is not used: on a standard queue SQS would say yes and delete
        nothing (API reference, DeleteMessage).
        """
        left = list(messages)
        for attempt in range(ATTEMPTS):
            left = [message for message in left if message.visible_at > self.clock.monotonic()]
            if not left:
                return
            failed, now = self._try_delete(left), self.clock.monotonic()
            gone = [m.message_id for m in left if m.message_id not in failed and m.visible_at > now]
            with self.tally.lock:
                self.tally.deleted.update(gone)
            self.journal.deleted(gone)
            left = [message for message in left if message.message_id in failed]
            if left and (attempt + 1 == ATTEMPTS or not self.pause(WAITS[attempt])):
                return

    def _try_delete(self, messages: Sequence[Message]) -> Mapping[str, str]:
        try:
            failed: dict[str, str] = {}
            for start in range(0, len(messages), 10):
                failed.update(self.queues.delete(self.queue, messages[start : start + 10]))
            return failed
        except (ThrottledError, UnreachableError, NoConnectionError) as error:
            return {message.message_id: error.message for message in messages}

    def _still_ours(self, letters: Sequence[Redrivable]) -> tuple[list[Redrivable], list[str]]:
        """Letters with enough visibility left for one more attempt, extended where it ran short."""
        now = self.clock.monotonic()
        short = [x.letter.message for x in letters if x.letter.message.visible_at - now < MARGIN]
        if not short:
            return list(letters), []
        try:
            failed = self.queues.hide(self.queue, short, HIDE_FOR)
        except (ThrottledError, UnreachableError, NoConnectionError):
            failed = {message.message_id: "" for message in short}
        extended = {m.message_id for m in short if m.message_id not in failed and m.visible_at > now}
        lost = [message.message_id for message in short if message.message_id not in extended]
        return [_until(x, now + HIDE_FOR, extended) for x in letters if x.letter.message.message_id not in lost], lost

    def _finish(self, letters: Sequence[Redrivable], outcomes: Mapping[str, Outcome]) -> OrderctlError | None:
        """Journal and delete what was acknowledged; answers the error that ends the run, if one does."""
        sent = {message_id: o.new_id for message_id, o in outcomes.items() if isinstance(o, Sent)}
        unknown = {message_id: o.reason for message_id, o in outcomes.items() if isinstance(o, Unknown)}
        by_id = {letter.letter.message.message_id: letter for letter in letters}
        with self.tally.lock:
            self.tally.sent(sent)
            for message_id, new_id in sent.items():
                self.tally.invoked(by_id[message_id].letter)
                if (
                    _is_idempotent(by_id[message_id], new_id)
                    and self.tally.possible_duplicates.get(message_id) == _LOST
                ):
                    del self.tally.possible_duplicates[message_id]
            for message_id in unknown:
                self.tally.possible_duplicates.setdefault(message_id, _LOST)
        written = self._note(sent, unknown)
        self.delete([by_id[message_id].letter.message for message_id in sent])
        if written is not None:
            return written
        fatal = [o for o in outcomes.values() if isinstance(o, NotSent) and o.is_fatal]
        return None if not fatal else fatal[0].error or FailedError(fatal[0].reason)

    def _note(self, sent: Mapping[str, str | None], unknown: Mapping[str, str]) -> OrderctlError | None:
        """A journal that cannot be written now must not keep us from deleting what was acknowledged."""
        try:
            self.journal.unknown(unknown)
            self.journal.delivered(sent)
        except OSError as error:
            return FailedError(f"the journal cannot be written: {error.strerror}", hint="free some space, then resume")
        return None


_LOST = "the answer to a delivery was lost; it was tried again"


def _sort(
    letters: Sequence[Redrivable], outcomes: Mapping[str, Outcome]
) -> tuple[list[Redrivable], dict[str, str], dict[str, str]]:
    """(to try again, refused for good with the reason, reasons of the ones to try again)."""
    again: list[Redrivable] = []
    refused: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for letter in letters:
        message_id = letter.letter.message.message_id
        outcome = outcomes[message_id]
        match outcome:
            case Sent():
                continue
            case Unknown(reason):
                again.append(letter)
                reasons[message_id] = f"no answer came, it may have been delivered: {reason}"
            case NotSent(reason, is_retryable=True, is_fatal=False):
                again.append(letter)
                reasons[message_id] = reason
            case NotSent(reason):
                refused[message_id] = reason
            case _:
                assert_never(outcome)
    return again, refused, reasons


def _behind(
    letters: Sequence[Redrivable], waiting: Sequence[Redrivable], staying: Mapping[str, str]
) -> tuple[list[Redrivable], dict[str, str]]:
    """What may still be tried, and what must not because an earlier message of its FIFO group stays."""
    blocked = {fifo_group(x) for x in letters if x.letter.message.message_id in staying} - {None}
    behind = {x.letter.message.message_id: HELD_BACK for x in waiting if fifo_group(x) in blocked}
    return [x for x in waiting if x.letter.message.message_id not in behind], behind


def _is_idempotent(letter: Redrivable, new_id: str | None) -> bool:
    """Would trying again within minutes be recognised by the service itself?

    SQS FIFO swallows a repeated deduplication id for five minutes, and a batch is in hand for two; StartExecution
    with the same name and input answers the same execution on a Standard state machine, never on an Express one.
    """
    delivery = letter.delivery
    if isinstance(delivery, ToStateMachine):
        return ":execution:" in (new_id or "")
    return isinstance(delivery, ToQueue) and bool(delivery.deduplication_id)


def _until(letter: Redrivable, visible_at: float, extended: set[str]) -> Redrivable:
    from dataclasses import replace

    if letter.letter.message.message_id not in extended:
        return letter
    message = replace(letter.letter.message, visible_at=visible_at)
    return Redrivable(replace(letter.letter, message=message), letter.delivery)
