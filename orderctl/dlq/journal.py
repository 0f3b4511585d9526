"""The record of one redrive, on disk before the next step depends on it.

One file a run, one JSON object a line, on disk before an append returns (`line_file.py`; only for `deleted`, on which
nothing hangs, the disk is not waited for). It has to answer after any kind of death:

* `taken`: the whole message, written before its delivery begins. If nothing else about it follows, it may
  or may not have been delivered: it is *in doubt*, it is still in the queue, and delivering it again is
  reported as a possible duplicate.
* `delivered`: acknowledged by the consumer's service. If the queue shows it again, it is only deleted.
* `deleted`, `kept`: settled one way or the other.

A last line without its end was cut off by a crash or a full disk. Nothing hangs on it, since the next step waits for
the whole line: it is ignored when read. When an append fails, the file is cut back to the last whole line. Any other
line that cannot be read is damage done later, and what it said is not known. To go on with that run, or to restore
from it, is refused with the number of the line. A new run reads all the other lines (`readable`), and names every
letter of that queue as a possible duplicate: more than may be, never less.

A lock keeps two processes from continuing one run.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orderctl.atomic import sync_folder
from orderctl.dlq.line_file import LineFile
from orderctl.dlq.models import Attribute, DeadLetter, Message
from orderctl.errors import ConflictError, NotFoundError, OrderctlError, RefusedError

SUFFIX = ".jsonl"
_written = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True)
class Standing:
    """What a journal says about a run's messages, by message id."""

    header: dict[str, Any] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    to_delete: dict[str, str | None] = field(default_factory=dict)
    """Delivered, with the new id, but not known to be deleted."""
    deleted: set[str] = field(default_factory=set)
    only_deleted: set[str] = field(default_factory=set)
    """Deleted, because a run before this one had delivered them: no deliveries of this run."""
    kept: dict[str, str] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    """Every id whose delivery was unclear at some time: the possible duplicates."""
    new_ids: dict[str, str] = field(default_factory=dict)
    """New id to the message id it was made from."""
    requests: dict[str, dict[str, str]] = field(default_factory=dict)
    """Message id to the request id, kind and source of the failed invocation it reports."""
    payloads: dict[str, list[str]] = field(default_factory=dict)
    """Message id to what stands for its payload, where no id links it to what it becomes."""
    ended: bool = False

    def read(self, record: Mapping[str, Any]) -> None:
        """Take in one line."""
        match record.get("r"):
            case "run":
                self.header = dict(record)
            case "taken":
                self._taken([letter["id"] for letter in record["letters"]])
                self.requests.update({x["id"]: x for x in map(_request, record["letters"]) if x["request"]})
                self.payloads.update({x["id"]: found for x in record["letters"] if (found := payloads_of(x))})
            case "delivered":
                for message_id, new_id in record["ids"].items():
                    self.in_doubt.discard(message_id)
                    self.kept.pop(message_id, None)
                    self.to_delete[message_id] = new_id
                    if new_id:
                        self.new_ids[new_id] = message_id
            case "unknown":
                self.doubted.update(record["ids"])
            case "known":  # a wave of AWS's was looked at afterwards: nothing of these is doubtful any more
                self.doubted.difference_update(record["ids"])
            case "deleted":
                for message_id in record["ids"]:
                    known = message_id in self.to_delete or message_id in self.in_doubt or message_id in self.deleted
                    self.only_deleted.update(() if known else (message_id,))
                    self.to_delete.pop(message_id, None)
                    self.deleted.add(message_id)
            case "kept":
                self.in_doubt.difference_update(record["ids"])
                self.kept.update(record["ids"])
            case "resumed":
                self.doubted.update(self.in_doubt)
                self.ended = False
            case "end":
                self.ended = True

    def check(self, run: str) -> None:
        """Raise NotFoundError for a journal that ends before its first line: nothing was begun."""
        if not self.header:
            raise NotFoundError(f"run {run} had not begun when it died; there is nothing to go on with")

    def check_environment(self, environment: str) -> None:
        """Raise RefusedError where the run was begun in another environment; journals of old do not say."""
        known = self.header.get("environment")
        if known is not None and known != environment:
            raise RefusedError(
                f"the run was begun in environment {known}, this is {environment}", hint=f"go on with --env {known}"
            )

    def check_queue(self, arn: str) -> None:
        """Raise RefusedError where the queue found now is not the run's: another account or Region of that name."""
        if self.header.get("queue", arn) != arn:
            hint = "choose the account and Region it was begun in with --profile, --region or --env"
            raise RefusedError(f"the run was begun on {self.header['queue']}, found is {arn}", hint=hint)

    def _taken(self, ids: Iterable[str]) -> None:
        for message_id in ids:
            if message_id not in self.to_delete and message_id not in self.deleted:
                self.kept.pop(message_id, None)
                self.in_doubt.add(message_id)


