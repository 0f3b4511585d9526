"""Delete dead letters for good, after writing them down.

For every batch: receive, match, write the lines of the letters that are to go and wait until they are on disk, delete
exactly those, write down which are gone. What is not selected is held until the end and given back. A letter sent
after the purge began is a new failure that nobody has seen yet: it stays.

The file is an export that `restore` reads. Beside the letters it holds what became of them (`deleted`, `kept`), so
that a purge that died can be undone exactly: what is written down as deleted comes back, what is known to be still
there does not, and what lies between the two is put back and named as a possible duplicate. To go on after any kind
of death is to purge again: what is left goes into another file.

SQS's own PurgeQueue does it in one call, and takes with it what is in flight in a consumer's hands and what arrives
within the minute (API reference, PurgeQueue). It is there for queues too long for anything else.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from orderctl import jsontext
from orderctl.clock import Clock
from orderctl.dlq.classify import classify
from orderctl.dlq.engine import cutoff
from orderctl.dlq.export import LetterFile, letters, line_of
from orderctl.dlq.look import Glance
from orderctl.dlq.models import DeadLetter, Message, Queue, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.selection import Selection
from orderctl.dlq.sweep import WAITS, Sweep
from orderctl.errors import (
    AuthError,
    ConflictError,
    NoConnectionError,
    NotFoundError,
    OrderctlError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)

EXPIRED = "its visibility ended before it was deleted"


class Purger(Protocol):
    """SQS's own way to empty a queue."""

    def purge(self, queue: Queue) -> None:
        """Begin to delete everything; raises ConflictError within a minute of another purge."""


@dataclass(slots=True)
class Report:
    """What became of the letters."""

    run: str
    queue: str
    file: str | None = None
    deleted: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    not_selected: int = 0
    arrived_later: int = 0
    is_whole: bool = False
    purged_all: bool = False

    def document(self) -> dict[str, object]:
        """The documented JSON object."""
        return {
            "run": self.run,
            "queue": self.queue,
            "file": self.file,
            "is_whole": self.is_whole,
            "purged_all": self.purged_all,
            "counts": self.counts(),
            "deleted": list(self.deleted),
            "kept": [{"message_id": message_id, "reason": reason} for message_id, reason in self.kept.items()],
        }

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "deleted": len(self.deleted),
            "kept": len(self.kept),
            "not_selected": self.not_selected,
            "arrived_later": self.arrived_later,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """What the person asked for. `function` settles whose a shared Lambda DLQ's letters are."""

    queue: Queue
    wiring: Wiring
    selection: Selection
    function: str | None = None
    said: Mapping[str, object] = field(default_factory=dict)
    """The filters in the form the file keeps."""


def purges_folder(state_dir: Path) -> Path:
    """Where the letters of purges lie."""
    return state_dir / "purges"


def begin_file(folder: Path, run: str, order: Order, at: datetime) -> LetterFile:
    """The file of a new purge, with its first line on disk; raises OSError."""
    file = LetterFile.create(folder, f"{run}.jsonl")
    said = {"asked": dict(order.said), "at": jsontext.iso(at)}
    file.append([{"r": "purge", "run": run, "queue": order.queue.arn, **said}])
    return file


