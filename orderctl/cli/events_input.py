"""The events of a command line: from flags, or from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderctl import assignments, documents, jsontext
from orderctl.assignments import Json
from orderctl.errors import UsageError
from orderctl.events import event_file
from orderctl.events.event_file import Head
from orderctl.events.models import Event
from orderctl.orders.names import new_order_id
from orderctl.orders.order import quantity_from

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Input
    from orderctl.events.sent import Sent


@dataclass(frozen=True, slots=True)
class Flags:
    """What the options say an event is."""

    product_id: str | None
    quantity: str | None
    user_id: str | None
    order_id: str | None
    sets: Sequence[str]
    detail: str | None
    time: str | None
    resources: Sequence[str]
    head: Head

    @property
    def is_order(self) -> bool:
        """Is it an OrderCreated of the orders API?"""
        return self.head == Head()

    @property
    def is_given(self) -> bool:
        """Does any option say something of a single event?"""
        order = (self.product_id, self.quantity, self.user_id, self.order_id, self.detail, self.time)
        return any(value is not None for value in order) or bool(self.sets) or bool(self.resources)


class Batch:
    """Events that may be read again and again; `count` of them, all checked."""

    def __init__(
        self, count: int, single: Event | None, source: Input | None, head: Head, sent: Sent | None = None
    ) -> None:
        self.count = count
        self.single = single
        self._source = source
        self._head = head
        self._sent = sent

    def __iter__(self) -> Iterator[Event]:
        if self._source is None:
            return iter([self.single] if self.single is not None else [])
        events = event_file.events(self._source, self._head)
        return events if self._sent is None else self._sent.left(events)

    def without(self, sent: Sent) -> Batch:
        """The same but for what is on the bus already."""
        rest = Batch(0, None, self._source, self._head, sent)
        rest.count = sum(1 for _ in rest)
        return rest


@contextmanager
def opened(cli: App, file: str | None, flags: Flags) -> Iterator[Batch]:
    """The events, checked. Raises UsageError for both a file and flags, or neither."""
    if file is None:
        yield Batch(1, one(cli, flags), None, flags.head)
        return
    if flags.is_given:
        raise UsageError("--file already holds the events", hint="only --source and --detail-type go with it")
    with documents.opened(file, cli.stdin) as source:
        yield Batch(event_file.check(source, flags.head), None, source, flags.head)


def one(cli: App, flags: Flags) -> Event:
    """The event the options describe; an order gets an id where it has none."""
    detail: Json = {} if flags.detail is None else jsontext.loads(flags.detail, source="--detail")
    if not isinstance(detail, dict):
        raise UsageError("--detail is a JSON object")
    quantity = None if flags.quantity is None else quantity_from(flags.quantity)
    named = {
        "order_id": flags.order_id,
        "user_id": flags.user_id,
        "product_id": flags.product_id,
        "quantity": quantity,
    }
    given: dict[str, Json] = {name: value for name, value in named.items() if value is not None}
    if given and not flags.is_order:
        raise UsageError("an event of another kind has no order flags", hint="say it with --detail or --set")
    changed = assignments.apply({**detail, **given}, assignments.changes(flags.sets))
    assert isinstance(changed, dict)
    if flags.is_order:
        changed = {**_defaults(cli, changed), **changed}
    time = None if flags.time is None else event_file.moment(flags.time, "--time")
    place = "order" if flags.is_order else "event"
    return event_file.new_event(flags.head, changed, place=place, time=time, resources=tuple(flags.resources))


def _defaults(cli: App, order: dict[str, Json]) -> dict[str, Json]:
    """What an order nobody said it of gets: a new id, and who is signed in, as with `orders submit`."""
    made: dict[str, Json] = {}
    if "order_id" not in order:
        made["order_id"] = new_order_id(cli.clock.now())
    if "user_id" not in order:
        from orderctl.cli.orders_input import somebody

        made["user_id"] = somebody(cli)
    return made
