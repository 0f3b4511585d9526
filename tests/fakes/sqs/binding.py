"""Answering a real boto3 client in-process: botocore's `before-send` event gives the response, no socket is opened."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from typing import Any

from tests.fakes.sqs import protocols
from tests.fakes.sqs.faults import Cut
from tests.fakes.sqs.protocols import Answer, Request
from tests.fakes.sqs.waiting import AnyClock

Answering = Callable[[Request], Answer]


def new_session(region: str) -> Any:
    """A boto3 session that shares the models already read, and reads no configuration of the machine."""
    import boto3
    from botocore.session import Session

    core = Session(session_vars={"profile": (None, [], None, None), "config_file": (None, None, "/dev/null", None)})
    core.register_component("data_loader", protocols.loader())
    core.set_credentials("AKIAFAKE", "fake", "fake")
    return boto3.Session(botocore_session=core, region_name=region)


def bind_events(session_or_client: Any, answering: Answering, clock: AnyClock) -> None:
    """Answer every request of a boto3 session (clients made after this) or of one client in-process; every answer
    tells the service's time, as all of AWS's do."""
    meta = getattr(session_or_client, "meta", None)
    events = meta.events if meta is not None else session_or_client.events
    events.register_first("before-send", _Sender(answering, clock))


class _Body(io.BytesIO):
    """A response body as botocore's AWSResponse reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class _Sender:
    """The handler of botocore's before-send: what it returns is the response, no socket is opened."""

    def __init__(self, answering: Answering, clock: AnyClock) -> None:
        self._answering = answering
        self._clock = clock

    def __call__(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        try:
            answer = self._answering(_arrived(request))
        except Cut as cut:
            raise _broken(cut, request.url) from cut
        headers: Any = {"x-amzn-requestid": protocols.REQUEST_ID, "content-length": str(len(answer.body))}
        headers |= {"date": format_datetime(self._clock.now(), usegmt=True), **answer.headers}
        return AWSResponse(request.url, answer.status, headers, _Body(answer.body))


def _arrived(request: Any) -> Request:
    headers = {key.lower(): _text(value) for key, value in request.headers.items()}
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    return Request(request.method, request.url, headers, body.encode() if isinstance(body, str) else bytes(body))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _broken(cut: Cut, url: str) -> Exception:
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

    match cut.how:
        case "refused":
            return EndpointConnectionError(endpoint_url=url)
        case "timeout":
            return ReadTimeoutError(endpoint_url=url)
    return ConnectionClosedError(endpoint_url=url)
