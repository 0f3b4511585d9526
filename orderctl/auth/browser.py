"""Signing in through the browser: the authorisation code grant with PKCE (RFC 7636, RFC 8252).

Three things tie the answer to the question. `state` shows that the browser comes back from the page we sent it to;
an arrival without it is shown the door and the wait goes on, so nobody can end a sign-in by knocking. The
verifier, of which only the SHA-256 goes through the browser, makes the code worthless to whoever else sees it. And the
code is exchanged once: a second use is for Cognito to refuse.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from orderctl.auth.models import SignInSettings, Tokens
from orderctl.auth.ports import Arrival, Landing, TokenEndpoint
from orderctl.clock import Clock
from orderctl.errors import AuthError, OrderctlError, TimeoutPassedError

DONE = "You are signed in. Close this page and go back to the terminal."
FAILED = "The sign-in did not work. Close this page and go back to the terminal: it says why."
STRANGER = "This is not the answer to the sign-in that is waiting. Go back to the terminal."
_WORD_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """The two secrets of one sign-in: `state` comes back, `verifier` (43 characters) never goes through a browser."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256, as S256 wants it: Base64 for URLs, without padding."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def new_attempt() -> Attempt:
    """Fresh secrets of 256 bits each."""
    return Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32))


class BrowserSignIn:
    """One attempt to sign in through the browser. Not to be used twice."""

    def __init__(self, token_endpoint: TokenEndpoint, settings: SignInSettings, landing: Landing, clock: Clock) -> None:
        self._token_endpoint = token_endpoint
        self._settings = settings
        self._landing = landing
        self._clock = clock
        self._attempt = new_attempt()

    @property
    def url(self) -> str:
        """The page to open: the hosted sign-in of the user pool's domain."""
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._landing.uri,
            "state": self._attempt.state,
            "code_challenge": self._attempt.challenge,
            "code_challenge_method": "S256",
            **({"scope": self._settings.scopes} if self._settings.scopes else {}),
        }
        return f"{self._token_endpoint.endpoint}/oauth2/authorize?{urlencode(query)}"

    def run(self, show: Callable[[str], None], timeout: float) -> Tokens:
        """Show the page's address and wait `timeout` seconds for the browser.

        Raises AuthError when the person or Cognito refuses, TimeoutPassedError when nobody comes.
        """
        show(self.url)
        until, strangers = self._clock.monotonic() + timeout, 0
        while (left := until - self._clock.monotonic()) > 0:
            arrival = self._landing.wait(left)
            if arrival is None:
                break
            if self._is_ours(arrival):
                return self._received(arrival)
            strangers += 1
            arrival.reply(400, STRANGER)
        wrong = f"; {strangers} came with another state and were not used" if strangers else ""
        raise TimeoutPassedError(
            f"nobody came back from the sign-in page within {timeout:g} seconds{wrong}",
            hint=f"{self._landing.uri} must be a callback URL of the app client; --timeout waits longer",
        )

    def _is_ours(self, arrival: Arrival) -> bool:
        state = arrival.parameters.get("state", "")
        return hmac.compare_digest(state.encode(), self._attempt.state.encode())

    def _received(self, arrival: Arrival) -> Tokens:
        try:
            tokens = self._exchange(_code(arrival.parameters))
        except OrderctlError:
            arrival.reply(400, FAILED)
            raise
        arrival.reply(200, DONE)
        return tokens

    def _exchange(self, code: str) -> Tokens:
        form = {
            "grant_type": "authorization_code",
            "client_id": self._settings.client_id,
            "code": code,
            "redirect_uri": self._landing.uri,
            "code_verifier": self._attempt.verifier,
        }
        return self._token_endpoint.fetch(form, self._settings.client_secret)


def _code(parameters: Mapping[str, str]) -> str:
    """The code; raises AuthError with the page's own error word where it brought one."""
    code = parameters.get("code")
    if code and "error" not in parameters:
        return code
    word = parameters.get("error", "")[:_WORD_LENGTH]
    if word == "access_denied":
        raise AuthError("the sign-in was called off on the sign-in page (access_denied)", hint="orderctl auth login")
    said = word if word.isidentifier() else "no code"
    raise AuthError(
        f"the sign-in page answered with {said}",
        hint="check auth.client_id, auth.scopes and the app client's callback URLs",
    )
