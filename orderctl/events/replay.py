"""Replaying archived events, to the rules that were named and no other.

EventBridge replays to every rule of the bus unless told which (`FilterArns`), and to every target of those
rules: an order's confirmation mail goes out again with the rest. So rules have to be named, every target
they would run is shown, and each of them has to be named too; only a log group may be reached unasked.

StartReplay knows no pattern. What a rule is sent of a span is decided by the rule's own pattern, which is
shown with it; to replay less, deploy a rule with the narrower pattern and `"replay-name": [{"exists": true}]`,
which live events never match, and name that one. Putting up such a rule for a moment and giving it the named
rule's targets would look like a filter and deliver nothing: functions and queues let in the rule they know.

An archive holds an event some minutes after it was put (user guide, "Replaying archived events": wait ten
minutes), so a span that ends now is waited out. The replay's name is made of what it replays: the same line
run again finds it there (exit 5) and replays nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from orderctl import jsontext
from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, NotFoundError, RefusedError, TimeoutPassedError, UsageError
from orderctl.events.models import Rule, Target
from orderctl.events.ports import EventBus

ARCHIVE_DELAY = 600.0
"""Seconds until an event is surely in the archive."""
POLL = 5.0
CLOSED = ("COMPLETED", "CANCELLED", "FAILED")


@dataclass(frozen=True, slots=True)
class Archive:
    """Where events are kept, and the bus they came from: the only one they can be replayed to."""

    name: str
    arn: str
    bus_arn: str

    @property
    def bus_name(self) -> str:
        """The bus's own name."""
        return self.bus_arn.partition(":event-bus/")[2]


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay, in EventBridge's words. `last_replayed` is the time of the newest event that was replayed."""

    name: str
    state: str
    since: datetime | None
    until: datetime | None
    last_replayed: datetime | None = None
    reason: str | None = None

    @property
    def share(self) -> float:
        """How much of the span is done, from 0 to 1."""
        if self.state == "COMPLETED":
            return 1.0
        if self.since is None or self.until is None or self.last_replayed is None or self.until <= self.since:
            return 0.0
        return min(1.0, max(0.0, (self.last_replayed - self.since) / (self.until - self.since)))


class Replays(Protocol):
    """What replaying needs of EventBridge."""

    def archive(self, name: str) -> Archive:
        """Raises NotFoundError where there is none."""

    def start(self, name: str, archive: Archive, since: datetime, until: datetime, rule_arns: Sequence[str]) -> None:
        """Raises ConflictError where a replay of that name was there before."""

    def describe(self, name: str) -> Replay:
        """Raises NotFoundError where there is none."""

    def list(self, archive: Archive | None) -> Iterator[Replay]:
        """Replays of the last 90 days, of one archive or of all."""

    def cancel(self, name: str) -> None:
        """Asks for its end; it is reached later."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be replayed where."""

    name: str
    archive: Archive
    since: datetime
    until: datetime
    rules: tuple[Rule, ...]
    targets: tuple[Target, ...]

    @property
    def starts_at(self) -> datetime:
        """When all of the span is surely in the archive."""
        return self.until + timedelta(seconds=ARCHIVE_DELAY)


def plan(
    bus: EventBus, archive: Archive, since: datetime, until: datetime, rules: Sequence[str], *, name: str | None = None
) -> Plan:
    """Look up what the named rules would run.

    Raises UsageError for no rule or an empty span, NotFoundError, ConflictError for a rule that sees no event.
    """
    if since >= until:
        raise UsageError(f"nothing lies between {jsontext.iso(since)} and {jsontext.iso(until)}")
    known = {rule.name: rule for rule in bus.rules()}
    if not rules:
        names = ", ".join(sorted(known)) or "none"
        raise UsageError("a replay wants the rules it goes to", hint=f"--rule NAME; on this bus: {names}")
    missing = [rule for rule in rules if rule not in known]
    if missing:
        raise NotFoundError(f"event bus {bus.name} has no rule {', '.join(missing)}")
    chosen = tuple(known[rule] for rule in dict.fromkeys(rules))
    _refuse_deaf(chosen)
    targets = tuple(target for rule in chosen for target in bus.targets(rule))
    return Plan(name or _name(archive, since, until, chosen), archive, since, until, chosen, targets)


