"""Settle the twins of what was redriven.

A function with both a dead-letter queue and an on-failure destination reports one failed invocation to both
(AWS Compute Blog, "Introducing AWS Lambda Destinations"). The two messages carry the same request id. One of
them is redriven; its twin is not delivered but deleted, after it was journaled whole, because delivering it
would run the order twice. A twin that is not found now is refused by every later run on this machine.

Lambda and SQS deliver at least once, so the same report may also lie there twice: same kind, same request id, same
payload. It is settled in the same way; with another payload it stays, and is said to.

Records without a request id (some emulators write them) cannot be joined, and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.dlq.classify import classify, is_same_function
from orderctl.dlq.journal import Journal
from orderctl.dlq.look import HIDE_FOR, QUIET_ENOUGH, bare, give_back
from orderctl.dlq.models import DeadLetter, Kind, Message, Queue, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.tally import Tally, fingerprint
from orderctl.errors import NotFoundError

TWIN: Mapping[Kind, Kind] = {Kind.LAMBDA_DLQ: Kind.ON_FAILURE, Kind.ON_FAILURE: Kind.LAMBDA_DLQ}


@dataclass(frozen=True, slots=True)
class Settler:
    """Looks through the queues where twins may lie."""

    queues: Queues
    wiring: Wiring
    journal: Journal
    tally: Tally
    clock: Clock

    def settle(self, queue: Queue, *, again: bool = False) -> None:
        """Delete the twins of this run's deliveries from `queue`'s twin queues, and with `again` reports that lie in
        the queue itself a second time."""
        if not self.tally.requests:
            return
        for arn in dict.fromkeys([*twin_queues(self.wiring, queue.arn), *([queue.arn] if again else [])]):
            try:
                self._settle_in(self.queues.describe(arn))
            except NotFoundError:
                continue

    def _settle_in(self, queue: Queue) -> None:
        in_hand: dict[str, Message] = {}
        quiet = 0
        try:
            while quiet < QUIET_ENOUGH:
                messages = self.queues.receive(queue, up_to=10, hide_for=HIDE_FOR, wait=1)
                fresh = [message for message in messages if message.message_id not in in_hand]
                quiet = 0 if fresh else quiet + 1
                in_hand.update({message.message_id: bare(message) for message in messages})
                twins = [letter for message in fresh if (letter := self._twin(message, queue.arn)) is not None]
                self._delete(queue, twins, in_hand)
        finally:
            give_back(self.queues, queue, self.clock, list(in_hand.values()))

    def _twin(self, message: Message, queue_arn: str) -> DeadLetter | None:
        """The letter, if it tells the same failure as one that was delivered, in the other way."""
        letter = classify(message, queue_arn, self.wiring)
        delivered = self.tally.requests.get(letter.failure.request_id or "")
        if delivered is None or letter.wire is None or message.message_id == delivered.message_id:
            return None
        is_other_way = TWIN.get(letter.kind) is delivered.kind
        is_again = letter.kind is delivered.kind and fingerprint(letter.payload) == delivered.payload
        is_same = is_same_function(letter.wire.source, delivered.function)
        return letter if is_same and (is_other_way or is_again) else None

    def _delete(self, queue: Queue, twins: Iterable[DeadLetter], in_hand: dict[str, Message]) -> None:
        twins = list(twins)
        if not twins:
            return
        self.journal.settled(twins)
        messages = [letter.message for letter in twins if letter.message.visible_at > self.clock.monotonic()]
        failed = self.queues.delete(queue, messages)
        tried = {message.message_id for message in messages} - failed.keys()
        for letter in twins:
            message_id = letter.message.message_id
            if message_id not in tried:
                continue
            in_hand.pop(message_id, None)
            twin = self.tally.requests[letter.failure.request_id or ""].message_id
            self.tally.settled_twins[message_id] = f"the same failure as {twin}, which was redriven"


def twin_queues(wiring: Wiring, queue_arn: str) -> list[str]:
    """Queues that hold the other report of the failures reported to this one."""
    found: dict[str, None] = {}
    for wire in wiring.of(queue_arn):
        other = TWIN.get(wire.kind)
        for candidate in wiring.wires:
            if candidate.kind is other and is_same_function(candidate.source, wire.source):
                found[candidate.queue_arn] = None
    return list(found)
