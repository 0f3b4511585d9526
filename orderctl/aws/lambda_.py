"""Lambda behind `orderctl.dlq.ports.Functions`: asynchronous invokes, and the wiring of functions.

An asynchronous invoke is sent over `once`, a client with a single attempt: Lambda would queue a repeated one as
a second event. Reading goes over `client`, which repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.outcomes import deliver
from orderctl.aws.scheduler import each_of
from orderctl.clock import Clock, SystemClock
from orderctl.dlq.models import NotSent, Outcome, ToFunction
from orderctl.errors import FailedError

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

MAX_EVENT_BYTES = 1_048_576
"""Payload of an asynchronous invoke (Lambda API reference, "Invoke"; 262,144 until October 2025)."""
ACCEPTED = 202
"""The answer to an asynchronous invoke that was queued (Lambda API reference, "Invoke")."""

_READING = {"Enabled", "Enabling", "Updating", "Creating"}
"""States of a mapping that reads, or will in a moment (GetEventSourceMapping)."""
SWITCH_SECONDS = 90.0
"""Longest wait for a mapping to be enabled or disabled."""


class LambdaFunctions:
    """The functions of one account and Region."""

    def __init__(self, client: LambdaClient, once: LambdaClient, clock: Clock | None = None) -> None:
        self._client: Any = client
        self._once: Any = once
        self._clock: Clock = clock or SystemClock()

    def invoke(self, delivery: ToFunction) -> Outcome:
        """Queue one event for the function. `Sent` means queued, not that the function succeeds."""
        size = len(delivery.payload)
        if size > MAX_EVENT_BYTES:
            return NotSent(f"the payload has {size} bytes, an asynchronous invoke takes {MAX_EVENT_BYTES}")
        return deliver("lambda", "Invoke", lambda: self._invoke(delivery))

    def _invoke(self, delivery: ToFunction) -> str | None:
        answer = self._once.invoke(**_named(delivery.arn), InvocationType="Event", Payload=delivery.payload)
        if answer["StatusCode"] != ACCEPTED:
            raise FailedError(f"Lambda answered {answer['StatusCode']} instead of {ACCEPTED}")
        request_id: str | None = answer["ResponseMetadata"].get("RequestId")
        return request_id

    def dead_letter_wires(self) -> Iterator[tuple[str, str]]:
        """(function ARN, dead-letter target ARN). The setting is the function's; its versions share it."""
        for said in self._functions():
            target = said.get("DeadLetterConfig", {}).get("TargetArn")
            if target:
                yield said["FunctionArn"], target

    def destinations(self) -> Iterator[tuple[str, str, str]]:
        """(function ARN with qualifier, `OnFailure` or `OnSuccess`, destination ARN), in no order."""
        return each_of(self._destinations, (said["FunctionArn"] for said in self._functions()), self._clock)

    def stream_destinations(self) -> Iterator[tuple[str, str, str]]:
        """(mapping UUID, event source ARN, on-failure destination ARN)."""
        pages = self._client.get_paginator("list_event_source_mappings").paginate()
        with aws_call("lambda", "ListEventSourceMappings"):
            for page in pages:
                for said in page["EventSourceMappings"]:
                    target = said.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
                    if target:
                        yield said["UUID"], said.get("EventSourceArn", ""), target

    def readers(self, queue: str) -> list[tuple[str, bool]]:
        """(function ARN, does it read now?) of every event source mapping of a queue."""
        pages = self._client.get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue)
        with aws_call("lambda", "ListEventSourceMappings", subject=f"queue {queue}"):
            found = [said for page in pages for said in page["EventSourceMappings"]]
        return [(said["FunctionArn"], said.get("State", "") in _READING) for said in found]

    def reserved_concurrency(self, function: str) -> int | None:
        """The function's reservation, whatever the qualifier."""
        with aws_call("lambda", "GetFunctionConcurrency", subject=f"function {function}"):
            answer = self._client.get_function_concurrency(FunctionName=_named(function)["FunctionName"])
        reserved: int | None = answer.get("ReservedConcurrentExecutions")
        return reserved

    def check(self, function: str) -> None:
        """Raise NotFoundError or AuthError; permission to look is not yet permission to invoke."""
        with aws_call("lambda", "GetFunctionConfiguration", subject=f"function {function}"):
            self._client.get_function_configuration(**_named(function))

    @contextmanager
    def paused(self, queue_arn: str) -> Iterator[None]:
        """Disable the enabled mappings that read from the queue, and enable them again at the end."""
        mappings = self._enabled(queue_arn)
        try:
            for mapping in mappings:
                self._enable(mapping, False)
            yield
        finally:
            for mapping in mappings:
                self._enable(mapping, True)

    def _enabled(self, queue_arn: str) -> list[str]:
        pages = self._client.get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
        with aws_call("lambda", "ListEventSourceMappings", subject=f"queue {queue_arn}"):
            found = [said for page in pages for said in page["EventSourceMappings"]]
        return [said["UUID"] for said in found if said.get("State") == "Enabled"]

    def _enable(self, mapping: str, enabled: bool) -> None:
        """Switch and wait until it is so; the change takes AWS up to a minute."""
        with aws_call("lambda", "UpdateEventSourceMapping", subject=f"event source mapping {mapping}"):
            said = self._client.update_event_source_mapping(UUID=mapping, Enabled=enabled)
        give_up = self._clock.monotonic() + SWITCH_SECONDS
        while said.get("State") != ("Enabled" if enabled else "Disabled") and self._clock.monotonic() < give_up:
            self._clock.sleep(1)
            with aws_call("lambda", "GetEventSourceMapping", subject=f"event source mapping {mapping}"):
                said = self._client.get_event_source_mapping(UUID=mapping)

    def _functions(self) -> Iterator[Any]:
        pages = self._client.get_paginator("list_functions").paginate()
        with aws_call("lambda", "ListFunctions"):
            for page in pages:
                yield from page["Functions"]

    def _destinations(self, function: str) -> list[tuple[str, str, str]]:
        pages = self._client.get_paginator("list_function_event_invoke_configs").paginate(FunctionName=function)
        with aws_call("lambda", "ListFunctionEventInvokeConfigs", subject=f"function {function}"):
            configs = [said for page in pages for said in page["FunctionEventInvokeConfigs"]]
        return [
            (_qualified(said["FunctionArn"]), when, target["Destination"])
            for said in configs
            for when, target in sorted(said.get("DestinationConfig", {}).items())
            if target.get("Destination")
        ]


def _named(function: str) -> dict[str, str]:
    """FunctionName, and Qualifier where the ARN ends in one; with both in one, Lambda wants them to agree."""
    head, marker, name = function.rpartition(":function:")
    name, _, qualifier = name.partition(":")
    return {"FunctionName": head + marker + name, **({"Qualifier": qualifier} if qualifier else {})}


def _qualified(arn: str) -> str:
    """AWS names the unqualified configuration `…:$LATEST`; an emulator may leave that out."""
    return arn if arn.count(":") >= 7 else f"{arn}:$LATEST"