@dataclass(slots=True)
class Purge:
    """One purge, message by message. Without a file the letters are deleted unwritten."""

    order: Order
    queues: Queues
    clock: Clock
    report: Report
    file: LetterFile | None
    workers: int = 0
    """How many receive and delete at once at most; 0: as the queue's length wants it."""
    _cutoff: datetime = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._cutoff = cutoff(self.order.queue, self.clock)

    def run(self, stop: threading.Event) -> None:
        """Until the queue hands out nothing new, or `stop`. Raises OSError when a line cannot be written."""
        glance = Glance()
        sweep = Sweep(self.queues, self.order.queue, self.clock, glance, stop, self.workers)
        try:
            with contextlib.closing(sweep.batches(lambda batch: self._take(sweep, batch))) as batches:
                for _ in batches:
                    continue
        finally:
            self.report.is_whole = glance.is_whole
        if self.file is not None:
            self.file.append([{"r": "end", "counts": self.report.counts()}])

    def _meant(self, message: Message) -> DeadLetter | None:
        order = self.order
        if message.sent_at is not None and message.sent_at > self._cutoff:
            with self._lock:
                self.report.arrived_later += 1
            return None
        letter = classify(message, order.queue.arn, order.wiring, function=order.function)
        if not order.selection.takes(letter):
            with self._lock:
                self.report.not_selected += 1
            return None
        return letter

    def _take(self, sweep: Sweep, batch: Sequence[Message]) -> None:
        """One batch, in the worker that received it; the order of the steps is what keeps every letter."""
        chosen = [letter for message in batch if (letter := self._meant(message))]
        if not chosen:
            return
        if self.file is not None:
            self.file.append([line_of(letter, self.clock.now()) for letter in chosen])
        kept = self._delete([letter.message for letter in chosen])
        gone = [letter.message.message_id for letter in chosen if letter.message.message_id not in kept]
        sweep.deleted(gone)
        with self._lock:
            self.report.deleted.extend(gone)
            self.report.kept.update(kept)
        if self.file is not None:
            known = {i: reason for i, reason in kept.items() if not reason.startswith(_UNSURE)}
            self.file.append([{"r": "deleted", "ids": gone}, {"r": "kept", "ids": known}])

    def _delete(self, messages: Sequence[Message]) -> dict[str, str]:
        """Delete at most ten; answers what stays and why. A receipt handle past its visibility is not used."""
        kept: dict[str, str] = {}
        left = list(messages)
        for wait in (*WAITS, None):
            now = self.clock.monotonic()
            for message in left:
                if message.visible_at <= now:
                    kept.setdefault(message.message_id, EXPIRED)
            left = [message for message in left if message.visible_at > now]
            if not left:
                break
            failed = self._try_delete(left)
            for message in left:
                self._note(kept, message.message_id, failed.get(message.message_id))
            left = [message for message in left if message.message_id in failed]
            if left and wait is not None:
                self.clock.sleep(wait)
        return kept

    def _try_delete(self, messages: Sequence[Message]) -> Mapping[str, str]:
        try:
            return self.queues.delete(self.order.queue, messages)
        except (ThrottledError, UnreachableError, NoConnectionError) as error:
            doubt = _UNSURE if isinstance(error, UnreachableError) else ""
            return {message.message_id: doubt + error.message for message in messages}

    def _note(self, kept: dict[str, str], message_id: str, failure: str | None) -> None:
        """A delete whose answer was lost once stays in doubt until one succeeds."""
        if failure is None:
            kept.pop(message_id, None)
        elif not kept.get(message_id, "").startswith(_UNSURE):
            kept[message_id] = failure


_UNSURE = "it may be deleted: "
_REFUSALS = (AuthError, ConflictError, NoConnectionError, NotFoundError, ThrottledError)
"""Errors after which nothing was purged; after any other it may have been."""


def purge_all(
    purger: Purger, order: Order, queues: Queues, clock: Clock, report: Report, file: LetterFile | None
) -> None:
    """Export what can be seen, then PurgeQueue.

    Raises RefusedError, with nothing deleted, when the export does not hold all that the queue counts.
    """
    ids = [] if file is None else _write_all(order, queues, clock, file)
    try:
        purger.purge(order.queue)
    except OrderctlError as error:
        if file is not None and isinstance(error, _REFUSALS):
            file.append([{"r": "kept", "ids": dict.fromkeys(ids, error.message)}])
        raise
    report.deleted.extend(ids)
    report.purged_all = report.is_whole = True
    if file is not None:
        file.append([{"r": "deleted", "ids": ids}, {"r": "end", "counts": report.counts()}])


def _write_all(order: Order, queues: Queues, clock: Clock, file: LetterFile) -> list[str]:
    glance, ids = Glance(), []
    found = letters(queues, order.queue, order.wiring, clock, selection=Selection(), limit=None, glance=glance)
    with contextlib.closing(found):
        for letter in found:
            file.append([line_of(letter, clock.now())], sync=False)
            ids.append(letter.message.message_id)
    file.sync()
    if glance.is_whole:
        return ids
    file.append([{"r": "kept", "ids": dict.fromkeys(ids, "not everything could be exported")}])
    raise RefusedError(
        f"{glance.seen} messages could be exported, but the queue counts more; nothing was deleted",
        hint="purge without --all-at-once, or give up the export with --no-export",
    )
