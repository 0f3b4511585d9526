"""What AWS answers when it refuses, as data: the wire turns one of these into the HTTP answer boto3 sees.

`code` is the name a caller reads in `ClientError.response["Error"]["Code"]`; `shape` is the name in the JSON body
(`__type`). SQS was a query service once and still sends its old code in the `x-amzn-query-error` header, so the two
differ: `AWS.SimpleQueueService.NonExistentQueue` is the shape `QueueDoesNotExist`. botocore shows the shape as
`QueryErrorCode`. Texts and codes here are the recorded ones of real AWS where a recording exists; a text nobody
recorded says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
LEGACY = "AWS.SimpleQueueService."


@dataclass(eq=False)
class AwsError(Exception):
    """One refusal: error code, text, HTTP status, the JSON shape when it differs, and whose fault it was."""

    code: str
    message: str
    status: int = 400
    shape: str = ""
    sender_fault: bool = True
    extra: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def invalid_parameter(message: str) -> AwsError:
    """The answer to most bad input; its shape is not in the service model, so no modelled exception is raised."""
    return AwsError("InvalidParameterValue", message, shape="InvalidParameterValueException")


def invalid_value(name: str, value: object, reason: str) -> AwsError:
    return invalid_parameter(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing_parameter(name: str) -> AwsError:
    return AwsError(
        "MissingParameter", f"The request must contain the parameter {name}.", shape="MissingRequiredParameterException"
    )


def no_such_queue() -> AwsError:
    return AwsError(f"{LEGACY}NonExistentQueue", "The specified queue does not exist.", shape="QueueDoesNotExist")


def queue_exists(attribute: str) -> AwsError:
    return AwsError(
        "QueueAlreadyExists",
        f"A queue already exists with the same name and a different value for attribute {attribute}",
        shape="QueueNameExists",
    )


def queue_deleted_recently() -> AwsError:
    return AwsError(
        f"{LEGACY}QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        shape="QueueDeletedRecently",
    )


def unknown_attribute(name: str) -> AwsError:
    return AwsError("InvalidAttributeName", f"Unknown Attribute {name}.", shape="InvalidAttributeName")


def invalid_attribute_value(name: str, reason: str) -> AwsError:
    message = f"Invalid value for the parameter {name}. Reason: {reason}"
    return AwsError("InvalidAttributeValue", message, shape="InvalidAttributeValue")


def bad_receipt_handle(handle: str) -> AwsError:
    """A handle SQS never gave out."""
    message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    return AwsError("ReceiptHandleIsInvalid", message, shape="ReceiptHandleIsInvalid")


def expired_receipt_handle(handle: str) -> AwsError:
    """FIFO only: deleting after the visibility timeout has passed (recorded on AWS, 2025-03-28)."""
    return invalid_value("ReceiptHandle", handle, "The receipt handle has expired.")


def not_available_for_visibility(handle: str) -> AwsError:
    """Changing the visibility of a message that is gone, or that was received again since (verified for "gone")."""
    return invalid_value(
        "ReceiptHandle", handle, "Message does not exist or is not available for visibility timeout change."
    )


def not_in_flight() -> AwsError:
    """Text as documented; AWS was recorded accepting the call instead, see `SqsServer.strict_visibility`."""
    return AwsError(f"{LEGACY}MessageNotInflight", "The specified message isn't in flight.", shape="MessageNotInflight")


def over_limit() -> AwsError:
    """More messages in flight than the queue allows; standard queues, short poll only."""
    message = "Too many messages in flight: delete messages or wait for their visibility timeout."
    return AwsError("OverLimit", message, status=403, shape="OverLimit")


def invalid_contents() -> AwsError:
    message = (
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
        "#xE000 to #xFFFD | #x10000 to #x10FFFF"
    )
    return AwsError("InvalidMessageContents", message, shape="InvalidMessageContents")


def purge_in_progress(queue_name: str) -> AwsError:
    message = f"Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds."
    return AwsError(f"{LEGACY}PurgeQueueInProgress", message, status=403, shape="PurgeQueueInProgress")


def batch_error(name: str, message: str) -> AwsError:
    return AwsError(f"{LEGACY}{name}", message, shape=name)


def resource_not_found(message: str) -> AwsError:
    """Move tasks answer 404 with this (recorded 2024-04-30)."""
    return AwsError("ResourceNotFoundException", message, status=404, shape="ResourceNotFoundException")


def unknown_operation(operation: str) -> AwsError:
    message = f"The fake does not know the operation {operation}"
    return AwsError("UnknownOperationException", message, shape="UnknownOperationException")
