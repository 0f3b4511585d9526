"""The SQS adapter against a fake SQS at the wire: a real client, scripted faults, a clock that moves when told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.aws.sqs import SqsQueues
from orderctl.dlq.models import Attribute, Message, NotSent, Queue, Sent, ToQueue, Unknown
from orderctl.errors import AuthError, FailedError, NotFoundError, OrderctlError, UsageError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import (
    access_denied,
    before,
    entries_fail,
    expired_credentials,
    reply_lost,
    server_error,
    throttle,
)
from tests.fakes.sqs.errors import AwsError, Json
from tests.fakes.sqs.faults import Call, Effect, Proceed
from tests.fakes.sqs.waiting import AnyClock

ARN = "arn:aws:sqs:ap-northeast-1:123456789012:orders-dlq"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
EVERY_TYPE = {
    "Text": Attribute("String", text="é\u202e"),
    "Suffixed": Attribute("String.json", text="{}"),
    "Count": Attribute("Number", text="12.50"),
    "Whole": Attribute("Number.int", text="007"),
    "Blob": Attribute("Binary", binary=b"\x00\xff\x80"),
    "Picture": Attribute("Binary.png", binary=bytes(range(256))),
}


@pytest.fixture(params=["short way", "botocore's way"])
def aws(request: pytest.FixtureRequest) -> FakeAws:
    made = FakeAws(FakeClock())
    if request.param == "short way":
        CLIENTS[made] = {attempts: made.direct(attempts=attempts) for attempts in (1, 2)}
    return made


CLIENTS: WeakKeyDictionary[FakeAws, dict[int, Any]] = WeakKeyDictionary()


def adapter(aws: FakeAws, attempts: int = 1) -> SqsQueues:
    found = CLIENTS.get(aws, {})
    client, once = found.get(attempts) or aws.client("sqs", attempts=attempts), found.get(1) or aws.client("sqs")
    return SqsQueues(client, once, aws.clock)


def queue(aws: FakeAws, name: str = "orders-dlq", **attributes: str) -> Queue:
    return adapter(aws).describe(aws.sqs.create(name, **attributes).arn)


def letters(*bodies: str, arn: str = ARN) -> dict[str, ToQueue]:
    return {f"id-of-{body}": ToQueue(arn, body) for body in bodies}


def answering(change: Callable[[Json], Json]) -> Effect:
    """The call takes effect and its answer is changed on the way back."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        return change(proceed(call))

    return effect


# --- finding queues -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", ["orders-dlq", ARN, "https://sqs.ap-northeast-1.amazonaws.com/123456789012/orders-dlq"]
)
def test_a_queue_is_found_by_name_arn_and_url(aws: FakeAws, named: str) -> None:
    dead = aws.sqs.create("orders-dlq-dlq")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "3"})
    made = aws.sqs.create("orders-dlq", RedrivePolicy=policy, MaximumMessageSize="262144", VisibilityTimeout="77")
    aws.sqs.seed(made, "a")
    aws.sqs.seed(made, "b", DelaySeconds=60)
    found = adapter(aws).describe(named)
    assert found == Queue(
        url=made.url,
        arn=ARN,
        depth=1,
        delayed=1,
        max_receive_count=3,
        dead_letter_arn=dead.arn,
        max_message_bytes=262_144,
        visibility_seconds=77,
        as_of=aws.clock.now(),
    )
    assert (found.name, found.is_fifo) == ("orders-dlq", False)


def test_messages_in_flight_are_counted_apart(aws: FakeAws) -> None:
    there = queue(aws)
    aws.sqs.seed("orders-dlq", "a")
    adapter(aws).receive(there, up_to=1, hide_for=30, wait=0)
    found = adapter(aws).describe("orders-dlq")
    assert (found.depth, found.in_flight) == (0, 1)


def test_the_account_of_an_arn_is_named_to_sqs(aws: FakeAws) -> None:
    queue(aws)
    assert aws.calls_of("GetQueueUrl") == [{"QueueName": "orders-dlq", "QueueOwnerAWSAccountId": "123456789012"}]


def test_a_queue_that_is_not_there_is_not_found(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="queue no-such: The specified queue does not exist"):
        adapter(aws).describe("no-such")


