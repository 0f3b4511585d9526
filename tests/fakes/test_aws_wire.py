"""The wire and its faults, seen through real boto3 clients."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from orderctl.clock import SystemClock
from tests.fakes.aws_wire import FakeAws, bind
from tests.fakes.clock import FakeClock
from tests.fakes.sqs import Queue, marker
from tests.fakes.sqs.effects import (
    access_denied,
    answer_late,
    barrier,
    before,
    delay,
    entries_fail,
    expired_credentials,
    false_empty,
    reply_lost,
    server_error,
    throttle,
)
from tests.fakes.sqs.faults import Call, Effect


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws(clock: FakeClock) -> FakeAws:
    return FakeAws(clock)


@pytest.fixture
def queue(aws: FakeAws) -> Queue:
    return aws.sqs.create("orders-dlq")


def send(aws: FakeAws, queue: Queue, *bodies: str) -> dict[str, Any]:
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    answer: dict[str, Any] = aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=entries)
    return answer


@pytest.mark.parametrize(
    ("effect", "error", "took_effect"),
    [
        (before(), EndpointConnectionError, False),
        (reply_lost(), ConnectionClosedError, True),
        (reply_lost("timeout"), ReadTimeoutError, True),
        (server_error(), ClientError, False),
        (throttle(), ClientError, False),
        (expired_credentials(), ClientError, False),
        (access_denied(), ClientError, False),
    ],
)
def test_a_fault_happens_before_or_after_the_effect(
    aws: FakeAws, queue: Queue, effect: Effect, error: type[Exception], took_effect: bool
) -> None:
    aws.faults.on("SendMessageBatch", effect, nth=2)
    send(aws, queue, "order-1")
    with pytest.raises(error):
        send(aws, queue, "order-2")
    send(aws, queue, "order-3")
    assert ("order-2" in aws.sqs.bodies("orders-dlq")) is took_effect
    assert aws.count("SendMessageBatch") == 3


@pytest.mark.parametrize(
    ("service", "operation", "params", "expired", "denied", "throttled"),
    [
        ("sqs", "list_queues", {}, ("ExpiredToken", 403), ("AccessDenied", 403), ("RequestThrottled", 400)),
        (
            "lambda",
            "list_functions",
            {},
            ("ExpiredTokenException", 403),
            ("AccessDeniedException", 403),
            ("TooManyRequestsException", 429),
        ),
        (
            "events",
            "list_event_buses",
            {},
            ("ExpiredTokenException", 400),
            ("AccessDeniedException", 400),
            ("ThrottlingException", 400),
        ),
        ("sns", "list_topics", {}, ("ExpiredToken", 403), ("AuthorizationError", 403), ("Throttling", 400)),
    ],
)
def test_each_service_refuses_in_its_own_words(
    aws: FakeAws,
    service: str,
    operation: str,
    params: dict[str, Any],
    expired: tuple[str, int],
    denied: tuple[str, int],
    throttled: tuple[str, int],
) -> None:
    for effect, expected in ((expired_credentials(), expired), (access_denied(), denied), (throttle(), throttled)):
        aws.faults.clear()
        aws.faults.on("*", effect)
        with pytest.raises(ClientError) as caught:
            getattr(aws.client(service), operation)(**params)
        response = caught.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == expected


def test_failing_entries_are_not_applied(aws: FakeAws, queue: Queue) -> None:
    aws.faults.on("SendMessageBatch", entries_fail({0, 2}, "InternalError"))
    answer = send(aws, queue, "order-1", "order-2", "order-3")
    assert [each["Id"] for each in answer["Successful"]] == ["1"]
    assert [(each["Id"], each["Code"], each["SenderFault"]) for each in answer["Failed"]] == [
        ("0", "InternalError", False),
        ("2", "InternalError", False),
    ]
    assert aws.sqs.bodies("orders-dlq") == ["order-2"]


def test_entries_fail_by_fraction_or_by_what_they_are(aws: FakeAws, queue: Queue) -> None:
    rule = aws.faults.on("SendMessageBatch", entries_fail(0.5, seed=1))
    failed = sum(len(send(aws, queue, *"0123456789").get("Failed", [])) for _ in range(40))
    assert 150 < failed < 250
    aws.faults.rules.remove(rule)
    aws.faults.on("SendMessageBatch", entries_fail(lambda entry: entry["MessageBody"] == "bad"))
    assert [each["Id"] for each in send(aws, queue, "good", "bad")["Failed"]] == ["1"]


def test_a_batch_that_fails_whole_is_still_an_answer(aws: FakeAws, queue: Queue) -> None:
    aws.faults.on("SendMessageBatch", entries_fail(1.0))
    answer = send(aws, queue, "order-1")
    assert "Successful" not in answer
    assert len(answer["Failed"]) == 1


def test_put_events_entries_fail_in_their_places(aws: FakeAws) -> None:
    aws.faults.on("PutEvents", entries_fail({1}, "ThrottlingException"))
    entry = {"Source": "orders", "DetailType": "OrderPlaced", "Detail": "{}"}
    answer = aws.client("events").put_events(Entries=[entry] * 3)
    assert (answer["FailedEntryCount"], answer["Entries"][1]["ErrorCode"]) == (1, "ThrottlingException")
    assert "EventId" in answer["Entries"][0]
    assert "EventId" in answer["Entries"][2]
    assert len(aws.events.put) == 2


def test_rules_choose_calls_by_rate_times_start_and_predicate(aws: FakeAws, queue: Queue) -> None:
    client = aws.client("sqs")

    def empties() -> int:
        return sum("QueueUrls" not in client.list_queues() for _ in range(20))

    nothing: Effect = lambda call, proceed, clock: {}  # noqa: E731
    aws.faults.on("ListQueues", nothing, rate=0.5)
    assert 4 <= empties() <= 16
    aws.faults.clear()
    aws.faults.on("ListQueues", nothing, start=11)
    assert empties() == 10
    aws.faults.clear()
    aws.faults.on("ListQueues", nothing, times=3)
    assert empties() == 3
    aws.faults.clear()
    aws.faults.on("*", nothing, when=lambda call: call.params.get("QueueNamePrefix") == "x")
    assert empties() == 0


def test_a_false_empty_receive_takes_its_wait_and_leaves_the_message(
    aws: FakeAws, queue: Queue, clock: FakeClock
) -> None:
    aws.sqs.seed(queue, "order-1")
    aws.faults.on("ReceiveMessage", false_empty(), nth=1)
    client = aws.client("sqs")
    assert "Messages" not in client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=10)
    assert clock.elapsed == 10
    (message,) = client.receive_message(QueueUrl=queue.url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_slow_call_lets_the_visibility_timeout_pass(aws: FakeAws, clock: FakeClock) -> None:
    queue = aws.sqs.create("orders.fifo")
    aws.sqs.seed(queue, "order-1", MessageGroupId="g")
    client = aws.client("sqs")
    aws.faults.on("DeleteMessage", delay(31), nth=1)
    aws.faults.on("ReceiveMessage", answer_late(5), nth=1)
    handle = client.receive_message(QueueUrl=queue.url)["Messages"][0]["ReceiptHandle"]
    assert clock.elapsed == 5
    with pytest.raises(ClientError, match="has expired"):
        client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)


def test_effects_compose_and_barriers_see_both_sides(aws: FakeAws, queue: Queue) -> None:
    seen: list[tuple[str, list[str]]] = []

    def note(side: str) -> Any:
        return lambda call: seen.append((side, aws.sqs.bodies("orders-dlq")))

    aws.faults.on("SendMessageBatch", reply_lost())
    aws.faults.on("SendMessageBatch", entries_fail({0}))
    aws.faults.on("SendMessageBatch", barrier(note("before"), note("after")))
    with pytest.raises(ConnectionClosedError):
        send(aws, queue, "order-1", "order-2")
    assert seen == [("before", []), ("after", ["order-2"])]


def test_every_request_is_recorded_and_writes_are_told_from_reads(aws: FakeAws, queue: Queue) -> None:
    client = aws.client("sqs")
    client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
    client.receive_message(QueueUrl=queue.url)
    assert aws.writes() == []
    aws.faults.on("SendMessage", before())
    with pytest.raises(EndpointConnectionError):
        client.send_message(QueueUrl=queue.url, MessageBody="x")
    assert aws.writes() == [Call("sqs", "SendMessage", {"QueueUrl": queue.url, "MessageBody": "x"})]
    assert aws.calls_of("ReceiveMessage") == [{"QueueUrl": queue.url}]


def test_a_client_made_elsewhere_can_be_bound(aws: FakeAws, queue: Queue) -> None:
    session = boto3.Session("key", "secret", region_name="ap-northeast-1")
    client = session.client("sqs")
    bind(client, aws)
    client.send_message(QueueUrl=queue.url, MessageBody="order-1")
    assert aws.sqs.bodies("orders-dlq") == ["order-1"]


def test_retries_are_botocores_own_when_asked_for(aws: FakeAws, queue: Queue) -> None:
    aws.faults.on("SendMessage", reply_lost(), nth=1)
    aws.client("sqs", attempts=2).send_message(QueueUrl=queue.url, MessageBody="order-1")
    assert aws.sqs.bodies("orders-dlq") == ["order-1", "order-1"]


def test_the_ledger_tells_lost_from_delivered_and_doubled(aws: FakeAws, queue: Queue) -> None:
    source = aws.sqs.create("orders")
    for number in range(4):
        aws.sqs.seed(queue, f'{{"id": "order-{number}"}}')
    aws.ledger.begin()
    client = aws.client("sqs")
    taken = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=4)["Messages"]
    client.send_message(QueueUrl=source.url, MessageBody='{"id": "order-0", "retry": true}')
    client.send_message(QueueUrl=source.url, MessageBody=taken[1]["Body"])
    aws.lambda_.create("ship")
    aws.client("lambda").invoke(FunctionName="ship", InvocationType="Event", Payload=taken[1]["Body"].encode())
    for message in taken[:3]:
        client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    identity = marker(r"order-\d+")
    assert aws.ledger.lost(identity) == {"order-2"}
    assert aws.ledger.duplicates(identity) == {"order-1": 2}


def test_a_swallowed_send_is_no_delivery(aws: FakeAws) -> None:
    target, source = aws.sqs.create("dlq.fifo"), aws.sqs.create("orders.fifo")
    aws.sqs.seed(target, "order-1", MessageGroupId="g")
    aws.sqs.seed(source, "order-0", MessageGroupId="g", MessageDeduplicationId="same")
    aws.ledger.begin()
    client = aws.client("sqs")
    taken = client.receive_message(QueueUrl=target.url)["Messages"]
    client.send_message(QueueUrl=source.url, MessageBody="order-1", MessageGroupId="g", MessageDeduplicationId="same")
    client.delete_message(QueueUrl=target.url, ReceiptHandle=taken[0]["ReceiptHandle"])
    assert aws.ledger.lost() == {"order-1"}


def test_an_idle_long_poll_does_not_move_time_under_a_busy_thread(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    for number in range(30):
        aws.sqs.seed(queue, f"order-{number}")
    idle, busy, client = aws.sqs.create("idle"), [], aws.client("sqs")
    started = threading.Barrier(2)

    def work() -> None:
        client.list_queues()
        started.wait()
        while messages := client.receive_message(QueueUrl=queue.url, VisibilityTimeout=5).get("Messages"):
            time.sleep(0.002)
            client.delete_message(QueueUrl=queue.url, ReceiptHandle=messages[0]["ReceiptHandle"])
            busy.append(clock.elapsed)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    client.receive_message(QueueUrl=idle.url, WaitTimeSeconds=20)
    thread.join()
    assert busy == [0.0] * 30
    assert clock.elapsed == pytest.approx(20, abs=0.01)


def test_long_polls_of_several_threads_overlap(aws: FakeAws, queue: Queue, clock: FakeClock) -> None:
    client = aws.client("sqs")
    start = threading.Barrier(8)

    def poll() -> None:
        client.list_queues()
        start.wait()
        client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=10)

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.elapsed == pytest.approx(10, abs=0.01)


def test_on_a_real_clock_a_long_poll_really_waits_and_wakes_up() -> None:
    aws = FakeAws(SystemClock())
    queue = aws.sqs.create("orders")
    timer = threading.Timer(0.1, aws.sqs.seed, (queue, "order-1"))
    timer.start()
    began = time.monotonic()
    (message,) = aws.client("sqs").receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    timer.join()
    assert message["Body"] == "order-1"
    assert time.monotonic() - began < 5


def http_client(service: str, url: str) -> Any:
    from botocore.config import Config

    session = boto3.Session("key", "secret", region_name="ap-northeast-1")
    return session.client(service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


def test_the_same_answers_come_over_http(aws: FakeAws, queue: Queue) -> None:
    aws.faults.on("SendMessage", reply_lost(), nth=2)
    with aws.serve() as url:
        client = http_client("sqs", url)
        client.send_message(QueueUrl=queue.url, MessageBody="order-1")
        with pytest.raises(ConnectionClosedError):
            client.send_message(QueueUrl=queue.url, MessageBody="order-2")
        with pytest.raises(ClientError, match="NonExistentQueue"):
            client.get_queue_url(QueueName="nowhere")
        client.close()
    assert aws.sqs.bodies("orders-dlq") == ["order-1", "order-2"]


CHILD = """
import boto3, sys
client = boto3.Session("key", "secret", region_name="ap-northeast-1").client("sqs", endpoint_url=sys.argv[1])
message = client.receive_message(QueueUrl=sys.argv[2])["Messages"][0]
client.send_message(QueueUrl=sys.argv[3], MessageBody=message["Body"])
client.delete_message(QueueUrl=sys.argv[2], ReceiptHandle=message["ReceiptHandle"])
"""


@pytest.mark.parametrize(("operation", "doubled"), [("SendMessage", True), ("DeleteMessage", False)])
def test_a_child_is_killed_after_a_call_took_effect(
    aws: FakeAws, queue: Queue, clock: FakeClock, operation: str, doubled: bool
) -> None:
    source = aws.sqs.create("orders")
    aws.sqs.seed(queue, "order-1")
    aws.ledger.begin()
    children: list[subprocess.Popen[bytes]] = []
    aws.faults.on(operation, barrier(after=lambda call: children[0].kill()))
    with aws.serve() as url:
        children.append(subprocess.Popen([sys.executable, "-c", CHILD, url, queue.url, source.url]))
        assert children[0].wait(timeout=30) == -9
    assert aws.sqs.bodies("orders") == ["order-1"]
    assert aws.ledger.doubled() == ({"order-1"} if doubled else set())
    assert aws.ledger.lost() == set()
