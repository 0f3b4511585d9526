"""The dead letters of one order, in every queue of the environment that catches failures.

There is no way to ask SQS for one message: a queue has to be looked through, and looking is receiving. So empty
queues are left alone, very full ones are named and not touched, and what the look costs is said first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.errors import NotFoundError, OrderctlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderctl.context import App
    from orderctl.dlq.models import DeadLetter, Queue, Wiring
    from orderctl.orders.trace import TraceEntry

MOST_MESSAGES = 1000
"""Messages in a queue that is still looked through; more take minutes."""
MOST_LETTERS = 100


def waiting_letters(cli: App, order_id: str, notes: list[str]) -> Iterator[TraceEntry]:
    """An entry a letter; `notes` take what could not be looked at."""
    wiring = cli.wiring()
    notes += wiring.notes
    queues = [queue for arn in wiring.queues() if (queue := _described(cli, arn, notes)) is not None]
    full = [queue for queue in queues if queue.depth + queue.in_flight > MOST_MESSAGES]
    looked = [queue for queue in queues if 0 < queue.depth + queue.in_flight <= MOST_MESSAGES]
    notes += [
        f"queue {queue.name} holds {queue.depth + queue.in_flight:,} messages and was not looked through: "
        f"orderctl dlq inspect {queue.name} --order-id {order_id}"
        for queue in full
    ]
    if looked:
        total = sum(queue.depth + queue.in_flight for queue in looked)
        cli.renderer.say(
            f"looking through {total:,} messages in {len(looked)} queues: it adds one to each receive count "
            "and hides them for a moment (--no-dead-letters leaves them alone)"
        )
    for queue in looked:
        yield from _in(cli, queue, wiring, order_id, notes)


def _in(cli: App, queue: Queue, wiring: Wiring, order_id: str, notes: list[str]) -> Iterator[TraceEntry]:
    from orderctl.dlq.look import Glance, look
    from orderctl.dlq.selection import Selection

    glance = Glance()
    selection = Selection(order_ids=frozenset({order_id}))
    letters = look(cli.queues, queue, wiring, cli.clock, selection=selection, limit=MOST_LETTERS, glance=glance)
    try:
        for letter in letters:
            yield _entry(letter, queue)
    except OrderctlError as error:
        notes.append(f"queue {queue.name}: not looked through: {error.message}")
        return
    if not glance.is_whole:
        notes.append(f"queue {queue.name}: only {glance.seen} messages could be seen")


def _entry(letter: DeadLetter, queue: Queue) -> TraceEntry:
    from orderctl.orders.trace import TraceEntry

    return TraceEntry(
        timestamp=letter.message.sent_at,
        source="dead-letter",
        what=f"waits in {queue.name} ({letter.kind.value}), message {letter.message.message_id}",
        error=": ".join(part for part in (letter.failure.error, letter.failure.cause) if part) or None,
        where=queue.arn,
        request_id=letter.failure.request_id,
    )


def _described(cli: App, arn: str, notes: list[str]) -> Queue | None:
    try:
        return cli.queues.describe(arn)
    except NotFoundError:
        return None
    except OrderctlError as error:
        notes.append(f"queue {arn.rpartition(':')[2]}: not looked at: {error.message}")
        return None
