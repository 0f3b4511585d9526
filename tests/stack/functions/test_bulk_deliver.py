"""A chunk is claimed once, each of its deliveries made at most once, and what became of it written down truly."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from orderctl.aws import errors
from orderctl.dlq.distributed import lines, waves
from orderctl.dlq.models import Attribute, Queue, ToFunction, ToQueue, ToStateMachine, ToTopic
from orderctl.stack.functions import bulk_deliver
from orderctl.stack.functions.bulk_deliver import Chunk, Place, attempt, claim, deliver_chunk, handler
from tests.fakes.aws_wire import FakeAws
from tests.fakes.s3 import FakeS3, FakeS3Client
from tests.stack.functions.invocation import Context, unconnected

R = "eu-central-1:123456789012"
FUNCTION, MACHINE = f"arn:aws:lambda:{R}:function:process", f"arn:aws:states:{R}:stateMachine:orders"
QUEUE, TOPIC = f"arn:aws:sqs:{R}:work", f"arn:aws:sns:{R}:told"
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/work"
CHUNK = "redrives/run/00001/in/00000.jsonl"
META = {"RequestId": "request-1", "HTTPStatusCode": 202, "HTTPHeaders": {}, "RetryAttempts": 0}


class Service:
    """Stubbed clients by service: what a delivery is sent as, and what is answered."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.made: dict[str, tuple[Any, Stubber]] = {}

    def stub(self, service: str) -> Stubber:
        if service not in self.made:
            client = unconnected(service)
            self.made[service] = client, self._stack.enter_context(Stubber(client))
        return self.made[service][1]

    def __call__(self, service: str) -> Any:
        self.stub(service)
        return self.made[service][0]

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def line(delivery: Any, item_id: str = "m-1") -> dict[str, Any]:
    """As orderctl writes it: the two ends of the format are held together here."""
    said: dict[str, Any] = json.loads(lines.item(item_id, delivery, {QUEUE: Queue(URL, QUEUE)}).line)
    return said


BINARY = bytes(range(256))


def test_a_function_gets_the_bytes_asynchronously_with_its_qualifier(service: Service) -> None:
    payload = '{"n": 12345678901234567890, "f": 1.10, "t": "é😀"}'.encode()
    expected = {"FunctionName": FUNCTION, "Qualifier": "live", "InvocationType": "Event", "Payload": payload}
    service.stub("lambda").add_response("invoke", {"StatusCode": 202, "ResponseMetadata": META}, expected)
    fate = attempt(line(ToFunction(f"{FUNCTION}:live", payload)), service)
    assert fate == {"status": "sent", "new_id": "request-1"}


