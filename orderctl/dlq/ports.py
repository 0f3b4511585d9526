"""What the dead-letter services ask of AWS, in their own words. Adapters in `orderctl.aws` answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from orderctl.dlq.models import (
    Ended,
    Machine,
    Message,
    Outcome,
    Queue,
    Target,
    ToFunction,
    ToQueue,
    ToStateMachine,
    ToTopic,
)


class Queues(Protocol):
    """SQS. No call here is retried by the SDK where a lost reply could repeat work."""

    def describe(self, queue: str) -> Queue:
        """A queue by name, URL or ARN, with fresh counts; raises NotFoundError."""

    def all(self) -> Iterator[Queue]:
        """Every queue of the account and Region."""

    def sources_of(self, queue: Queue) -> tuple[str, ...] | None:
        """URLs of the queues whose redrive policy names this one, or None where the API is not there."""

    def receive(self, queue: Queue, *, up_to: int, hide_for: int, wait: int) -> list[Message]:
        """At most `up_to` (1 to 10) messages with all attributes, hidden for `hide_for` seconds; may be empty.

        `wait` is the long poll in seconds, 0 to 20. Raises what `aws_call` raises.
        """

    def hide(self, queue: Queue, messages: Sequence[Message], seconds: int) -> Mapping[str, str]:
        """Set the rest of the visibility timeout, 0 gives back at once. Answers message id to why, for failures."""

    def delete(self, queue: Queue, messages: Sequence[Message]) -> Mapping[str, str]:
        """Delete at most 10; answers message id to why, for the ones not deleted. May be called again."""

    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        """Send at most 10 entries of at most 1 MiB together, keyed by the letter's message id; an outcome each.

        Never raises for what one entry or the connection can cause: a lost reply is `Unknown` for them all.
        """


class Functions(Protocol):
    """Lambda."""

    def invoke(self, delivery: ToFunction) -> Outcome:
        """Invoke asynchronously once; the 202 is `Sent` with the request id."""

    def dead_letter_wires(self) -> Iterator[tuple[str, str]]:
        """(function ARN, dead-letter target ARN) of every function that has one."""

    def destinations(self) -> Iterator[tuple[str, str, str]]:
        """(function ARN with qualifier, `OnFailure` or `OnSuccess`, destination ARN) of every invoke config."""

    def stream_destinations(self) -> Iterator[tuple[str, str, str]]:
        """(mapping UUID, event source ARN, on-failure destination ARN) of every stream mapping with one."""

    def reserved_concurrency(self, function: str) -> int | None:
        """Reserved concurrency, or None where there is no reservation; 0 means throttled to a standstill."""

    def readers(self, queue: str) -> Sequence[tuple[str, bool]]:
        """(function ARN, does it read now?) of every event source mapping of a queue."""

    def check(self, function: str) -> None:
        """Raise NotFoundError or AuthError unless the function (with its qualifier) can be looked at."""


class Rules(Protocol):
    """EventBridge rules and targets."""

    def dead_letter_targets(self, bus: str | None) -> Iterator[tuple[Target, str]]:
        """(target, its dead-letter queue ARN) for every rule of the bus, or of every bus when None."""

    def bus_queues(self, bus: str | None) -> Iterator[tuple[str, str]]:
        """(event bus ARN, the bus's own dead-letter queue ARN) of the bus, or of every bus when None."""


class Subscriptions(Protocol):
    """SNS."""

    def dead_letter_wires(self) -> Iterator[tuple[str, str, str, str, bool, str]]:
        """(subscription ARN, topic ARN, protocol, endpoint, raw delivery?, dead-letter queue ARN)."""

    def publish(self, delivery: ToTopic) -> Outcome:
        """Publish once."""

    def check_topic(self, topic: str) -> None:
        """Raise NotFoundError or AuthError unless the topic can be looked at."""


class Schedules(Protocol):
    """EventBridge Scheduler."""

    def dead_letter_targets(self) -> Iterator[tuple[Target, str]]:
        """(target with its input, its dead-letter queue ARN) of every schedule; `rule_arn` is the schedule's."""


class Starter(Protocol):
    """Step Functions, for rules and schedules whose target is a state machine."""

    def start(self, delivery: ToStateMachine) -> Outcome:
        """Start once; the same name and input again is `Sent` with the same ARN."""

    def machine(self, arn: str) -> Machine:
        """Status and definition of a state machine; raises NotFoundError, AuthError."""

    def ended(self, execution_arn: str) -> Ended | None:
        """How an execution ended, None while it runs; raises NotFoundError for an Express one."""


class Health(Protocol):
    """How consumers did lately, as CloudWatch counts it."""

    def failures(self, functions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Function name to (failed, all) invocations of the last 15 minutes; missing where nothing was counted."""
