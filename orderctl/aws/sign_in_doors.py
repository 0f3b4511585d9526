"""The ways into an environment's APIs, connected: the user pool, its domain, the AWS credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.auth.models import SignInSettings
from orderctl.auth.ports import IdentityProvider, RequestAuthorizer, TokenEndpoint

if TYPE_CHECKING:
    from orderctl.aws.session import Aws


class AwsDoors:
    """`orderctl.auth.ports.Doors`; `ca_bundle` is the file of certificates to trust, None for botocore's."""

    def __init__(self, aws: Aws, settings: SignInSettings, *, ca_bundle: str | None) -> None:
        self._aws = aws
        self._settings = settings
        self._ca_bundle = ca_bundle

    def provider(self) -> IdentityProvider:
        """Cognito, without credentials and without the SDK's retries."""
        from orderctl.aws.cognito import CognitoSignIn

        client = self._aws.client("cognito-idp", attempts=1, unsigned=True)
        return CognitoSignIn(client, self._settings.client_id)

    def token_endpoint(self) -> TokenEndpoint:
        """The user pool's domain."""
        from orderctl.aws.token_endpoint import TokenEndpointClient

        domain = self._settings.token_url or ""
        return TokenEndpointClient(domain, client_id=self._settings.client_id, ca_bundle=self._ca_bundle)

    def signer(self) -> RequestAuthorizer:
        """The AWS credentials, as a signature."""
        from orderctl.aws.request_signer import RequestSigner

        settings, aws = self._settings, self._aws
        return RequestSigner(aws.credentials, lambda: aws.region, settings.api_urls, is_local=settings.is_local)