def test_bytes_that_are_no_text_arrive_as_they_are(service: Service) -> None:
    expected = {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": BINARY}
    service.stub("lambda").add_response("invoke", {"StatusCode": 202, "ResponseMetadata": META}, expected)
    assert attempt(line(ToFunction(FUNCTION, BINARY)), service)["status"] == "sent"


def test_an_execution_is_started_by_name(service: Service) -> None:
    expected = {"stateMachineArn": MACHINE, "name": "o-1", "input": '{"a":  1}'}
    answer = {"executionArn": "arn:x", "startDate": datetime(2026, 1, 1, tzinfo=UTC)}
    service.stub("stepfunctions").add_response("start_execution", answer, expected)
    assert attempt(line(ToStateMachine(MACHINE, "o-1", '{"a":  1}')), service) == {"status": "sent", "new_id": "arn:x"}


def test_a_topic_gets_the_message_with_its_subject(service: Service) -> None:
    expected = {"TopicArn": TOPIC, "Message": "m", "Subject": "s"}
    service.stub("sns").add_response("publish", {"MessageId": "n-1"}, expected)
    assert attempt(line(ToTopic(TOPIC, "m", "s")), service) == {"status": "sent", "new_id": "n-1"}


def test_a_queue_gets_every_attribute_with_its_type_its_group_and_its_trace(service: Service) -> None:
    attributes = {
        "a": Attribute("String", "x"),
        "n": Attribute("Number.int", "1"),
        "b": Attribute("Binary", None, BINARY),
    }
    expected = {
        "QueueUrl": URL,
        "MessageBody": "body",
        "MessageAttributes": {
            "a": {"DataType": "String", "StringValue": "x"},
            "n": {"DataType": "Number.int", "StringValue": "1"},
            "b": {"DataType": "Binary", "BinaryValue": BINARY},
        },
        "MessageGroupId": "g",
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
    }
    service.stub("sqs").add_response("send_message", {"MessageId": "q-1"}, expected)
    said = line(ToQueue(QUEUE, "body", attributes, "g", None, "Root=1"))
    assert attempt(said, service) == {"status": "sent", "new_id": "q-1"}


def test_a_queue_that_stored_something_else_is_not_believed(service: Service) -> None:
    service.stub("sqs").add_response("send_message", {"MessageId": "q-1", "MD5OfMessageBody": "0" * 32})
    assert attempt(line(ToQueue(QUEUE, "body")), service)["status"] == "unknown"


def test_half_of_a_surrogate_pair_is_refused_and_nobody_is_told_its_text(service: Service) -> None:
    fate = attempt(line(ToQueue(QUEUE, "secret \ud800")), service)
    assert fate["status"] in ("refused", "unknown")
    assert "secret" not in json.dumps(fate)


@pytest.mark.parametrize(
    ("code", "status", "found"),
    [
        ("TooManyRequestsException", 429, "busy"),
        ("ThrottlingException", 400, "busy"),
        ("AccessDeniedException", 403, "fatal"),
        ("ExpiredTokenException", 403, "fatal"),
        ("ResourceNotFoundException", 404, "fatal"),
        ("KMSAccessDeniedException", 502, "fatal"),
        ("InvalidParameterValueException", 400, "refused"),
        ("ServiceException", 500, "unknown"),
        ("ServiceUnavailable", 503, "unknown"),
    ],
)
def test_an_error_answer_is_read_by_code_and_status(service: Service, code: str, status: int, found: str) -> None:
    service.stub("lambda").add_client_error("invoke", code, "why", http_status_code=status)
    fate = attempt(line(ToFunction(FUNCTION, b"{}")), service)
    assert (fate["status"], fate["code"]) == (found, code)
    assert fate["reason"] == f"{code}: why"


def test_a_name_that_is_taken_is_told_apart(service: Service) -> None:
    service.stub("stepfunctions").add_client_error("start_execution", "ExecutionAlreadyExists")
    assert attempt(line(ToStateMachine(MACHINE, "o-1", "{}")), service)["status"] == "taken"


class Cut:
    def __init__(self, error: Exception) -> None:
        self.error, self.calls = error, 0

    def __call__(self, _service: str) -> Any:
        return self

    def invoke(self, **_: object) -> Any:
        self.calls += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (EndpointConnectionError(endpoint_url="x"), "later"),
        (ReadTimeoutError(endpoint_url="x"), "unknown"),
        (ConnectionResetError(), "unknown"),
    ],
)
def test_without_an_answer_nothing_is_known_and_nothing_is_sent_again(error: Exception, found: str) -> None:
    cut = Cut(error)
    fates = Chunk(cut, lambda: True, lambda _s: None).deliver([line(ToFunction(FUNCTION, b"{}"))])
    assert (fates["m-1"]["status"], cut.calls) == (found, 1)


