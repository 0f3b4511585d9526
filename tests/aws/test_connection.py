"""Over real sockets: the short way meets what the network does as botocore's own session would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ConnectionError as ConnectionError_
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from orderctl.aws.connection import sender, translated
from orderctl.aws.direct import Direct

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq"
WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 15\r\n\r\n" + b'{"Messages":[]}'
)
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"Messag\r\n7\r\nes":[]}\r\n0\r\n\r\n'
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
HALF = WHOLE[:-5]
SILENCE = b"-"
"""Read the request, and say nothing while the client waits."""
NOISE = b"\0\1\2 what is this\r\n\r\n"


class Server:
    """Answers each request with the next of its texts, and then closes the connection unless the text is whole."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._socket.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while self._has_request(connection):
                self.requests += 1
                answer = self.answers.pop(0) if self.answers else WHOLE
                if answer is SILENCE:
                    self._over.wait(5)
                    return
                connection.sendall(answer)
                if answer not in (WHOLE, CHUNKED, MOVED):
                    return

    @staticmethod
    def _has_request(connection: socket.socket) -> bool:
        text = b""
        while b"\r\n\r\n" not in text:
            part = connection.recv(65536)
            if not part:
                return False
            text += part
        head, _, body = text.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        return True


@contextmanager
def served() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


def stock(server: Server, **more: Any) -> Any:
    session: Any = Session()
    session.set_credentials("AKIAFAKE", "secret")
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=0.3, **more)
    client = session.create_client("sqs", region_name="eu-west-1", endpoint_url=server.url, config=config)
    client.receive_message(QueueUrl=URL)
    return client


def short(server: Server, **more: Any) -> Direct:
    client = stock(server, **more)
    credentials = client._request_signer._credentials
    made = Direct(client, credentials.get_frozen_credentials, repeats=False)
    made.receive_message(QueueUrl=URL)
    return made


def ending(client: Any, server: Server, *answers: bytes) -> tuple[object, int]:
    """What comes of one call, and how many requests arrived for it."""
    before = server.requests
    server.answers = list(answers)
    came: object
    try:
        found = client.receive_message(QueueUrl=URL)
        came = {key: value for key, value in found.items() if key != "ResponseMetadata"}
    except Exception as error:
        came = type(error).__name__
    return came, server.requests - before


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED, MOVED, HALF, b"", SILENCE], ids=lambda text: repr(text[-20:]))
def test_what_the_network_does_is_told_as_botocore_tells_it_and_nothing_is_sent_twice(answer: bytes) -> None:
    with served() as server:
        ordinary = ending(stock(server), server, answer)
        ours = ending(short(server), server, answer)
        assert ours == ordinary
        assert ours[1] == 1


def test_an_answer_that_ends_after_its_first_line_is_none() -> None:
    """botocore takes it for an empty one, in which nothing failed."""
    with served() as server:
        assert ending(short(server), server, b"HTTP/1.1 200 OK\r\n") == ("ResponseParserError", 1)


def test_noise_is_no_answer() -> None:
    with served() as server:
        came, requests = ending(short(server), server, NOISE)
        assert came in ("ConnectionClosedError", "HTTPClientError")
        assert requests == 1


def test_a_server_that_is_gone_was_sent_nothing() -> None:
    with served() as server:
        clients = [stock(server), short(server)]
    for client in clients:
        for pool in client._endpoint.http_session._manager.pools._container.values():
            pool.close()  # the connection that was open went with the server
        client._endpoint.http_session._manager.clear()
    assert ending(clients[0], server) == ("EndpointConnectionError", 0)


def test_a_connection_is_used_again() -> None:
    with served() as server:
        client = short(server)
        pool = client._endpoint.http_session._manager.connection_from_url(server.url)
        before = pool.num_connections
        for _ in range(5):
            client.receive_message(QueueUrl=URL)
        assert (pool.num_connections, pool.num_requests >= 7) == (before, True)


ERRORS = [
    NewConnectionError(None, "refused"),  # type: ignore[arg-type]
    ConnectTimeoutError(),
    ReadTimeoutError(None, "x", "late"),  # type: ignore[arg-type]
    ProtocolError("Connection aborted."),
    ProxyError("no", OSError()),
    SSLError("certificate"),
    socket.gaierror("no such host"),
    OSError("anything"),
    ValueError("anything else"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_of_a_connection_is_botocores_word_for_it(error: Exception) -> None:
    class Raising:
        def connection_from_url(self, _url: str) -> Any:
            return self

        def urlopen(self, **_: object) -> Any:
            raise error

    session: Any = URLLib3Session()
    session._manager = Raising()
    request = AWSPreparedRequest("POST", "http://127.0.0.1:9/", {}, b"{}", False)  # type: ignore[arg-type]
    with pytest.raises((HTTPClientError, ConnectionError_)) as ordinary:
        session.send(request)
    told = translated(error, request)
    assert (type(told), str(told)) == (type(ordinary.value), str(ordinary.value))
    with pytest.raises(type(ordinary.value)) as ours:
        sender(session, "http://127.0.0.1:9/")(request)
    assert ours.value.__cause__ is error


def test_through_a_proxy_botocores_session_sends() -> None:
    session = URLLib3Session(proxies={"http": "http://127.0.0.1:3128"})
    assert sender(session, "http://127.0.0.1:9/") == session.send
    assert sender(session, "https://127.0.0.1:9/") != session.send


def test_a_session_that_is_built_in_another_way_sends_as_it_does() -> None:
    class Other:
        def send(self, _request: object) -> str:
            return "sent"

    other = Other()
    request: Any = None
    answered: Any = "sent"
    assert sender(other, "http://127.0.0.1:9/")(request) == answered
