"""What the event services need of an event bus; EventBridge speaks it in `orderctl.aws.eventbridge`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from orderctl.events.models import Event, Rule, Taken, Target


class EventBus(Protocol):
    """One event bus."""

    @property
    def name(self) -> str:
        """Its name or ARN, as it was given."""

    def arn(self) -> str:
        """Its ARN; raises NotFoundError where there is no such bus (PutEvents would not say)."""

    def rules(self) -> Iterator[Rule]:
        """Every rule of the bus."""

    def targets(self, rule: Rule) -> Iterator[Target]:
        """Every target of a rule."""

    def matches(self, pattern: str, envelope: str) -> bool:
        """EventBridge's own word on whether an event matches a pattern."""

    def put(self, events: Sequence[Event]) -> list[Taken]:
        """Send up to 10 events once, never again by itself; answers come in the order of the events.

        Raises AnswerLostError when it is not known whether they were taken, ThrottledError when none was.
        """
