"""What signing in needs from outside: Cognito, a person to ask, and a place for tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from orderctl.auth.models import SavedSignIn, Step, Tokens


class IdentityProvider(Protocol):
    """Cognito's sign-in, one call a method. Each raises AuthError when it is refused."""

    @property
    def endpoint(self) -> str:
        """The address these calls really go to."""

    def start(self, flow: str, parameters: Mapping[str, str]) -> Step:
        """Begin `USER_SRP_AUTH` or `USER_PASSWORD_AUTH`."""

    def answer(self, challenge: str, session: str | None, responses: Mapping[str, str]) -> Step:
        """Answer a challenge by its name."""

    def refresh(
        self, refresh_token: str, client_secret: str | None, secret_hash: str | None, device_key: str | None = None
    ) -> Tokens:
        """New tokens for a refresh token; with rotation a new refresh token too, and the old one is spent."""

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        """End the sign-in at Cognito: the refresh token and the access tokens made with it."""


class Revoker(Protocol):
    """Ends a sign-in where its tokens came from: the user pool, or its domain."""

    @property
    def endpoint(self) -> str:
        """The address it asks; a refresh token only goes back to where it came from."""

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        """End the refresh token and the access tokens made with it."""


class Renewer(Protocol):
    """Gets new tokens for a sign-in whose tokens end: at the pool, or at its token endpoint."""

    @property
    def endpoint(self) -> str:
        """The address it asks; a refresh token only goes back to where it came from."""

    def renew(self, saved: SavedSignIn) -> Tokens:
        """New tokens; raises AuthError when the person has to sign in again."""


class RequestAuthorizer(Protocol):
    """Puts onto one HTTP request what the API wants to see."""

    @property
    def description(self) -> str:
        """What is sent, in words for an error: `the ID token`."""

    def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """The headers to add; raises RefusedError when this URL may not see them."""

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Called once after a 401 that says expired, with the headers sent: is there something newer to send?"""


class TokenEndpoint(Protocol):
    """The user pool domain's `/oauth2/token`."""

    @property
    def endpoint(self) -> str:
        """The domain's address, `https://DOMAIN`."""

    def fetch(self, form: Mapping[str, str], client_secret: str | None) -> Tokens:
        """Tokens for one grant; raises AuthError with the endpoint's own error word."""

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        """End the sign-in at the domain's `/oauth2/revoke`."""


class Doors(Protocol):
    """The three ways into an environment's APIs; each is made when it is gone through."""

    def provider(self) -> IdentityProvider:
        """The user pool itself."""

    def token_endpoint(self) -> TokenEndpoint:
        """The user pool's domain; raises UsageError where none is configured."""

    def signer(self) -> RequestAuthorizer:
        """The environment's AWS credentials."""


class Arrival(Protocol):
    """The browser, back with an answer and waiting for a page."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The query it came with; a name given twice is left out."""

    def reply(self, status: int, text: str) -> None:
        """Show a page with this text; returns once it was sent."""


class Landing(Protocol):
    """The place on loopback a browser is sent back to."""

    @property
    def uri(self) -> str:
        """The redirect URI, as it is registered with the app client."""

    def wait(self, seconds: float) -> Arrival | None:
        """The next one to arrive, or None when the seconds have passed."""


class Prompter(Protocol):
    """Asks the person at the terminal; `flag` is what a script would use instead."""

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Ask without showing what is typed; raises RefusedError naming `flag` where there is no terminal."""

    def ask_code(self, label: str) -> str:
        """Ask for a code that is good once; a script hands it in by file or standard input."""

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Ask for one line."""

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """Ask for one of `options`."""


class TokenStore(Protocol):
    """Keeps one sign-in an environment."""

    def load(self, environment: str) -> SavedSignIn | None:
        """The sign-in kept, or None; raises RefusedError for a file others could have read or written."""

    def save(self, sign_in: SavedSignIn) -> None:
        """Replace what is kept, whole or not at all."""

    def forget(self, environment: str) -> bool:
        """Delete what is kept; was there anything?"""

    def lock(self, environment: str) -> AbstractContextManager[None]:
        """Held by one process at a time, while it spends the refresh token."""

    def where(self, environment: str) -> str:
        """The place, in words for a person."""
