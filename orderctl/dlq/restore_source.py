"""Where letters to restore come from: an export, the file of a purge, or the journal of a redrive.

All three hold whole messages, and the last two know which of them were deleted. A file is read twice: the first time
all of it is checked, so that nothing is sent from a file that turns out to be wrong on its last line; the second time
its letters are handed out one by one, so that its length costs no memory beyond the ids.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from orderctl.dlq.delivery import message_bytes
from orderctl.dlq.journal import journal_path, read_lines, restored
from orderctl.dlq.models import Kind, Message, ToQueue
from orderctl.documents import Input, Record
from orderctl.errors import UsageError

FAULTS_SHOWN = 20
MAX_ATTRIBUTES = 10
"""User attributes of one message (SQS Developer Guide, "quotas-messages")."""
IN_DOUBT = "the purge that wrote it ended before its deletion was known"
_QUEUE = re.compile(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?", re.ASCII)
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SQS takes no message with (API_SendMessage); half of a surrogate pair is among it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One letter to put back. `doubt` says why it may still be in its queue."""

    message: Message
    queue_arn: str
    kind: Kind
    doubt: str | None = None

    @property
    def size(self) -> int:
        """Bytes as SQS counts them."""
        return message_bytes(ToQueue(self.queue_arn, self.message.body, self.message.attributes))


class Source(Protocol):
    """Letters, checked; `entries` may be called again and again."""

    not_deleted: int
    """Letters it also holds that were never deleted: they are left where they are."""

    def entries(self) -> Iterator[Entry]:
        """Every letter once, in order."""


@dataclass(slots=True)
class FileSource:
    """An export or a purge's file. `torn` is the number of a last line without its end, if there is one."""

    source: Input
    torn: int | None = None
    not_deleted: int = 0
    _is_purge: bool = False
    _deleted: set[str] = field(default_factory=set)
    _kept: set[str] = field(default_factory=set)
    _digests: dict[str, bytes] = field(default_factory=dict)

    def check(self) -> None:
        """Read the whole file; raises UsageError with every fault and its line."""
        faults: list[str] = []
        hidden = 0
        for record in self._records(faults):
            try:
                self._take(record)
            except UsageError as error:
                hidden += len(faults) >= FAULTS_SHOWN
                faults += [error.message] if len(faults) < FAULTS_SHOWN else []
        if faults:
            more = [f"... and {hidden:,} more"] if hidden else []
            raise UsageError("\n".join([*faults, *more]), hint="nothing was sent; correct the file and run it again")
        if not self._digests and not self._is_purge:
            raise UsageError(f"{self.source.name} holds no letters")
        self.not_deleted = len((self._kept - self._deleted) & self._digests.keys()) if self._is_purge else 0

    def entries(self) -> Iterator[Entry]:
        """Every letter once: of a purge's file those that were, or may have been, deleted."""
        done: set[str] = set()
        for record in self._records([]):
            message_id = record.values.get("id")
            if "r" in record.values or message_id in done or message_id in self._kept - self._deleted:
                continue
            entry = _entry(record.values, self.source.where(record.line))
            done.add(entry.message.message_id)
            doubt = IN_DOUBT if self._is_purge and message_id not in self._deleted else None
            yield Entry(entry.message, entry.queue_arn, entry.kind, doubt)

    def _records(self, faults: list[str]) -> Iterator[Record]:
        """Up to the first line that is no JSON. The torn end of a purge's file is no fault: nothing hangs on it."""
        try:
            yield from self.source.records()
        except UsageError as error:
            is_torn = self.torn is not None and error.message.startswith(self.source.where(self.torn) + ":")
            if not (is_torn and self._is_purge):
                faults.append(error.message)

    def _take(self, record: Record) -> None:
        values, place = record.values, self.source.where(record.line)
        match values.get("r"):
            case None:
                entry = _entry(values, place)
                digest = _digest(entry.message)
                if self._digests.setdefault(entry.message.message_id, digest) != digest:
                    raise UsageError(f"{place}: message {entry.message.message_id} stands above with another content")
            case "purge":
                self._is_purge = True
            case "deleted" if self._is_purge and isinstance(values.get("ids"), list):
                self._deleted.update(str(each) for each in _list(values["ids"]))
            case "kept" if self._is_purge and isinstance(values.get("ids"), dict):
                self._kept.update(_object(values["ids"], "ids", place))
            case "end" if self._is_purge:
                pass
            case "run":
                hint = f"orderctl dlq restore --run {values.get('run')}"
                raise UsageError(f"{place}: this is the journal of a redrive ({hint})")
            case other:
                raise UsageError(f"{place}: a line of kind {other!r} does not belong here")


