"""Where a token may go: to the API hosts named at sign-in, over https, and nowhere else.

A token is money at any host that takes it, and configuration is easy to get wrong: an environment variable
left from another shell, a URL with somebody else's host after an `@`, a redirect. So the origins
(`scheme://host:port`) are written down beside the tokens at sign-in and compared for every request; a URL that
two parsers could read differently is refused rather than interpreted. Plain http is for loopback only, and
there only for the embedded stack.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from orderctl.auth.models import Binding
from orderctl.errors import RefusedError

_PORTS = {"https": 443, "http": 80}
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
"""Where user pools answer, private endpoints (`vpce-….vpce.amazonaws.com`) included."""


def origin_of(url: str, *, is_local: bool) -> str:
    """`scheme://host:port` of a URL a secret may be sent to; raises RefusedError for any other.

    Refused: other schemes than https (http to loopback when `is_local`), user info, and everything that is
    not plain printable ASCII or contains a backslash.
    """
    if not url.isascii() or any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise _refused(url, "it has characters that do not belong in a URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused(url, "it is not a URL") from None
    if "@" in parts.netloc:
        raise _refused(url, "it carries a user name or password before its host")
    if not host or parts.scheme not in _PORTS:
        raise _refused(url, "only https URLs with a host are allowed")
    if parts.scheme == "http" and not (is_local and is_loopback(host)):
        raise _refused(url, "it is not https (http is for the local stack on loopback only)")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}:{_PORTS[parts.scheme] if port is None else port}"


def origins_of(urls: Iterable[str], *, is_local: bool) -> tuple[str, ...]:
    """The distinct origins of the APIs a sign-in is bound to, sorted."""
    return tuple(sorted({origin_of(url, is_local=is_local) for url in urls}))


def check_destination(binding: Binding, url: str, *, is_local: bool) -> None:
    """Raise RefusedError unless a token bound by `binding` may be sent to `url`."""
    origin = origin_of(url, is_local=is_local)
    if origin not in binding.api_origins:
        bound = ", ".join(binding.api_origins) or "no API"
        raise RefusedError(
            f"the token is bound to {bound} and is not sent to {origin}",
            hint="check users_api_url and ORDERCTL_USERS_API_URL; if the API moved: orderctl auth login",
        )


def check_address(api_urls: Iterable[str], url: str, *, is_local: bool) -> None:
    """Raise RefusedError unless `url` is at one of the environment's own APIs: for what is bound to no sign-in."""
    origin = origin_of(url, is_local=is_local)
    known = origins_of(api_urls, is_local=is_local)
    if origin not in known:
        raise RefusedError(
            f"a signed request goes to {', '.join(known) or 'no API'} only, and not to {origin}",
            hint="check users_api_url and orders_api_url",
        )


def check_pool_address(endpoint: str, *, is_local: bool) -> None:
    """Raise RefusedError unless a password may be typed for this address: one of AWS's, or the local stack's.

    SRP alone would not give the password away, but whoever answers in Cognito's place may ask for a new one, or for a
    code, and gets it as it is typed.
    """
    host = urlsplit(origin_of(endpoint, is_local=is_local)).hostname or ""
    if not (is_local and is_loopback(host)) and not host.endswith(_AWS):
        raise RefusedError(
            f"no password is sent to {host}: user pools are at AWS",
            hint="take the endpoint override away (--endpoint-url, AWS_ENDPOINT_URL…, endpoint_url in the file)",
        )


def check_sign_in_endpoint(binding: Binding, endpoint: str) -> None:
    """Raise RefusedError unless a refresh token came from this address and may go back to it."""
    if binding.sign_in_endpoint != endpoint:
        raise RefusedError(
            f"the sign-in was made at {binding.sign_in_endpoint}, and {endpoint} is configured now",
            hint="take the endpoint override away, or sign in there: orderctl auth login",
        )


def is_loopback(host: str) -> bool:
    """Is the host this machine, by its literal address or as `localhost`?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(url: str, why: str) -> RefusedError:
    plain = "the URL given" if "@" in url else url.split("?")[0][:200]
    shown = plain.encode("unicode_escape").decode()
    return RefusedError(f"no token or password is sent to {shown}: {why}", hint="check the URL in the configuration")
