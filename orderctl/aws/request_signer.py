"""Requests to an API that asks for IAM: signed with the environment's AWS credentials, and without any token.

Signature Version 4 for the service `execute-api`. The signature is good for this one request, host included, but a
temporary credential's session token travels beside it. So the same rule holds as for tokens: https only
(loopback of the embedded stack excepted), no user info in the URL, and whoever sends follows no redirect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orderctl.auth.binding import check_address
from orderctl.errors import AuthError

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SERVICE = "execute-api"
_HOST = re.compile(r"[a-z0-9-]+\.execute-api(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")


class RequestSigner:
    """Signs for the API hosts of one environment; `credentials` and `region` are asked for each request."""

    def __init__(
        self,
        credentials: Callable[[], ReadOnlyCredentials],
        region: Callable[[], str | None],
        api_urls: tuple[str, ...],
        *,
        is_local: bool,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._api_urls = api_urls
        self._is_local = is_local

    @property
    def description(self) -> str:
        """What is sent."""
        return "the signature of the AWS credentials"

    def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """Authorization, date and session token; raises RefusedError for a host that is not the environment's."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        check_address(self._api_urls, url, is_local=self._is_local)
        request = AWSRequest(method=method, url=url, data=body or b"")
        SigV4Auth(self._credentials(), SERVICE, self._region_of(url)).add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Each request is signed with what is in force anyway."""
        return False

    def _region_of(self, url: str) -> str:
        """The Region in the host's name, which is the one that checks; for a domain of one's own, the one in force."""
        named = _HOST.fullmatch(urlsplit(url).hostname or "")
        region = named.group(1) if named else self._region()
        if region is None:
            raise AuthError("no AWS Region is set", hint="orderctl config set region REGION, or AWS_REGION")
        return region
