"""What became of every message of one run; the words of the final report and of its JSON."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from orderctl.dlq.ids import IdMap, Marked
from orderctl.dlq.models import DeadLetter, Kind


@dataclass(frozen=True, slots=True)
class Invocation:
    """A failed invocation that a delivered letter reported: what its twin is known by."""

    message_id: str
    kind: Kind
    function: str
    payload: bytes | None = None
    """Stands for the payload, where this part of the run delivered it."""


@dataclass(slots=True)
class Tally:
    """Message ids by fate, filled by all workers at once."""

    run: str | None
    delivered: IdMap = field(default_factory=IdMap)
    requests: dict[str, Invocation] = field(default_factory=dict)
    """Request id to the delivered letter that reported it."""
    payloads: dict[str, str] = field(default_factory=dict)
    """Digest of a delivered payload to its message id: how a letter is known that came back without any id."""
    deleted: Marked = field(init=False)
    kept: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    possible_duplicates: dict[str, str] = field(default_factory=dict)
    came_back: dict[str, str] = field(default_factory=dict)
    settled_twins: dict[str, str] = field(default_factory=dict)
    not_selected: int = 0
    arrived_later: int = 0
    left: int = 0
    """Messages that SQS counts at the end and handed nobody; approximate, as its counts are."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.deleted = Marked(self.delivered)

    def sent(self, ids: Mapping[str, str | None]) -> None:
        """Take in acknowledged deliveries, message id to the id they became."""
        self.delivered.update(ids)

    @property
    def became(self) -> Mapping[str, str]:
        """New id to the message id it was made from."""
        return self.delivered.origins

    def invoked(self, letter: DeadLetter) -> None:
        """Remember a delivered letter: by its payload, should it come back; by its failure, to settle the twin."""
        self.payloads.update(dict.fromkeys(letter.digests, letter.message.message_id))
        request_id = letter.failure.request_id
        if request_id and letter.wire and letter.kind in (Kind.LAMBDA_DLQ, Kind.ON_FAILURE):
            told = Invocation(letter.message.message_id, letter.kind, letter.wire.source, fingerprint(letter.payload))
            self.requests[request_id] = told

    @property
    def undeleted(self) -> list[str]:
        """Delivered, but still in the queue: `--resume` deletes them without delivering again."""
        return [message_id for message_id in self.delivered if message_id not in self.deleted]

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "delivered": len(self.delivered),
            "deleted": len(self.deleted),
            "kept": len(self.kept),
            "refused": len(self.refused),
            "possible_duplicates": len(self.possible_duplicates),
            "came_back": len(self.came_back),
            "settled_twins": len(self.settled_twins),
            "not_selected": self.not_selected,
            "arrived_later": self.arrived_later,
            "left": self.left,
        }

    def document(self) -> dict[str, object]:
        """The report as the documented JSON object."""
        return {
            "run": self.run,
            "counts": self.counts(),
            "delivered": [{"message_id": m, "new_id": new_id} for m, new_id in self.delivered.items()],
            "deleted": sorted(self.deleted),
            "kept": _reasons(self.kept),
            "refused": _reasons(self.refused),
            "possible_duplicates": _reasons(self.possible_duplicates),
            "came_back": _reasons(self.came_back),
            "settled_twins": _reasons(self.settled_twins),
        }


def fingerprint(payload: str) -> bytes:
    """16 bytes that stand for a payload."""
    return sha256(payload.encode("utf-8", "surrogatepass")).digest()[:16]


def _reasons(found: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"message_id": message_id, "reason": reason} for message_id, reason in found.items()]
