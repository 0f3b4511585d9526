"""What a token says about itself, read without checking its signature.

The token comes straight from Cognito over TLS and is checked by the API it is sent to; here it is only read to
know whose it is, which pool it is from, and when it ends.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from orderctl.errors import AuthError


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims orderctl uses. `client_id` is `aud` in an ID token and `client_id` in an access token."""

    issuer: str
    client_id: str
    username: str | None
    token_use: str | None
    expires_at: datetime
    scopes: tuple[str, ...]


def read_claims(token: str) -> Claims:
    """The claims of a JWT; raises AuthError (never showing the token) for anything else."""
    try:
        body = json.loads(_decoded(token.split(".")[1]))
        return Claims(
            issuer=str(body["iss"]),
            client_id=str(body.get("aud") or body["client_id"]),
            username=_username(body),
            token_use=body.get("token_use"),
            expires_at=datetime.fromtimestamp(int(body["exp"]), UTC),
            scopes=tuple(str(body.get("scope", "")).split()),
        )
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError, binascii.Error):
        raise AuthError("the sign-in service gave a token that cannot be read", hint="orderctl auth login") from None


def _username(body: dict[str, object]) -> str | None:
    name = body.get("cognito:username") or body.get("username")
    return None if name is None else str(name)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
