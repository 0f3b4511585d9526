"""EventBridge behind `orderctl.events.ports.EventBus`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import THROTTLED, aws_call
from orderctl.errors import FailedError, UnreachableError
from orderctl.events.models import AnswerLostError, Event, Rule, Taken, Target
from orderctl.pacing import TokenBuckets

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

_SERVER_FAILED = ("InternalFailure", "InternalException", "InternalServerError", "ServiceUnavailable")
"""Answers of a server that does not know itself how far it came; with them, any bare 5xx."""


class EventBridgeBus:
    """The bus `name` (or ARN). `once` is a client that makes one attempt: PutEvents has no deduplication."""

    def __init__(self, client: EventBridgeClient, name: str, *, once: EventBridgeClient, buckets: TokenBuckets) -> None:
        self.name = name
        self._buckets = buckets
        self._client = client
        self._once = once

    def arn(self) -> str:
        """The bus's ARN; raises NotFoundError."""
        with aws_call("events", "DescribeEventBus", subject=f"event bus {self.name}"):
            return self._client.describe_event_bus(Name=self.name)["Arn"]

    def rules(self) -> Iterator[Rule]:
        """Every rule, a page at a time."""
        with aws_call("events", "ListRules", subject=f"event bus {self.name}"):
            for page in self._client.get_paginator("list_rules").paginate(EventBusName=self.name):
                for rule in page["Rules"]:
                    state, made_by = rule.get("State", "ENABLED"), rule.get("ManagedBy")
                    yield Rule(rule["Name"], rule["Arn"], state, rule.get("EventPattern"), made_by)

    def targets(self, rule: Rule) -> Iterator[Target]:
        """Every target of a rule, a page at a time."""
        with aws_call("events", "ListTargetsByRule", subject=f"rule {rule.name}"):
            pages = self._client.get_paginator("list_targets_by_rule").paginate(Rule=rule.name, EventBusName=self.name)
            for page in pages:
                for target in page["Targets"]:
                    yield _target(rule, target)

    def matches(self, pattern: str, envelope: str) -> bool:
        """TestEventPattern's answer."""
        with aws_call("events", "TestEventPattern"):
            return self._client.test_event_pattern(EventPattern=pattern, Event=envelope)["Result"]

    def put(self, events: Sequence[Event]) -> list[Taken]:
        """PutEvents, once. A connection that never came about is a plain failure: nothing was sent."""
        from botocore.exceptions import IncompleteReadError
        from botocore.parsers import ResponseParserError

        try:
            with self._buckets.paced("PutEvents"), aws_call("events", "PutEvents", subject=f"event bus {self.name}"):
                try:
                    answer = self._once.put_events(Entries=[self._entry(event) for event in events])
                except (IncompleteReadError, ResponseParserError) as error:
                    text = f"event bus {self.name}: PutEvents answered unreadably: {error}"
                    raise AnswerLostError(text) from error
        except UnreachableError as error:
            raise AnswerLostError(error.message, hint=error.hint, aws=error.aws) from error
        except FailedError as error:
            if error.aws is not None and _is_server_failure(error.aws.code):
                raise AnswerLostError(error.message, hint=error.hint, aws=error.aws) from error
            raise
        taken = [
            Taken(entry.get("EventId"), entry.get("ErrorCode"), entry.get("ErrorMessage"))
            for entry in answer["Entries"]
        ]
        if any(each.error in THROTTLED for each in taken):
            self._buckets.of("PutEvents").throttled()
        if len(taken) != len(events):
            raise AnswerLostError(f"PutEvents answered {len(taken)} entries for {len(events)}")
        return taken

    def _entry(self, event: Event) -> Any:
        entry: dict[str, Any] = {
            "EventBusName": self.name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": event.detail,
        }
        if event.time is not None:
            entry["Time"] = event.time
        return entry | ({"Resources": list(event.resources)} if event.resources else {})


def _target(rule: Rule, said: Any) -> Target:
    transformer = said.get("InputTransformer", {})
    return Target(
        rule.arn,
        said["Id"],
        said["Arn"],
        said.get("Input"),
        said.get("InputPath"),
        transformer.get("InputPathsMap"),
        transformer.get("InputTemplate"),
    )


def _is_server_failure(code: str) -> bool:
    return code in _SERVER_FAILED or (code.isdigit() and code.startswith("5"))
