"""AWS clients, one a service and process, made when first asked for.

Clients outlive an invocation, so a warm function reuses its connections. Timeouts are short because
every caller here stands in front of somebody waiting; retries are the SDK's standard mode, except
where a call may not be sent twice.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_stepfunctions.client import SFNClient


@cache
def table(name: str) -> Table:
    """A DynamoDB table; numbers come back as Decimal."""
    import boto3

    return cast("Table", boto3.resource("dynamodb", config=_config()).Table(name))


@cache
def event_bridge() -> EventBridgeClient:
    """EventBridge. Sent once: PutEvents knows no second time, and every consumer would get the order twice."""
    return cast("EventBridgeClient", _client("events", attempts=1))


@cache
def step_functions() -> SFNClient:
    """Step Functions. StartExecution with a name is idempotent, so it may be retried."""
    return cast("SFNClient", _client("stepfunctions"))


@cache
def step_functions_once(read_timeout: int) -> SFNClient:
    """Step Functions for StartSyncExecution: sent once, because a retry would run the order again."""
    return cast("SFNClient", _client("stepfunctions", read_timeout=read_timeout, attempts=1))


@cache
def mail() -> Any:
    """SES."""
    return _client("sesv2")


CALL_SECONDS = 22.0
"""The longest one call of `once` can take: connecting and reading."""


@cache
def once(service: str) -> Any:
    """Any service, for a delivery that must not be made twice: a single attempt, and no long wait for its answer."""
    return _client(service, read_timeout=20, attempts=1)


@cache
def storage() -> Any:
    """S3. What is written there may be written again."""
    return _client("s3", read_timeout=10)


def _client(service: str, *, read_timeout: int = 5, attempts: int = 3) -> Any:
    import boto3

    return boto3.client(service, config=_config(read_timeout, attempts))


def _config(read_timeout: int = 5, attempts: int = 3) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
