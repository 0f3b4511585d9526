from __future__ import annotations

import pytest

from orderctl.errors import AuthError, ConflictError, FailedError, NotFoundError, OrderctlError, UsageError
from orderctl.users.api_errors import ThrottledByApiError, as_error
from orderctl.users.ports import ApiAnswer
from tests.users.fake_api import answer, message

AUDIENCE = 'Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"'
MISSING = {"x-amzn-errortype": "MissingAuthenticationTokenException"}
SIGNED = "the signature of the AWS credentials"
TABLE: list[tuple[ApiAnswer, type[OrderctlError], str, str]] = [
    (message(400, "Invalid request body"), UsageError, "refused as invalid: Invalid request body", "fields"),
    (message(401, "Unauthorized", sent="the ID token"), AuthError, "accept the ID token", "auth.token_use = 'access'"),
    (message(401, "Unauthorized", sent="the access token"), AuthError, "the access token", "auth.token_use = 'id'"),
    (message(401, "The incoming token has expired"), AuthError, "has expired", "orderctl auth login"),
    (message(401, "Unauthorized", {"www-authenticate": AUDIENCE}, sent="x"), AuthError, "accept", "auth.client_id"),
    (message(401, "Unauthorized", {"www-authenticate": AUDIENCE}, sent="x"), AuthError, "accept", "valid audience"),
    (
        message(403, "Missing Authentication Token", path="/Prodd/users", sent="the ID token"),
        AuthError,
        "no GET /Prodd/users",
        "not a matter",
    ),
    (
        answer(403, "<html>", MISSING, path="/Prodd/users", sent=SIGNED),
        AuthError,
        "no GET /Prodd/users",
        "stage included",
    ),
    (message(403, "Forbidden"), AuthError, "forbids", "scope"),
    (message(403, "User: x is not authorized to perform: execute-api:Invoke"), AuthError, "AWS cred", "execute-api"),
    (message(401, "Unauthorized"), AuthError, "refuses a request without sign-in", "set auth.flow"),
    (message(401, "Unauthorized", sent=SIGNED), AuthError, "accept the signature", "auth.flow = 'srp'"),
    (message(403, "Missing Authentication Token"), AuthError, "or wants AWS credentials", "auth.flow = 'iam'"),
    (message(403, "The security token included in the request is expired", sent=SIGNED), AuthError, "", "have ended"),
    (message(403, "Signature expired: 20261122T0300Z is now earlier", sent=SIGNED), AuthError, "", "clock is off"),
    (message(403, "The request signature we calculated does not match", sent=SIGNED), AuthError, "", "--profile"),
    (message(403, "Credential should be scoped to a valid region", sent=SIGNED), AuthError, "", "--profile"),
    (message(403, "Forbidden", sent=SIGNED), AuthError, "forbids", "resource policy"),
    (message(404, "no"), NotFoundError, "user u-1 does not exist", "None"),
    (message(409, "exists"), ConflictError, "user u-1 exists already", "orderctl users get u-1"),
    (message(413, "Request Too Long"), UsageError, "too large", "10 MB"),
    (answer(429, "", {"retry-after": "7"}), ThrottledByApiError, "throttling", "7 seconds"),
    (answer(429, "", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), ThrottledByApiError, "throttling", "a minute"),
    (
        answer(429, "", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:40 GMT"}),
        ThrottledByApiError,
        "throttling",
        "20 seconds",
    ),
    (message(500, "Internal server error", request_id="r-9"), FailedError, "failed with 500", "request r-9"),
    (answer(502, "<html><h1>502</h1></html>"), FailedError, "failed with 502", "log of the function"),
    (answer(500, "", {"date": "Wed, 21 Oct 2026"}), FailedError, "500", "errors about Wed, 21 Oct 2026"),
    (answer(500, log_group="/aws/x"), FailedError, "500", "request r-1: look in log group /aws/x with the filter"),
    (answer(500, request_id=""), FailedError, "500", "errors at the time of the call"),
    (answer(500, path="/Prod/users"), FailedError, "500", "the function behind GET /Prod/users"),
    (answer(500, request_id="r\x1b[2J"), FailedError, "500", "'\"r[2J\"'"),
    (answer(429, ""), ThrottledByApiError, "throttling", "request r-1 is mostly in no function's log"),
    (answer(504, ""), FailedError, "failed with 504", "request r-1"),
    (answer(302, "", {"location": "https://evil.example"}), FailedError, "redirect", "users_api_url"),
    (answer(418, "teapot"), FailedError, "answered 418: teapot", "None"),
]


@pytest.mark.parametrize(("given", "kind", "words", "hint"), TABLE)
def test_each_answer_says_what_it_means_and_what_to_do(
    given: ApiAnswer, kind: type[OrderctlError], words: str, hint: str
) -> None:
    error = as_error(given, "user u-1")
    assert type(error) is kind
    assert words in error.message
    assert hint in str(error.hint)
    assert error.aws is not None
    assert error.aws.request_id == given.request_id


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 418, 429, 500, 502])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<!DOCTYPE html><html>" + "x" * 10_000,
        "\x1b[31mred\x07 \u202ebackwards",
        "[1, 2]",
        '{"message": null}',
        '{"message": {"a": ["b"]}}',
        '"text"',
        "[" * 50_000,
        "x" * 1_000_000,
        '{"message": "line\\nline\\u001b[2J"}',
    ],
)
def test_no_body_breaks_an_error_or_reaches_the_terminal_raw(status: int, body: str) -> None:
    error = as_error(answer(status, body), "user u-1")
    assert error.message.isprintable()
    assert len(error.message) < 500
    assert "<" not in error.message
