"""An event bus that remembers every event it took, and fails as told: per entry, per call, or by losing the answer."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from orderctl.errors import ConflictError, FailedError, NotFoundError, OrderctlError
from orderctl.events.models import AnswerLostError, Event, Rule, Taken, Target
from orderctl.events.publish import MOST_BYTES, MOST_ENTRIES
from orderctl.events.replay import Archive, Replay
from orderctl.events.tap import BUS, Delivery, Tap, TapLeftError
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.event_patterns import matches

ARN = "arn:aws:events:ap-northeast-1:123456789012:event-bus/orders"


class FakeBus:
    """`on_call` and `on_entry` are asked before a call and an entry for a failure; `on_answer` after it was done."""

    def __init__(self, *rules: Rule, exists: bool = True) -> None:
        self.name = "orders"
        self.taken: list[Event] = []
        self.sent: Counter[str] = Counter()
        """How often each detail was sent."""
        self.calls = 0
        self.on_call: Callable[[], OrderctlError | None] = lambda: None
        self.on_entry: Callable[[Event], Taken | None] = lambda event: None
        self.on_answer: Callable[[], OrderctlError | None] = lambda: None
        self.targets_of: dict[str, list[Target]] = {}
        self._rules = rules
        self._exists = exists
        self._lock = threading.Lock()

    def arn(self) -> str:
        if not self._exists:
            raise NotFoundError(f"event bus {self.name}: Event bus {self.name} does not exist.")
        return ARN

    def rules(self) -> Iterator[Rule]:
        return iter(self._rules)

    def targets(self, rule: Rule) -> Iterator[Target]:
        return iter(self.targets_of.get(rule.name, []))

    def matches(self, pattern: str, envelope: str) -> bool:
        return matches(json.loads(pattern), json.loads(envelope))

    def put(self, events: Sequence[Event]) -> list[Taken]:
        assert 1 <= len(events) <= MOST_ENTRIES
        assert sum(event.size for event in events) < MOST_BYTES
        with self._lock:
            self.calls += 1
            self.sent.update(event.detail for event in events)
            refused = self.on_call()
            if refused is not None:
                raise refused
            answers = [self.on_entry(event) or self._take(event) for event in events]
            lost = self.on_answer()
            if lost is not None:
                raise lost
            return answers

    def _take(self, event: Event) -> Taken:
        self.taken.append(event)
        return Taken(f"id-{len(self.taken)}")


def rule(name: str, pattern: dict[str, object] | None, state: str = "ENABLED", managed_by: str | None = None) -> Rule:
    arn = f"arn:aws:events:ap-northeast-1:123456789012:rule/orders/{name}"
    return Rule(name, arn, state, None if pattern is None else json.dumps(pattern), managed_by)


def fail_in_batches(share: float, seed: int = 1) -> Callable[[Event], Taken | None]:
    """That share of the entries fails as EventBridge fails inside a 200."""
    dice = random.Random(seed)
    kinds = ("InternalFailure", "ThrottlingException")
    return lambda event: Taken(None, dice.choice(kinds), "try again") if dice.random() < share else None


def answer_lost() -> AnswerLostError:
    return AnswerLostError("event bus orders: events PutEvents: Read timeout")


class FakeTaps:
    """Queues and rules by name; `batches` is what each receive answers, a callable being called instead."""

    def __init__(self, clock: FakeClock, *batches: list[Delivery] | Callable[[], list[Delivery]]) -> None:
        self.queues: dict[str, dict[str, str]] = {}
        self.rules: dict[str, str] = {}
        self.settled: list[str] = []
        self.made = 0
        self.fail_on: str | None = None
        self.stuck: set[str] = set()
        """Taps that cannot be removed."""
        self._clock = clock
        self._batches = list(batches)

    def make_queue(self, name: str, tags: Mapping[str, str]) -> str:
        self._maybe_fail("make_queue")
        self.made += 1
        self.queues[name] = dict(tags)
        return f"https://sqs/{name}"

    def connect(self, tap: Tap, pattern: str) -> None:
        self.rules[tap.name] = pattern
        self._maybe_fail("connect")

    def receive(self, tap: Tap, wait_seconds: int) -> list[Delivery]:
        self._clock.advance(wait_seconds)
        if not self._batches:
            raise KeyboardInterrupt
        batch = self._batches.pop(0)
        return batch if isinstance(batch, list) else batch()

    def settle(self, tap: Tap, deliveries: list[Delivery]) -> None:
        self.settled += [one.receipt for one in deliveries]

    def renew(self, tap: Tap, tags: Mapping[str, str]) -> None:
        self.queues[tap.name].update(tags)

    def remove(self, tap: Tap) -> None:
        if tap.name in self.stuck:
            raise TapLeftError(f"rule and queue {tap.name} stay: no events:RemoveTargets")
        self.rules.pop(tap.name, None)
        self.queues.pop(tap.name, None)

    def all(self) -> Iterator[tuple[Tap, Mapping[str, str]]]:
        for name, tags in list(self.queues.items()):
            yield Tap(name, tags[BUS], f"https://sqs/{name}"), tags

    def _maybe_fail(self, step: str) -> None:
        if self.fail_on == step:
            raise FailedError(f"{step} refused")


def delivered(number: int, **fields: object) -> Delivery:
    """The message of an event with that id."""
    event = {
        "version": "0",
        "id": f"e-{number}",
        "detail-type": "OrderCreated",
        "source": "orders.api",
        "time": "2026-11-22T03:00:00Z",
        "resources": [],
        "detail": {"n": number},
        **fields,
    }
    return Delivery(json.dumps(event), f"r-{number}")


ARCHIVE = Archive("orders-archive", "arn:aws:events:ap-northeast-1:123456789012:archive/orders-archive", ARN)


class FakeReplays:
    """One archive; each look at a replay moves it to the next of `states`."""

    def __init__(self, *states: str) -> None:
        self.started: dict[str, tuple[datetime, datetime, list[str]]] = {}
        self.cancelled: list[str] = []
        self.states = list(states) or ["STARTING", "RUNNING", "COMPLETED"]

    def archive(self, name: str) -> Archive:
        if name != ARCHIVE.name:
            raise NotFoundError(f"archive {name}: Archive {name} does not exist.")
        return ARCHIVE

    def start(self, name: str, archive: Archive, since: datetime, until: datetime, rule_arns: Sequence[str]) -> None:
        if name in self.started:
            raise ConflictError(f"replay {name}: Replay {name} already exists.")
        self.started[name] = (since, until, list(rule_arns))

    def describe(self, name: str) -> Replay:
        if name not in self.started:
            raise NotFoundError(f"replay {name}: Replay {name} does not exist.")
        since, until, _ = self.started[name]
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        halfway = since + (until - since) / 2 if state == "RUNNING" else None
        return Replay(name, state, since, until, halfway)

    def list(self, archive: Archive | None) -> Iterator[Replay]:
        return (self.describe(name) for name in self.started)

    def cancel(self, name: str) -> None:
        self.cancelled.append(name)
        self.states = ["CANCELLING", "CANCELLED"]
