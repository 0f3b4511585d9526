"""Look at a queue without consuming it.

SQS has no peek: every look is a receive. It adds one to a message's receive count, hides it for as long as
the look takes (a FIFO queue hides the rest of its group with it), and on a dead-letter queue that has a
redrive policy of its own it can even move it on. So messages are hidden briefly, given back as soon as the
look is over, each shown once, and nobody is promised "the first N": SQS hands out what it samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from orderctl.clock import Clock
from orderctl.dlq.calm import finished
from orderctl.dlq.classify import classify
from orderctl.dlq.models import DeadLetter, Message, Queue, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.selection import Selection
from orderctl.errors import OrderctlError
from orderctl.pool import Done, Pool

HIDE_FOR = 60
"""Seconds; a look that is killed leaves messages hidden no longer than this."""
PATIENCE = 10.0
"""Seconds for which giving back is tried again while SQS asks for less; they come back by themselves anyhow."""
QUIET_ENOUGH = 2
"""Long polls in a row without a message not seen before: short ones only sample SQS's servers."""


@dataclass(slots=True)
class Glance:
    """What a look saw besides the letters it yielded."""

    seen: int = 0
    not_selected: int = 0
    is_whole: bool = False
    """Did it see all that SQS counted? Not when it stopped at its limit, nor behind the head of a FIFO group."""
    in_hand: dict[str, Message] = field(default_factory=dict, repr=False)


def look(
    queues: Queues,
    queue: Queue,
    wiring: Wiring,
    clock: Clock,
    *,
    selection: Selection,
    limit: int,
    glance: Glance,
    function: str | None = None,
) -> Iterator[DeadLetter]:
    """Yield selected letters as they are seen, at most `limit`; everything is given back at the end.

    Closing the iterator early gives everything back as well.
    """
    quiet = yielded = 0
    try:
        while quiet < QUIET_ENOUGH:
            messages = finished(
                lambda: queues.receive(queue, up_to=10, hide_for=HIDE_FOR, wait=1),
                lambda late: glance.in_hand.update({message.message_id: bare(message) for message in late}),
            )
            fresh = [message for message in messages if message.message_id not in glance.in_hand]
            glance.in_hand.update({message.message_id: bare(message) for message in messages})
            glance.seen += len(fresh)
            quiet = 0 if fresh else quiet + 1
            for message in fresh:
                letter = classify(message, queue.arn, wiring, function=function)
                if not selection.takes(letter):
                    glance.not_selected += 1
                    continue
                yield letter
                yielded += 1
                if yielded == limit:
                    return
        glance.is_whole = glance.seen >= queue.depth + queue.in_flight
    finally:
        give_back(queues, queue, clock, list(glance.in_hand.values()))
        glance.in_hand.clear()


def bare(message: Message) -> Message:
    """The message without what only a delivery needs: what it takes to give it back."""
    return replace(message, body="", attributes={}, system={})


def give_back(
    queues: Queues,
    queue: Queue,
    clock: Clock,
    messages: Sequence[Message],
    *,
    workers: int = 1,
    within: float | None = None,
) -> int:
    """Make messages visible again, beginning nothing after `within` seconds; answers how many could not be.

    Those come back by themselves when their visibility ends.
    """
    begun = clock.monotonic()
    ours = [message for message in messages if message.visible_at > begun]
    batches = (ours[start : start + 10] for start in range(0, len(ours), 10))
    in_time = takewhile(lambda _: within is None or clock.monotonic() - begun <= within, batches)
    left = len(ours)
    try:
        if workers == 1 or len(ours) <= 10:
            for batch in in_time:
                queues.hide(queue, batch, 0)
                left -= len(batch)
        else:
            pool: Pool = Pool(clock, workers=workers, patience=PATIENCE)
            for outcome in pool.each(lambda batch: queues.hide(queue, batch, 0), in_time):
                left -= len(outcome.item) if isinstance(outcome, Done) else 0
    except OrderctlError:
        return left
    return left


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a summary."""

    value: str
    count: int
    oldest: datetime | None
    newest: datetime | None


GROUPINGS = ("error", "source", "kind", "order_id", "age")
_AGES = ((3600.0, "< 1h"), (21_600.0, "1h to 6h"), (86_400.0, "6h to 1d"), (345_600.0, "1d to 4d"))


def group(letters: Iterable[DeadLetter], by: str, now: datetime) -> list[Group]:
    """Counts by one of `GROUPINGS`, most first."""
    counts: Counter[str] = Counter()
    times: dict[str, list[datetime]] = {}
    for letter in letters:
        value = _value(letter, by, now)
        counts[value] += 1
        if letter.message.sent_at is not None:
            times.setdefault(value, []).append(letter.message.sent_at)
    return [
        Group(value, count, min(times.get(value, ()), default=None), max(times.get(value, ()), default=None))
        for value, count in counts.most_common()
    ]


def _value(letter: DeadLetter, by: str, now: datetime) -> str:
    if by == "age":
        sent = letter.message.sent_at
        age = (now - sent).total_seconds() if sent else 0.0
        return next((words for limit, words in _AGES if age < limit), "> 4d")
    if by == "error":
        return letter.failure.error or "-"
    if by == "source":
        return letter.source or "-"
    return letter.kind.value if by == "kind" else letter.order_id or "-"
