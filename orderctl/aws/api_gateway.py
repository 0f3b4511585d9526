"""One REST or HTTP API behind API Gateway, spoken to with urllib3.

Every safety is explicit here because a token is on board: no redirect is followed, nothing is retried, no proxy
variable is read, and certificates are checked with the bundle botocore uses. The authoriser sees the URL that
is really asked, and decides whether it may carry the token. A 401 that says "expired" comes from the authoriser
before the function runs, so sending again with a new token is safe even for POST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orderctl import __version__
from orderctl.auth.ports import RequestAuthorizer
from orderctl.errors import UsageError
from orderctl.jsontext import dumps
from orderctl.users.ports import ApiAnswer, NotSentError, ReplyLostError

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS = 5.0
READ_SECONDS = 35.0
"""API Gateway ends an integration after 29 seconds (REST, by default) or 30 (HTTP API)."""
MAX_ANSWER_BYTES = 10 * 1024 * 1024 + 1
"""API Gateway's own limit of a payload; what is longer did not come from there."""
_REQUEST_IDS = ("x-amzn-requestid", "apigw-requestid", "x-amz-apigw-id")


class ApiGateway:
    """A client of one API. Safe to share between threads; `connections` is how many it keeps open."""

    def __init__(
        self,
        base_url: str,
        authorizer: RequestAuthorizer,
        *,
        connections: int = 8,
        ca_bundle: str | None = None,
        read_seconds: float = READ_SECONDS,
        log_group: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`log_group` says where the functions log; it is asked only after a 5xx, for the error to name it."""
        self._base_url = base_url.rstrip("/")
        self._authorizer = authorizer
        self._connections = connections
        self._ca_bundle = ca_bundle
        self._read_seconds = read_seconds
        self._log_group = log_group
        self._pool: urllib3.PoolManager | None = None
        if urlsplit(base_url).query or urlsplit(base_url).fragment:
            raise UsageError(f"the API's base URL has a query or a fragment: {base_url.split('?')[0]}")

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        """Send one request; `path` starts with `/`, its parts percent-encoded.

        Any status is an answer. Raises NotSentError when no connection was made and ReplyLostError when the
        answer did not come back whole.
        """
        url = self._base_url + path
        body = None if json_body is None else dumps(json_body).encode()
        sent = self._authorizer.headers(method, url, body)
        answer = self._send(method, url, body, sent)
        if answer.says_expired() and self._authorizer.renew(sent):
            return self._send(method, url, body, self._authorizer.headers(method, url, body))
        return answer

    def _send(self, method: str, url: str, body: bytes | None, authorization: Mapping[str, str]) -> ApiAnswer:
        import urllib3
        from urllib3 import exceptions

        typed = {} if body is None else {"Content-Type": "application/json"}
        headers = {"Accept": "application/json", "User-Agent": f"orderctl/{__version__}", **typed, **authorization}
        pool = self._connection_pool()
        try:
            response = pool.request(
                method,
                url,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._read_seconds),
            )
            try:
                return self._answer(method, url, response, response.read(MAX_ANSWER_BYTES, decode_content=True))
            finally:
                response.release_conn()
        except (exceptions.HTTPError, OSError) as error:
            unreachable = isinstance(error, exceptions.NewConnectionError | exceptions.ConnectTimeoutError)
            if unreachable or _in_handshake(error):
                raise NotSentError(f"cannot reach {_origin(url)}: {_short(error)}", hint=_hint(error)) from error
            raise ReplyLostError(f"{method} {_origin(url)}: no whole answer: {_short(error)}") from error

    def _answer(self, method: str, url: str, response: Any, body: bytes) -> ApiAnswer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        request_id = next((headers[name] for name in _REQUEST_IDS if name in headers), None)
        text, path = body.decode("utf-8", "replace"), urlsplit(url).path
        group = self._log_group() if response.status >= 500 else None
        return ApiAnswer(response.status, headers, text, request_id, self._authorizer.description, method, path, group)

    def _connection_pool(self) -> urllib3.PoolManager:
        if self._pool is None:
            import urllib3

            from orderctl.aws.certificates import trusting

            context = trusting(self._ca_bundle)
            self._pool = urllib3.PoolManager(ssl_context=context, maxsize=self._connections, block=False)
        return self._pool


def _in_handshake(error: Exception) -> bool:
    """Did TLS fail before the request was sent? urllib3 has one error for that and for a failure while it reads."""
    import ssl
    from traceback import walk_tb

    cause = error.args[0] if error.args else None
    if not isinstance(cause, ssl.SSLError):
        return False
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in walk_tb(cause.__traceback__))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _short(error: Exception) -> str:
    """The innermost reason, without the URL and its path that urllib3 repeats."""
    reason = getattr(error, "reason", None) or error.__cause__ or error
    return f"{type(reason).__name__}" if not str(reason) else str(reason).split("(Caused by")[0][:200]


def _hint(error: Exception) -> str:
    if "CERTIFICATE" in str(error).upper():
        return "the server's certificate is not trusted; AWS_CA_BUNDLE names another bundle, checks stay on"
    return "check users_api_url and the network; nothing was sent, so it is safe to run again"
