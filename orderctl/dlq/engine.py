"""The redrive engine: receive, triage, hand to the desk, until the queue has nothing more for this run.

What ends a run is not one empty answer. SQS samples its servers and may answer empty while messages wait,
so several long polls in a row have to bring nothing new, and the queue's own count is asked as well.

What a run handles is what lay in the queue when it began. A message sent after that is a new failure, or one
of ours that its consumer bounced straight back; delivering it again in the same run would be a loop. Every
message is delivered at most once a run.

Messages that are not selected go back as soon as that helps. On a standard queue that is when the run ends: given
back at once, SQS would hand the same ones out again and again, each time one more on their receive count, and never
come to the rest (`aside.py`). On a FIFO queue it is as soon as their batch is settled: while they are hidden SQS
hands out nothing else of their group, and given back they keep their place in it. So what lies behind them comes up,
as far as a receive reaches: ten messages. A group that shows nothing new is hidden like the others, because nothing
more can come of it. Refused and kept messages stay hidden too; on a FIFO queue they hold back their group.

Workers are threads because a call to AWS is almost all waiting (`orderctl.pool`). They receive on their own, so SQS
spreads the queue over them, and a FIFO group is never in two hands: SQS locks it while one of its messages is in
flight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orderctl.clock import Clock
from orderctl.dlq.aside import LONGEST, Aside
from orderctl.dlq.batch import EXPIRED, STOPPED, Desk, Stay
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.journal import Standing
from orderctl.dlq.look import give_back
from orderctl.dlq.models import Kind, Message, Queue, Redrivable
from orderctl.dlq.pace import Pace
from orderctl.dlq.ports import Queues
from orderctl.dlq.tally import Invocation, Tally
from orderctl.dlq.triage import CUT_OFF, Job, Triage, group_of, ids_of
from orderctl.errors import NoConnectionError, OrderctlError, ThrottledError, UnreachableError
from orderctl.pool import Crew

LONG_POLL = 1
"""Seconds. Any wait above 0 asks all of SQS's servers; a short one keeps Ctrl-C quick."""
QUIET_ENOUGH = 3
"""Long polls in a row without news after which the queue's count decides."""
PATIENCE = 15.0
"""Seconds without news for which a count that says otherwise is waited for: it may be behind by a while."""
UNREACHABLE_LIMIT = 5
EXPIRED_LIMIT = 3
"""Times a message is tried again in one run whose visibility ended before its delivery."""
PARTING = 1.3
"""Seconds after Ctrl-C at which giving back begins no call any more; what is left comes back by itself. The command
line cuts a command off a little later, and the report has to be out by then."""
UNSEEN = "an earlier part of this run had it in hand, and SQS has not handed it out since"
NOT_THERE = "it was asked for by its id, and SQS did not hand it out"
TOO_SLOW = f"its visibility ended {EXPIRED_LIMIT} times before it was delivered"


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

    hand: int = 10
    """Messages in one hand: a batch of SQS's, or a wave that AWS delivers (`distributed/`)."""
    on_interrupt: Callable[[], None] = lambda: None
    """Called at once when Ctrl-C comes, before what is in hand is ended."""

    _waiting: set[str] = field(default_factory=set)
    """Messages that were handed out, and not delivered up to now."""
    _unmet: set[str] = field(init=False)
    """What an earlier part of this run delivered and did not delete, and SQS has not handed out again."""
    _expired: Counter[str] = field(default_factory=Counter)
    _quiet: int = 0
    _at_work: int = 0
    _is_empty: bool = False
    _last_news: float = 0.0
    _errors: list[BaseException] = field(default_factory=list)
    _triage: Triage = field(init=False)
    _aside: Aside = field(init=False)
    _crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self._aside = Aside(self.queues, self.job.queue, self.clock)
        self._crew = Crew(self._work, self._pace.width)
        self._pace.meanwhile = self._aside.tighten
        self._triage = Triage(self.job, self.tally, self.standing)
        self._unmet = set(self.standing.to_delete)
        self._last_news = self.clock.monotonic()

    @property
    def _pace(self) -> Pace:
        return self.desk.pace

    @property
    def second_reports(self) -> dict[str, str]:
        """Messages that report the same failure as another one, which was taken: message id to that one's."""
        return self._triage.second_reports

    @property
    def most_workers(self) -> int:
        """How many workers there were at once at most."""
        return self._crew.most

    def run(self) -> None:
        """Work until done; then give back what is held. Raises the first fatal error, or KeyboardInterrupt.

        The first Ctrl-C ends the calls in hand and gives the rest back; a second one leaves at once.
        """
        interrupted: KeyboardInterrupt | None = None
        parting: float | None = None
        try:
            if not self._triage.is_fulfilled():
                self._crew.start((self.job.queue.depth + self.hand - 1) // self.hand)
                self._crew.wait(self._tick)
        except KeyboardInterrupt as error:
            interrupted = error
            parting = self.clock.monotonic() + PARTING
            self._pace.stop.set()
            self.on_interrupt()
            self._crew.wait(self._tick)
        is_whole = not self._pace.stop.is_set()
        self._pace.stop.set()
        self._part(within=None if parting is None else parting - self.clock.monotonic())
        self._miss(is_whole=is_whole)
        if self._errors:
            raise self._errors[0]
        if interrupted is not None:
            raise interrupted

    def _tick(self) -> None:
        self.progress(self.tally)

    def _work(self) -> None:
        unreachable = 0
        try:
            while not (self._pace.is_over or self._crew.is_surplus()):
                try:
                    self._round()
                    unreachable = 0
                except ThrottledError:
                    self._pace.throttled()
                    if not self.desk.patience.throttled(self.job.queue.arn):
                        raise
                except (UnreachableError, NoConnectionError):
                    unreachable += 1
                    if unreachable == UNREACHABLE_LIMIT:
                        raise
                    self._pace.throttled()
        except (OrderctlError, OSError) as error:
            self._errors.append(error)
            self._pace.stop.set()
        except BaseException as error:  # a defect: stop every worker and let main see it
            self._errors.append(error)
            self._pace.stop.set()
            raise

    def _round(self) -> None:
        """Receive one batch and settle it."""
        self._aside.tighten()
        queue, room = self.job.queue, self._pace.batch(self.hand)
        if not (self._pace.ready() and self._pace.take(room)):
            return  # before the receive: a message must not wait hidden for its turn
        messages = self.queues.receive(queue, up_to=room, hide_for=HIDE_FOR, wait=LONG_POLL)
        self._went_well(is_full=len(messages) == room, is_empty=not messages)
        fresh = self._news(messages)
        if not fresh and self._is_drained():
            self._pace.done.set()
        with self._working(bool(messages)):
            self._treat(messages, fresh, room)
        if self._triage.is_fulfilled():
            self._pace.done.set()

    @contextmanager
    def _working(self, has_work: bool) -> Iterator[None]:
        """While one has messages in hand, the queue is not done, however quiet it is for the others."""
        with self._triage.lock:
            self._at_work += has_work
        try:
            yield
        finally:
            with self._triage.lock:
                self._at_work -= has_work
                self._last_news = self.clock.monotonic() if has_work else self._last_news

    def _treat(self, messages: Sequence[Message], fresh: set[str], room: int) -> None:
        """Delete what was delivered before, deliver what is due, and set the rest aside."""
        done = [message for message in messages if self._is_delivered(message.message_id)]
        self.desk.delete(done)
        rest = [message for message in messages if message not in done] if done else messages
        letters, others = self._triage.sort(rest, fresh)
        self._pace.refund(room - len(letters))
        try:
            stays = self._settle(letters)
        except BaseException:
            self._aside.put(others)
            raise
        gone = ids_of(letter.letter.message for letter in letters) - ids_of(stay.message for stay in stays)
        lively = {group_of(message) for message in messages if message.message_id in fresh | gone}
        self._set_aside(others, stays, lively=lively | _cut_off(messages, room))

    def _went_well(self, *, is_full: bool, is_empty: bool) -> None:
        """Follow what the queue gives: more workers for full batches, fewer for nothing."""
        self._pace.went_well()
        self.desk.patience.eased(self.job.queue.arn)
        if is_full:
            self._pace.width.widen()
            self._crew.grow()
        elif is_empty:
            self._pace.width.narrow()

    def _is_delivered(self, message_id: str) -> bool:
        return message_id in self.tally.delivered or self.job.delivered_before(message_id)

    def _settle(self, letters: Sequence[Redrivable]) -> list[Stay]:
        """Deliver and delete; answers what stays, with its reason taken down."""
        if not letters:
            return []
        try:
            stays = self._stopped(letters) if self._pace.stop.is_set() else self.desk.settle(letters)
        except BaseException:
            left = [x.letter.message for x in letters if x.letter.message.message_id not in self.tally.delivered]
            self._aside.put(left)
            with self.tally.lock:
                for message in left:
                    self.tally.kept.setdefault(message.message_id, STOPPED)
            raise
        else:
            for stay in stays:
                self._stay(stay)
            return stays
        finally:
            with self._triage.lock:
                done = ids_of(letter.letter.message for letter in letters)
                self._triage.in_hand -= done
                self._waiting.difference_update(i for i in done if i in self.tally.delivered)

    def _stopped(self, letters: Sequence[Redrivable]) -> list[Stay]:
        """Claimed and not begun: they are as they were."""
        return [Stay(letter.letter.message, STOPPED) for letter in letters]

    def _stay(self, stay: Stay) -> None:
        """Take down why a letter stays. One whose visibility ended comes again, and is tried again."""
        message_id, reason = stay.message.message_id, stay.reason
        if reason != EXPIRED:
            self._triage.keep(stay.message, reason)
            return
        with self._triage.lock:
            self._expired[message_id] += 1
            self._triage.claimed -= 1
            is_last = self._expired[message_id] >= EXPIRED_LIMIT
        if is_last:
            self._triage.keep(stay.message, TOO_SLOW)
        else:
            with self.tally.lock:
                self.tally.kept[message_id] = EXPIRED

    def _set_aside(self, others: Sequence[Message], stays: Sequence[Stay], *, lively: set[str]) -> None:
        """Hide what is not delivered, or give it back: what is to be tried again, and on a FIFO queue what lies in
        `lively` groups, of which something was new, or is gone now, or did not fit into the batch."""
        again = [stay.message for stay in stays if self.tally.kept.get(stay.message.message_id) == EXPIRED]
        rest = [*others, *(stay.message for stay in stays if stay.message not in again)]
        with self._triage.lock:
            lively = lively - self._triage.blocked if self.job.queue.is_fifo else set()
        back = [*again, *(message for message in rest if group_of(message) in lively)]
        self._aside.put(message for message in rest if message not in back)
        give_back(self.queues, self.job.queue, self.clock, back)
        self.desk.expect(again)

    def _news(self, messages: Sequence[Message]) -> set[str]:
        """Which of these were not handed out in this run before."""
        with self._triage.lock:
            fresh = {m.message_id for m in messages if not self._is_seen(m.message_id)}
            self._waiting.update(fresh - self._unmet)
            self._unmet -= fresh
            self._quiet = 0 if fresh else self._quiet + 1
            self._last_news = self.clock.monotonic() if fresh else self._last_news
            return fresh

    def _is_seen(self, message_id: str) -> bool:
        """Was it handed out in this part of the run?"""
        return message_id in self._waiting or (message_id in self.tally.delivered and message_id not in self._unmet)

    def _is_drained(self) -> bool:
        """After enough quiet polls: does the queue's count agree? If not for long enough, what is left is said."""
        if self._quiet < QUIET_ENOUGH:
            return False
        now = self.queues.describe(self.job.queue.url)
        ours = self._aside.ids()
        with self._triage.lock:
            elsewhere = max(0, now.in_flight - len(ours | self._triage.in_hand))
            due_back = self.desk.due_back if elsewhere else 0.0
            patience_ends = max(self._last_news, due_back) + PATIENCE
            if self._at_work:
                return False
        if (now.depth or elsewhere) and self.clock.monotonic() < patience_ends:
            self._pace.wait(0.0 if now.depth else due_back - self.clock.monotonic())
            return False
        if now.depth:
            behind = "none behind those of their FIFO group that stay" if self.job.queue.is_fifo else "none; try later"
            self._note(f"SQS still counts {now.depth} visible messages, but hands out {behind}")
        if elsewhere:
            self._note(f"about {elsewhere} messages are in flight in somebody else's hands and were not seen")
        self.tally.left = now.depth + elsewhere
        self._is_empty = not self.tally.left
        return True

    def _part(self, within: float | None) -> None:
        left = self._aside.give_back(workers=self._pace.width.most, within=within)
        if left:
            self._note(f"{left} messages were not given back; they are visible again within {LONGEST / 60:.0f} minutes")

    def _miss(self, *, is_whole: bool) -> None:
        """What an earlier part of the run had in hand and SQS has not handed out again.

        In doubt, it is not done, and said so. Delivered, it is gone when the queue is drained and nothing is in
        flight; should it appear after all, any later run on this machine only deletes it.
        """
        is_full = self.job.limit is not None and self._triage.claimed >= self.job.limit
        self.tally.left = 0 if is_full else self.tally.left
        missing = self.standing.in_doubt if is_full else self.standing.in_doubt | self.standing.kept.keys()
        for message_id in missing:
            if not self._is_seen(message_id):
                self.tally.kept.setdefault(message_id, UNSEEN)
        for message_id in self.job.expected if self.job.limit is None and is_whole else ():
            if not self._is_seen(message_id):
                self.tally.kept.setdefault(message_id, NOT_THERE)
        if self._is_empty:
            gone = [message_id for message_id in self._unmet if message_id not in self.tally.deleted]
            self.tally.deleted.update(gone)
            self.desk.journal.deleted(gone)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _cut_off(messages: Sequence[Message], room: int) -> set[str]:
    """The group that ran out of room in its batch: there may be more of it than was shown."""
    last = group_of(messages[-1]) if len(messages) == room else None
    return {last} if last is not None and any(group_of(message) != last for message in messages) else set()


def cutoff(queue: Queue, clock: Clock) -> datetime:
    """The moment a run begins, by the service's clock where it told us; it tells whole seconds."""
    return (queue.as_of or clock.now()) + timedelta(seconds=1)


def resumed_tally(run: str, standing: Standing) -> Tally:
    """What an interrupted run had done already."""
    settled = standing.doubted & (standing.deleted | standing.to_delete.keys())
    tally = Tally(run, possible_duplicates=dict.fromkeys(settled, CUT_OFF))
    delivered: dict[str, str | None] = {**dict.fromkeys(standing.deleted - standing.only_deleted), **standing.to_delete}
    tally.sent({**delivered, **{origin: new_id for new_id, origin in standing.new_ids.items()}})
    tally.deleted.update(standing.deleted)
    for message_id in tally.delivered:
        tally.payloads.update(dict.fromkeys(standing.payloads.get(message_id, ()), message_id))
        found = standing.requests.get(message_id)
        if found is not None:
            tally.requests[found["request"]] = Invocation(message_id, Kind(found["kind"]), found["source"])
    return tally
