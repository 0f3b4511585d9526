"""What signing in is about: the settings, a challenge, the tokens, and a sign-in as it is kept.

Every field that holds a secret has `repr=False`, so that neither a log line nor a traceback shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Flow(StrEnum):
    """How an environment signs in to its APIs (`auth.flow`)."""

    SRP = "srp"
    PASSWORD = "password"
    CLIENT_CREDENTIALS = "client-credentials"
    PKCE = "pkce"
    IAM = "iam"
    NONE = "none"


class TokenKind(StrEnum):
    """Which token a method wants: a REST method without scopes the ID token, one with scopes the access token."""

    ID = "id"
    ACCESS = "access"


REDIRECT_PORTS = (18181, 18182, 18183)
"""Where a browser comes back to on loopback, unless `auth.redirect_ports` says otherwise.

A fixed list below the range of ephemeral ports, because Cognito wants each callback URL registered exactly.
"""


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """What one environment says about signing in.

    `api_urls` are the base URLs a token will be bound to; `is_local` marks the embedded stack, the only one
    that may be spoken to without TLS.
    """

    environment: str
    flow: Flow
    client_id: str
    api_urls: tuple[str, ...]
    user_pool_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    token_use: TokenKind = TokenKind.ID
    token_url: str | None = None
    scopes: str | None = None
    redirect_ports: tuple[int, ...] = REDIRECT_PORTS
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """What Cognito wants next, by its own name (`PASSWORD_VERIFIER`, `SOFTWARE_TOKEN_MFA`)."""

    name: str
    parameters: Mapping[str, str] = field(repr=False)
    session: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a finished sign-in or a refresh gave. A refresh without rotation brings no refresh token."""

    access_token: str = field(repr=False)
    id_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int = 3600
    """Seconds, as Cognito said them for the access token."""
    device_key: str | None = field(default=None, repr=False)
    """Where the pool tracks devices: the key it gave this one, wanted again with every refresh."""


Step = Challenge | Tokens
"""One answer of Cognito on the way to being signed in."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where tokens come from and the only places they may go.

    `issuer` is the pool, `sign_in_endpoint` the address that gave them (a refresh token goes back there and
    nowhere else), `api_origins` are `scheme://host:port` of the APIs named at sign-in.
    """

    issuer: str
    client_id: str
    sign_in_endpoint: str
    api_origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedSignIn:
    """One environment's sign-in, as the token store keeps it. `expires_at` is the earliest end of its tokens."""

    environment: str
    username: str
    flow: Flow
    binding: Binding
    signed_in_at: datetime
    expires_at: datetime
    access_token: str = field(repr=False)
    id_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    device_key: str | None = field(default=None, repr=False)

    def token(self, kind: TokenKind) -> str | None:
        """The token of that kind, or None where the flow gives none (client credentials give no ID token)."""
        return self.id_token if kind is TokenKind.ID else self.access_token


@dataclass(frozen=True, slots=True)
class AuthStatus:
    """What `auth status` says: whose tokens lie where, from which pool, for whom, until when. No secret in it."""

    environment: str
    signed_in: bool
    flow: Flow
    client_id: str | None = None
    username: str | None = None
    issuer: str | None = None
    api_origins: tuple[str, ...] = ()
    token_use: TokenKind | None = None
    token_file: str | None = None
    signed_in_at: datetime | None = None
    expires_at: datetime | None = None
    is_expired: bool | None = None
    can_refresh: bool | None = None
    problem: str | None = None