@pytest.mark.parametrize(
    "named",
    ["arn:aws:sqs:eu-west-1:123456789012:orders-dlq", "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq"],
)
def test_a_queue_of_another_region_is_a_usage_error_before_any_call(aws: FakeAws, named: str) -> None:
    with pytest.raises(UsageError, match="lies in Region eu-west-1, this command speaks to ap-northeast-1") as caught:
        adapter(aws).describe(named)
    assert caught.value.hint is not None
    assert "--region eu-west-1" in caught.value.hint
    assert aws.calls == []


@pytest.mark.parametrize("named", ["two words", "", "arn:aws:lambda:ap-northeast-1:123456789012:function:f", "arn:aws"])
def test_what_names_no_queue_is_a_usage_error_before_any_call(aws: FakeAws, named: str) -> None:
    with pytest.raises(UsageError):
        adapter(aws).describe(named)
    assert aws.calls == []


def test_every_queue_is_listed_over_pages(aws: FakeAws) -> None:
    for number in range(1005):
        aws.sqs.create(f"queue-{number:04}")
    found = list(adapter(aws).all())
    assert {each.name for each in found} == {f"queue-{number:04}" for number in range(1005)}
    assert [call.get("MaxResults") for call in aws.calls_of("ListQueues")] == [1000, 1000]


def test_a_queue_deleted_while_they_are_listed_is_left_out(aws: FakeAws) -> None:
    for name in ("a", "b", "c"):
        aws.sqs.create(name)
    gone = AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    aws.faults.on("GetQueueAttributes", before(gone), when=lambda call: call.params["QueueUrl"].endswith("/b"))
    assert {each.name for each in adapter(aws).all()} == {"a", "c"}


def test_a_denied_queue_does_not_hide_the_others_and_is_told_at_the_end(aws: FakeAws) -> None:
    for name in ("a", "b", "c"):
        aws.sqs.create(name)
    aws.faults.on("GetQueueAttributes", access_denied(), when=lambda call: call.params["QueueUrl"].endswith("/b"))
    found: list[str] = []
    names = (each.name for each in adapter(aws).all())
    with pytest.raises(AuthError, match=r"queue b: .*not authorized"):
        found.extend(names)
    assert sorted(found) == ["a", "c"]


def test_the_sources_of_a_dead_letter_queue_are_listed(aws: FakeAws) -> None:
    dead = queue(aws)
    policy = json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": 3})
    sources = {aws.sqs.create(f"source-{number}", RedrivePolicy=policy).url for number in range(3)}
    assert set(adapter(aws).sources_of(dead) or ()) == sources


@pytest.mark.parametrize("code", ["InvalidAction", "AWS.SimpleQueueService.UnsupportedOperation"])
def test_sources_are_none_where_the_service_does_not_offer_the_call(aws: FakeAws, code: str) -> None:
    dead = queue(aws)
    aws.faults.on("ListDeadLetterSourceQueues", before(AwsError(code, "no")))
    assert adapter(aws).sources_of(dead) is None


def test_a_denied_listing_of_sources_is_an_auth_error(aws: FakeAws) -> None:
    dead = queue(aws)
    aws.faults.on("ListDeadLetterSourceQueues", access_denied())
    with pytest.raises(AuthError):
        adapter(aws).sources_of(dead)


# --- receiving ------------------------------------------------------------------------------------------------


