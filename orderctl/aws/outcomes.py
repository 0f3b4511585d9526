"""What the answer to a delivery means, for every service alike.

A delivery is sent once, over a client that never repeats a call. Afterwards it is known to be done, refused (it
did not take effect), or unknown: no answer, or an answer that the service itself failed. Unknown is never guessed
to be either: the one guess loses, the other doubles.
"""

from __future__ import annotations

from collections.abc import Callable

from orderctl.aws.errors import aws_call
from orderctl.dlq.models import NotSent, Outcome, Sent, Unknown
from orderctl.errors import AuthError, NoConnectionError, NotFoundError, OrderctlError, ThrottledError


def deliver(service: str, operation: str, call: Callable[[], str | None]) -> Outcome:
    """Make a call that must not be made twice; `call` gives the id of what it became. Never raises for AWS."""
    from botocore.parsers import ResponseParserError

    try:
        with aws_call(service, operation):
            return Sent(call())
    except OrderctlError as error:
        return outcome_of(error)
    except ResponseParserError as error:
        return Unknown(f"{service} {operation}: the answer cannot be read: {error}")


def outcome_of(error: OrderctlError) -> NotSent | Unknown:
    """What a translated error of a delivery says: refused below 500, otherwise unknown.

    Missing or refused credentials, permission or target are fatal: every other delivery there would fail alike.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    cause = error.__cause__
    if isinstance(error, ThrottledError | NoConnectionError):
        return NotSent(error.message, is_retryable=True, is_throttled=isinstance(error, ThrottledError))
    if isinstance(error, AuthError | NotFoundError) or (error.aws and error.aws.code.lower().startswith("kms")):
        return NotSent(error.message, is_fatal=True, error=error)
    if isinstance(cause, ParamValidationError):
        return NotSent(error.message)
    if isinstance(cause, ClientError) and cause.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
        return NotSent(error.message)
    return Unknown(error.message)
