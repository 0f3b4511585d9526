"""After a redrive: which of the delivered letters failed again, as far as can be seen.

A letter that failed again does not always come back to where it lay. What a rule's target or a topic's subscriber
is given, and fails at, ends in the queues of *that* function; what a state machine is given fails inside an
execution. So all the places are looked at where a consumer's failures go by the wiring, and the executions
themselves.

A letter is known again by the id its delivery was answered with: as its message id (SQS), as the request id in it
(Lambda), or where a service writes neither by its payload. Absence proves less: a consumer may still be at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orderctl.clock import Clock
from orderctl.dlq.classify import is_same_function
from orderctl.dlq.look import Glance, look
from orderctl.dlq.models import DeadLetter, Ended, Kind, Queue, Wire, Wiring
from orderctl.dlq.ports import Queues, Starter
from orderctl.dlq.prepare import resources_of
from orderctl.dlq.selection import Selection
from orderctl.dlq.tally import Tally
from orderctl.errors import NotFoundError, OrderctlError

LIMIT = 10_000
LOOK_EVERY = 5.0
"""Seconds between two rounds of questions about executions."""
ASKED_A_ROUND = 50
"""DescribeExecution refills 15 a second for the whole account (Step Functions quotas)."""


@dataclass(slots=True)
class Verified:
    """What a verification looked at."""

    seconds: float
    looked_in: list[str] = field(default_factory=list)
    executions: dict[str, str] = field(default_factory=dict)
    """Execution ARN to its status; RUNNING where it had not ended, UNKNOWN where it cannot be asked for."""
    notes: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> Mapping[str, int]:
        """How many executions in each status."""
        return dict(Counter(self.executions.values()).most_common())

    def document(self) -> dict[str, object]:
        """As the documented JSON object."""
        executions = [{"execution_arn": arn, "status": status} for arn, status in self.executions.items()]
        return {"seconds": self.seconds, "looked_in": self.looked_in, "executions": executions}


@dataclass(frozen=True, slots=True)
class Verifier:
    """Waits for what was delivered, then looks where it would lie had it failed again."""

    queues: Queues
    starter: Starter
    wiring: Wiring
    clock: Clock

    def verify(self, queue: Queue, tally: Tally, seconds: float, since: datetime) -> Verified:
        """Wait `seconds`, following executions, then look in every queue; adds to `tally.came_back`.

        `since` is when the run began: what lay there before is nobody's return.
        """
        verified = Verified(seconds)
        self._follow(tally, seconds, verified)
        for arn in failure_queues(self.wiring, queue.arn):
            try:
                found = self.queues.describe(arn)
                back = find_returned(self.queues, found, self.wiring, tally, self.clock, since=since)
            except OrderctlError as error:
                verified.notes.append(f"{arn.rsplit(':', 1)[-1]} was not looked at: {error.message}")
                continue
            verified.looked_in.append(found.name)
            where = "" if arn == queue.arn else f" in {found.name}"
            tally.came_back.update({origin: reason + where for origin, reason in back.items()})
        return verified

    def _follow(self, tally: Tally, seconds: float, verified: Verified) -> None:
        """Until the time is over, or, where nothing but executions was started, until all of them have ended."""
        until = self.clock.monotonic() + seconds
        open_ = {new: origin for new, origin in tally.became.items() if is_execution(new)}
        has_others = len(open_) < len(tally.delivered)
        while True:
            for arn in list(open_)[:ASKED_A_ROUND]:
                origin = open_.pop(arn)
                if not self._look_at(arn, origin, tally, verified):
                    open_[arn] = origin  # behind the others: each has its turn
            left = until - self.clock.monotonic()
            if left <= 0 or not (open_ or has_others):
                verified.executions |= {arn: "UNKNOWN" for arn in open_ if arn not in verified.executions}
                return
            self.clock.sleep(min(LOOK_EVERY, left) if open_ else left)

    def _look_at(self, arn: str, origin: str, tally: Tally, verified: Verified) -> bool:
        """Has it ended, or is it not to be asked for?"""
        try:
            ended = self.starter.ended(arn)
        except NotFoundError:
            verified.executions[arn] = "UNKNOWN"
            return True
        except OrderctlError as error:
            verified.executions[arn] = "UNKNOWN"
            note = f"executions could not be looked at: {error.message}"
            verified.notes += [] if note in verified.notes else [note]
            return True
        verified.executions[arn] = "RUNNING" if ended is None else ended.status
        if ended is not None and ended.status != "SUCCEEDED":
            tally.came_back[origin] = f"its execution {_words(ended)}: {arn}"
        return ended is not None


def failure_queues(wiring: Wiring, queue_arn: str) -> list[str]:
    """The queue itself, and every queue that the failures of its letters' consumers go to."""
    consumers = resources_of(wiring.of(queue_arn))
    return list(dict.fromkeys((queue_arn, *(wire.queue_arn for wire in wiring.wires if _catches(wire, consumers)))))


def _catches(wire: Wire, consumers: Sequence[str]) -> bool:
    match wire.kind:
        case Kind.SQS:
            return wire.source in consumers
        case Kind.LAMBDA_DLQ | Kind.ON_FAILURE:
            return any(is_same_function(_unqualified(wire.source), _unqualified(each)) for each in consumers)
        case Kind.SNS:
            return wire.topic_arn in consumers
    return False


def find_returned(
    queues: Queues, queue: Queue, wiring: Wiring, tally: Tally, clock: Clock, *, since: datetime | None = None
) -> dict[str, str]:
    """Message id of the delivered letter to what it came back as; the look gives everything back.

    With `since`, what was sent before is not taken for a return by its payload alone.
    """
    found: dict[str, str] = {}
    for letter in look(queues, queue, wiring, clock, selection=Selection(), limit=LIMIT, glance=Glance()):
        origin = _origin(letter, tally, since)
        if origin is not None and origin != letter.message.message_id:
            found[origin] = f"failed again as message {letter.message.message_id}"
    return found


def _origin(letter: DeadLetter, tally: Tally, since: datetime | None) -> str | None:
    from orderctl.dlq.shapes import read_shapes

    message = letter.message
    requests = [shape.failure.request_id for shape in read_shapes(message)]
    by_id = next((each for known in (message.message_id, *requests) if (each := tally.became.get(known or ""))), None)
    is_old = since is not None and message.sent_at is not None and message.sent_at < since
    return by_id or (None if is_old else tally.payloads.get(letter.digest or ""))


def is_execution(new_id: str) -> bool:
    """Is the id a delivery was answered with that of an execution?"""
    return new_id.startswith("arn:") and (":execution:" in new_id or ":express:" in new_id)


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7]) if ":function:" in arn else arn


def _words(ended: Ended) -> str:
    return f"{ended.status} ({ended.error})" if ended.error else ended.status
