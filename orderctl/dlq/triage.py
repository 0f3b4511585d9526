"""What is to become of each message that was received: delivered now, or not and why not.

One place decides for all workers of a run, and remembers what a decision hangs on: which messages are in hand, how much
of `--max` is claimed, which FIFO groups are held back, which failures are taken already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from orderctl.dlq.batch import EXPIRED
from orderctl.dlq.delivery import HELD_BACK
from orderctl.dlq.journal import Standing
from orderctl.dlq.models import DeadLetter, Message, Queue, Redrivable, Refused
from orderctl.dlq.tally import Tally
from orderctl.dlq.twins import TWIN

CLOCKS_DIFFER = timedelta(minutes=2)
"""More than the clocks of two servers of one service are apart, and than the cut-off lies after the run's begin."""
CUT_OFF = "an earlier run or part of this one may have delivered it already"


@dataclass(frozen=True, slots=True)
class Job:
    """What one run is to do."""

    queue: Queue
    cutoff: datetime
    """Messages sent later are not of this run."""
    plan: Callable[[Message], Redrivable | Refused | None]
    """What is to become of a message; None where it was not selected."""
    read: Callable[[Message], DeadLetter]
    """What a message is, whatever is to become of it."""
    expected: frozenset[str] = frozenset()
    """Messages asked for by id: one that is not met is not done."""
    limit: int | None = None
    redriven_before: Callable[[DeadLetter], str | None] = lambda _letter: None
    """Why a letter must not be redriven once more, by what earlier runs did with it."""
    delivered_before: Callable[[str], bool] = lambda _message_id: False
    """Did an earlier run deliver this very message, and only not get to deleting it?"""
    doubted_before: Callable[[DeadLetter], bool] = lambda _letter: False
    """Did an earlier run leave it open whether this letter was delivered?"""


