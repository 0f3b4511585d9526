"""`auth login`, `status` and `logout` as plain functions over the ports."""

from __future__ import annotations

from collections.abc import Callable

from orderctl.auth.binding import (
    check_destination,
    check_pool_address,
    check_sign_in_endpoint,
    origin_of,
    origins_of,
)
from orderctl.auth.models import AuthStatus, Flow, SavedSignIn, SignInSettings
from orderctl.auth.ports import IdentityProvider, Landing, Prompter, Revoker, TokenEndpoint, TokenStore
from orderctl.auth.renewers import client_credentials
from orderctl.auth.saved import bind, check_same_client, is_fresh
from orderctl.auth.sign_in import SignIn
from orderctl.clock import Clock
from orderctl.errors import OrderctlError


def log_in(
    provider: IdentityProvider,
    store: TokenStore,
    settings: SignInSettings,
    prompter: Prompter,
    clock: Clock,
    *,
    username: str,
    password: str,
) -> SavedSignIn:
    """Sign in with a user name and password and keep the tokens.

    The addresses are checked before the password leaves: raises RefusedError for a sign-in endpoint or API
    that is not https or not AWS's (loopback of the local stack excepted), AuthError when Cognito refuses.
    """
    check_pool_address(provider.endpoint, is_local=settings.is_local)
    _check_addresses(provider.endpoint, settings)
    tokens = SignIn(provider, settings, prompter, clock).run(username, password)
    saved = bind(tokens, settings, provider.endpoint, clock.now())
    _keep(store, saved)
    return saved


def log_in_as_client(
    token_endpoint: TokenEndpoint, store: TokenStore, settings: SignInSettings, clock: Clock
) -> SavedSignIn:
    """Sign in as the app client itself (client credentials) and keep the access token."""
    _check_addresses(token_endpoint.endpoint, settings)
    tokens = client_credentials(token_endpoint, settings)
    saved = bind(tokens, settings, token_endpoint.endpoint, clock.now())
    _keep(store, saved)
    return saved


def log_in_by_browser(
    token_endpoint: TokenEndpoint,
    store: TokenStore,
    settings: SignInSettings,
    landing: Landing,
    clock: Clock,
    *,
    show: Callable[[str], None],
    timeout: float,
) -> SavedSignIn:
    """Sign in through the browser and keep the tokens; `show` is given the address of the sign-in page.

    Raises as `log_in` does, and TimeoutPassedError after `timeout` seconds without the browser.
    """
    from orderctl.auth.browser import BrowserSignIn

    _check_addresses(token_endpoint.endpoint, settings)
    tokens = BrowserSignIn(token_endpoint, settings, landing, clock).run(show, timeout)
    saved = bind(tokens, settings, token_endpoint.endpoint, clock.now())
    _keep(store, saved)
    return saved


def status(store: TokenStore, settings: SignInSettings, clock: Clock) -> AuthStatus:
    """Who is signed in to the environment; a file that is refused or of another pool is a `problem`, not an error."""
    place = store.where(settings.environment)
    try:
        saved = store.load(settings.environment)
        if saved is None:
            return AuthStatus(settings.environment, False, settings.flow, client_id=settings.client_id)
        elsewhere = [reason for url in settings.api_urls if (reason := _not_for(saved, settings, url))]
        problem = _other_client(saved, settings)
    except OrderctlError as error:
        return AuthStatus(settings.environment, False, settings.flow, token_file=place, problem=error.message)
    now = clock.now()
    can_refresh = saved.refresh_token is not None or _can_ask_anew(saved, settings)
    is_of_use = problem is None and not (elsewhere and len(elsewhere) == len(settings.api_urls))
    return AuthStatus(
        environment=settings.environment,
        signed_in=is_of_use and (is_fresh(saved, now) or can_refresh),
        flow=saved.flow,
        client_id=saved.binding.client_id,
        username=saved.username,
        issuer=saved.binding.issuer,
        api_origins=saved.binding.api_origins,
        token_use=settings.token_use,
        token_file=place,
        signed_in_at=saved.signed_in_at,
        expires_at=saved.expires_at,
        is_expired=saved.expires_at <= now,
        can_refresh=can_refresh,
        problem=problem or next(iter(elsewhere), None),
    )


def log_out(revoker: Revoker | None, store: TokenStore, settings: SignInSettings) -> bool:
    """Forget the sign-in here and, with a revoker, end it at Cognito; was anybody signed in?

    The file goes even where the revocation fails: the error then says that the tokens still live until they end.
    """
    with store.lock(settings.environment):
        try:
            saved = store.load(settings.environment)
        except OrderctlError:
            saved = None
        existed = store.forget(settings.environment)
    if revoker is not None and saved is not None and saved.refresh_token is not None:
        check_sign_in_endpoint(saved.binding, revoker.endpoint)
        revoker.revoke(saved.refresh_token, settings.client_secret)
    return existed


def forget_here(store: TokenStore, environment: str) -> bool:
    """Forget the sign-in where nobody can be asked to end it; was there one?"""
    with store.lock(environment):
        return store.forget(environment)


def _keep(store: TokenStore, saved: SavedSignIn) -> None:
    with store.lock(saved.environment):
        store.save(saved)


def _check_addresses(endpoint: str, settings: SignInSettings) -> None:
    origin_of(endpoint, is_local=settings.is_local)
    origins_of(settings.api_urls, is_local=settings.is_local)


def _other_client(saved: SavedSignIn, settings: SignInSettings) -> str | None:
    try:
        check_same_client(saved, settings)
    except OrderctlError as error:
        return error.message
    return None


def _not_for(saved: SavedSignIn, settings: SignInSettings, url: str) -> str | None:
    """Why the token does not go to an API the environment names now; None where it does."""
    try:
        check_destination(saved.binding, url, is_local=settings.is_local)
    except OrderctlError as error:
        return error.message
    return None


def _can_ask_anew(saved: SavedSignIn, settings: SignInSettings) -> bool:
    """A client with its secret at hand needs no refresh token."""
    return saved.flow is Flow.CLIENT_CREDENTIALS and settings.client_secret is not None
