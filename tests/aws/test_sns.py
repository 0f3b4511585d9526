"""The SNS adapter against a fake SNS at the wire."""

from __future__ import annotations

import pytest

from orderctl.aws.sns import SnsSubscriptions
from orderctl.dlq.models import NotSent, Sent, ToTopic, Unknown
from orderctl.errors import AuthError, NotFoundError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied, before, expired_credentials, reply_lost, server_error, throttle
from tests.fakes.sqs.faults import Effect

QUEUE = "arn:aws:sqs:ap-northeast-1:123456789012:notifications"
FUNCTION = "arn:aws:lambda:ap-northeast-1:123456789012:function:mail"
DEAD = "arn:aws:sqs:ap-northeast-1:123456789012:notification-dlq"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(FakeClock())


def adapter(aws: FakeAws, attempts: int = 1) -> SnsSubscriptions:
    return SnsSubscriptions(aws.client("sns", attempts=attempts), aws.client("sns"), aws.clock)


def test_subscriptions_with_a_redrive_policy_are_found_over_pages(aws: FakeAws) -> None:
    aws.sns.page_size = 1
    topic = aws.sns.create("orders")
    raw = aws.sns.subscribe(topic, "sqs", QUEUE, dead_letter_arn=DEAD, raw=True)
    aws.sns.subscribe(topic, "email", "a@example.com")
    enveloped = aws.sns.subscribe(topic, "lambda", FUNCTION, dead_letter_arn=DEAD)
    assert sorted(adapter(aws).dead_letter_wires(), key=lambda wire: wire[2]) == [
        (enveloped.arn, topic, "lambda", FUNCTION, False, DEAD),
        (raw.arn, topic, "sqs", QUEUE, True, DEAD),
    ]


@pytest.mark.parametrize("policy", ["", "not json", "[]", "{}"])
def test_a_policy_that_names_no_queue_is_none(aws: FakeAws, policy: str) -> None:
    subscription = aws.sns.subscribe(aws.sns.create("orders"), "sqs", QUEUE)
    subscription.attributes["RedrivePolicy"] = policy
    assert list(adapter(aws).dead_letter_wires()) == []


def test_unconfirmed_subscriptions_are_not_asked_about(aws: FakeAws) -> None:
    aws.sns.subscribe(aws.sns.create("orders"), "email", "a@example.com").arn = "PendingConfirmation"
    assert list(adapter(aws).dead_letter_wires()) == []
    assert aws.count("GetSubscriptionAttributes") == 0


def test_listing_that_is_denied_is_an_auth_error(aws: FakeAws) -> None:
    aws.faults.on("ListSubscriptions", access_denied())
    with pytest.raises(AuthError) as caught:
        list(adapter(aws).dead_letter_wires())
    assert caught.value.hint == "the credentials need sns:ListSubscriptions"


def test_a_message_is_published_once(aws: FakeAws) -> None:
    topic = aws.sns.create("orders")
    outcome = adapter(aws).publish(ToTopic(topic, '{"a": 1.10}'))
    assert isinstance(outcome, Sent)
    assert outcome.new_id
    assert [each["Message"] for each in aws.sns.published] == ['{"a": 1.10}']


def test_a_message_keeps_its_subject_and_on_a_fifo_topic_its_group_and_deduplication_id(aws: FakeAws) -> None:
    adapter(aws).publish(ToTopic(aws.sns.create("orders"), "m", "a subject"))
    adapter(aws).publish(ToTopic(aws.sns.create("orders.fifo"), "m", group_id="g", deduplication_id="d"))
    plain, fifo = aws.sns.published
    assert (plain["Subject"], "MessageGroupId" in plain) == ("a subject", False)
    assert ("Subject" in fifo, fifo["MessageGroupId"], fifo["MessageDeduplicationId"]) == (False, "g", "d")


def test_a_topic_can_be_looked_at_before_anything_is_published(aws: FakeAws) -> None:
    topic = aws.sns.create("orders")
    adapter(aws).check_topic(topic)
    with pytest.raises(NotFoundError, match=r"topic .*gone"):
        adapter(aws).check_topic(f"{topic}-gone")
    aws.faults.on("GetTopicAttributes", access_denied())
    with pytest.raises(AuthError):
        adapter(aws).check_topic(topic)
    assert aws.writes() == []


@pytest.mark.parametrize("fault", [reply_lost(), reply_lost("timeout"), server_error()])
def test_without_an_answer_the_publish_is_unknown_and_was_made_at_most_once(aws: FakeAws, fault: Effect) -> None:
    topic = aws.sns.create("orders")
    aws.faults.on("Publish", fault)
    assert isinstance(adapter(aws, attempts=4).publish(ToTopic(topic, "m")), Unknown)
    assert aws.count("Publish") == 1


def test_where_no_connection_was_made_nothing_was_published_and_it_may_be_tried_again(aws: FakeAws) -> None:
    topic = aws.sns.create("orders")
    aws.faults.on("Publish", before())
    outcome = adapter(aws).publish(ToTopic(topic, "m"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_retryable


def test_a_throttled_publish_may_be_tried_again(aws: FakeAws) -> None:
    aws.faults.on("Publish", throttle())
    outcome = adapter(aws).publish(ToTopic(aws.sns.create("orders"), "m"))
    assert outcome == NotSent("Rate exceeded (sns Publish: Throttling)", is_retryable=True)


def test_a_topic_that_is_gone_is_fatal(aws: FakeAws) -> None:
    outcome = adapter(aws).publish(ToTopic("arn:aws:sns:ap-northeast-1:123456789012:gone", "m"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal
    assert outcome.reason == "Topic does not exist (sns Publish: NotFound)"
    assert isinstance(outcome.error, NotFoundError)


def test_expired_credentials_are_fatal(aws: FakeAws) -> None:
    aws.faults.on("Publish", expired_credentials())
    outcome = adapter(aws).publish(ToTopic(aws.sns.create("orders"), "m"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal
