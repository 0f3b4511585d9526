"""`events tail`: a rule and a queue of its own on the bus, taken away again whatever happens.

EventBridge has no way to listen, so a temporary queue is made, then a rule that sends it what is wanted. The
queue comes first and goes last, and carries as tags whose it is and until when it is surely alive. So what a
killed run leaves behind can be told from what somebody is reading just now:

- made by this machine and account of orderctl: its lock file is free, because the kernel frees a lock when
  its process dies, however it dies;
- made elsewhere: its owner has not renewed `alive-until` for ten minutes.

Both SQS and EventBridge deliver at least once; an event id is shown once.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orderctl import jsontext, rawjson
from orderctl.assignments import Json
from orderctl.clock import Clock
from orderctl.errors import OrderctlError, UsageError
from orderctl.events.life import is_free, locked
from orderctl.events.models import TAIL_PREFIX

PREFIX = TAIL_PREFIX
OWNER = "orderctl-owner"
ALIVE_UNTIL = "orderctl-alive-until"
BUS = "orderctl-bus"
LEASE = 600.0
"""Seconds for which a tail says it will surely be there."""
RENEWAL = 120.0
POLL = 10
"""Seconds of one long poll."""
REMEMBERED = 10_000
"""Event ids that are not shown again."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A temporary rule and queue; both have the same name."""

    name: str
    bus: str
    queue_url: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the queue."""

    body: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Tailed:
    """One event as it came by."""

    id: str
    time: str
    source: str
    detail_type: str
    detail: Json
    resources: Json
    replay_name: str | None = None


class Taps(Protocol):
    """What making, reading and removing taps needs of EventBridge and SQS."""

    def make_queue(self, name: str, tags: Mapping[str, str]) -> str:
        """A new tagged queue; gives its URL."""

    def connect(self, tap: Tap, pattern: str) -> None:
        """The rule, leave for it to send to the queue, and the queue as its only target."""

    def receive(self, tap: Tap, wait_seconds: int) -> list[Delivery]:
        """Up to 10 messages, waiting for the first."""

    def settle(self, tap: Tap, deliveries: list[Delivery]) -> None:
        """They were shown."""

    def renew(self, tap: Tap, tags: Mapping[str, str]) -> None:
        """Set tags of the queue."""

    def remove(self, tap: Tap) -> None:
        """Target, rule and queue, in this order; what is not there is fine."""

    def all(self) -> Iterator[tuple[Tap, Mapping[str, str]]]:
        """Every tap of the account and Region, with its tags."""


@dataclass(frozen=True, slots=True)
class Tailer:
    """Opens taps and reads them. `locks` is a folder of this machine."""

    taps: Taps
    clock: Clock
    locks: Path

    @property
    def owner(self) -> str:
        """This machine and state folder, not readable as either."""
        return hashlib.sha256(f"{socket.gethostname()}\0{self.locks}".encode()).hexdigest()[:16]

    def left(self) -> list[Tap]:
        """What killed runs left."""
        return [tap for tap, tags in self.taps.all() if self.is_left(tap, tags)]

    def sweep(self, on_stuck: Callable[[TapLeftError], None]) -> list[str]:
        """Remove it; gives the names. `on_stuck` is told of one that stays: no reason not to listen."""
        removed = []
        for tap in self.left():
            try:
                self.taps.remove(tap)
            except TapLeftError as error:
                on_stuck(error)
                continue
            (self.locks / tap.name).unlink(missing_ok=True)
            removed.append(tap.name)
        return removed

    @contextlib.contextmanager
    def opened(self, bus: str, pattern: str) -> Iterator[Tap]:
        """A tap that is there inside the block and gone after it."""
        name = f"{PREFIX}{secrets.token_hex(6)}"
        with locked(self.locks / name):
            tap: Tap | None = None
            try:
                tags = {OWNER: self.owner, ALIVE_UNTIL: self._alive_until(), BUS: bus}
                tap = Tap(name, bus, self.taps.make_queue(name, tags))
                self.taps.connect(tap, pattern)
                yield tap
            finally:
                if tap is not None:
                    self.taps.remove(tap)

    def follow(self, tap: Tap, *, until: float | None = None) -> Iterator[Tailed]:
        """Events as they come, each once; ends at the monotonic time `until`."""
        seen: OrderedDict[tuple[str, str | None], None] = OrderedDict()
        renewed = self.clock.monotonic()
        while until is None or self.clock.monotonic() < until:
            if self.clock.monotonic() - renewed >= RENEWAL:
                self.taps.renew(tap, {ALIVE_UNTIL: self._alive_until()})
                renewed = self.clock.monotonic()
            left = POLL if until is None else min(POLL, until - self.clock.monotonic())
            deliveries = self.taps.receive(tap, max(1, int(left)))
            for delivery in deliveries:
                event = _read(delivery.body)
                if (event.id, event.replay_name) not in seen:
                    seen[event.id, event.replay_name] = None
                    yield event
            while len(seen) > REMEMBERED:
                seen.popitem(last=False)
            if deliveries:
                self.taps.settle(tap, deliveries)

    def _alive_until(self) -> str:
        return str(int(self.clock.now().timestamp() + LEASE))

    def is_left(self, tap: Tap, tags: Mapping[str, str]) -> bool:
        """Did a run that was killed leave it? That of this machine is known by its lock, at once."""
        if tags.get(OWNER) == self.owner:
            return is_free(self.locks / tap.name)
        until = tags.get(ALIVE_UNTIL, "")
        return until.isdecimal() and float(until) < self.clock.now().timestamp()


def pattern_of(pattern: str | None, sources: list[str], detail_types: list[str]) -> str:
    """The event pattern the options mean; without any, everything. Raises UsageError for a wrong one."""
    wanted: Json = {} if pattern is None else jsontext.loads(pattern, source="--pattern")
    if not isinstance(wanted, dict):
        raise UsageError("--pattern is a JSON object", hint='such as {"detail": {"user_id": ["ada"]}}')
    for name, values in (("source", sources), ("detail-type", detail_types)):
        if values and name in wanted:
            raise UsageError(f"--pattern already names {name}")
        if values:
            wanted = {**wanted, name: list(values)}
    return jsontext.dumps(wanted or {"source": [{"prefix": ""}]})


def _read(body: str) -> Tailed:
    """The event; one that is not read strictly (too deep, a key twice) is shown with its text for a detail.

    It is somebody else's event: no reason to stop showing the others.
    """
    try:
        event = jsontext.loads(body, source="event")
    except UsageError:
        return _unread(body)
    if not isinstance(event, dict):
        return _unread(body)
    return Tailed(
        str(event.get("id")),
        str(event.get("time")),
        str(event.get("source")),
        str(event.get("detail-type")),
        event.get("detail"),
        event.get("resources", []),
        event.get("replay-name"),
    )


def _unread(body: str) -> Tailed:
    id_, time, source, detail_type, replay_name = (
        _text_at(body, name) for name in ("id", "time", "source", "detail-type", "replay-name")
    )
    unknown_id = f"sha256:{hashlib.sha256(body.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return Tailed(id_ or unknown_id, time or "", source or "", detail_type or "", body, [], replay_name)


def _text_at(body: str, name: str) -> str | None:
    try:
        return rawjson.text_of(body, name)
    except rawjson.MalformedJson:
        return None


class TapLeftError(OrderctlError):
    """A tap could not be removed completely; the next tail does it."""

    code = "tap_left"
