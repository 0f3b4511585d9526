"""The token for a request: read from the store, refreshed before it ends, and never spent twice.

With rotation a refresh token works once: two processes that both refresh lock the person out. So a refresh
happens under the store's lock, and whoever gets the lock first reads again: mostly the other one has already
done it.
"""

from __future__ import annotations

from orderctl.auth.binding import check_destination, check_sign_in_endpoint
from orderctl.auth.models import Flow, SavedSignIn, SignInSettings, TokenKind
from orderctl.auth.ports import Renewer, TokenStore
from orderctl.auth.saved import check_same_client, is_fresh, login_command, refreshed
from orderctl.clock import Clock
from orderctl.errors import AuthError


class TokenSource:
    """Gives tokens of one environment's sign-in. Safe to share between threads and processes."""

    def __init__(self, store: TokenStore, renewer: Renewer, settings: SignInSettings, clock: Clock) -> None:
        self._store = store
        self._renewer = renewer
        self._settings = settings
        self._clock = clock

    def token(self, kind: TokenKind) -> str:
        """A token good for another minute at least; raises AuthError when somebody has to sign in."""
        return self._of_kind(self._fresh(), kind)

    def token_for(self, kind: TokenKind, url: str) -> str:
        """The same, for one request: raises RefusedError unless the sign-in is bound to the URL's host."""
        check_destination(self._saved().binding, url, is_local=self._settings.is_local)
        saved = self._fresh()
        check_destination(saved.binding, url, is_local=self._settings.is_local)
        return self._of_kind(saved, kind)

    def renew(self, rejected: str) -> bool:
        """After `rejected` was answered with "expired": refresh unless somebody already has. Is there a new one?"""
        with self._store.lock(self._settings.environment):
            saved = self._saved()
            if rejected not in (saved.access_token, saved.id_token):
                return True
            renewed = self._refresh(saved)
            return rejected not in (renewed.access_token, renewed.id_token)

    def _fresh(self) -> SavedSignIn:
        saved = self._saved()
        if is_fresh(saved, self._clock.now()):
            return saved
        with self._store.lock(self._settings.environment):
            saved = self._saved()
            return saved if is_fresh(saved, self._clock.now()) else self._refresh(saved)

    def _refresh(self, saved: SavedSignIn) -> SavedSignIn:
        """To be called with the lock held."""
        if saved.refresh_token is None and saved.flow is not Flow.CLIENT_CREDENTIALS:
            raise AuthError("the sign-in has ended and cannot be refreshed", hint=login_command(self._settings))
        check_sign_in_endpoint(saved.binding, self._renewer.endpoint)
        renewed = refreshed(saved, self._renewer.renew(saved))
        self._store.save(renewed)
        return renewed

    def _saved(self) -> SavedSignIn:
        saved = self._store.load(self._settings.environment)
        if saved is None:
            raise AuthError(
                f"not signed in to environment {self._settings.environment!r}", hint=login_command(self._settings)
            )
        check_same_client(saved, self._settings)
        return saved

    def _of_kind(self, saved: SavedSignIn, kind: TokenKind) -> str:
        token = saved.token(kind)
        if token is None:
            raise AuthError(
                f"the sign-in by {saved.flow.value} has no {kind.value} token",
                hint="orderctl config set auth.token_use access, if the API takes access tokens",
            )
        return token