def test_a_received_message_keeps_every_attribute_and_type(aws: FakeAws) -> None:
    source, there = aws.sqs.create("orders"), queue(aws)
    raw = {
        name: {"DataType": each.data_type}
        | ({"StringValue": each.text} if each.binary is None else {"BinaryValue": each.binary})
        for name, each in EVERY_TYPE.items()
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    aws.sqs.seed(
        "orders-dlq", "é\n", source=source, MessageAttributes=raw, MessageGroupId="g1", MessageSystemAttributes=trace
    )
    [message] = adapter(aws).receive(there, up_to=10, hide_for=30, wait=0)
    assert message.attributes == EVERY_TYPE
    assert message.body == "é\n"
    assert (message.source_arn, message.group_id, message.trace_header) == (source.arn, "g1", TRACE)
    assert message.receive_count == 2
    assert message.sent_at == aws.clock.now()


def test_a_receipt_handle_is_ours_from_before_the_call_on(aws: FakeAws) -> None:
    """A long poll that finds something late must not be thought to hide it for longer than SQS does."""
    there = queue(aws)
    aws.sqs.seed("orders-dlq", "late", DelaySeconds=15)
    [message] = adapter(aws).receive(there, up_to=1, hide_for=30, wait=20)
    assert aws.clock.monotonic() == pytest.approx(15, abs=0.1)
    assert message.visible_at == 30


def test_an_empty_queue_gives_no_messages(aws: FakeAws) -> None:
    assert adapter(aws).receive(queue(aws), up_to=10, hide_for=30, wait=0) == []


def test_a_fifo_receive_that_is_repeated_gets_its_messages_again(aws: FakeAws) -> None:
    there = queue(aws, "orders.fifo")
    aws.sqs.seed("orders.fifo", "a", MessageGroupId="g")
    aws.faults.on("ReceiveMessage", reply_lost(), nth=1)
    [message] = adapter(aws, attempts=2).receive(there, up_to=10, hide_for=30, wait=0)
    assert message.body == "a"
    first, second = aws.calls_of("ReceiveMessage")
    assert first["ReceiveRequestAttemptId"] == second["ReceiveRequestAttemptId"]


def test_two_receives_have_two_attempt_ids_and_a_standard_queue_none(aws: FakeAws) -> None:
    fifo, standard = queue(aws, "orders.fifo"), queue(aws)
    for there in (fifo, fifo, standard):
        adapter(aws).receive(there, up_to=1, hide_for=30, wait=0)
    first, second, third = aws.calls_of("ReceiveMessage")
    assert first["ReceiveRequestAttemptId"] != second["ReceiveRequestAttemptId"]
    assert "ReceiveRequestAttemptId" not in third


# --- sending --------------------------------------------------------------------------------------------------


def test_what_is_sent_arrives_byte_for_byte(aws: FakeAws) -> None:
    there = queue(aws)
    delivery = ToQueue(ARN, "é\n\t{}", EVERY_TYPE, group_id="fair", trace_header=TRACE, deduplication_id="unused")
    outcomes = adapter(aws).send(there, {"m1": delivery})
    [arrived] = adapter(aws).receive(there, up_to=10, hide_for=30, wait=0)
    assert outcomes == {"m1": Sent(arrived.message_id)}
    assert (arrived.body, arrived.attributes) == (delivery.body, EVERY_TYPE)
    assert (arrived.group_id, arrived.trace_header) == ("fair", TRACE)
    assert "MessageDeduplicationId" not in arrived.system


LEGAL = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r")
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12)
SUFFIX = st.sampled_from(["", ".json", ".int", ".x-1"])
VALUES = st.one_of(
    st.builds(lambda suffix, text: Attribute("String" + suffix, text=text), SUFFIX, st.text(LEGAL, min_size=1)),
    st.builds(
        lambda suffix, number: Attribute("Number" + suffix, text=number),
        SUFFIX,
        st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,15})?", fullmatch=True),
    ),
    st.builds(lambda suffix, data: Attribute("Binary" + suffix, binary=data), SUFFIX, st.binary(min_size=1)),
)
DELIVERIES = st.builds(
    ToQueue, st.just(ARN), st.text(LEGAL, min_size=1), st.dictionaries(NAMES, VALUES, max_size=10), st.none() | NAMES
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(DELIVERIES, min_size=1, max_size=10))
def test_any_message_arrives_as_it_was_sent(deliveries: list[ToQueue]) -> None:
    aws = FakeAws(FakeClock())
    there = queue(aws)
    outcomes = adapter(aws).send(there, {str(place): each for place, each in enumerate(deliveries)})
    arrived = adapter(aws).receive(there, up_to=10, hide_for=30, wait=0)
    assert list(outcomes.values()) == [Sent(message.message_id) for message in arrived]
    for message, delivery in zip(arrived, deliveries, strict=True):
        assert (message.body, message.attributes) == (delivery.body, delivery.attributes)
        assert message.group_id == delivery.group_id


def test_a_fifo_message_carries_group_and_deduplication_id(aws: FakeAws) -> None:
    there = queue(aws, "orders.fifo")
    sent = adapter(aws).send(there, {"m1": ToQueue(there.arn, "a", group_id="g", deduplication_id="m1-r1")})
    [arrived] = adapter(aws).receive(there, up_to=1, hide_for=30, wait=0)
    assert sent == {"m1": Sent(arrived.message_id)}
    assert (arrived.group_id, arrived.system["MessageDeduplicationId"]) == ("g", "m1-r1")


