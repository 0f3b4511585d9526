"""The same answers over HTTP on 127.0.0.1, for a child process that a test means to kill."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.sqs import protocols
from tests.fakes.sqs.binding import Answering
from tests.fakes.sqs.faults import Cut
from tests.fakes.sqs.protocols import Answer, Request


@contextlib.contextmanager
def serve_http(answering: Answering) -> Iterator[str]:
    """Serve on 127.0.0.1 at a free port; gives the endpoint URL."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answering))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _handler(answering: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {key.lower(): value for key, value in self.headers.items()}
            try:
                answer = answering(Request(self.command, self.path, headers, body))
                self._send(answer)
            except (Cut, ConnectionError):
                self.close_connection = True

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("x-amzn-requestid", protocols.REQUEST_ID)
            self.send_header("content-length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_PUT = do_DELETE = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Be quiet."""

    return Handler
