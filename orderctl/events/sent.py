"""What an earlier `events publish` of the same file already put on the bus, read from what it printed.

PutEvents has no deduplication, so a file that was published in part cannot simply be published again. The
run's own JSON output says line by line what is on the bus; with it the next run sends only the rest. An
event whose answer was lost counts as sent, unless sending it twice was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orderctl.documents import Input
from orderctl.errors import UsageError
from orderctl.events.models import Event, Status


@dataclass(frozen=True, slots=True)
class Sent:
    """Lines of the file that are on the bus, or may be, and the order each was for."""

    orders: dict[int, str | None]

    def left(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events that are still to be sent; raises UsageError where the output is of another file."""
        for event in events:
            if event.line not in self.orders:
                yield event
            elif self.orders[event.line] != event.order_id:
                was = self.orders[event.line]
                raise UsageError(
                    f"line {event.line} was published as order {was}, but is order {event.order_id} now",
                    hint="--except wants what publishing this very file printed",
                )


def read(source: Input, *, resend_unknown: bool = False) -> Sent:
    """Read the output (json or jsonl) of earlier runs, one after the other; the last word on a line counts."""
    done = {Status.PUBLISHED.value} if resend_unknown else {Status.PUBLISHED.value, Status.UNKNOWN.value}
    orders: dict[int, str | None] = {}
    for record in source.records():
        line, status, order_id = (record.values.get(name) for name in ("line", "status", "order_id"))
        is_told = isinstance(line, int) and status in list(Status) and (order_id is None or isinstance(order_id, str))
        if not is_told:
            raise UsageError(
                f"{source.where(record.line)}: no outcome of an event of a file",
                hint="--except wants what 'events publish --file FILE -o jsonl' printed",
            )
        if status in done:
            orders[int(str(line))] = None if order_id is None else str(order_id)
    return Sent(orders)
