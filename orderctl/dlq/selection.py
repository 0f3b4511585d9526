"""Which letters a command means: the same filters for inspect, redrive, export and purge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orderctl import jsontext
from orderctl.dlq.models import DeadLetter, Kind
from orderctl.errors import UsageError


class Where(Protocol):
    """A compiled `--where`: anything but false, null and empty is a yes, as in JMESPath filters."""

    def search(self, document: Any) -> Any:
        """What the expression finds in the decoded letter."""


NO_PAYLOAD = "a stream record tells where its batch lies in the stream, but carries no payload"


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters that all have to agree; an empty one leaves everything in."""

    kinds: frozenset[Kind] = frozenset()
    errors: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    order_ids: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    where: Where | None = None

    @property
    def is_everything(self) -> bool:
        """Does it leave every letter in?"""
        return self == Selection()

    def takes(self, letter: DeadLetter) -> bool:
        """Is the letter meant?"""
        return (
            (not self.kinds or letter.kind in self.kinds)
            and (not self.errors or any(_names(letter.failure.error, error) for error in self.errors))
            and (not self.sources or any(_is_source(letter, source) for source in self.sources))
            and (not self.order_ids or letter.order_id in self.order_ids)
            and (not self.ids or letter.message.message_id in self.ids)
            and (self.since is self.until is None or self._is_in_time(letter.message.sent_at))
            and (self.where is None or bool(self.where.search(decoded(letter))))
        )

    def _is_in_time(self, sent_at: datetime | None) -> bool:
        if sent_at is None:
            return False
        return (self.since is None or sent_at >= self.since) and (self.until is None or sent_at <= self.until)


def decoded(letter: DeadLetter, *, as_time: bool = False) -> dict[str, Any]:
    """The letter as a document: what `--where` searches, and what JSON output shows.

    `as_time` leaves `sent_at` a datetime, which a table on a terminal tells relative to now.
    """
    message = letter.message
    return {
        "message_id": message.message_id,
        "kind": letter.kind.value,
        "order_id": letter.order_id,
        "error": letter.failure.error,
        "cause": letter.failure.cause,
        "source": letter.source,
        "sent_at": message.sent_at if as_time or message.sent_at is None else jsontext.iso(message.sent_at),
        "receive_count": message.receive_count,
        "attempts": letter.failure.attempts,
        "request_id": letter.failure.request_id,
        "trace_id": letter.failure.trace_id,
        "group_id": message.group_id,
        "refusal": letter.refusal or (NO_PAYLOAD if letter.kind is Kind.STREAM else None),
        "attributes": {name: a.text if a.binary is None else a.binary.hex() for name, a in message.attributes.items()},
        "payload": read_payload(letter.payload),
    }


def read_payload(payload: str) -> Any:
    """The payload as JSON where it is JSON, else the text itself."""
    try:
        return jsontext.loads(payload)
    except UsageError:
        return payload


def _names(error: str | None, wanted: str) -> bool:
    """`--error ValidationError` names it whole; `*` matches any part."""
    from fnmatch import fnmatchcase

    return error is not None and fnmatchcase(error, wanted)


def _is_source(letter: DeadLetter, wanted: str) -> bool:
    """An ARN whole, or the name it ends with (a function's with or without its qualifier)."""
    source = letter.source
    if source is None:
        return False
    tail = source.rsplit("/", 1)[-1]
    return wanted in (source, tail) or wanted in source.split(":")[5:]
