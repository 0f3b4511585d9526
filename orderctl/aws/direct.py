"""The short way for calls that are made ten thousand times in a row.

Of the half millisecond of CPU that botocore needs for one call to SQS, a third does the work: the signature, the
connection, the bytes. The rest is what makes one client fit three hundred services, and is the same again for every
batch of a run: looking for the endpoint, walking the request and the answer along the service's model, asking a
dozen hooks. So the first call of an operation goes botocore's way and is watched, and the next ones are sent to the
very same address with the very same headers, over the connections of the same client: its certificates, proxies
and time-outs are in force, and credentials are asked for each time (`signature.py` signs).

What comes back is taken only where it is a plain 200 with a JSON object. Everything else belongs to botocore. A
client that may repeat its calls makes the call again the ordinary way, with all the retries that has. One that must
not (a single attempt) reads the answer with botocore's own parser and raises what the client would have raised, so
that "refused" and "no answer came" stay as far apart as they are there. A send with a single attempt is never made
twice here.

Only for operations whose request is one JSON document, with nothing of it in the URL or in headers: the documents
are compared with botocore's byte for byte in the tests. Whoever answers in botocore's `before-send` hook (mocks of
AWS in tests) is asked here as well.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderctl.aws.connection import Answer, sender
from orderctl.aws.signature import Signer

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.credentials import ReadOnlyCredentials

HOT = {
    "receive_message": "ReceiveMessage",
    "send_message_batch": "SendMessageBatch",
    "delete_message_batch": "DeleteMessageBatch",
    "change_message_visibility_batch": "ChangeMessageVisibilityBatch",
}
"""Operations of SQS that a bulk run consists of, by the client's name for each."""

_ONCE = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "content-length", "x-amzn-trace-id"})
"""Headers that are of one request alone; so is everything that begins with `amz-sdk-`."""
_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class _Way:
    """Where botocore sent an operation, and what it took to send it."""

    url: str
    headers: Mapping[str, str]
    signer: Signer
    ask: Callable[..., tuple[Any, Any]]
    """Whether somebody answers in the client's stead."""
    send: Callable[[AWSPreparedRequest], Answer]


class Direct:
    """A client whose `HOT` operations go the short way; all else is the client's own.

    `credentials` gives those in force, fresh enough to sign one request with. `repeats` says whether the client may
    make a call twice: then whatever goes wrong is its own to try again.
    """

    def __init__(self, client: Any, credentials: Callable[[], ReadOnlyCredentials | None], *, repeats: bool) -> None:
        self._client = client
        self._credentials = credentials
        self._repeats = repeats
        self._ways: dict[str, _Way] = {}
        self._watched: set[str] = set()
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        operation = HOT.get(name)
        if operation is None:
            return getattr(self._client, name)

        def call(**parameters: Any) -> Any:
            return self._call(name, operation, parameters)

        call.__name__ = name
        setattr(self, name, call)
        return call

    def _call(self, name: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        way = self._ways.get(operation)
        credentials = None if way is None else self._credentials()
        if way is None or credentials is None:
            self._watch(operation)
        elif not self._repeats:
            return self._read(operation, self._sent(operation, way, credentials, parameters))
        elif (answer := self._tried(operation, way, credentials, parameters)) is not None:
            return answer
        return getattr(self._client, name)(**parameters)

    def _tried(
        self, operation: str, way: _Way, credentials: ReadOnlyCredentials, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer, or None for anything that is not one."""
        from botocore import exceptions as botocore

        try:
            return _document(self._sent(operation, way, credentials, parameters))
        except (botocore.ConnectionError, botocore.HTTPClientError):
            return None

    def _sent(self, operation: str, way: _Way, credentials: ReadOnlyCredentials, parameters: Mapping[str, Any]) -> Any:
        """One request, sent once. Raises what botocore raises for connections."""
        from botocore.awsrequest import AWSPreparedRequest

        body = document_of(parameters)
        headers: Any = {**way.headers, **way.signer.headers(credentials, body), "Content-Length": str(len(body))}
        request = AWSPreparedRequest("POST", way.url, headers, body, False)
        _, answer = way.ask(_hook(operation), request=request)
        return way.send(request) if answer is None else answer

    def _read(self, operation: str, response: Answer) -> Mapping[str, Any]:
        """The answer to a call that is not made again; raises ClientError, or ResponseParserError where a 200 says
        nothing that can be read."""
        from botocore.exceptions import ClientError
        from botocore.parsers import ResponseParserError, create_parser

        if response.status_code == 200:
            answer = _document(response)
            if answer is None:
                raise ResponseParserError(f"{operation}: a 200 that is no JSON object")
            return answer
        model = self._client.meta.service_model
        said = {"headers": response.headers, "status_code": response.status_code, "body": response.content}
        shape = model.operation_model(operation).output_shape
        parsed = create_parser(model.resolved_protocol).parse(said, shape)
        code = parsed.get("Error", {}).get("Code")
        kind = self._client.exceptions.from_code(code) if response.status_code >= 300 else ClientError
        raise kind(parsed, operation)

    def _watch(self, operation: str) -> None:
        with self._lock:
            if operation not in self._watched:
                self._client.meta.events.register_first(_hook(operation), self._note)
                self._watched.add(operation)

    def _note(self, request: Any, event_name: str, **_: object) -> None:
        """Remember how botocore sends an operation. What it signs in another way is left to it, and so is all where
        it is not built as it was when this was written."""
        operation, client = event_name.rpartition(".")[2], self._client
        headers = {name: _text(value) for name, value in request.headers.items()}
        scope = _SCOPE.match(headers.get("Authorization", ""))
        session = getattr(getattr(client, "_endpoint", None), "http_session", None)
        if scope is None or session is None:
            return
        kept = {name: value for name, value in headers.items() if not _is_of_one_request(name)}
        signer = Signer(request.url, kept, region=scope[1], service=scope[2])
        ask, send = client.meta.events.emit_until_response, sender(session, request.url)
        self._ways[operation] = _Way(request.url, kept, signer, ask, send)
        client.meta.events.unregister(event_name, self._note)


def _hook(operation: str) -> str:
    return f"before-send.sqs.{operation}"


def document_of(parameters: Mapping[str, Any]) -> bytes:
    """The request as botocore writes it: binary values in base64."""
    return _encode(parameters).encode()


def _in_base64(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} does not stand in a request")
    return base64.b64encode(value).decode("ascii")


_encode = json.JSONEncoder(default=_in_base64).encode


def _document(response: Answer) -> Mapping[str, Any] | None:
    """What a 200 says; None for everything else."""
    if response.status_code != 200:
        return None
    try:
        found = json.loads(response.content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _is_of_one_request(name: str) -> bool:
    return name.lower() in _ONCE or name.lower().startswith("amz-sdk-")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
