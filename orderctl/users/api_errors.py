"""What an answer of the users API means, in one table.

The bodies can be customised and are sometimes HTML or empty, so the decision is made on the status and on
`x-amzn-errortype`; the words of the body are only shown. 403 "Missing Authentication Token" is REST API
Gateway's way to say that there is no such path or method, and sends people looking for a token they do not lack.
"""

from __future__ import annotations

from orderctl.errors import (
    AuthError,
    AwsFault,
    ConflictError,
    FailedError,
    NotFoundError,
    OrderctlError,
    ThrottledError,
    UsageError,
)
from orderctl.users.ports import MAX_WORDS, ApiAnswer

NOTHING = "no token"
KEYS = "users_api_url or orders_api_url"


class ThrottledByApiError(ThrottledError):
    """429: the API did not take the request (exit 1 where nobody waits and sends it again)."""

    retry_after: float | None = None
    """Seconds the API asked for, if it did."""


def as_error(answer: ApiAnswer, subject: str) -> OrderctlError:
    """The error that an answer of 300 and above means; `subject` is what it was about (`user u-1`)."""
    fault = AwsFault("execute-api", f"{answer.method} {answer.path}", _error_type(answer), answer.request_id)
    kind, message, hint = _meaning(answer, subject)
    error = kind(message, hint=hint, aws=fault)
    if isinstance(error, ThrottledByApiError):
        error.retry_after = answer.retry_after()
    return error


def _meaning(answer: ApiAnswer, subject: str) -> tuple[type[OrderctlError], str, str | None]:
    said = answer.words()
    told = f": {said}" if said else ""
    match answer.status:
        case 400 | 422:
            return UsageError, f"{subject} was refused as invalid{told}", "check the fields the API requires"
        case 401:
            refused = "refuses a request without sign-in" if answer.sent == NOTHING else f"did not accept {answer.sent}"
            return AuthError, f"the API {refused}{told}", _hint_401(answer, said)
        case 403:
            return AuthError, *_meaning_403(answer, said, told)
        case 404:
            return NotFoundError, f"{subject} does not exist", None
        case 409:
            return ConflictError, f"{subject} exists already", _hint_409(subject)
        case 413:
            return UsageError, f"{subject} is too large for the API{told}", "API Gateway takes at most 10 MB"
        case 429:
            return ThrottledByApiError, f"the API is throttling{told}", _hint_429(answer)
        case status if status >= 500:
            return FailedError, f"the API failed with {status}{told}", _hint_5xx(answer)
        case status if 300 <= status < 400:
            return (
                FailedError,
                f"the API answered with a redirect ({status}), which is not followed",
                f"{KEYS} must be the API's own address, stage included",
            )
        case status:
            return FailedError, f"the API answered {status}{told}", None


def _hint_401(answer: ApiAnswer, said: str) -> str:
    challenge = answer.headers.get("www-authenticate", "")
    shown = f"; www-authenticate: {challenge[:MAX_WORDS]}" if challenge else ""
    if "expired" in (said + challenge).lower():
        return f"the token has expired: orderctl auth login{shown}"
    if "audience" in challenge:
        return f"the API expects tokens of another app client: check auth.client_id{shown}"
    if answer.sent == NOTHING:
        return f"the API wants a sign-in: set auth.flow, then orderctl auth login{shown}"
    if "signature" in answer.sent:
        return f"the API wants a Cognito token, no signature: set auth.flow = 'srp', then orderctl auth login{shown}"
    other = "access" if "ID" in answer.sent else "id"
    return (
        f"a REST method without scopes wants the ID token, one with scopes the access token: "
        f"try auth.token_use = {other!r}, or sign in again with orderctl auth login{shown}"
    )


def _meaning_403(answer: ApiAnswer, said: str, told: str) -> tuple[str, str]:
    if "MissingAuthenticationToken" in _error_type(answer) or said == "Missing Authentication Token":
        if answer.sent == NOTHING:
            return (
                f"the API has no {answer.method} {answer.path}, or wants AWS credentials for it",
                f"check {KEYS}, its stage included; for an API with IAM set auth.flow = 'iam'",
            )
        return (
            f"the API has no {answer.method} {answer.path} (it says 'Missing Authentication Token')",
            f"not a matter of the token: check {KEYS}, its stage included",
        )
    if "not authorized" in said.lower() and "execute-api" in said:
        return f"the AWS credentials may not call the API{told}", "they need execute-api:Invoke on it"
    if "signature" in answer.sent:
        return _meaning_403_signed(answer, said, told)
    if "expired" in said.lower():
        return f"the API did not accept {answer.sent}{told}", "the token has expired: orderctl auth login"
    return (
        f"the API forbids it{told}",
        "the token lacks a scope the method wants (tokens of srp and password carry none of your own: use "
        "client-credentials), or the URL's stage does not exist, or an API key, a resource policy or the web "
        "firewall refused",
    )


def _meaning_403_signed(answer: ApiAnswer, said: str, told: str) -> tuple[str, str]:
    """API Gateway's own words about a signature, and what to do about each."""
    low = said.lower()
    if "expired" in low and "token" in low:
        return f"the API did not accept {answer.sent}{told}", "the credentials have ended: sign in to AWS again"
    if "expired" in low or "not yet current" in low:
        return f"the API did not accept {answer.sent}{told}", "this machine's clock is off: orderctl doctor"
    if "credential" in low or "signature" in low or "security token" in low:
        return f"the API did not accept {answer.sent}{told}", "check --profile and the Region: orderctl doctor"
    return (
        f"the API forbids it{told}",
        "the URL's stage does not exist, or a resource policy, an API key or the web firewall refused",
    )


def _hint_429(answer: ApiAnswer) -> str:
    seconds = answer.retry_after()
    when = f"try again in {seconds:.0f} seconds" if seconds else "try again in a minute, or send fewer at once"
    return f"{when}; {_named(answer)} is mostly in no function's log: the limit is the stage's or the usage plan's"


def _hint_5xx(answer: ApiAnswer) -> str:
    """Where the line is. Its id is API Gateway's, which a function logs only if it wants to: the time always helps."""
    group = answer.log_group
    place = f"log group {group}" if group else f"the log of the function behind {answer.method} {answer.path}"
    pattern = f" with the filter pattern '\"{_shown(answer.request_id)}\"'" if answer.request_id else ""
    date = _shown(answer.headers.get("date"))
    otherwise = f", or for errors about {date}" if date else ", or for errors at the time of the call"
    unnamed = "" if group else "; its log group is mostly /aws/lambda/FUNCTION, resources.function_log_group names it"
    return f"{_named(answer)}: look in {place}{pattern}{otherwise}{unnamed}"


def _named(answer: ApiAnswer) -> str:
    return f"request {_shown(answer.request_id)}" if answer.request_id else "the request (it has no id)"


def _shown(header: str | None) -> str:
    """A header's value as it may stand on a terminal."""
    return "".join(c for c in header or "" if c.isprintable())[:MAX_WORDS]


def _error_type(answer: ApiAnswer) -> str:
    return answer.headers.get("x-amzn-errortype", "").split(":")[0] or str(answer.status)


def _hint_409(subject: str) -> str | None:
    noun, _, name = subject.partition(" ")
    return f"look at it: orderctl users get {name}" if noun == "user" else None