class Journal:
    """An open journal. Append from any thread; each append is on disk when it returns."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.file = LineFile(handle)
        self._locks: list[int] = []
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise ConflictError(f"run {self.run} is being worked on by another process") from error

    @property
    def run(self) -> str:
        """The run's name, as `--resume` takes it."""
        return self.path.name.removesuffix(SUFFIX)

    @classmethod
    def begin(cls, folder: Path, run: str, header: Mapping[str, object]) -> Journal:
        """Start the journal of a new run; raises OSError where it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{run}{SUFFIX}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        journal = cls(path, handle)
        try:
            journal.append({"r": "run", "run": run, **header})
        except OSError:
            path.unlink(missing_ok=True)
            raise
        sync_folder(folder)
        return journal

    @classmethod
    def resume(cls, folder: Path, run: str) -> tuple[Journal, Standing]:
        """Open an earlier run's journal and what it says. A line cut off at its end is removed.

        Raises NotFoundError for an unknown run, ConflictError while another process works on it, RefusedError
        where a line is damaged.
        """
        path = journal_path(folder, run)
        journal = cls(path, os.open(path, os.O_WRONLY | os.O_NOFOLLOW))
        standing, whole = Standing(), 0
        try:
            for record, end in read_lines(path):
                standing.read(record)
                whole = end
            standing.check(run)
        except OrderctlError:
            journal.close()
            raise
        journal.file.cut_back(whole)
        journal.append({"r": "resumed"})
        standing.read({"r": "resumed"})
        return journal, standing

    def append(self, record: Mapping[str, object], *, must_last: bool = True) -> None:
        """Write one line (`LineFile.append`); raises OSError, leaving the file without a part of it."""
        self.file.append((_written(record) + "\n").encode(), must_last=must_last)

    def taken(self, letters: Iterable[tuple[DeadLetter, str]]) -> None:
        """Whole messages about to be delivered, each with the ARN it goes to."""
        records = [
            {
                **stored(x.message),
                "kind": x.kind.value,
                "source": x.source,
                "to": to,
                "request": x.failure.request_id,
                "payloads": list(x.digests),
            }
            for x, to in letters
        ]
        self.append({"r": "taken", "letters": records})

    def delivered(self, ids: Mapping[str, str | None]) -> None:
        """Acknowledged deliveries: message id to the id they became."""
        if ids:
            self.append({"r": "delivered", "ids": dict(ids)})

    def unknown(self, ids: Mapping[str, str]) -> None:
        """Deliveries whose answer never came."""
        if ids:
            self.append({"r": "unknown", "ids": dict(ids)})

    def deleted(self, ids: Sequence[str]) -> None:
        """Messages that are gone from the queue. The disk is not waited for: where the line is lost with the machine,
        the run's next part finds out that the queue does not have them any more."""
        if ids:
            self.append({"r": "deleted", "ids": list(ids)}, must_last=False)

    def kept(self, ids: Mapping[str, str]) -> None:
        """Messages that stay, each with the reason; they were not delivered."""
        if ids:
            self.append({"r": "kept", "ids": dict(ids)})

    def settled(self, letters: Iterable[DeadLetter]) -> None:
        """Twins of delivered letters about to be deleted without a delivery of their own, whole."""
        records = [{**stored(x.message), "kind": x.kind.value, "queue": x.queue_arn} for x in letters]
        self.append({"r": "settled", "letters": records})

    def end(self, counts: Mapping[str, int]) -> None:
        """The run is over."""
        self.append({"r": "end", "counts": dict(counts)})

    def close(self) -> None:
        """Give up the lock, after an append in hand. A worker left behind cannot write any more, and so cannot begin
        a delivery."""
        self.file.close()
        locks, self._locks = self._locks, []
        for each in locks:
            os.close(each)

    def hold(self, locks: Sequence[int]) -> None:
        """Open files whose locks are the run's: closed with the journal."""
        self._locks.extend(locks)


