"""Put dead letters back into the queue they lay in, each at most once as far as can be known.

What comes back is a new message: SQS gives it a new id and its age starts again; body, attributes, group id and trace
header are what they were. On a FIFO queue it gets a fresh deduplication id, since SQS swallows one it has seen within
five minutes, and the order of each group is kept: a letter that cannot be put back holds back the rest of its group.

One journal a destination queue, on disk before the send (`taken`) and after its answer (`delivered`), is what makes
running it twice harmless, from whichever file. A letter whose answer was lost is sent again, because one that is
missing is worse than one that is there twice, and named as a possible duplicate.

Into a standard queue several batches go at a time. Each is written down, sent and its answers written down by one
worker. Into a FIFO queue batch follows batch, because a letter that fails has to
hold back those of its group that stand behind it in the file.

The journal also remembers what SQS will not: the source queue of a letter. `DeadLetterQueueSourceArn` can be set by
nobody but SQS, so a restored letter of kind `sqs` does not say where it came from; see `origins.py`.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from orderctl.clock import Clock
from orderctl.dlq.delivery import BATCH_BYTES, BATCH_ENTRIES, HELD_BACK
from orderctl.dlq.journal import Journal, Standing
from orderctl.dlq.models import Kind, NotSent, Outcome, Queue, Sent, ToQueue, Unknown
from orderctl.dlq.ports import Queues
from orderctl.dlq.restore_source import Entry, Source
from orderctl.dlq.sweep import WAITS
from orderctl.errors import FailedError, NotFoundError, OrderctlError, UsageError
from orderctl.pool import Failed, Pool

AT_ONCE = 16
"""Batches of ten in flight at most, into a standard queue."""
LOST = "the answer to its send was lost; it was sent again"
CUT_OFF = "an earlier restore was cut off while sending it"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: what would be put into one queue."""

    queue: Queue
    count: int
    restored_before: int
    in_doubt: int
    from_sqs: int
    """Letters that SQS moved there from a source queue, which they will not say any more."""


@dataclass(slots=True)
class Report:
    """What became of the letters, by the ids they had."""

    restored: dict[str, str | None] = field(default_factory=dict)
    """To the new message id."""
    failed: dict[str, str] = field(default_factory=dict)
    possible_duplicates: dict[str, str] = field(default_factory=dict)
    restored_before: int = 0
    not_deleted: int = 0
    from_sqs: int = 0

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "restored": len(self.restored),
            "failed": len(self.failed),
            "possible_duplicates": len(self.possible_duplicates),
            "restored_before": self.restored_before,
            "not_deleted": self.not_deleted,
        }

    def document(self) -> dict[str, object]:
        """The documented JSON object."""
        return {
            "counts": self.counts(),
            "restored": [{"message_id": old, "new_id": new} for old, new in self.restored.items()],
            "failed": [{"message_id": i, "reason": why} for i, why in self.failed.items()],
            "possible_duplicates": [{"message_id": i, "reason": why} for i, why in self.possible_duplicates.items()],
        }


def restores_folder(state_dir: Path) -> Path:
    """Where the journals of restores lie, one a queue."""
    return state_dir / "restores"


def make_plan(
    queues: Queues, source: Source, folder: Path, *, override: Queue | None = None, again: bool = False
) -> list[Line]:
    """Look at every queue there is to put something into. Raises NotFoundError for one that is gone, and UsageError
    for a queue of the other type or a letter larger than its queue takes: then nothing has been sent."""
    found: dict[str, Queue] = {}
    lines: dict[str, dict[str, int]] = {}
    standings: dict[str, Standing] = {}
    for entry in source.entries():
        if override is not None:
            found.setdefault(entry.queue_arn, _same_type(entry, override))
        elif entry.queue_arn not in found:
            found[entry.queue_arn] = _described(queues, entry.queue_arn)
        queue = found[entry.queue_arn]
        if entry.size > queue.max_message_bytes:
            size = f"{entry.message.message_id} has {entry.size} bytes"
            raise UsageError(f"{size}, more than {queue.name} takes ({queue.max_message_bytes})")
        standing = standings.setdefault(queue.arn, Standing())
        if not standing.header:
            standings[queue.arn] = standing = read_standing(folder, queue)
        line = lines.setdefault(queue.arn, dict.fromkeys(("count", "restored_before", "in_doubt", "from_sqs"), 0))
        before = not again and entry.message.message_id in standing.to_delete
        line["restored_before" if before else "count"] += 1
        line["in_doubt"] += not before and (entry.doubt is not None or entry.message.message_id in standing.in_doubt)
        line["from_sqs"] += not before and entry.message.source_arn is not None
    by_arn = {queue.arn: queue for queue in found.values()}
    return [Line(by_arn[arn], **counts) for arn, counts in lines.items()]


