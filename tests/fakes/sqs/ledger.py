"""The bookkeeping behind "lost 0": every message that ever existed in a queue, and every delivery to a consumer.

A redriven message gets a new MessageId, so two records are the same message when their *identity* is the same: by
default the whole body, in most tests an order id found in it (`identity=marker(r"order-\\d+")`).

    aws.ledger.begin()                      # after seeding: what exists now must survive, deliveries count from here
    redrive()
    assert not aws.ledger.lost()            # existed, is in no queue now, was never delivered
    assert aws.ledger.duplicates() == {}    # delivered more than once: identity -> times

A send that FIFO deduplication swallowed is no delivery, and neither is a move by a redrive policy. A move by a message
move task is a delivery, as AWS sends the message anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Record:
    """What happened to a message: seeded, sent, delivered, swallowed, moved, deleted, purged or expired."""

    what: str
    service: str
    target: str  # queue name or function, topic, state machine ARN
    message_id: str
    body: str
    at: float


Identity = Callable[[str], str]


def whole(body: str) -> str:
    """The identity used when a test names no other: the body itself."""
    return body


def marker(pattern: str) -> Identity:
    """The first match of a regular expression in the body; a body without one is its own identity."""
    compiled = re.compile(pattern)

    def identity(body: str) -> str:
        found = compiled.search(body)
        return found.group(0) if found else body

    return identity


class Ledger:
    """Records, in order. `present` lists (queue name, body) of what the queues hold now."""

    def __init__(self, present: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self.records: list[Record] = []
        self._present = present
        self._existed: list[str] = []
        self._begun_at = 0

    def add(self, what: str, service: str, target: str, message_id: str, body: str, at: float) -> None:
        self.records.append(Record(what, service, target, message_id, body, at))
        if what == "sent":
            self._existed.append(body)

    def was_seeded(self) -> None:
        """The last record was the test's own doing: it exists, but is no delivery."""
        self.records[-1] = replace(self.records[-1], what="seeded")

    def begin(self) -> None:
        """Forget the past: what the queues hold now exists, nothing has been delivered yet."""
        self._begun_at = len(self.records)
        self._existed = [body for _, body in self._present()]

    @property
    def deliveries(self) -> list[Record]:
        """Since `begin`: accepted sends to a queue, invokes, publishes, started executions."""
        return [record for record in self.records[self._begun_at :] if record.what in ("sent", "delivered")]

    def delivered(self, identity: Identity = whole) -> Counter[str]:
        return Counter(identity(record.body) for record in self.deliveries)

    def lost(self, identity: Identity = whole) -> set[str]:
        """What existed and is neither in a queue nor was delivered."""
        kept = {identity(body) for _, body in self._present()}
        return {identity(body) for body in self._existed} - kept - set(self.delivered(identity))

    def duplicates(self, identity: Identity = whole) -> dict[str, int]:
        """What was delivered more than once, and how often."""
        return {key: times for key, times in self.delivered(identity).items() if times > 1}

    def doubled(self, identity: Identity = whole) -> set[str]:
        """What was delivered and still lies in another queue than it was delivered to: a duplicate to come."""
        targets: dict[str, set[str]] = {}
        for record in self.deliveries:
            targets.setdefault(identity(record.body), set()).add(record.target)
        return {identity(body) for queue, body in self._present() if targets.get(identity(body), {queue}) - {queue}}
