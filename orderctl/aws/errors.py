"""AWS's errors as ours, in one table.

Every adapter call runs inside `aws_call`, so that a service never sees a `ClientError` and the same AWS code
ends with the same exit code in every command. Codes not in the table are exit 1, printed with AWS's own
words, the operation and the request id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orderctl.errors import (
    AuthError,
    AwsFault,
    ConflictError,
    FailedError,
    NoConnectionError,
    NotFoundError,
    OrderctlError,
    ThrottledError,
    UnreachableError,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_NOT_FOUND = {
    "ResourceNotFoundException",
    "ResourceNotFound",
    "NotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ExecutionDoesNotExist",
    "StateMachineDoesNotExist",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchEntity",
    "NotFound",
    "404",
}
_AUTH = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "NotAuthorizedException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
    "403",
}
_CONFLICT = {
    "AlreadyExistsException",
    "BucketAlreadyExists",
    "ConditionalCheckFailedException",
    "ConflictException",
    "ExecutionAlreadyExists",
    "ExecutionNotRedrivable",
    "OperationInProgressException",
    "ResourceAlreadyExistsException",
    "ResourceConflictException",
    "ResourceInUseException",
    "TransactionConflictException",
    "AWS.SimpleQueueService.PurgeQueueInProgress",
}
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "OverLimit",
        "KMS.ThrottlingException",
    }
)


@contextmanager
def aws_call(service: str, operation: str, *, subject: str | None = None) -> Iterator[None]:
    """Run one AWS call; `subject` names what it was about (`queue orders-dlq`) in the error."""
    from botocore import exceptions as botocore

    try:
        yield
    except botocore.ClientError as error:
        raise translated(error, service, subject) from error
    except (botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.CredentialRetrievalError) as error:
        raise AuthError(f"no usable AWS credentials: {_first_line(error)}", hint=_SIGN_IN) from error
    except (
        botocore.ProfileNotFound,
        botocore.TokenRetrievalError,
        botocore.SSOError,
        botocore.LoginError,
        botocore.MissingDependencyException,  # a profile of `aws login` without the library it signs with
    ) as error:
        raise AuthError(f"AWS credentials: {_first_line(error)}", hint=_SIGN_IN) from error
    except botocore.NoRegionError as error:
        raise AuthError("no AWS Region is set", hint="orderctl config set region REGION, or AWS_REGION") from error
    except (botocore.EndpointConnectionError, botocore.ConnectTimeoutError) as error:
        hint = "check the network, --region and --endpoint-url; for the embedded stack: orderctl local up"
        fault = AwsFault(service, operation, type(error).__name__)
        raise NoConnectionError(
            f"{_about(subject)}{service} {operation}: {_first_line(error)}", hint=hint, aws=fault
        ) from error
    except botocore.HTTPClientError as error:
        fault = AwsFault(service, operation, type(error).__name__)
        raise UnreachableError(f"{_about(subject)}{service} {operation}: {_first_line(error)}", aws=fault) from error
    except botocore.BotoCoreError as error:
        raise FailedError(f"{_about(subject)}{service} {operation}: {_first_line(error)}") from error


def translated(error: ClientError, service: str, subject: str | None = None) -> OrderctlError:
    """The error of ours that a ClientError means."""
    answer: dict[str, Any] = error.response.get("Error", {})  # type: ignore[assignment]
    code = str(answer.get("Code", "Unknown"))
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId")
    fault = AwsFault(service, error.operation_name, code, request_id)
    text = str(answer.get("Message") or code)
    kind = _kind(code, text)
    hint = _hint(code, service, error.operation_name)
    return kind(f"{_about(subject)}{text} ({service} {error.operation_name}: {code})", hint=hint, aws=fault)


def _kind(code: str, text: str) -> type[OrderctlError]:
    if code in THROTTLED:
        return ThrottledError
    if code in _NOT_FOUND or (code == "ValidationError" and "does not exist" in text):
        return NotFoundError
    if code in _AUTH:
        return AuthError
    return ConflictError if code in _CONFLICT else FailedError


def _hint(code: str, service: str, operation: str) -> str | None:
    if code in EXPIRED:
        return _SIGN_IN
    if code in ("AccessDenied", "AccessDeniedException", "AuthorizationError"):
        return f"the credentials need {service}:{operation}"
    if code in THROTTLED:
        return "AWS is throttling these calls; try again in a minute"
    return None


def _about(subject: str | None) -> str:
    return f"{subject}: " if subject else ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


_SIGN_IN = "sign in again ('aws sso login' for SSO profiles), or choose credentials with --profile"