def read_standing(folder: Path, queue: Queue) -> Standing:
    """What was restored into a queue before, without touching its journal."""
    from orderctl.dlq.journal import read_lines

    standing = Standing(header={"queue": queue.arn})
    path = folder / f"{journal_name(queue)}.jsonl"
    if path.is_file():
        for record, _ in read_lines(path):
            standing.read(record)
    return standing


def journal_name(queue: Queue) -> str:
    """The queue's name, and of its ARN as much as tells it from another account's."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', queue.name)}-{sha256(queue.arn.encode()).hexdigest()[:12]}"


@dataclass(slots=True)
class Restore:
    """Puts letters back into one queue; used with its journal open."""

    queues: Queues
    queue: Queue
    clock: Clock
    report: Report
    journal: Journal
    standing: Standing
    again: bool = False
    _blocked: set[str] = field(default_factory=set)
    _times: Counter[str] = field(init=False)
    _pool: Pool = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._times = Counter(self.standing.new_ids.values())
        self._pool = Pool(self.clock, workers=1 if self.queue.is_fifo else AT_ONCE)

    @classmethod
    def into(
        cls, queue: Queue, queues: Queues, clock: Clock, report: Report, folder: Path, *, again: bool = False
    ) -> Restore:
        """Open the queue's journal; raises ConflictError while another process restores into it."""
        name = journal_name(queue)
        try:
            journal, standing = Journal.resume(folder, name)
        except NotFoundError:
            journal, standing = Journal.begin(folder, name, {"queue": queue.arn}), Standing()
        return cls(queues, queue, clock, report, journal, standing, again)

    def run(self, entries: Iterator[Entry], stop: threading.Event) -> None:
        """Send them, several batches at a time; on a FIFO queue one after the other, in the order of the file.

        Raises the error of an outcome that no other letter could do better than, once what is in flight has ended.
        """
        with contextlib.closing(self._pool.each(self._settle, self._batches(entries, stop))) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Failed):
                    raise outcome.error

    def _batches(self, entries: Iterator[Entry], stop: threading.Event) -> Iterator[dict[str, Entry]]:
        """What goes together. A source names every letter once, so no letter is in two batches."""
        batch: dict[str, Entry] = {}
        for entry in entries:
            if stop.is_set():
                return
            if not self._is_due(entry):
                continue
            if not self._fits(batch, entry):
                yield batch
                batch = {}
            batch[entry.message.message_id] = entry
        if batch and not stop.is_set():
            yield batch

    def _is_due(self, entry: Entry) -> bool:
        message_id = entry.message.message_id
        if message_id in self.standing.to_delete and not self.again:
            self.report.restored_before += 1
            return False
        return message_id not in self.report.restored

    def _fits(self, batch: Mapping[str, Entry], entry: Entry) -> bool:
        """Never two of one FIFO group together: an entry that fails would fall behind the next one."""
        size = entry.size + sum(other.size for other in batch.values())
        if len(batch) == BATCH_ENTRIES or (batch and size > min(BATCH_BYTES, self.queue.max_message_bytes)):
            return False
        return not self.queue.is_fifo or all(x.message.group_id != entry.message.group_id for x in batch.values())

    def _settle(self, batch: Mapping[str, Entry]) -> None:
        waiting = {i: entry for i, entry in batch.items() if (entry.message.group_id or "") not in self._blocked}
        self.report.failed.update({i: HELD_BACK for i in batch if i not in waiting})
        if not waiting:
            return
        self._doubt(waiting)
        self.journal.append({"r": "taken", "letters": [_taken(entry) for entry in waiting.values()]})
        reasons: dict[str, str] = {}
        fatal: OrderctlError | None = None
        for wait in (*WAITS, None):
            outcomes = self.queues.send(self.queue, {i: self._delivery(entry) for i, entry in waiting.items()})
            reasons.update(self._note(waiting, outcomes))
            fatal = _fatal(outcomes)
            waiting = {i: entry for i, entry in waiting.items() if _is_to_try_again(outcomes.get(i))}
            if not waiting or fatal is not None or wait is None:
                break
            self.clock.sleep(wait)
        self._fail({i: why for i, why in reasons.items() if i not in self.report.restored}, batch)
        if fatal is not None:
            raise fatal

    def _doubt(self, waiting: Mapping[str, Entry]) -> None:
        for message_id, entry in waiting.items():
            if message_id in self.standing.doubted:
                self.report.possible_duplicates[message_id] = CUT_OFF
            elif entry.doubt is not None:
                self.report.possible_duplicates[message_id] = entry.doubt

    def _note(self, waiting: Mapping[str, Entry], outcomes: Mapping[str, Outcome]) -> dict[str, str]:
        """Write down what was answered; answers message id to reason for what was not acknowledged."""
        sent: dict[str, str | None] = {}
        unknown: dict[str, str] = {}
        refused: dict[str, str] = {}
        for message_id in waiting:
            match outcomes.get(message_id):
                case Sent(new_id):
                    sent[message_id] = new_id
                case NotSent(reason):
                    refused[message_id] = reason
                case Unknown(reason):
                    unknown[message_id] = reason
                case None:
                    unknown[message_id] = "no answer for this entry"
        self.journal.unknown(unknown)
        self.journal.delivered(sent)
        if any(isinstance(each, NotSent) and each.is_throttled for each in outcomes.values()):
            self._pool.width.narrow()
        with self._lock:
            self.report.restored.update(sent)
            self.report.from_sqs += sum(waiting[i].message.source_arn is not None for i in sent)
        for message_id in unknown:
            self.report.possible_duplicates.setdefault(message_id, LOST)
        for message_id in sent if self.queue.is_fifo else ():
            if self.report.possible_duplicates.get(message_id) == LOST:  # the deduplication id took care of it
                del self.report.possible_duplicates[message_id]
        return {**refused, **{i: f"no answer came, it may be there: {why}" for i, why in unknown.items()}}

    def _fail(self, reasons: Mapping[str, str], batch: Mapping[str, Entry]) -> None:
        self.report.failed.update(reasons)
        certain = {i: why for i, why in reasons.items() if i not in self.report.possible_duplicates}
        self.journal.kept(certain)
        if self.queue.is_fifo:
            self._blocked.update(batch[message_id].message.group_id or "" for message_id in reasons)

    def _delivery(self, entry: Entry) -> ToQueue:
        message = entry.message
        fresh = self._deduplication_id(message.message_id) if self.queue.is_fifo else None
        return ToQueue(self.queue.arn, message.body, message.attributes, message.group_id, fresh, message.trace_header)

    def _deduplication_id(self, message_id: str) -> str:
        """The same at each try of one restore, so that SQS recognises a repetition; another one at the next."""
        times = self._times[message_id]
        return f"restore-{sha256(f'{message_id} {times}'.encode()).hexdigest()[:48]}"


