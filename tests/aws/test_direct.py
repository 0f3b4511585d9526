"""The short way is botocore's own in all that counts: what is sent, what is taken for an answer, and how often."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session

from orderctl.aws.direct import HOT, Direct, document_of
from orderctl.aws.session import Aws
from orderctl.config.resolve import resolve
from tests.aws.test_session_requests import ATTRIBUTES, CALLS, FILE

HOT_CALLS = {name: parameters for service, name, parameters in CALLS if service == "sqs" and name in HOT}
CREDENTIALS = ReadOnlyCredentials("AKIAFAKE", "secret", "token")


class Line:
    """Stands where the network is: keeps what was sent, and answers what it was told to, in turn."""

    def __init__(self, *answers: tuple[int, bytes] | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Any] = []

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        self.sent.append(request)
        answer = self.answers.pop(0) if self.answers else (200, b"{}")
        if isinstance(answer, Exception):
            raise answer
        headers: Any = {"x-amzn-requestid": "r-1"}
        return AWSResponse(request.url, answer[0], headers, _Body(answer[1]))


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Any:
        yield self.read()


def stock(line: Line, attempts: int = 1, **more: Any) -> Any:
    session: Any = Session()
    session.set_credentials("AKIAFAKE", "secret", "token")
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, **more)
    client = session.create_client("sqs", region_name="eu-west-1", config=config)
    client.meta.events.register_first("before-send", line)
    return client


def warmed(line: Line, attempts: int = 1, credentials: Callable[[], Any] = lambda: CREDENTIALS) -> Direct:
    """A client that has seen every hot call go the ordinary way; `line` is asked from now on."""
    first = Line()
    client = stock(first, attempts)
    made = Direct(client, credentials, repeats=attempts > 1)
    for name, parameters in HOT_CALLS.items():
        getattr(made, name)(**parameters)
    client.meta.events.unregister("before-send", first)
    client.meta.events.register_first("before-send", line)
    return made


def call(client: Any, name: str = "send_message_batch") -> Any:
    return getattr(client, name)(**HOT_CALLS[name])


def of_all(headers: Any) -> dict[str, str]:
    """Headers that are the same for every request of an operation."""
    text = {key.lower(): value.decode() if isinstance(value, bytes) else value for key, value in headers.items()}
    own = ("authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request")
    return {key: value for key, value in text.items() if key not in own}


def test_every_hot_call_is_among_those_compared() -> None:
    assert HOT_CALLS.keys() == HOT.keys()


@pytest.mark.parametrize("name", HOT)
def test_what_is_sent_is_what_botocore_sends(name: str) -> None:
    short, ordinary = Line(), Line()
    call(warmed(short), name)
    call(stock(ordinary), name)
    ours, theirs = short.sent[0], ordinary.sent[0]
    assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
    assert of_all(ours.headers) == of_all(theirs.headers)


@pytest.mark.parametrize("name", HOT)
def test_it_is_signed_as_botocore_would_sign_it(name: str) -> None:
    line = Line()
    call(warmed(line), name)
    sent = line.sent[0]
    left = {key: value for key, value in sent.headers.items() if key not in ("Authorization", "Content-Length")}
    again = AWSRequest("POST", sent.url, headers=left, data=sent.body)
    again.context["timestamp"] = sent.headers["X-Amz-Date"]
    signer = SigV4Auth(CREDENTIALS, "sqs", "eu-west-1")
    names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert f"SignedHeaders={names}" in sent.headers["Authorization"].replace(";x-amzn-query-mode", "")
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert sent.headers["Authorization"].endswith(f"Signature={expected}")


def test_the_first_call_of_each_kind_goes_the_ordinary_way_and_the_next_ones_do_not() -> None:
    line = Line()
    client = stock(line)
    made = Direct(client, lambda: CREDENTIALS, repeats=False)
    for _ in range(3):
        call(made, "receive_message")
    call(made, "delete_message_batch")
    is_ordinary = ["amz-sdk-invocation-id" in {key.lower() for key in sent.headers} for sent in line.sent]
    assert is_ordinary == [True, False, False, True]


def test_every_request_is_signed_with_the_credentials_then_in_force() -> None:
    line, keys = Line(), iter(("AKIAONE", "AKIATWO"))
    made = warmed(line)
    made._credentials = lambda: ReadOnlyCredentials(next(keys), "secret", None)
    call(made)
    call(made)
    assert "AKIAONE" in line.sent[0].headers["Authorization"]
    assert "AKIATWO" in line.sent[1].headers["Authorization"]
    assert "X-Amz-Security-Token" not in line.sent[0].headers


def test_without_credentials_botocore_is_asked_and_says_so() -> None:
    line = Line()
    made = warmed(line)
    made._credentials = lambda: None
    call(made)
    assert "amz-sdk-invocation-id" in {key.lower() for key in line.sent[0].headers}


def test_all_else_is_the_clients_own() -> None:
    client = stock(Line())
    made = Direct(client, lambda: CREDENTIALS, repeats=False)
    assert made.meta is client.meta
    assert made.receive_message.__name__ == "receive_message"
    assert made.exceptions is client.exceptions


def test_binary_values_are_written_in_base64_and_nothing_else_is_guessed() -> None:
    assert b'"AP8="' in document_of({"Entries": [{"MessageAttributes": ATTRIBUTES}]})
    with pytest.raises(TypeError, match="object"):
        document_of({"QueueUrl": object()})


# --- one attempt: what must not be made twice ----------------------------------------------------------------


def answers_of_both_ways(*answers: tuple[int, bytes] | Exception, name: str = "send_message_batch") -> list[Any]:
    """What comes of the same answer, short and ordinary: the document, or the error; and how often was sent."""
    found: list[Any] = []
    for make in (warmed, stock):
        line = Line(*answers)
        try:
            came: Any = call(make(line), name)
            came = {key: value for key, value in came.items() if key != "ResponseMetadata"}
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
            said = error.response["Error"]
            came = (type(error).__name__, said["Code"], said["Message"], metadata["HTTPStatusCode"])
        except Exception as error:
            came = type(error)
        found.append((came, len(line.sent)))
    return found


SENT = json.dumps({"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": []}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        (200, SENT),
        (200, b"{}"),
        (400, b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}'),
        (400, b'{"__type":"com.amazon.coral.service#InvalidClientTokenId","message":"no"}'),
        (403, b'{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"expired"}'),
        (400, b'{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}'),
        (500, b'{"__type":"com.amazon.coral.service#InternalFailure"}'),
        (503, b"<html>Service Unavailable</html>"),
        (502, b""),
        ConnectionClosedError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
    ],
    ids=str,
)
def test_a_single_attempt_ends_as_botocores_would_and_is_sent_once(answer: tuple[int, bytes] | Exception) -> None:
    short, ordinary = answers_of_both_ways(answer)
    assert short == ordinary
    assert short[1] == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"Successful": [', b"null"])
def test_a_200_that_says_nothing_is_no_answer_to_a_send(body: bytes) -> None:
    line = Line((200, body))
    with pytest.raises(ResponseParserError, match="SendMessageBatch"):
        call(warmed(line))
    assert len(line.sent) == 1


# --- several attempts: what may be made twice ----------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (503, b"<html>"),
        (200, b"<html>"),
        (200, b"[]"),
        ConnectionClosedError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
        ConnectTimeoutError(endpoint_url="x"),
    ],
    ids=str,
)
def test_what_may_be_made_twice_is_made_again_botocores_way(answer: tuple[int, bytes] | Exception) -> None:
    line = Line(answer, (200, b'{"Messages": []}'))
    assert call(warmed(line, attempts=3), "receive_message")["Messages"] == []
    is_ordinary = ["amz-sdk-invocation-id" in {key.lower() for key in sent.headers} for sent in line.sent]
    assert is_ordinary == [False, True]


def test_a_refusal_is_told_by_botocore_after_the_second_asking() -> None:
    refused = (400, b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}')
    line = Line(refused, refused)
    with pytest.raises(ClientError, match="no such queue"):
        call(warmed(line, attempts=3), "receive_message")
    assert len(line.sent) == 2


# --- where it does not apply ---------------------------------------------------------------------------------


def test_what_is_signed_in_another_way_or_not_at_all_is_left_to_botocore() -> None:
    line = Line()
    made = Direct(stock(line, signature_version=UNSIGNED), lambda: CREDENTIALS, repeats=False)
    for _ in range(2):
        call(made, "receive_message")
    assert ["amz-sdk-invocation-id" in {key.lower() for key in sent.headers} for sent in line.sent] == [True, True]
    assert "Authorization" not in line.sent[1].headers


def test_a_botocore_that_is_built_in_another_way_is_used_as_it_is() -> None:
    line = Line()
    client = stock(line)

    class Rebuilt:
        """A client without the part whose connections the short way uses."""

        _endpoint = None

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    made = Direct(Rebuilt(), lambda: CREDENTIALS, repeats=False)
    for _ in range(2):
        call(made, "receive_message")
    assert len(line.sent) == 2


def test_with_debug_every_call_goes_through_the_hooks_that_tell_it() -> None:
    said = io.StringIO()
    environment = resolve("local", {}, {}, FILE)
    assert not isinstance(Aws(environment, {}, debug=said).client("sqs"), Direct)
    assert isinstance(Aws(environment, {}).client("sqs"), Direct)
    assert not isinstance(Aws(environment, {}).client("lambda"), Direct)
    once: Any = Aws(environment, {}).client("sqs", attempts=1)
    assert once._repeats is False