def _refuse_deaf(rules: Iterable[Rule]) -> None:
    """A replay to a rule that sees no event would say COMPLETED and reach nobody."""
    for rule in rules:
        if rule.pattern is None:
            raise ConflictError(f"rule {rule.name} runs on a schedule and sees no event")
        if not rule.is_enabled:
            hint = f"aws events enable-rule --name {rule.name}; live events reach its targets then, too"
            raise ConflictError(f"rule {rule.name} is {rule.state} and would see no event", hint=hint)


def unnamed(plan: Plan, named: Iterable[str]) -> list[str]:
    """What the targets are called that would run although nobody named them; log groups may."""
    allowed = set(named)
    return [name for target in plan.targets if (name := called(plan, target)) not in allowed | _log_groups(plan)]


def called(plan: Plan, target: Target) -> str:
    """Its id; where two rules have targets of one id (the console numbers them), with the rule's name before it."""
    is_shared = sum(one.id == target.id for one in plan.targets) > 1
    rule = next(rule.name for rule in plan.rules if rule.arn == target.rule_arn)
    return f"{rule}/{target.id}" if is_shared else target.id


def refuse_unnamed(plan: Plan, named: Iterable[str]) -> None:
    """Raises RefusedError naming every target that would run unasked, and UsageError for one that is none."""
    strangers = set(named) - {called(plan, target) for target in plan.targets} - {one.id for one in plan.targets}
    if strangers:
        raise UsageError(f"no target of these rules: {', '.join(sorted(strangers))}")
    left = unnamed(plan, named)
    if left:
        ids = ", ".join(sorted(left))
        hint = "if they may run again: " + " ".join(f"--target {name}" for name in left)
        raise RefusedError(f"the replay would also run {ids}; nothing was started", hint=hint)


def start(replays: Replays, plan: Plan, clock: Clock, *, delay: bool = True) -> None:
    """Wait until the archive has all of the span, then start."""
    if delay:
        clock.sleep((plan.starts_at - clock.now()).total_seconds())
    try:
        replays.start(plan.name, plan.archive, plan.since, plan.until, [rule.arn for rule in plan.rules])
    except ConflictError as error:
        hint = f"it was started before, and nothing is replayed twice; see how it went: --watch {plan.name}"
        raise ConflictError(error.message, hint=hint, aws=error.aws) from error


def follow(replays: Replays, name: str, clock: Clock, *, timeout: float | None = None) -> Iterator[Replay]:
    """Like `until_closed`, and raises FailedError for a replay that FAILED or was cancelled."""
    last: Replay | None = None
    for last in until_closed(replays, name, clock, timeout=timeout):
        yield last
    if last is not None and last.state != "COMPLETED":
        raise FailedError(f"replay {name} ended {last.state}" + (f": {last.reason}" if last.reason else ""))


def until_closed(replays: Replays, name: str, clock: Clock, *, timeout: float | None = None) -> Iterator[Replay]:
    """The replay each time it moved, until it is closed. Raises TimeoutPassedError after `timeout` seconds."""
    give_up = None if timeout is None else clock.monotonic() + timeout
    shown: Replay | None = None
    while True:
        now = replays.describe(name)
        if now != shown:
            yield now
            shown = now
        if now.state in CLOSED:
            return
        if give_up is not None and clock.monotonic() >= give_up:
            raise TimeoutPassedError(f"replay {name} is still {now.state}")
        clock.sleep(POLL)


def _log_groups(plan: Plan) -> set[str]:
    return {called(plan, target) for target in plan.targets if target.arn.split(":")[2] == "logs"}


def _name(archive: Archive, since: datetime, until: datetime, rules: Sequence[Rule]) -> str:
    """At most 64 characters; the same for the same replay."""
    what = "\0".join((archive.arn, since.isoformat(), until.isoformat(), *sorted(rule.arn for rule in rules)))
    return f"orderctl-{hashlib.sha256(what.encode()).hexdigest()[:24]}"