def restore(
    queues: Queues,
    clock: Clock,
    source: Source,
    plan: Sequence[Line],
    folder: Path,
    report: Report,
    *,
    override: Queue | None = None,
    again: bool = False,
    stop: threading.Event | None = None,
) -> None:
    """Do what was planned, queue by queue; what happens is in `report` whatever is raised."""
    stop = stop or threading.Event()
    report.not_deleted = source.not_deleted
    for line in plan:
        one = Restore.into(line.queue, queues, clock, report, folder, again=again)
        try:
            arn = line.queue.arn
            one.run((entry for entry in source.entries() if override is not None or entry.queue_arn == arn), stop)
        finally:
            one.journal.close()


def _described(queues: Queues, arn: str) -> Queue:
    try:
        return queues.describe(arn)
    except NotFoundError as error:
        raise NotFoundError(error.message, hint="put the letters into another queue with --queue") from error


def _same_type(entry: Entry, queue: Queue) -> Queue:
    if entry.queue_arn.endswith(".fifo") != queue.is_fifo:
        types = ("a FIFO queue", "a standard queue") if queue.is_fifo else ("a standard queue", "a FIFO queue")
        raise UsageError(f"{queue.name} is {types[0]}, but the letters lay in {types[1]}: {entry.queue_arn}")
    return queue


def _taken(entry: Entry) -> dict[str, object]:
    """What the journal keeps of a letter: the letter itself is in the file it comes from."""
    return {"id": entry.message.message_id, "kind": entry.kind.value, "source": entry.message.source_arn}


def _is_to_try_again(outcome: Outcome | None) -> bool:
    if isinstance(outcome, NotSent):
        return outcome.is_retryable and not outcome.is_fatal
    return not isinstance(outcome, Sent)


def _fatal(outcomes: Mapping[str, Outcome]) -> OrderctlError | None:
    for outcome in outcomes.values():
        if isinstance(outcome, NotSent) and outcome.is_fatal:
            return outcome.error or FailedError(outcome.reason)
    return None


def kinds_lost(report: Report) -> str | None:
    """What to know about restored letters of kind `sqs`, or None where there are none."""
    if not report.from_sqs:
        return None
    return (
        f"{report.from_sqs} of them came from a source queue ({Kind.SQS.value}). SQS alone can write that on a message "
        "(DeadLetterQueueSourceArn), and does not on these: this machine's restore journal knows it, and a redrive "
        "elsewhere refuses them. To send them to their source queue at once: restore with --queue SOURCE"
    )
