"""A server that answers at once, or after a fixed wait, so that the client is what is measured.

It runs in a process of its own (its CPU is nobody's figure), speaks just enough HTTP/1.1 to keep botocore's
connections open, and has every answer ready beforehand (`stub_answers`). It ends when its stdin does, so it
cannot outlive who started it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from urllib.request import urlopen

from tests.benchmarks.stub_answers import Answers

MARKS = "/marks"


class Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out in the same order."""

    def __init__(self, answers: Answers, latency: float) -> None:
        self._answers = answers
        self._latency = latency
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = int(_header(head, b"content-length") or 0)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if path == MARKS:
            self._transport.write(_reply(json.dumps(self._answers.marks).encode()))
            return
        target = (_header(head, b"x-amz-target") or b"").decode().rpartition(".")[2]
        reply = _reply(self._answers.to(target or path.partition("?")[0], body))
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, reply)
        else:
            self._transport.write(reply)


def _header(head: bytes, name: bytes) -> bytes | None:
    place = head.lower().find(b"\r\n" + name + b":")
    if place < 0:
        return None
    end = head.find(b"\r\n", place + 2)
    return head[place + len(name) + 3 : end if end >= 0 else None].strip()


def _reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve(answers: Answers, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def serving(*, latency: float = 0.0, **answers: float) -> Iterator[str]:
    """A stub in a process of its own; gives its URL. `answers` are the fields of `Answers`."""
    command = [sys.executable, "-m", "tests.benchmarks.stub", json.dumps({"latency": latency, "answers": answers})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def marks(url: str) -> dict[str, float]:
    """What the stub noted, by CLOCK_MONOTONIC, and how often it was asked what."""
    with urlopen(url + MARKS) as answer:
        found: dict[str, float] = json.load(answer)
    return found


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asyncio.run(_serve(Answers(**asked["answers"]), asked["latency"]))
