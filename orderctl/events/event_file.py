"""Events from a file, and from the flags of a command line; all of them are checked before one is sent.

A record is an event (`source`, `detail-type`, `detail`, perhaps `time` and `resources`, as EventBridge
writes them) or, where it has no `detail`, the detail itself. What is an OrderCreated of the orders API has
to be an order: a wrong one would only come back from a dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.documents import Format, Input, Record
from orderctl.errors import UsageError
from orderctl.events.models import ORDER_CREATED, ORDERS_SOURCE, Event
from orderctl.events.publish import MOST_BYTES
from orderctl.orders.order import parse_order, quantity_from

FAULTS_SHOWN = 20
MAX_DETAIL_TYPE = 128
_INT64 = 2**63
_ENVELOPE = {
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail",
    "replay-name",
}


@dataclass(frozen=True, slots=True)
class Head:
    """Source and detail-type of events that do not say their own."""

    source: str = ORDERS_SOURCE
    detail_type: str = ORDER_CREATED


def check(source: Input, head: Head) -> int:
    """Read the whole file; gives how many events. Raises UsageError with every fault and its line."""
    faults: list[str] = []
    count = hidden = 0
    for record in _until_unreadable(source, faults):
        count += 1
        try:
            event_of(record, head, source)
        except UsageError as error:
            if len(faults) < FAULTS_SHOWN:
                faults.append(error.message)
            else:
                hidden += 1
    if faults:
        more = [f"... and {hidden:,} more"] if hidden else []
        raise UsageError("\n".join([*faults, *more]), hint="nothing was sent; correct the file and run it again")
    if not count:
        raise UsageError(f"{source.name} holds no events")
    return count


def events(source: Input, head: Head) -> Iterator[Event]:
    """The events of a file that was checked."""
    return (event_of(record, head, source) for record in source.records())


def event_of(record: Record, head: Head, source: Input) -> Event:
    """One record as an event; raises UsageError with its place."""
    values, place = record.values, source.where(record.line)
    if "detail" not in values:
        is_order_in_csv = source.format is Format.CSV and head == Head()
        return new_event(head, _with_number(values) if is_order_in_csv else values, place=place, line=record.line)
    unknown = sorted(values.keys() - _ENVELOPE)
    if unknown:
        raise UsageError(f"{place}: an event has no {', '.join(unknown)}", hint="put it into 'detail'")
    own = Head(
        _text(values.get("source", head.source), "source", place),
        _text(values.get("detail-type", head.detail_type), "detail-type", place),
    )
    time = values.get("time")
    return new_event(
        own,
        values["detail"],
        place=place,
        line=record.line,
        time=None if time is None else moment(_text(time, "time", place), place),
        resources=_texts(values.get("resources", []), place),
    )


def new_event(
    head: Head,
    detail: Json,
    *,
    place: str,
    line: int | None = None,
    time: datetime | None = None,
    resources: tuple[str, ...] = (),
) -> Event:
    """A checked event; raises UsageError beginning with `place`."""
    if not isinstance(detail, dict):
        raise UsageError(f"{place}: detail is a JSON object")
    _check_head(head, place)
    _check_values([head.source, head.detail_type, *resources, detail], place)
    order_id = None
    if head == Head():
        order_id = parse_order(detail, source=place).order_id
    event = Event(head.source, head.detail_type, jsontext.dumps(detail), time, resources, order_id, line)
    if event.size >= MOST_BYTES:
        raise UsageError(f"{place}: {event.size:,} bytes, but an event is smaller than {MOST_BYTES:,}")
    return event


def moment(text: str, place: str) -> datetime:
    """An ISO 8601 time with its offset, in UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{place}: time is {text!r}, not ISO 8601") from error
    if parsed.tzinfo is None:
        raise UsageError(f"{place}: time is {text!r}, without an offset", hint="such as 2026-11-22T03:00:00Z")
    return parsed.astimezone(UTC)


def _with_number(values: Mapping[str, Json]) -> dict[str, Json]:
    """An order from CSV, whose cells are all text."""
    quantity = values.get("quantity")
    return {**values, "quantity": quantity_from(quantity)} if isinstance(quantity, str) else dict(values)


def _until_unreadable(source: Input, faults: list[str]) -> Iterator[Record]:
    try:
        yield from source.records()
    except UsageError as error:
        faults.append(error.message)


def _check_head(head: Head, place: str) -> None:
    if not head.source or not head.detail_type:
        raise UsageError(f"{place}: source and detail-type are not empty")
    if head.source.startswith("aws."):
        raise UsageError(f"{place}: source {head.source!r}: only AWS itself sends from aws.*")
    if len(head.detail_type) > MAX_DETAIL_TYPE:
        raise UsageError(f"{place}: detail-type has more than {MAX_DETAIL_TYPE} characters")


def _check_values(value: Json, place: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _check_values(name, place)
            _check_values(item, place)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, place)
    elif isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise UsageError(f"{place}: not valid Unicode")
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise UsageError(f"{place}: {value} is larger than the 64 bits EventBridge keeps", hint="send it as text")
    elif isinstance(value, Decimal) and not value.is_finite():
        raise UsageError(f"{place}: {value} is not a number")


def _text(value: Json, name: str, place: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{place}: {name} is text")
    return value


def _texts(value: Json, place: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{place}: resources is a list of texts")
    return tuple(_text(item, "a resource", place) for item in value)
