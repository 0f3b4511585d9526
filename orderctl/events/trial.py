"""`events test`: an event held against every rule of a bus, without sending it.

EventBridge itself says whether a rule matches. Which part of a pattern did not is asked the same way: the
pattern is taken apart into its fields, and each is tried as a pattern of its own, so the answer never
depends on this program's idea of `anything-but` or `wildcard`. Only where every field matches alone and the
pattern does not (objects of a list: one of them has to meet all conditions) does `events.patterns` say which
object came nearest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orderctl import jsontext
from orderctl.assignments import Json, show
from orderctl.errors import UsageError
from orderctl.events.models import Rule
from orderctl.events.patterns import explain
from orderctl.events.ports import EventBus
from orderctl.events.transform import NotReproducible, target_input


@dataclass(frozen=True, slots=True)
class Received:
    """What one target of a matching rule would be sent; `problem` says why that cannot be known."""

    target_id: str
    target_arn: str
    input: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule: does it match, if not why, and what its targets would receive."""

    rule: str
    state: str
    is_matched: bool
    mismatches: tuple[str, ...] = ()
    """The fields of the pattern that the event does not meet, each with what is wanted."""
    targets: tuple[Received, ...] = ()
    line: int | None = None
    """Where the file has the event."""


def try_rules(bus: EventBus, envelope: str) -> Iterator[Tried]:
    """Every rule of the bus, in the order of its list."""
    for rule in bus.rules():
        if rule.pattern is None:
            yield Tried(rule.name, rule.state, False, ("it runs on a schedule and sees no event",))
        elif bus.matches(rule.pattern, envelope):
            yield Tried(rule.name, rule.state, True, (), tuple(_received(bus, rule, envelope)))
        else:
            yield Tried(rule.name, rule.state, False, tuple(_mismatches(bus, rule.pattern, envelope)))


def _received(bus: EventBus, rule: Rule, envelope: str) -> Iterator[Received]:
    for target in bus.targets(rule):
        try:
            yield Received(target.id, target.arn, target_input(target, envelope))
        except NotReproducible as error:
            yield Received(target.id, target.arn, None, error.reason)


def _mismatches(bus: EventBus, pattern: str, envelope: str) -> list[str]:
    whole = jsontext.loads(pattern, source="pattern")
    alone = [
        f"{show(path)}: wants {jsontext.dumps(wanted)}"
        for path, wanted in _fields(whole, ())
        if not bus.matches(jsontext.dumps(_alone(path, wanted)), envelope)
    ]
    return alone or list(_not_together(whole, jsontext.loads(envelope, source="event")))


def _not_together(pattern: Mapping[str, Json], event: Mapping[str, Json]) -> Iterator[str]:
    """Each field is met, but by different objects of one list."""
    try:
        nearest = explain(pattern, event)
    except UsageError:
        nearest = []
    for one in nearest:
        yield f"{one.path}: wants {one.wanted}; the object of the list that meets the rest has {one.found}"
    if not nearest:
        yield "every field matches alone, but no one object of a list meets them all"


def _fields(node: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The fields of a pattern; `$or` stays whole, since its parts need not all match."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "$or" or not isinstance(inner, dict):
                yield (*path, name), inner
            else:
                yield from _fields(inner, (*path, name))


def _alone(path: tuple[str, ...], wanted: Json) -> Json:
    for name in reversed(path):
        wanted = {name: wanted}
    return wanted
