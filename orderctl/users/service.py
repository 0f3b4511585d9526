"""Creating and reading one user through the API.

POST is sent once. When its answer is lost, or is a 5xx that may have come after the write, the user is read
instead: there with the same content means created, there with other content is a conflict, absent means it can
be run again. Nothing is ever overwritten: the API answers a second create with 409.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

from orderctl import jsontext
from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, NotFoundError, OrderctlError
from orderctl.users.api_errors import as_error
from orderctl.users.models import Created, HowCreated, User
from orderctl.users.ports import ApiAnswer, NotCreatedError, NotSentError, ReplyLostError, UsersApi
from orderctl.users.validation import REQUIRED, check_user_id, problems_of

READ_ATTEMPTS = 4
"""Reading is safe to repeat; waits of 0.5, 1 and 2 seconds between."""


class Users:
    """The users of one environment."""

    def __init__(self, api: UsersApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    def create(self, user: User) -> Created:
        """Create one user.

        Raises ConflictError when it exists (its content is not touched), UsageError with the validator's words,
        ThrottledByApiError, AuthError, or FailedError that says whether it may be run again.
        """
        try:
            answer = self._api.request("POST", "/users", user.as_body())
        except ReplyLostError as lost:
            return self._look_after(user, lost)
        if 200 <= answer.status < 300:
            if _says_something_else(user, answer.body_text):
                said = f"the API answered {answer.status} with something that is not the user"
                return self._look_after(user, FailedError(said, hint="check users_api_url, its stage included"))
            return Created(user, HowCreated.ANSWERED, _not_kept(user, answer.body_text))
        error = as_error(answer, f"user {user.user_id}")
        if answer.status == 400 and user.extra:  # API Gateway's validator does not say which field it minds
            error.hint = f"the API may not take these fields: {', '.join(user.extra)}"
        if answer.status >= 500:
            return self._look_after(user, error)
        raise error

    def get(self, user_id: str) -> User:
        """Read one user; raises NotFoundError, AuthError or FailedError."""
        check_user_id(user_id)
        answer = self._read(f"/users/{quote(user_id, safe='')}")
        if answer.status != 200:
            raise as_error(answer, f"user {user_id}")
        return _user_in(answer, user_id)

    def _look_after(self, user: User, reason: OrderctlError) -> Created:
        """What became of a POST nobody answered; `reason` is what came instead of the answer."""
        again = f"orderctl users get {user.user_id}"
        try:
            found = self.get(user.user_id)
        except NotFoundError:
            raise NotCreatedError(
                f"user {user.user_id} was not created: {reason.message}",
                hint=_and_where("it does not exist, so it is safe to run again", reason),
                aws=reason.aws,
            ) from reason
        except OrderctlError as error:
            raise FailedError(
                f"it is not known whether user {user.user_id} was created: {reason.message}; then: {error.message}",
                hint=_and_where(f"look whether it is there: {again}", reason),
                aws=reason.aws,
            ) from reason
        differing = differences(user, found)
        if differing:
            raise ConflictError(
                f"user {user.user_id} exists with another {', '.join(differing)}; it was left as it is", hint=again
            )
        return Created(user, HowCreated.FOUND, tuple(key for key in user.extra if key not in found.extra))

    def _read(self, path: str) -> ApiAnswer:
        """GET, again after a lost answer, a throttle or a 5xx; the last answer is returned, the last error raised."""
        for attempt in range(READ_ATTEMPTS):
            is_last = attempt == READ_ATTEMPTS - 1
            wait = 0.5 * 2**attempt
            try:
                answer = self._api.request("GET", path)
            except (ReplyLostError, NotSentError):
                if is_last:
                    raise
            else:
                if is_last or (answer.status < 500 and answer.status != 429):
                    return answer
                wait = min(answer.retry_after() or wait, 30.0)
            self._clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _and_where(hint: str, reason: OrderctlError) -> str:
    """The hint, and after a 5xx of the API where its log line is."""
    return f"{hint}; {reason.hint}" if reason.aws and reason.hint else hint


def differences(sent: User, found: User) -> list[str]:
    """The fields that both have, and have otherwise.

    Fields the API added do not count, nor those it did not keep. A number that came back as text is the same
    number: the function's DynamoDB numbers are written so.
    """
    there = found.as_body()
    return [key for key, value in sent.as_body().items() if key in there and not _is_same(value, there[key])]


def _says_something_else(user: User, body_text: str) -> bool:
    """Is a success told in a page for people, or for another user? Nothing at all, or a message, is believed."""
    try:
        body = jsontext.loads(body_text, source="the API's answer") if body_text.strip() else {}
    except OrderctlError:
        return True
    return not isinstance(body, dict) or body.get("user_id", user.user_id) != user.user_id


def _not_kept(user: User, body_text: str) -> tuple[str, ...]:
    """The extra fields that the API's answer leaves out; none where the answer does not show the user."""
    try:
        body = jsontext.loads(body_text, source="the API's answer")
    except OrderctlError:
        return ()
    if not isinstance(body, dict) or body.get("user_id") != user.user_id:
        return ()
    return tuple(key for key in user.extra if key not in body)


def _is_same(sent: object, found: object) -> bool:
    if isinstance(sent, bool) or isinstance(found, bool):
        return sent is found
    if isinstance(sent, int | Decimal) and isinstance(found, int | Decimal | str):
        return _number(found) == Decimal(sent)
    if isinstance(sent, Mapping) and isinstance(found, Mapping):
        return sent.keys() == found.keys() and all(_is_same(value, found[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(found, list):
        return len(sent) == len(found) and all(map(_is_same, sent, found))
    return sent == found


def _number(value: int | Decimal | str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _user_in(answer: ApiAnswer, user_id: str) -> User:
    try:
        body = jsontext.loads(answer.body_text, source="the API's answer")
    except OrderctlError:
        body = None
    if not isinstance(body, dict) or problems_of(body) or body["user_id"] != user_id:
        raise FailedError(
            f"the API answered with something that is not user {user_id}",
            hint=f"check users_api_url; request {answer.request_id or 'unknown'}",
        )
    return User(user_id, body["email"], body["name"], {k: v for k, v in body.items() if k not in REQUIRED})
