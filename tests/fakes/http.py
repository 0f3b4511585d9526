"""A small HTTP server on loopback that answers as told: replies, cut connections, silence, TLS with any certificate.

The handler is a function from Request to Reply or Cut; every request that arrived is kept, so a test can see what a
host was sent, and that another was sent nothing.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One whole answer."""

    status: int
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The connection ends without an answer, or after `promised` bytes were announced and none came."""

    promised: int = 0
    after_seconds: float = 0.0


Handler = Callable[[Request], Reply | Cut]


class HttpServer:
    """Runs in a thread between `with` and its end; `tls` makes it https."""

    def __init__(self, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._handler = handler
        self._server = _Server(("127.0.0.1", 0), self._class())
        self._scheme = "https" if tls else "http"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> HttpServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Connection(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                server.requests.append(request)
                answer = server._handler(request)
                if isinstance(answer, Cut):
                    self._cut(answer)
                else:
                    self._reply(answer)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def _reply(self, reply: Reply) -> None:
                body = reply.body.encode() if isinstance(reply.body, str) else reply.body
                begin = self.send_response_only if "Date" in reply.headers else self.send_response
                begin(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _cut(self, cut: Cut) -> None:
                time.sleep(cut.after_seconds)
                if cut.promised:
                    self.send_response(200)
                    self.send_header("content-length", str(cut.promised))
                    self.end_headers()
                self.close_connection = True
                self.connection.close() if cut.promised else self._reset()

            def _reset(self) -> None:
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Connection


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up, or refused our certificate, is what some tests are about."""
