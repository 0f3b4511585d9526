"""Where the browser comes back to: a tiny web server on 127.0.0.1 for as long as one sign-in lasts.

Only on the loopback address, only for `GET /callback`, and only when asked for by that address: a page in the same
browser that had its own host name resolve to 127.0.0.1 gets nothing. Every connection has its own thread, because
browsers open some that they never use. Nothing that arrives is written down anywhere.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qsl, urlsplit

from orderctl.errors import FailedError

HOST = "127.0.0.1"
PATH = "/callback"
LONGEST_QUERY = 8192
REPLY_SECONDS = 60.0
"""How long a browser is kept waiting for its page: longer than the exchange of a code may take."""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


class Visit:
    """`orderctl.auth.ports.Arrival`: one browser, waiting in a thread of its own."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = parameters
        self.page = (504, "Nobody is waiting for this any more.")
        self._is_answered = threading.Event()
        self.is_sent = threading.Event()

    def reply(self, status: int, text: str) -> None:
        """Hand over the page; gives the browser two seconds to take it."""
        self.page = (status, text)
        self._is_answered.set()
        self.is_sent.wait(2.0)

    def wait(self) -> tuple[int, str]:
        """For the connection's thread: the page to send."""
        self._is_answered.wait(REPLY_SECONDS)
        return self.page


class LoopbackServer(ThreadingHTTPServer):
    """`orderctl.auth.ports.Landing` on one port."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        self.arrivals: queue.SimpleQueue[Visit] = queue.SimpleQueue()
        super().__init__((HOST, port), _Connection)

    def server_bind(self) -> None:
        """Without HTTPServer's look at what this machine is called, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    @property
    def uri(self) -> str:
        """The redirect URI."""
        return f"http://{HOST}:{self.server_port}{PATH}"

    def wait(self, seconds: float) -> Visit | None:
        """The next browser."""
        try:
            return self.arrivals.get(timeout=seconds)
        except queue.Empty:
            return None

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hung up is no news."""


@contextlib.contextmanager
def landing(ports: Sequence[int]) -> Iterator[LoopbackServer]:
    """Listen on the first of `ports` that is free; raises FailedError when none is."""
    server = _first_free(ports)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _first_free(ports: Sequence[int]) -> LoopbackServer:
    for port in ports:
        with contextlib.suppress(OSError):
            return LoopbackServer(port)
    raise FailedError(
        f"every port the browser may come back to is taken: {', '.join(map(str, ports))}",
        hint="end the other sign-in, or name others that the app client knows: auth.redirect_ports",
    )


class _Connection(BaseHTTPRequestHandler):
    server: LoopbackServer
    timeout = 10.0
    server_version, sys_version = "orderctl", ""

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if self.headers.get("Host") != f"{HOST}:{self.server.server_port}" or path.path != PATH:
            self._send(404, "There is nothing here.")
            return
        if len(path.query) > LONGEST_QUERY:
            self._send(414, "This is too long.")
            return
        visit = Visit(_once(parse_qsl(path.query)))
        self.server.arrivals.put(visit)
        try:
            self._send(*visit.wait())
        finally:
            visit.is_sent.set()

    def _send(self, status: int, text: str) -> None:
        page = f"<!doctype html><title>orderctl</title><p>{text}</p>\n".encode()
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Length": str(len(page))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """The query is a secret."""


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Names that were given once: of two codes, neither is believed."""
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}