@dataclass(slots=True)
class RunSource:
    """The journal of a redrive: the letters it deleted. Raises NotFoundError for a run that is not there."""

    folder: Path
    run: str
    not_deleted: int = 0
    unplaced: int = 0
    """Letters of which the journal does not say in which queue they lay."""
    _path: Path = field(init=False)
    _deleted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._path = journal_path(self.folder, self.run)
        taken: set[str] = set()
        for record, _ in read_lines(self._path):
            match record.get("r"):
                case "deleted":
                    self._deleted.update(record["ids"])
                case "taken":
                    taken.update(letter["id"] for letter in record["letters"])
                case "settled":
                    self.unplaced += sum(not letter.get("queue") for letter in record["letters"])
        self.not_deleted = len(taken - self._deleted)

    def entries(self) -> Iterator[Entry]:
        """Every deleted letter once; a settled twin too, where the journal says from which queue."""
        done: set[str] = set()
        queue = ""
        for record, _ in read_lines(self._path):
            kind = record.get("r")
            if kind == "run":
                queue = str(record["queue"])
            for letter in record["letters"] if kind in ("taken", "settled") else ():
                place = queue if kind == "taken" else letter.get("queue")
                known = letter["id"] in self._deleted or kind == "settled"
                if place and known and letter["id"] not in done:
                    done.add(letter["id"])
                    yield Entry(restored(letter), place, Kind(letter["kind"]))


def torn_line(path: str) -> int | None:
    """The number of a last line that has no end, or None; None as well for what is no plain file."""
    if not Path(path).is_file():
        return None
    count, last = 0, b"\n"
    with open(path, "rb") as file:
        while chunk := file.read(1 << 16):
            count, last = count + chunk.count(b"\n"), chunk[-1:]
    return None if last == b"\n" else count + 1


def _entry(values: Mapping[str, Any], place: str) -> Entry:
    """One line as a letter; raises UsageError with its place."""
    queue = _text(values, "queue", place)
    if not _QUEUE.fullmatch(queue):
        raise UsageError(f"{place}: queue is {queue!r}, not the ARN of a queue")
    _check_characters(_text(values, "body", place), "body", place)
    _check_attributes(_object(values.get("attributes"), "attributes", place), place)
    system = _object(values.get("system"), "system", place)
    for name in system:
        _check_characters(_text(system, name, place), name, place)
    if queue.endswith(".fifo") and "MessageGroupId" not in system:
        raise UsageError(f"{place}: {queue.rsplit(':', 1)[-1]} is a FIFO queue and the letter has no MessageGroupId")
    _text(values, "id", place)
    try:
        kind = Kind(values.get("kind", "unknown"))
    except ValueError as error:
        raise UsageError(f"{place}: kind is {values['kind']!r}") from error
    return Entry(restored(values), queue, kind)


def _check_attributes(attributes: Mapping[str, Any], place: str) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise UsageError(f"{place}: {len(attributes)} attributes, but a message has at most {MAX_ATTRIBUTES}")
    for name, value in attributes.items():
        attribute = _object(value, name, place)
        if not _TYPE.fullmatch(_text(attribute, "type", place)):
            raise UsageError(f"{place}: attribute {name} has type {attribute['type']!r}")
        if attribute["type"].split(".")[0] != "Binary":
            _check_characters(_text(attribute, "text", place), name, place)
            continue
        try:
            base64.b64decode(_text(attribute, "base64", place), validate=True)
        except ValueError as error:
            raise UsageError(f"{place}: attribute {name} is not valid base64") from error


def _check_characters(text: str, name: str, place: str) -> None:
    if found := _NO_CHARACTER.search(text):
        raise UsageError(f"{place}: {name} has a character that SQS does not take (U+{ord(found.group()):04X})")


def _text(values: Mapping[str, Any], name: str, place: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: {name} is a text and not empty")
    return value


def _object(value: Any, name: str, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{place}: {name} is a JSON object")
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _digest(message: Message) -> bytes:
    """Body and attributes; how often it was received may differ from one export to the next."""
    text = repr((message.body, sorted(message.attributes.items(), key=lambda item: item[0])))
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