def throttled() -> ClientError:
    response: Any = {"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
    return ClientError(response, "Invoke")


def test_a_throttled_call_is_made_again_and_then_its_consumer_is_left_alone() -> None:
    cut, waits = Cut(throttled()), list[float]()
    wanted = [line(ToFunction(FUNCTION, b"{}"), f"m-{number}") for number in range(3)]
    fates = Chunk(cut, lambda: True, waits.append).deliver(wanted)
    assert [fate["status"] for fate in fates.values()] == ["busy", "untouched", "untouched"]
    assert cut.calls == len(waits) + 1 == 7
    assert 5 < sum(waits) < 12


def test_nothing_is_tried_after_a_fatal_refusal(service: Service) -> None:
    service.stub("lambda").add_client_error("invoke", "AccessDeniedException", http_status_code=403)
    fates = Chunk(service, lambda: True, lambda _s: None).deliver(
        [line(ToFunction(FUNCTION, b"{}"), "m-1"), line(ToFunction(FUNCTION, b"{}"), "m-2")]
    )
    assert [fate["status"] for fate in fates.values()] == ["fatal", "untouched"]


# --- the chunk -----------------------------------------------------------------------------------------------------


class Bucket:
    """A bucket with one chunk of letters for a function, on the fake AWS."""

    def __init__(self, count: int = 3, seconds: float = 180) -> None:
        self.aws = FakeAws(region="eu-central-1")
        self.s3 = FakeS3(self.aws.clock, self.aws.account)
        self.aws.services["s3"] = self.s3
        self.s3.create("bulk")
        arn = self.aws.lambda_.create("process").arn
        rows = [line(ToFunction(arn, b"{}"), f"m-{number}") for number in range(count)]
        text = "\n".join(json.dumps(row) for row in [{"v": 1, "items": count, "seconds": seconds}, *rows])
        self.client = FakeS3Client(self.aws)
        self.client.put_object(Bucket="bulk", Key=CHUNK, Body=text.encode())
        self.place = Place("bulk", CHUNK, self.aws.account)
        self.remaining = 180.0

    def deliver(self) -> dict[str, int]:
        clients: dict[str, Any] = {}

        def client(name: str) -> Any:
            return clients.setdefault(name, self.aws.client(name))

        now = lambda: self.aws.clock.now().timestamp()  # noqa: E731
        return deliver_chunk(self.place, self.client, client, lambda: self.remaining, now=now, sleep=lambda _s: None)

    @property
    def fates(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.s3.objects["bulk", CHUNK.replace("/in/", "/results/")[:-1]].body)
        return dict(found["fates"])


def test_a_chunk_is_delivered_and_its_result_says_so() -> None:
    bucket = Bucket()
    assert bucket.deliver() == {"sent": 3}
    assert {fate["status"] for fate in bucket.fates.values()} == {"sent"}
    assert len(bucket.aws.lambda_.invocations) == 3


def test_the_second_invocation_of_a_chunk_delivers_nothing() -> None:
    bucket = Bucket()
    bucket.deliver()
    assert bucket.deliver() == {}
    assert len(bucket.aws.lambda_.invocations) == 3


def test_a_chunk_that_orderctl_has_closed_is_not_delivered() -> None:
    bucket = Bucket()
    bucket.client.put_object(Bucket="bulk", Key=CHUNK.replace("/in/", "/begun/")[:-6], Body=b"closed", IfNoneMatch="*")
    assert bucket.deliver() == {}
    assert bucket.aws.lambda_.invocations == []


def test_a_claim_whose_first_answer_was_lost_is_still_its_own() -> None:
    bucket = Bucket()
    sent: list[dict[str, Any]] = []

    class Repeats:
        """As the SDK does after a lost answer: the same request again."""

        def put_object(self, **params: Any) -> None:
            bucket.client.put_object(**params)
            bucket.client.put_object(**params)

        def get_object(self, **params: Any) -> Any:
            sent.append(params)
            return bucket.client.get_object(**params)

    assert claim(Repeats(), bucket.place)
    assert not claim(Repeats(), bucket.place)
    assert sent[0]["Key"] == "redrives/run/00001/begun/00000"


def test_it_stops_in_time_and_reports_the_rest_as_untouched() -> None:
    bucket = Bucket()
    bucket.remaining = bulk_deliver.STOPS_BEFORE
    assert bucket.deliver() == {"untouched": 3}
    assert bucket.aws.lambda_.invocations == []


def test_it_begins_nothing_when_the_letters_may_not_be_hidden_any_more() -> None:
    bucket = Bucket(seconds=100)
    bucket.aws.clock.sleep(101)
    assert bucket.deliver() == {"untouched": 3}


def test_it_asks_for_the_account_s_own_bucket() -> None:
    bucket = Bucket()
    bucket.deliver()
    calls = [call for call in bucket.aws.calls if call.service == "s3"][1:]
    assert {call.params["ExpectedBucketOwner"] for call in calls} == {"123456789012"}


@pytest.mark.parametrize("key", ["x", "redrives/run/00001/begun/00000"])
def test_what_is_no_chunk_is_not_delivered(key: str) -> None:
    with pytest.raises(ValueError, match="not the key of a chunk"):
        Place("bulk", key, "1").of("begun", "")


def test_the_handler_fails_for_what_is_no_chunk() -> None:
    with pytest.raises(KeyError):
        handler({"bucket": "b"}, Context())


# --- held together -------------------------------------------------------------------------------------------------


def test_the_function_reads_aws_s_words_as_orderctl_does() -> None:
    assert bulk_deliver.THROTTLED == errors.THROTTLED
    assert bulk_deliver.AUTH == errors._AUTH
    assert bulk_deliver.NOT_FOUND < errors._NOT_FOUND


def test_a_call_takes_no_longer_than_orderctl_believes() -> None:
    from orders_common.clients import CALL_SECONDS

    assert CALL_SECONDS == waves.CALL_SECONDS


def test_base64_is_for_bytes_that_are_no_text_alone() -> None:
    assert line(ToFunction(FUNCTION, b"{}"))["payload"] == {"text": "{}"}
    assert base64.b64decode(line(ToFunction(FUNCTION, BINARY))["payload"]["base64"]) == BINARY
