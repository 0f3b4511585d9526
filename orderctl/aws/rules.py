"""EventBridge rules and their targets behind `orderctl.dlq.ports.Rules`.

All rules of a bus are read, not only those of the stack: a dead letter names its rule, and one whose rule is not
known here must be refused. A target's parameters that cannot be reproduced are named, so that a redrive to it is
refused and not done half.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.scheduler import each_of
from orderctl.clock import Clock, SystemClock
from orderctl.dlq.models import Target

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

_UNDERSTOOD = frozenset(
    {
        "Id",
        "Arn",
        "RoleArn",
        "Input",
        "InputPath",
        "InputTransformer",
        "SqsParameters",
        "DeadLetterConfig",
        "RetryPolicy",
    }
)
"""Keys of a target that are applied (or, like the role, are EventBridge's own affair). Any other, also one that
AWS adds later, makes the target unsupported."""


class EventBridgeRules:
    """The rules of one account and Region."""

    def __init__(self, client: EventBridgeClient, clock: Clock | None = None) -> None:
        self._client: Any = client
        self._clock: Clock = clock or SystemClock()

    def dead_letter_targets(self, bus: str | None) -> Iterator[tuple[Target, str]]:
        """(target, its dead-letter queue ARN), in no order; `bus` is a name or an ARN, None is every bus.

        Raises NotFoundError for a bus that does not exist.
        """
        return each_of(self._targets, self._rules(bus), self._clock)

    def bus_queues(self, bus: str | None) -> Iterator[tuple[str, str]]:
        """(event bus ARN, its own dead-letter queue ARN) of the bus, or of every bus; in no order."""
        return each_of(self._bus_queue, self._buses() if bus is None else [bus], self._clock)

    def _bus_queue(self, bus: str) -> list[tuple[str, str]]:
        with aws_call("events", "DescribeEventBus", subject=f"event bus {bus}"):
            said = self._client.describe_event_bus(Name=bus)
        queue = said.get("DeadLetterConfig", {}).get("Arn")
        return [(said["Arn"], queue)] if queue else []

    def _buses(self) -> Iterator[str]:
        """ListEventBuses has a NextToken, but no paginator in boto3."""
        token: dict[str, str] = {}
        while True:
            with aws_call("events", "ListEventBuses"):
                page = self._client.list_event_buses(**token)
            yield from (said["Name"] for said in page["EventBuses"])
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _rules(self, bus: str | None) -> Iterator[tuple[str, str, str]]:
        """Bus, name and ARN of each rule."""
        for name in self._buses() if bus is None else [bus]:
            pages = self._client.get_paginator("list_rules").paginate(EventBusName=name)
            with aws_call("events", "ListRules", subject=f"event bus {name}"):
                for page in pages:
                    yield from ((name, said["Name"], said["Arn"]) for said in page["Rules"])

    def _targets(self, rule: tuple[str, str, str]) -> list[tuple[Target, str]]:
        bus, name, arn = rule
        pages = self._client.get_paginator("list_targets_by_rule").paginate(Rule=name, EventBusName=bus)
        with aws_call("events", "ListTargetsByRule", subject=f"rule {name}"):
            found = [said for page in pages for said in page["Targets"]]
        return [
            (_target(arn, said), said["DeadLetterConfig"]["Arn"])
            for said in found
            if said.get("DeadLetterConfig", {}).get("Arn")
        ]


def _target(rule_arn: str, said: dict[str, Any]) -> Target:
    transformer = said.get("InputTransformer", {})
    return Target(
        rule_arn=rule_arn,
        target_id=said["Id"],
        arn=said["Arn"],
        input=said.get("Input"),
        input_path=said.get("InputPath"),
        input_paths=transformer.get("InputPathsMap"),
        input_template=transformer.get("InputTemplate"),
        message_group_id=said.get("SqsParameters", {}).get("MessageGroupId"),
        unsupported=", ".join(sorted(said.keys() - _UNDERSTOOD)) or None,
    )
