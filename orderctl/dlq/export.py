"""Dead letters as a file: one JSON object a line, whole enough to put every message back byte for byte.

A line is the form the journals keep (`journal.stored`: body, attributes with their types, binary as base64, what SQS
knows of the message), and beside it `kind`, `order_id`, `queue` (the ARN it lay in) and `exported_at`. Everything
outside ASCII is escaped, so that a file or a terminal can do no harm to it, nor it to a terminal.

A file is there when it is whole: it is written as `FILE.part`, mode 0600, and renamed at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orderctl import jsontext
from orderctl.atomic import sync_folder
from orderctl.clock import Clock
from orderctl.dlq.classify import classify
from orderctl.dlq.journal import stored
from orderctl.dlq.line_file import LineFile
from orderctl.dlq.look import Glance
from orderctl.dlq.models import DeadLetter, Queue, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.selection import Selection
from orderctl.dlq.sweep import Sweep, workers_for
from orderctl.errors import ConflictError, FailedError


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export to a file came to."""

    queue: str
    file: str
    exported: int
    not_selected: int
    is_whole: bool


def letters(
    queues: Queues,
    queue: Queue,
    wiring: Wiring,
    clock: Clock,
    *,
    selection: Selection,
    limit: int | None,
    glance: Glance,
    function: str | None = None,
) -> Generator[DeadLetter]:
    """Selected letters as SQS hands them out; at the end, or when closed, everything is given back."""
    count = 0
    most = queue.depth if limit is None else min(limit, queue.depth)
    sweep = Sweep(queues, queue, clock, glance, workers=workers_for(most))
    with contextlib.closing(sweep.batches(list)) as batches:
        for message in (message for batch in batches for message in batch):
            letter = classify(message, queue.arn, wiring, function=function)
            if not selection.takes(letter):
                glance.not_selected += 1
                continue
            yield letter
            count += 1
            if count == limit:
                return


def line_of(letter: DeadLetter, at: datetime) -> dict[str, object]:
    """One letter as the object its line holds."""
    return {
        **stored(letter.message),
        "kind": letter.kind.value,
        "order_id": letter.order_id,
        "queue": letter.queue_arn,
        "exported_at": jsontext.iso(at),
    }


def text_of(record: Mapping[str, object]) -> str:
    """A line for a stream that somebody may look at: not even DEL stands in it raw."""
    return json.dumps(record, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"


class LetterFile:
    """An open file of lines; after an error it ends with the last whole line (`line_file.py`). Private, and locked
    while open."""

    def __init__(self, path: Path, flags: int) -> None:
        self.path = path
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise ConflictError(f"{path} is being written by another process") from error
        os.fchmod(handle, 0o600)
        os.ftruncate(handle, 0)
        self._lines = LineFile(handle)

    @classmethod
    def create(cls, folder: Path, name: str) -> LetterFile:
        """A new file in a private folder that is made if need be; raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = cls(folder / name, os.O_EXCL)
        sync_folder(folder)
        return made

    def append(self, records: Iterable[Mapping[str, object]], *, sync: bool = True) -> None:
        """Write whole lines; on disk when it returns, unless `sync` is off. Raises OSError."""
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()
        self._lines.append(text, must_last=sync)

    def sync(self) -> None:
        """Wait until everything is on disk."""
        self._lines.append(b"")

    def close(self) -> None:
        """Give up the lock."""
        self._lines.close()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[LetterFile]:
    """A file that appears under its name when the block has ended well, and not at all otherwise.

    Raises ConflictError where something of that name is there: it may be the only copy of purged letters.
    """
    if path.exists() or path.is_symlink():
        raise ConflictError(f"{path} exists already", hint="choose another name, or move it away")
    part = path.with_name(f"{path.name}.part")
    try:
        file = LetterFile(part, 0)
    except OSError as error:
        raise FailedError(f"cannot write {part}: {error.strerror}", hint="check the folder and the disk") from error
    try:
        yield file
        file.sync()
        os.rename(part, path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        file.close()
