"""The API of users as its service sees it: requests, answers, and answers that never came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from orderctl.errors import FailedError
from orderctl.users.models import RowOutcome

MAX_WORDS = 300
"""Characters of a body that are shown: an HTML page from a proxy is longer and says no more."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One HTTP answer. Header names are in lower case; the text may be JSON, HTML or empty."""

    status: int
    headers: Mapping[str, str]
    body_text: str = field(repr=False)
    request_id: str | None
    sent: str = "no token"
    """What the request carried, in words: `the ID token`."""
    method: str = "GET"
    path: str = ""
    log_group: str | None = None
    """Of a 5xx: where the functions behind the API log, if the environment names it."""

    def words(self) -> str:
        """The API's own words: the `message` of a JSON body, else the start of the text, printable and short."""
        text = self.body_text
        try:
            body = json.loads(text)
            if isinstance(body, dict):
                found = body.get("message") or body.get("Message") or body.get("error") or ""
                text = found if isinstance(found, str) else json.dumps(found)
        except (ValueError, RecursionError):
            text = "" if "<" in text[:200] else text
        shown = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_WORDS]).split())
        return shown[:MAX_WORDS] + ("…" if len(shown) > MAX_WORDS else "")

    def says_expired(self) -> bool:
        """Is this the 401 of a token that has ended? REST says it in the body, HTTP APIs in `www-authenticate`."""
        return self.status == 401 and "expired" in (self.words() + self.headers.get("www-authenticate", "")).lower()

    def retry_after(self) -> float | None:
        """The seconds of a Retry-After header, at most an hour; None for nonsense or none.

        A date counts from the answer's own Date: this machine's clock has no say in it.
        """
        from email.utils import parsedate_to_datetime

        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            return min(float(text), 3600.0)
        try:
            until, now = (parsedate_to_datetime(each) for each in (text, self.headers.get("date", "")))
            return min(max((until - now).total_seconds(), 0.0), 3600.0)
        except (ValueError, TypeError):
            return None


class ReplyLostError(FailedError):
    """The request went out and no whole answer came back: whether it took effect is not known (exit 1)."""

    code = "reply_lost"


class NotSentError(FailedError):
    """No connection was made: the API has not seen the request (exit 1)."""

    code = "not_sent"


class NotCreatedError(FailedError):
    """The answer was lost or was a 5xx, and the user is not there: safe to run again (exit 1)."""

    code = "not_created"


class UsersApi(Protocol):
    """The REST API in front of the users function."""

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        """One request, sent once.

        Raises ReplyLostError, NotSentError, AuthError (nobody is signed in) or RefusedError (the token may not
        go there).
        """


class ImportJournal(Protocol):
    """What of one file was settled against one API, kept across processes."""

    def opened(self) -> AbstractContextManager[None]:
        """Hold it for this process; raises ConflictError while another one imports the same file."""

    def settled(self) -> Mapping[int, RowOutcome]:
        """The lines settled before, and how."""

    def settle(self, line: int, outcome: RowOutcome) -> None:
        """Write one line down; it is on disk when this returns. Called from several threads."""
