"""One request over the connections of a botocore client, without finding them anew for each.

botocore's HTTP session looks for the pool of connections of a URL each time, asks for proxies and certificates, and
reads the answer piece by piece: as much CPU as sending it takes. The pool is the same each time, and was set up by
the request that went before. What goes wrong is told by botocore's own session, which is given the error of urllib3 to
translate: that a connection was refused (nothing was sent) and that it broke (who knows) has to stay apart.

Through a proxy, and with a botocore that is built in another way, its session sends as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest


class Answer(Protocol):
    """What came back, read to its end."""

    @property
    def status_code(self) -> int:
        """Of HTTP."""

    @property
    def headers(self) -> Mapping[str, Any]:
        """Whatever the case of their names."""

    @property
    def content(self) -> bytes:
        """The body."""


@dataclass(frozen=True, slots=True)
class _Read:
    status_code: int
    headers: Mapping[str, Any]
    content: bytes


def sender(session: Any, url: str) -> Callable[[AWSPreparedRequest], Answer]:
    """How to send to this URL: raises what botocore's `session` raises, and sends once.

    `session` has sent to it before, so its connections are set up.
    """
    pool = _pool(session, url)
    if pool is None:
        return session.send  # type: ignore[no-any-return]

    from urllib3.util.retry import Retry

    path = session._path_url(url)

    def send(request: AWSPreparedRequest) -> Answer:
        try:
            came = pool.urlopen(
                method=request.method,
                url=path,
                body=request.body,
                headers=request.headers,
                retries=Retry(False),
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            return _Read(came.status, came.headers, came.read())
        except Exception as error:
            raise translated(error, request) from error

    return send


def translated(error: Exception, request: AWSPreparedRequest) -> Exception:
    """What botocore's session raises where its connection raises `error`; nothing is sent."""
    from botocore.httpsession import URLLib3Session

    class Broken:
        def connection_from_url(self, _url: str) -> Any:
            raise error

    session: Any = URLLib3Session(proxies={})
    session._manager = Broken()
    try:
        session.send(request)
    except Exception as told:
        return told
    return error


def _pool(session: Any, url: str) -> Any:
    """The pool of connections that botocore's session uses for a URL; None where that cannot be told."""
    try:
        if session._proxy_config.proxy_url_for(url) is not None:
            return None
        session._path_url(url)
        return session._manager.connection_from_url(url)
    except (AttributeError, TypeError):
        return None