def test_results_are_read_by_id_whatever_their_order(aws: FakeAws) -> None:
    there = queue(aws)
    reverse = answering(lambda answer: {key: value[::-1] for key, value in answer.items()})
    aws.faults.on("SendMessageBatch", reverse)
    outcomes = adapter(aws).send(there, letters(*"abcdefghij"))
    ids = {message.body: message.message_id for message in aws.sqs.queues["orders-dlq"].messages.values()}
    assert outcomes == {f"id-of-{body}": Sent(ids[body]) for body in "abcdefghij"}
    assert list(outcomes) == [f"id-of-{body}" for body in "abcdefghij"]


def test_a_failed_entry_is_not_sent_and_the_others_are(aws: FakeAws) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", entries_fail({0, 3}, "InternalError"))
    outcomes = adapter(aws).send(there, letters(*"abcde"))
    refused = NotSent("InternalError: The entry failed.", is_retryable=True)
    assert [key for key, outcome in outcomes.items() if outcome == refused] == ["id-of-a", "id-of-d"]
    assert [key for key, outcome in outcomes.items() if isinstance(outcome, Sent)] == ["id-of-b", "id-of-c", "id-of-e"]
    assert aws.sqs.bodies("orders-dlq") == ["b", "c", "e"]


def test_an_entry_that_is_our_own_fault_is_not_retryable(aws: FakeAws) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", entries_fail({0}, "InvalidMessageContents", sender_fault=True))
    outcomes = adapter(aws).send(there, letters("a"))
    assert outcomes == {"id-of-a": NotSent("InvalidMessageContents: The entry failed.")}


def test_an_entry_that_the_answer_leaves_out_is_unknown(aws: FakeAws) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", answering(lambda answer: {"Successful": answer["Successful"][1:]}))
    outcomes = adapter(aws).send(there, letters("a", "b"))
    assert outcomes["id-of-a"] == Unknown("the answer of SQS does not mention it")
    assert isinstance(outcomes["id-of-b"], Sent)


def test_an_entry_in_both_lists_is_unknown(aws: FakeAws) -> None:
    there = queue(aws)
    failed = {"Id": "0", "Code": "InternalError", "SenderFault": False}
    aws.faults.on("SendMessageBatch", answering(lambda answer: {**answer, "Failed": [failed]}))
    outcomes = adapter(aws).send(there, letters("a"))
    assert outcomes == {"id-of-a": Unknown("SQS lists it as sent and as failed (InternalError)")}


def test_a_body_that_arrived_otherwise_is_unknown(aws: FakeAws) -> None:
    there = queue(aws)
    other = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0" * 32}
    aws.faults.on("SendMessageBatch", answering(lambda answer: {"Successful": [other]}))
    outcomes = adapter(aws).send(there, letters("a"))
    assert outcomes == {"id-of-a": Unknown(f"SQS stored another body than was sent (MD5 {'0' * 32}) as m")}


@pytest.mark.parametrize("fault", [reply_lost(), reply_lost("timeout"), server_error()])
def test_without_an_answer_everything_is_unknown_and_was_sent_at_most_once(aws: FakeAws, fault: Effect) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", fault)
    outcomes = adapter(aws, attempts=4).send(there, letters("a", "b"))
    assert set(outcomes) == {"id-of-a", "id-of-b"}
    assert all(isinstance(outcome, Unknown) for outcome in outcomes.values())
    assert aws.count("SendMessageBatch") == 1


def test_where_no_connection_was_made_nothing_was_sent_and_it_may_be_tried_again(aws: FakeAws) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", before())
    (outcome,) = adapter(aws).send(there, letters("a")).values()
    assert isinstance(outcome, NotSent)
    assert outcome.is_retryable


def test_a_throttled_call_sent_nothing_and_may_be_tried_again(aws: FakeAws) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", throttle())
    outcomes = adapter(aws).send(there, letters("a", "b"))
    refused = NotSent("queue orders-dlq: Rate exceeded (sqs SendMessageBatch: RequestThrottled)", is_retryable=True)
    assert outcomes == {"id-of-a": refused, "id-of-b": refused}