@dataclass(slots=True)
class Triage:
    """Decides for one run; used by all its workers."""

    job: Job
    tally: Tally
    standing: Standing
    second_reports: dict[str, str] = field(default_factory=dict)
    """Messages that report the same failure as another one, which was taken: message id to that one's."""
    in_hand: set[str] = field(default_factory=set)
    claimed: int = 0
    blocked: set[str] = field(default_factory=set)
    """FIFO groups of which a message stays."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _oldest_of_ours: datetime = field(init=False)
    """What was sent before, by the service's own clock, was not sent by this run: nobody has to look for it."""
    _requests: dict[str, str] = field(init=False)
    _owed: set[str] = field(init=False)
    """What an earlier part of this run had in hand: it has its share of `--max` already."""

    def __post_init__(self) -> None:
        is_service_time = self.job.queue.as_of is not None
        self._oldest_of_ours = self.job.cutoff - CLOCKS_DIFFER if is_service_time else datetime.min.replace(tzinfo=UTC)
        self._owed = set(self.standing.in_doubt)
        self._requests = {request: told.message_id for request, told in self.tally.requests.items()}

    def sort(self, messages: Sequence[Message], fresh: set[str]) -> tuple[list[Redrivable], list[Message]]:
        """(letters to deliver now, messages to set aside), after noting why; `fresh` were not seen before."""
        letters: list[Redrivable] = []
        others: list[Message] = []
        for message in messages:
            letter = self._due(message, is_new=message.message_id in fresh)
            if letter is None:
                others.append(message)
            else:
                letters.append(letter)
        with self.lock:
            self._owed -= ids_of(messages)
        return letters, others

    def _due(self, message: Message, *, is_new: bool) -> Redrivable | None:
        """The letter to deliver now, or None after noting why not."""
        tally, message_id = self.tally, message.message_id
        if tally.kept.get(message_id, EXPIRED) != EXPIRED or message_id in tally.refused:
            return None
        sent_at = message.sent_at
        is_old = sent_at is not None and sent_at < self._oldest_of_ours
        origin = self.standing.new_ids.get(message_id) or (None if is_old else tally.became.get(message_id))
        if origin is not None:
            self._came_back(origin, message_id)
            return None
        if sent_at is not None and sent_at > self.job.cutoff:
            self._arrived(message, is_new=is_new)
            return None
        planned = self.job.plan(message)
        if planned is None:
            with tally.lock:
                tally.not_selected += is_new
            return None
        if isinstance(planned, Refused) and planned.is_unfit:
            self.keep(message, planned.reason)
            return None
        if isinstance(planned, Redrivable) and not self._is_first_of_its_failure(planned.letter):
            return None
        refusal = planned.reason if isinstance(planned, Refused) else self.job.redriven_before(planned.letter)
        if refusal is not None:
            self._refuse(message, refusal)
        elif self._is_blocked(message):
            self.keep(message, HELD_BACK)
        elif isinstance(planned, Redrivable) and self._claim(planned.letter):
            return planned
        return None

    def _arrived(self, message: Message, *, is_new: bool) -> None:
        """A message sent after the run began: one of ours that failed again, known by its payload, or a new one."""
        letter = self.job.read(message)
        origin = self.tally.became.get(letter.failure.request_id or "") or self.tally.payloads.get(letter.digest or "")
        if origin is not None:
            self._came_back(origin, message.message_id)
            return
        with self.tally.lock:
            self.tally.arrived_later += is_new

    def _came_back(self, origin: str, message_id: str) -> None:
        with self.tally.lock:
            self.tally.came_back[origin] = f"failed again as message {message_id}"

    def _is_first_of_its_failure(self, letter: DeadLetter) -> bool:
        """Another report in the same queue waits to be settled after the run: only one of a failure is delivered."""
        request_id, message_id = letter.failure.request_id, letter.message.message_id
        if not request_id or letter.kind not in TWIN:
            return True
        with self.lock:
            first = self._requests.setdefault(request_id, message_id)
            if first != message_id:
                self.second_reports[message_id] = first
            return first == message_id

    def _claim(self, letter: DeadLetter) -> bool:
        """Count the letter against `--max`; past it, it goes back and the run ends.

        What an earlier part of the run had in hand has its share already: nothing new takes its place.
        """
        message_id = letter.message.message_id
        with self.lock:
            if message_id in self.in_hand or message_id in self.tally.delivered:
                return False  # handed out twice: somebody here is at it, or has been
            is_full = self.job.limit is not None and self.claimed + len(self._owed) >= self.job.limit
            if is_full and message_id not in self._owed:
                return False
            self._owed.discard(message_id)
            self.claimed += 1
            self.in_hand.add(message_id)
        with self.tally.lock:
            self.tally.kept.pop(message_id, None)
            if message_id in self.standing.doubted or self.job.doubted_before(letter):
                self.tally.possible_duplicates.setdefault(message_id, CUT_OFF)
        return True

    def is_fulfilled(self) -> bool:
        """Has the run all that `--max` asks for, and nothing of its earlier part to look for?"""
        with self.lock:
            if self.job.limit is None or self.claimed < self.job.limit or self._owed:
                return False
        return all(message_id in self.tally.deleted for message_id in self.standing.to_delete)

    def _is_blocked(self, message: Message) -> bool:
        with self.lock:
            return self.job.queue.is_fifo and group_of(message) in self.blocked

    def _refuse(self, message: Message, reason: str) -> None:
        with self.tally.lock:
            self.tally.refused[message.message_id] = reason
        self._block(message)

    def keep(self, message: Message, reason: str) -> None:
        """It was not delivered, and stays."""
        with self.tally.lock:
            self.tally.kept[message.message_id] = reason
        self._block(message)

    def _block(self, message: Message) -> None:
        if self.job.queue.is_fifo:
            with self.lock:
                self.blocked.add(group_of(message))


def group_of(message: Message) -> str:
    """Its FIFO group."""
    return message.group_id or ""


def ids_of(messages: Iterable[Message]) -> set[str]:
    """Their ids."""
    return {message.message_id for message in messages}
