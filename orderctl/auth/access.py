"""Getting into an environment's APIs: which door its flow takes, and what a request then carries."""

from __future__ import annotations

from orderctl.auth.authorizer import NoAuthorizer, TokenAuthorizer
from orderctl.auth.models import Flow, SignInSettings
from orderctl.auth.ports import Doors, IdentityProvider, Renewer, RequestAuthorizer, Revoker, TokenEndpoint, TokenStore
from orderctl.auth.renewers import PoolRenewer, TokenEndpointRenewer
from orderctl.auth.token_source import TokenSource
from orderctl.clock import Clock
from orderctl.errors import OrderctlError, UsageError

BY_POOL = frozenset({Flow.SRP, Flow.PASSWORD})
"""Flows that speak to the user pool itself; the others that sign in speak to its domain."""


class Access:
    """One environment's way in. Each part is made when asked for."""

    def __init__(self, settings: SignInSettings, store: TokenStore, doors: Doors, clock: Clock) -> None:
        self.settings = settings
        self.store = store
        self._doors = doors
        self._clock = clock

    @property
    def provider(self) -> IdentityProvider:
        """The user pool."""
        return self._doors.provider()

    @property
    def token_endpoint(self) -> TokenEndpoint:
        """The user pool's domain; raises UsageError where none is configured."""
        if self.settings.token_url is None:
            raise UsageError(
                f"flow {self.settings.flow.value!r} needs the user pool's domain",
                hint="orderctl config set auth.token_url https://DOMAIN",
            )
        return self._doors.token_endpoint()

    @property
    def source(self) -> TokenSource:
        """The tokens of the sign-in, refreshed as needed; raises UsageError for a flow that has none."""
        if self._signed_in_by() in (Flow.IAM, Flow.NONE):
            raise UsageError(f"with auth.flow {self.settings.flow.value!r} there is no token")
        return TokenSource(self.store, self._renewer(), self.settings, self._clock)

    @property
    def authorizer(self) -> RequestAuthorizer:
        """What goes onto a request to the APIs."""
        match self.settings.flow:
            case Flow.NONE:
                return NoAuthorizer()
            case Flow.IAM:
                return self._doors.signer()
            case _:
                return TokenAuthorizer(self.source, self.settings.token_use)

    @property
    def revoker(self) -> Revoker | None:
        """Where the sign-in is ended; None where there is nothing to end but the file."""
        try:
            flow = self._signed_in_by()
        except OrderctlError:  # a file that is refused is still taken away
            flow = self.settings.flow
        if flow in BY_POOL:
            return self.provider
        return self.token_endpoint if flow is Flow.PKCE else None

    def _renewer(self) -> Renewer:
        if self._signed_in_by() in BY_POOL:
            return PoolRenewer(self.provider, self.settings)
        return TokenEndpointRenewer(self.token_endpoint, self.settings)

    def _signed_in_by(self) -> Flow:
        """How somebody signed in, which `--flow` may have made another than the environment's flow."""
        saved = self.store.load(self.settings.environment)
        return (saved or self.settings).flow
