"""From tokens to a sign-in that is kept: who, from which pool, until when, bound to which hosts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from orderctl.auth.binding import origins_of
from orderctl.auth.claims import read_claims
from orderctl.auth.models import Binding, SavedSignIn, SignInSettings, Tokens
from orderctl.errors import AuthError

EARLY = timedelta(seconds=60)
"""A token is refreshed this long before it ends: API Gateway's clock is not ours."""


def bind(tokens: Tokens, settings: SignInSettings, endpoint: str, now: datetime) -> SavedSignIn:
    """A new sign-in bound to its issuer and API hosts; raises AuthError for tokens of another pool or client."""
    claims = read_claims(tokens.access_token)
    if claims.client_id != settings.client_id:
        raise AuthError(f"the tokens are for app client {claims.client_id}, not {settings.client_id}")
    pool = settings.user_pool_id
    if pool is not None and claims.issuer.rsplit("/", 1)[-1] != pool:
        raise AuthError(f"the tokens are from {claims.issuer}, not from user pool {pool}")
    origins = origins_of(settings.api_urls, is_local=settings.is_local)
    return SavedSignIn(
        environment=settings.environment,
        username=claims.username or claims.client_id,
        flow=settings.flow,
        binding=Binding(claims.issuer, claims.client_id, endpoint, origins),
        signed_in_at=now,
        expires_at=_expires_at(tokens),
        access_token=tokens.access_token,
        id_token=tokens.id_token,
        refresh_token=tokens.refresh_token,
        device_key=tokens.device_key,
    )


def refreshed(saved: SavedSignIn, tokens: Tokens) -> SavedSignIn:
    """The same sign-in with new tokens; without rotation the refresh token stays what it was."""
    claims = read_claims(tokens.access_token)
    if (claims.issuer, claims.client_id) != (saved.binding.issuer, saved.binding.client_id):
        raise AuthError("the refresh gave tokens of another user pool or app client", hint="orderctl auth login")
    return replace(
        saved,
        access_token=tokens.access_token,
        id_token=tokens.id_token,
        refresh_token=tokens.refresh_token or saved.refresh_token,
        device_key=tokens.device_key or saved.device_key,
        expires_at=_expires_at(tokens),
    )


def check_same_client(saved: SavedSignIn, settings: SignInSettings) -> None:
    """Raise AuthError when the environment now names another app client or user pool than at sign-in."""
    pool = saved.binding.issuer.rsplit("/", 1)[-1]
    if saved.binding.client_id != settings.client_id or settings.user_pool_id not in (None, pool):
        raise AuthError(
            f"the sign-in of environment {saved.environment!r} is for another user pool or app client",
            hint=login_command(settings),
        )


def is_fresh(saved: SavedSignIn, now: datetime) -> bool:
    """Can its tokens still be used for `EARLY` and more?"""
    return saved.expires_at - now > EARLY


def login_command(settings: SignInSettings) -> str:
    """The command that signs in to this environment."""
    return f"orderctl auth login --env {settings.environment}"


def _expires_at(tokens: Tokens) -> datetime:
    kept = [token for token in (tokens.access_token, tokens.id_token) if token is not None]
    return min(read_claims(token).expires_at for token in kept)
