"""Events, the rules that look at them, and what EventBridge answered. The words are EventBridge's own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orderctl import jsontext
from orderctl.errors import OrderctlError

ORDERS_SOURCE = "orders.api"
ORDER_CREATED = "OrderCreated"
TAIL_PREFIX = "orderctl-tail-"
"""Rules and queues `events tail` makes for itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event to be put; `detail` is its JSON text, sent as it stands. `line` is where a file has it."""

    source: str
    detail_type: str
    detail: str
    time: datetime | None = None
    resources: tuple[str, ...] = ()
    order_id: str | None = None
    line: int | None = None

    @property
    def size(self) -> int:
        """Bytes EventBridge counts (user guide, "Calculating PutEvents event entry size")."""
        texts = (self.source, self.detail_type, self.detail, *self.resources)
        return sum(len(text.encode()) for text in texts) + (14 if self.time is not None else 0)

    def envelope(self, bus_arn: str, now: datetime) -> str:
        """The event as rules will see it; id and ingestion time are only made when it is put."""
        region, account = bus_arn.split(":")[3:5]
        head = {
            "version": "0",
            "id": str(uuid.UUID(int=0)),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": account,
            "time": (self.time or now).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": list(self.resources),
        }
        return jsontext.dumps(head)[:-1] + f', "detail": {self.detail}}}'


class Status(StrEnum):
    """What became of one event."""

    PUBLISHED = "published"
    FAILED = "failed"
    """EventBridge did not take it."""
    UNKNOWN = "unknown"
    """The answer was lost: it may be on the bus, and sending it again may make it two."""


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome for one event."""

    status: Status
    event_id: str | None
    source: str
    detail_type: str
    order_id: str | None = None
    error: str | None = None
    reason: str | None = None
    line: int | None = None
    may_be_twice: bool = False
    """An answer was lost and the event sent again, as asked for."""


@dataclass(frozen=True, slots=True)
class Taken:
    """EventBridge's answer for one entry: an event id, or an error code and its words."""

    event_id: str | None
    error: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a bus. One without a pattern runs on a schedule and sees no event."""

    name: str
    arn: str
    state: str
    pattern: str | None
    managed_by: str | None = None
    """The AWS service that made it for itself: an archive listens with such a rule."""

    @property
    def is_consumer(self) -> bool:
        """Does somebody do something with what it matches? An archive and `events tail` only look on."""
        return self.managed_by is None and not self.name.startswith(TAIL_PREFIX)

    @property
    def is_enabled(self) -> bool:
        """Does it look at events now?"""
        return self.state != "DISABLED"


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a rule, and what it says of its input; at most one of input, path and template is set."""

    rule_arn: str
    id: str
    arn: str
    input: str | None = None
    input_path: str | None = None
    input_paths: Mapping[str, str] | None = None
    input_template: str | None = None


class AnswerLostError(OrderctlError):
    """PutEvents may or may not have taken the entries: the connection broke, or EventBridge itself failed."""

    code = "answer_lost"
