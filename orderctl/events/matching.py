"""Which rules of a bus an event would match: asked of EventBridge itself, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from orderctl.events.models import Event, Rule
from orderctl.events.ports import EventBus

MOST_KINDS = 20
"""Kinds of event that are tried: TestEventPattern is a control-plane call, of which an account has 50 a second."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The enabled rules that match events of one source and detail-type, tried with the first of them."""

    source: str
    detail_type: str
    rules: tuple[str, ...]
    line: int | None = None


def samples(events: Iterable[Event]) -> list[Event]:
    """The first event of each source and detail-type; of more than 20 kinds one more, which says so."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        if len(found) <= MOST_KINDS:
            found.setdefault((event.source, event.detail_type), event)
    return list(found.values())


def match(bus: EventBus, bus_arn: str, tried: Iterable[Event], now: datetime) -> list[Matched]:
    """For each event the enabled rules of the bus that match it; an archive's own and a tail's are no consumers."""
    rules = [rule for rule in bus.rules() if rule.is_enabled and rule.is_consumer and rule.pattern is not None]
    return [
        Matched(event.source, event.detail_type, tuple(_names(bus, bus_arn, rules, event, now)), event.line)
        for event in tried
    ]


def _names(bus: EventBus, bus_arn: str, rules: list[Rule], event: Event, now: datetime) -> Iterable[str]:
    envelope = event.envelope(bus_arn, now)
    return (rule.name for rule in rules if rule.pattern is not None and bus.matches(rule.pattern, envelope))
