"""The redrive engine: receive, triage, hand to the desk, until the queue has nothing more for this run.

What ends a run is not one empty answer. SQS samples its servers and may answer empty while messages wait,
so several long polls in a row have to bring nothing new, and the queue's own count is asked as well.

What a run handles is what lay in the queue when it began. A message sent after that is a new failure, or one
of ours that its consumer bounced straight back; delivering it again in the same run would be a loop. Every
message is delivered at most once a run.

Messages that are not selected, refused or kept are held (hidden) until the run ends, and given back then:
given back at once, SQS would hand the same ones out again and again, each time adding to their receive
count, and never come to the rest. A run that is killed gives them back by itself when their visibility ends.

Workers are threads because a call to AWS is almost all waiting. They receive on their own, so SQS spreads the
queue over them, and a FIFO group is never in two hands: SQS locks it while one of its messages is in flight.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.dlq.batch import EXPIRED, HIDE_FOR, Desk
from orderctl.dlq.delivery import HELD_BACK
from orderctl.dlq.journal import Standing
from orderctl.dlq.look import give_back
from orderctl.dlq.models import DeadLetter, Kind, Message, Queue, Redrivable, Refused
from orderctl.dlq.pace import Pace
from orderctl.dlq.ports import Queues
from orderctl.dlq.tally import Invocation, Tally
from orderctl.dlq.twins import TWIN
from orderctl.errors import NoConnectionError, OrderctlError, ThrottledError, UnreachableError

LONG_POLL = 1
"""Seconds. Any wait above 0 asks all of SQS's servers; a short one keeps Ctrl-C quick."""
QUIET_ENOUGH = 3
"""Long polls in a row without news after which the queue's count decides."""
PATIENCE = 15.0
"""Seconds without news for which a count that says otherwise is waited for: it may be behind by a while."""
HOLD_LIMIT = 10_000
"""Messages held back by handle; beyond it they are left to come back when their visibility ends."""
UNREACHABLE_LIMIT = 5
UNSEEN = "an earlier part of this run had it in hand, and SQS has not handed it out since"
NOT_THERE = "it was asked for by its id, and SQS did not hand it out"
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
    concurrency: int = 8
    rate: float | None = None
    redriven_before: Callable[[DeadLetter], str | None] = lambda _letter: None
    """Why a letter must not be redriven once more, by what earlier runs did with it."""
    delivered_before: Callable[[str], bool] = lambda _message_id: False
    """Did an earlier run deliver this very message, and only not get to deleting it?"""
    doubted_before: Callable[[str], bool] = lambda _message_id: False
    """Did an earlier run leave it open whether this message was delivered?"""


