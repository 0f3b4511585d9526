"""The user pool domain's `/oauth2/token`: client credentials, and the code and refresh grants of a browser sign-in.

A client's secret goes into the Basic header, never into the form, and like a token only to https (loopback for the
local stack): whoever uses this has checked the address. No redirect is followed, nothing is tried again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orderctl import __version__
from orderctl.auth.models import Tokens
from orderctl.errors import AuthError, AwsFault, NoConnectionError, UnreachableError

if TYPE_CHECKING:
    import urllib3

SECONDS = 15.0
_HINTS: Mapping[str, str] = {
    "invalid_client": "check auth.client_id and ORDERCTL_CLIENT_SECRET",
    "unauthorized_client": "the app client does not allow this grant",
    "invalid_scope": "check auth.scopes: the app client must allow each of them",
    "invalid_grant": "orderctl auth login",
}


class TokenEndpointClient:
    """The token endpoint of one domain, `https://DOMAIN`."""

    def __init__(self, domain: str, *, client_id: str = "", ca_bundle: str | None = None) -> None:
        self._domain = domain.rstrip("/")
        self._client_id = client_id
        self._ca_bundle = ca_bundle

    @property
    def endpoint(self) -> str:
        """The domain's address."""
        return self._domain

    def fetch(self, form: Mapping[str, str], client_secret: str | None) -> Tokens:
        """Tokens for one grant; raises AuthError with the endpoint's error word, UnreachableError without answer."""
        return _tokens(*self._post("/oauth2/token", form, client_secret))

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        """End the sign-in; raises AuthError where the domain refuses, and the tokens then live until they end."""
        form = {"token": refresh_token, "client_id": self._client_id}
        status, data = self._post("/oauth2/revoke", form, client_secret)
        if status != 200:
            raise _refusal(status, _object(data))

    def _post(self, path: str, form: Mapping[str, str], client_secret: str | None) -> tuple[int, bytes]:
        from urllib.parse import urlencode

        from urllib3 import Timeout
        from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": f"orderctl/{__version__}"}
        if client_secret is not None:
            pair = base64.b64encode(f"{form['client_id']}:{client_secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        try:
            answer = self._pool().request(
                "POST",
                self._domain + path,
                body=urlencode(form),
                headers=headers,
                redirect=False,
                retries=False,
                timeout=Timeout(SECONDS),
            )
        except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
            hint = "check auth.token_url and the network; AWS_CA_BUNDLE names another bundle of certificates"
            raise NoConnectionError(f"cannot reach {self._domain}: {type(error).__name__}", hint=hint) from error
        except HTTPError as error:
            raise UnreachableError(f"no answer from {self._domain}: {type(error).__name__}") from error
        return answer.status, answer.data

    def _pool(self) -> urllib3.PoolManager:
        import urllib3

        from orderctl.aws.certificates import trusting

        return urllib3.PoolManager(ssl_context=trusting(self._ca_bundle))


def _tokens(status: int, data: bytes) -> Tokens:
    body = _object(data)
    if status != 200 or not isinstance(body.get("access_token"), str):
        raise _refusal(status, body)
    seconds = body.get("expires_in")
    return Tokens(
        access_token=body["access_token"],
        id_token=_text(body.get("id_token")),
        refresh_token=_text(body.get("refresh_token")),
        expires_in=seconds if isinstance(seconds, int) else 3600,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(status: int, body: Mapping[str, Any]) -> AuthError:
    """Only the error's word is shown: a description may repeat what was sent."""
    word = str(body.get("error", ""))
    said = f": {word}" if word.isidentifier() else ""
    fault = AwsFault("cognito", "oauth2", word if word.isidentifier() else str(status))
    hint = _HINTS.get(word, "check auth.token_url: the domain of the user pool")
    return AuthError(f"the token endpoint refused ({status}){said}", hint=hint, aws=fault)
