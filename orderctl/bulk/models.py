"""What a bulk is made of: deliveries in chunks, one wave of chunks, and what became of each delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery as a line of a chunk; what it is about is the function's business (`stack/functions`)."""

    item_id: str
    line: bytes = field(repr=False)


class Status(StrEnum):
    """What became of one delivery, in the words of the result file."""

    SENT = "sent"
    REFUSED = "refused"
    """It took no effect, and would not another time."""
    BUSY = "busy"
    """Its consumer asked for less to the last; it took no effect."""
    LATER = "later"
    """It was not sent, for a reason that passes."""
    FATAL = "fatal"
    """It was refused, and every other one there would be."""
    TAKEN = "taken"
    """An execution of that name exists; what it was started with has to be looked at."""
    UNKNOWN = "unknown"
    UNTOUCHED = "untouched"
    """It was not tried, and will not be: nobody can begin its chunk any more, or the chunk ended before it."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one delivery. `code` is AWS's word for a refusal."""

    status: Status
    new_id: str | None = None
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Wave:
    """Chunks that one execution delivers; `chunks` are the items' ids, in order. The prefix ends with `/`."""

    bucket: str
    machine_arn: str
    name: str
    prefix: str
    chunks: tuple[tuple[str, ...], ...]

    @property
    def execution_arn(self) -> str:
        """The ARN of the execution of that name."""
        head, _, machine = self.machine_arn.partition(":stateMachine:")
        return f"{head}:execution:{machine.split(':')[0]}:{self.name}"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of every item."""
        return tuple(item_id for chunk in self.chunks for item_id in chunk)

    def chunk_key(self, number: int) -> str:
        """Where a chunk lies."""
        return f"{self.prefix}in/{number:05}.jsonl"

    def begun_key(self, number: int) -> str:
        """The mark of whoever claimed the chunk; it can be written once."""
        return f"{self.prefix}begun/{number:05}"

    def result_key(self, number: int) -> str:
        """What became of the chunk's deliveries."""
        return f"{self.prefix}results/{number:05}.json"


@dataclass(frozen=True, slots=True)
class Looked:
    """An execution as DescribeExecution tells it."""

    status: str
    error: str | None = None
    cause: str | None = None

    @property
    def has_ended(self) -> bool:
        """Is it over, one way or another?"""
        return self.status not in ("RUNNING", "PENDING_REDRIVE")

    @property
    def words(self) -> str:
        """For a reason: `FAILED (States.ItemReaderFailed: …)`."""
        why = ": ".join(part for part in (self.error, self.cause) if part)
        return f"{self.status} ({why[:300]})" if why else self.status
