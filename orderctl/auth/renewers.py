"""The two ways to new tokens: a refresh token at the user pool, or a grant at its token endpoint."""

from __future__ import annotations

from orderctl.auth.claims import read_claims
from orderctl.auth.models import Flow, SavedSignIn, SignInSettings, Tokens
from orderctl.auth.ports import IdentityProvider, TokenEndpoint
from orderctl.auth.saved import login_command
from orderctl.auth.secret_hash import secret_hash
from orderctl.errors import AuthError


class PoolRenewer:
    """Refreshes at the user pool, for sign-ins by user name and password."""

    def __init__(self, provider: IdentityProvider, settings: SignInSettings) -> None:
        self._provider = provider
        self._settings = settings

    @property
    def endpoint(self) -> str:
        """The user pool's address."""
        return self._provider.endpoint

    def renew(self, saved: SavedSignIn) -> Tokens:
        """New tokens for the refresh token; raises AuthError with the login command when it was refused."""
        if saved.refresh_token is None:
            raise AuthError("the sign-in has no refresh token", hint=login_command(self._settings))
        secret = self._settings.client_secret
        username = read_claims(saved.access_token).username or saved.username
        hashed = None if secret is None else secret_hash(username, self._settings.client_id, secret)
        try:
            return self._provider.refresh(saved.refresh_token, secret, hashed, saved.device_key)
        except AuthError as error:
            raise AuthError(
                f"the sign-in cannot be refreshed: {error.message}", hint=login_command(self._settings), aws=error.aws
            ) from error


class TokenEndpointRenewer:
    """Asks the token endpoint: with the refresh token after a browser sign-in, or with the client's secret."""

    def __init__(self, token_endpoint: TokenEndpoint, settings: SignInSettings) -> None:
        self._token_endpoint = token_endpoint
        self._settings = settings

    @property
    def endpoint(self) -> str:
        """The user pool domain's address."""
        return self._token_endpoint.endpoint

    def renew(self, saved: SavedSignIn) -> Tokens:
        """New tokens; raises AuthError when the endpoint refuses."""
        secret = self._settings.client_secret
        if saved.flow is Flow.CLIENT_CREDENTIALS:
            return client_credentials(self._token_endpoint, self._settings)
        form = {
            "grant_type": "refresh_token",
            "client_id": self._settings.client_id,
            "refresh_token": saved.refresh_token or "",
        }
        return self._token_endpoint.fetch(form, secret)


def client_credentials(token_endpoint: TokenEndpoint, settings: SignInSettings) -> Tokens:
    """An access token for the app client itself; raises AuthError without a client secret."""
    if settings.client_secret is None:
        raise AuthError(
            "flow client-credentials needs the app client's secret",
            hint="set ORDERCTL_CLIENT_SECRET, or ORDERCTL_CLIENT_SECRET_FILE to a file of mode 600",
        )
    form = {"grant_type": "client_credentials", "client_id": settings.client_id}
    scopes = {"scope": settings.scopes} if settings.scopes else {}
    return token_endpoint.fetch({**form, **scopes}, settings.client_secret)