def missing_queue() -> Effect:
    return before(AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."))


@pytest.mark.parametrize(
    ("fault", "error"),
    [(expired_credentials(), AuthError), (access_denied(), AuthError), (missing_queue(), NotFoundError)],
)
def test_what_ends_every_delivery_is_fatal(aws: FakeAws, fault: Effect, error: type[OrderctlError]) -> None:
    there = queue(aws)
    aws.faults.on("SendMessageBatch", fault)
    for outcome in adapter(aws).send(there, letters("a", "b")).values():
        assert isinstance(outcome, NotSent)
        assert outcome.is_fatal
        assert not outcome.is_retryable
        assert isinstance(outcome.error, error)


def test_a_batch_that_is_too_long_is_refused_whole(aws: FakeAws) -> None:
    there = queue(aws)
    outcomes = adapter(aws).send(there, letters("a" * 700_000, "b" * 700_000))
    assert [type(outcome) for outcome in outcomes.values()] == [NotSent, NotSent]
    assert not any(outcome.is_fatal for outcome in outcomes.values() if isinstance(outcome, NotSent))
    assert aws.sqs.bodies("orders-dlq") == []


def test_a_body_that_is_no_unicode_never_raises(aws: FakeAws) -> None:
    there = queue(aws)

    def accepted(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        return {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0" * 32}]}

    aws.faults.on("SendMessageBatch", accepted)
    [outcome] = adapter(aws).send(there, letters("\ud800")).values()
    assert isinstance(outcome, Unknown)


def test_nothing_to_send_makes_no_call(aws: FakeAws) -> None:
    there = queue(aws)
    assert adapter(aws).send(there, {}) == {}
    assert aws.count("SendMessageBatch") == 0


# --- deleting and hiding --------------------------------------------------------------------------------------


def received(aws: FakeAws, there: Queue, *bodies: str) -> list[Message]:
    for body in bodies:
        aws.sqs.seed(there.name, body)
    return adapter(aws).receive(there, up_to=10, hide_for=30, wait=0)


def test_delete_says_which_stayed_and_why(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, *"abcd")
    aws.faults.on("DeleteMessageBatch", entries_fail({1}), nth=1)
    failures = adapter(aws).delete(there, messages)
    assert failures == {messages[1].message_id: "InternalError: The entry failed."}
    assert aws.sqs.bodies("orders-dlq") == ["b"]


def test_delete_reads_its_failures_by_id_whatever_their_order(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, *"abcd")
    aws.faults.on("DeleteMessageBatch", answering(lambda answer: {key: each[::-1] for key, each in answer.items()}))
    aws.faults.on("DeleteMessageBatch", entries_fail({0, 2}))
    assert set(adapter(aws).delete(there, messages)) == {messages[0].message_id, messages[2].message_id}


def test_delete_tells_of_an_entry_the_answer_leaves_out(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, "a", "b")
    aws.faults.on("DeleteMessageBatch", answering(lambda answer: {"Successful": answer["Successful"][:1]}))
    failures = adapter(aws).delete(there, messages)
    assert failures == {messages[1].message_id: "the answer of SQS does not mention it"}


def test_a_delete_whose_reply_was_lost_is_repeated(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, "a", "b")
    aws.faults.on("DeleteMessageBatch", reply_lost(), nth=1)
    assert adapter(aws, attempts=2).delete(there, messages) == {}
    assert aws.sqs.bodies("orders-dlq") == []
    assert aws.count("DeleteMessageBatch") == 2


def test_a_delete_that_gets_no_answer_at_all_raises(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, "a")
    aws.faults.on("DeleteMessageBatch", before())
    with pytest.raises(FailedError, match="queue orders-dlq: sqs DeleteMessageBatch"):
        adapter(aws).delete(there, messages)


def test_hidden_messages_come_back_at_once_when_given_back(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, "a", "b")
    assert adapter(aws).receive(there, up_to=10, hide_for=30, wait=0) == []
    assert adapter(aws).hide(there, messages, 0) == {}
    assert len(adapter(aws).receive(there, up_to=10, hide_for=30, wait=0)) == 2


def test_hide_says_for_which_it_did_not_work(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, "a", "b")
    adapter(aws).delete(there, messages[:1])
    failures = adapter(aws).hide(there, messages, 60)
    assert list(failures) == [messages[0].message_id]
    assert "not available for visibility timeout change" in failures[messages[0].message_id]


def test_more_than_ten_are_hidden_in_several_calls(aws: FakeAws) -> None:
    there = queue(aws)
    messages = received(aws, there, *"abcdefghij") + received(aws, there, *"klm")
    assert adapter(aws).hide(there, messages, 0) == {}
    assert [len(call["Entries"]) for call in aws.calls_of("ChangeMessageVisibilityBatch")] == [10, 3]
