"""What goes onto a request to our APIs: a token bound to the host, or nothing.

The token is sent as it is, without `Bearer`: REST authorisers document it so, and HTTP API JWT authorisers take
both forms. Signing with AWS credentials needs botocore and lives in `orderctl.aws.request_signer`.
"""

from __future__ import annotations

from collections.abc import Mapping

from orderctl.auth.models import TokenKind
from orderctl.auth.token_source import TokenSource


class TokenAuthorizer:
    """Sends the ID or access token of the sign-in, to the hosts it is bound to."""

    def __init__(self, source: TokenSource, kind: TokenKind) -> None:
        self._source = source
        self._kind = kind

    @property
    def description(self) -> str:
        """Which token is sent."""
        return "the ID token" if self._kind is TokenKind.ID else "the access token"

    def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """The Authorization header; raises RefusedError for a host the sign-in is not bound to."""
        return {"Authorization": self._source.token_for(self._kind, url)}

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Refresh after a 401 that said expired; is there a newer token than the one sent?"""
        return self._source.renew(rejected.get("Authorization", ""))


class NoAuthorizer:
    """For APIs that ask for nothing (`auth.flow = "none"`)."""

    @property
    def description(self) -> str:
        """Nothing is sent."""
        return "no token"

    def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """No header."""
        return {}

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """There is nothing to renew."""
        return False