@dataclass(slots=True)
class Engine:
    """Runs one job. `run` may be called once."""

    job: Job
    queues: Queues
    desk: Desk
    tally: Tally
    clock: Clock
    standing: Standing = field(default_factory=Standing)
    progress: Callable[[Tally], None] = lambda _tally: None
    notes: list[str] = field(default_factory=list)

    _stop: threading.Event = field(default_factory=threading.Event)
    """Interrupted or failed: nothing new is begun, what is in hand and not yet sent goes back."""
    _done: threading.Event = field(default_factory=threading.Event)
    """Drained, or `--max` reached: nothing more is received, what is in hand is delivered."""
    _held: dict[str, Message] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _blocked_groups: set[str] = field(default_factory=set)
    _in_hand: set[str] = field(default_factory=set)
    _requests: dict[str, str] = field(default_factory=dict)
    _claimed: int = 0
    _quiet: int = 0
    _is_empty: bool = False
    _last_news: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _errors: list[BaseException] = field(default_factory=list)
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.clock, self.job.rate, self._stop)
        self._last_news = self.clock.monotonic()

    def run(self) -> None:
        """Work until done; then give back what is held. Raises the first fatal error, or KeyboardInterrupt.

        The first Ctrl-C ends the batches in flight and gives the rest back; a second one leaves at once.
        """
        interrupted: KeyboardInterrupt | None = None
        ended: list[threading.Event] = []
        try:
            for _ in range(self._workers()):
                event = threading.Event()
                threading.Thread(target=self._work_until, args=(event,), daemon=True).start()
                ended.append(event)
            self._wait_for(ended)
        except KeyboardInterrupt as error:
            interrupted = error
            self._stop.set()
            self._wait_for(ended)
        is_whole = not self._stop.is_set()
        self._stop.set()
        self._give_back(list(self._held.values()))
        self._miss(is_whole=is_whole)
        if self._errors:
            raise self._errors[0]
        if interrupted is not None:
            raise interrupted

    def pause(self, seconds: float) -> bool:
        """Wait, unless the run is being stopped; answers whether to go on."""
        return self._pace.wait(seconds)

    def _workers(self) -> int:
        """One worker for every batch of ten the count promises, at least one, at most the job's limit."""
        fitting = self.job.concurrency if self.job.rate is None else max(1, int(self.job.rate * 60))
        return max(1, min(self.job.concurrency, fitting, (self.job.queue.depth + 9) // 10))

    def _wait_for(self, ended: Sequence[threading.Event]) -> None:
        """Wait for events, not for threads: Thread.join() interrupted by Ctrl-C believes that the thread ended."""
        for event in ended:
            while not event.wait(0.2):
                self.progress(self.tally)

    def _work_until(self, ended: threading.Event) -> None:
        try:
            self._work()
        finally:
            ended.set()

    def _work(self) -> None:
        try:
            unreachable = 0
            while not (self._stop.is_set() or self._done.is_set()):
                try:
                    self._round()
                    unreachable = 0
                except ThrottledError:
                    self._pace.throttled()
                except (UnreachableError, NoConnectionError):
                    unreachable += 1
                    if unreachable == UNREACHABLE_LIMIT:
                        raise
                    self._pace.throttled()
        except (OrderctlError, OSError) as error:
            self._errors.append(error)
            self._stop.set()
        except BaseException as error:  # a defect: stop every worker and let main see it
            self._errors.append(error)
            self._stop.set()
            raise

    def _round(self) -> None:
        """Receive one batch and settle it."""
        queue, room = self.job.queue, self._pace.batch(10)
        if not (self._pace.ready() and self._pace.take(room)):
            return  # before the receive: a message must not wait hidden for its turn
        messages = self.queues.receive(queue, up_to=room, hide_for=HIDE_FOR, wait=LONG_POLL)
        if not self._has_news(messages) and self._is_drained():
            self._done.set()
        self._pace.went_well()
        done = [message for message in messages if self._is_delivered(message.message_id)]
        self.desk.delete(done)
        letters = self._triage([message for message in messages if message not in done])
        self._pace.refund(room - len(letters))
        if not letters:
            return
        try:
            if self._stop.is_set():
                self._give_back([letter.letter.message for letter in letters])
            else:
                self._settle(letters)
        finally:
            with self._lock:
                self._in_hand.difference_update(letter.letter.message.message_id for letter in letters)

    def _is_delivered(self, message_id: str) -> bool:
        return message_id in self.tally.delivered or self.job.delivered_before(message_id)

    def _settle(self, letters: Sequence[Redrivable]) -> None:
        by_id = {letter.letter.message.message_id: letter.letter.message for letter in letters}
        try:
            staying = self.desk.settle(letters)
        except BaseException:
            left = {i: m for i, m in by_id.items() if i not in self.tally.delivered}
            with self._lock:
                self._held.update(left)
            with self.tally.lock:
                for message_id in left:
                    self.tally.kept.setdefault(message_id, "the run ended before it was delivered")
            raise
        for message_id, reason in staying.items():
            self._keep(by_id[message_id], reason)
            self._hold(by_id[message_id])

    def _has_news(self, messages: Sequence[Message]) -> bool:
        with self._lock:
            fresh = [m.message_id for m in messages if m.message_id not in self._seen]
            self._seen.update(fresh)
            self._quiet = 0 if fresh else self._quiet + 1
            self._last_news = self.clock.monotonic() if fresh else self._last_news
            return bool(fresh)

    def _is_drained(self) -> bool:
        """After enough quiet polls: does the queue's count agree? If not for long enough, what is left is said."""
        if self._quiet < QUIET_ENOUGH:
            return False
        now = self.queues.describe(self.job.queue.url)
        with self._lock:
            elsewhere = max(0, now.in_flight - len(self._held.keys() | self._in_hand))
            is_patient = self.clock.monotonic() - self._last_news < PATIENCE
        if (now.depth or elsewhere) and is_patient:
            return False
        if now.depth:
            self._note(f"SQS still counts {now.depth} visible messages, but hands none out; run it again later")
        if elsewhere:
            self._note(f"about {elsewhere} messages are in flight in somebody else's hands and were not seen")
        self.tally.left = now.depth + elsewhere
        self._is_empty = not self.tally.left
        return True

    def _triage(self, messages: Sequence[Message]) -> list[Redrivable]:
        """Which of the messages are delivered now; everything else is held with its reason."""
        return [letter for message in messages if (letter := self._judge(message)) is not None]

    def _judge(self, message: Message) -> Redrivable | None:
        letter = self._due(message)
        if letter is None:
            self._hold(message)
        return letter

    def _due(self, message: Message) -> Redrivable | None:
        """The letter to deliver now, or None after noting why not."""
        tally, message_id = self.tally, message.message_id
        if tally.kept.get(message_id, EXPIRED) != EXPIRED or message_id in tally.refused:
            return None
        origin = self.standing.new_ids.get(message_id) or tally.became.get(message_id)
        if origin is not None:
            tally.came_back[origin] = f"failed again as message {message_id}"
            return None
        if message.sent_at is not None and message.sent_at > self.job.cutoff:
            self._arrived(message)
            return None
        planned = self.job.plan(message)
        if planned is None:
            tally.not_selected += message_id not in self._held
            return None
        refusal = planned.reason if isinstance(planned, Refused) else self.job.redriven_before(planned.letter)
        if refusal is not None:
            self._refuse(message, refusal)
        elif self._is_blocked(message):
            self._keep(message, HELD_BACK)
        elif not self._is_first_of_its_failure(planned.letter):
            return None
        elif isinstance(planned, Redrivable) and self._claim(message):
            return planned
        return None

    def _arrived(self, message: Message) -> None:
        """A message sent after the run began: one of ours that failed again, known by its payload, or a new one."""
        letter = self.job.read(message)
        origin = self.tally.became.get(letter.failure.request_id or "") or self.tally.payloads.get(letter.digest or "")
        if origin is not None:
            self.tally.came_back[origin] = f"failed again as message {message.message_id}"
        else:
            self.tally.arrived_later += message.message_id not in self._held

    def _is_first_of_its_failure(self, letter: DeadLetter) -> bool:
        """A twin in the same queue waits to be settled after the run: only one report of a failure is delivered."""
        request_id = letter.failure.request_id
        if not request_id or letter.kind not in TWIN:
            return True
        with self._lock:
            return self._requests.setdefault(request_id, letter.message.message_id) == letter.message.message_id

    def _claim(self, message: Message) -> bool:
        """Count the message against `--max`; past it, it goes back and the run ends."""
        with self._lock:
            if message.message_id in self._in_hand or message.message_id in self.tally.delivered:
                return False  # handed out twice: somebody here is at it, or has been
            if self.job.limit is not None and self._claimed >= self.job.limit:
                self._done.set()
                return False
            self._claimed += 1
            self._in_hand.add(message.message_id)
        with self.tally.lock:
            self.tally.kept.pop(message.message_id, None)
            if message.message_id in self.standing.doubted or self.job.doubted_before(message.message_id):
                self.tally.possible_duplicates.setdefault(message.message_id, CUT_OFF)
        return True

    def _is_blocked(self, message: Message) -> bool:
        return self.job.queue.is_fifo and (message.group_id or "") in self._blocked_groups

    def _refuse(self, message: Message, reason: str) -> None:
        with self.tally.lock:
            self.tally.refused[message.message_id] = reason
        if self.job.queue.is_fifo:
            self._blocked_groups.add(message.group_id or "")

    def _keep(self, message: Message, reason: str) -> None:
        with self.tally.lock:
            self.tally.kept[message.message_id] = reason
        if self.job.queue.is_fifo:
            self._blocked_groups.add(message.group_id or "")

    def _hold(self, message: Message) -> None:
        with self._lock:
            if message.message_id in self._held or len(self._held) < HOLD_LIMIT:
                self._held[message.message_id] = message

    def _give_back(self, messages: Sequence[Message]) -> None:
        left = give_back(self.queues, self.job.queue, self.clock, messages)
        if left:
            self._note(f"{left} messages could not be given back at once; they are visible again within two minutes")

    def _miss(self, *, is_whole: bool) -> None:
        """What an earlier part of the run had in hand and SQS has not handed out again.

        In doubt, it is not done, and said so. Delivered, it is gone when the queue is drained and nothing is in
        flight; should it appear after all, any later run on this machine only deletes it.
        """
        for message_id in (self.standing.in_doubt | self.standing.kept.keys()) - self._seen:
            if message_id not in self.tally.delivered:
                self.tally.kept.setdefault(message_id, UNSEEN)
        if self.job.limit is None and is_whole:
            for message_id in self.job.expected - self._seen:
                self.tally.kept.setdefault(message_id, NOT_THERE)
        if self._is_empty:
            gone = [i for i in self.standing.to_delete if i not in self._seen and i not in self.tally.deleted]
            self.tally.deleted.update(gone)
            self.desk.journal.deleted(gone)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def cutoff(queue: Queue, clock: Clock) -> datetime:
    """The moment a run begins, by the service's clock where it told us; it tells whole seconds."""
    return (queue.as_of or clock.now()) + timedelta(seconds=1)


def resumed_tally(run: str, standing: Standing) -> Tally:
    """What an interrupted run had done already."""
    settled = standing.doubted & (standing.deleted | standing.to_delete.keys())
    tally = Tally(run, deleted=set(standing.deleted), possible_duplicates=dict.fromkeys(settled, CUT_OFF))
    delivered: dict[str, str | None] = {**dict.fromkeys(standing.deleted), **standing.to_delete}
    tally.sent({**delivered, **{origin: new_id for new_id, origin in standing.new_ids.items()}})
    for message_id in tally.delivered:
        found = standing.requests.get(message_id)
        if found is not None:
            tally.requests[found["request"]] = Invocation(message_id, Kind(found["kind"]), found["source"])
    return tally
