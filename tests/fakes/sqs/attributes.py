"""Queue attributes: defaults, which may be set, and what CreateQueue and SetQueueAttributes refuse.

Defaults as recorded from AWS on 2025-08-19 (MaximumMessageSize is 1 MiB since then). Limits are those of
SetQueueAttributes in the SQS API reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.fakes.sqs.errors import AwsError, Json, invalid_attribute_value, invalid_value, unknown_attribute

DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
LIMITS = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
OTHERS = {"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "SqsManagedSseEnabled"}
READ_ONLY = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}
SETTABLE = set(LIMITS) | OTHERS | set(FIFO_DEFAULTS)
KNOWN = SETTABLE | READ_ONLY | {"FifoQueue"}


def check(attributes: Mapping[str, str], *, is_fifo: bool, is_new: bool) -> None:
    """Raise the error AWS gives for a name it does not know or a value out of range."""
    for name, value in attributes.items():
        if name == "FifoQueue":
            _check_type_stays(value, is_fifo=is_fifo, is_new=is_new)
        elif name not in SETTABLE:
            raise unknown_attribute(name)
        elif name in FIFO_DEFAULTS and not is_fifo:
            raise _fifo_only(name)
        elif name in LIMITS:
            _check_range(name, value)


def _check_type_stays(value: str, *, is_fifo: bool, is_new: bool) -> None:
    """AWS knows no FifoQueue=false: a standard queue is one that does not say."""
    if not is_fifo:
        raise unknown_attribute("FifoQueue")
    if is_new:
        return
    if value.lower() != "true":
        raise invalid_attribute_value("FifoQueue", "Modifying queue type is not supported.")


def _fifo_only(name: str) -> AwsError:
    if name == "ContentBasedDeduplication":
        return unknown_attribute(name)
    message = f"You can specify the {name} only when FifoQueue is set to true."
    return AwsError("InvalidAttributeName", message, shape="InvalidAttributeName")


def _check_range(name: str, value: str) -> None:
    low, high = LIMITS[name]
    if not value.isdigit() or not low <= int(value) <= high:
        message = f"Invalid value for the parameter {name}."
        raise AwsError("InvalidAttributeValue", message, shape="InvalidAttributeValue")


def parse_policy(name: str, text: str) -> Json:
    """RedrivePolicy or RedriveAllowPolicy as an object; an empty text (which removes the policy) gives {}."""
    if not text:
        return {}
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise invalid_value(name, text, "Redrive policy is not a valid JSON map.")
    return policy