def payloads_of(letter: Mapping[str, Any]) -> list[str]:
    """What stands for the payloads of a letter that was taken; journals of old kept one."""
    found: list[str] = letter.get("payloads") or ([letter["payload"]] if letter.get("payload") else [])
    return found


def _request(letter: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(letter.get(name) or "") for name in ("id", "request", "kind", "source")}


def journal_path(folder: Path, run: str) -> Path:
    """The file of a run; raises NotFoundError with the runs there are."""
    path = folder / f"{run}{SUFFIX}"
    if "/" in run or not path.is_file():
        latest = ", ".join(runs(folder)[:3]) or "none"
        raise NotFoundError(f"no journal of a run named {run!r}", hint=f"latest runs: {latest}")
    return path


def look_at(folder: Path, run: str) -> Standing:
    """What a run's journal says, without touching it; raises NotFoundError for an unknown run."""
    standing = Standing()
    for record, _ in read_lines(journal_path(folder, run)):
        standing.read(record)
    standing.check(run)
    return standing


def runs(folder: Path) -> list[str]:
    """The names of all runs, latest first: they start with the time they began."""
    return sorted((path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")), reverse=True)


def read_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Every line with the offset it ends at; a last one without its end is left out.

    Raises RefusedError at any other line that cannot be read.
    """
    for number, record, end in _lines(path):
        if record is None:
            raise RefusedError(
                f"line {number} of {path} is damaged: what it says of its letters is not known",
                hint="redrive: begin a new run, it reads the rest and names what may go twice; restore: move the file "
                "away, then all is put back again",
            )
        yield record, end


def readable(path: Path, damaged: list[int] | None = None) -> Iterator[dict[str, Any]]:
    """Every line that can be read; the numbers of the others are added to `damaged`."""
    for number, record, _ in _lines(path):
        if record is not None:
            yield record
        elif damaged is not None:
            damaged.append(number)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None, int]]:
    """(number, record or None, offset of its end) of every line that has an end."""
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            end += len(line)
            if line.endswith(b"\n"):
                yield number, _record(line), end


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "r" in record else None


def stored(message: Message) -> dict[str, object]:
    """A message so that it can be put back byte for byte: the form of journal and export."""
    return {
        "id": message.message_id,
        "body": message.body,
        "attributes": {
            name: {"type": a.data_type, "text": a.text}
            if a.binary is None
            else {"type": a.data_type, "base64": base64.b64encode(a.binary).decode()}
            for name, a in message.attributes.items()
        },
        "system": dict(message.system),
    }


def restored(record: Mapping[str, Any]) -> Message:
    """The message that `stored` wrote."""
    attributes = {
        name: Attribute(a["type"], a.get("text"), base64.b64decode(a["base64"]) if "base64" in a else None)
        for name, a in record["attributes"].items()
    }
    return Message(record["id"], record["body"], attributes, record["system"])
