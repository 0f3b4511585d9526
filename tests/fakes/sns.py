"""SNS as a delivery target and as wiring: publishes are recorded, topics and subscriptions are data.

Nothing is fanned out to subscribers: a test that sees a publish where one endpoint was meant has found the mistake.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.waiting import AnyClock


@dataclass
class Subscription:
    """One subscription of a topic; `attributes` as GetSubscriptionAttributes answers them."""

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    attributes: dict[str, str] = field(default_factory=dict)


class FakeSns:
    """Topics by ARN, their subscriptions, and what was published."""

    def __init__(self, clock: AnyClock, region: str, account: str, ledger: Ledger) -> None:
        self._clock, self._ledger, self._account = clock, ledger, account
        self._prefix = f"arn:aws:sns:{region}:{account}:"
        self.topics: list[str] = []
        self.subscriptions: list[Subscription] = []
        self.published: list[Json] = []
        self.page_size = 100

    def create(self, name: str) -> str:
        """Add a topic; gives its ARN."""
        self.topics.append(self._prefix + name)
        return self._prefix + name

    def subscribe(
        self, topic_arn: str, protocol: str, endpoint: str, *, dead_letter_arn: str | None = None, raw: bool = False
    ) -> Subscription:
        """Add a subscription, with a redrive policy when a dead-letter queue is named."""
        arn = f"{topic_arn}:{uuid.uuid4()}"
        attributes = {
            "SubscriptionArn": arn,
            "TopicArn": topic_arn,
            "Protocol": protocol,
            "Endpoint": endpoint,
            "Owner": self._account,
            "PendingConfirmation": "false",
            "RawMessageDelivery": str(raw).lower(),
        }
        if dead_letter_arn is not None:
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead_letter_arn})
        subscription = Subscription(arn, topic_arn, protocol, endpoint, attributes)
        self.subscriptions.append(subscription)
        return subscription

    def call(self, operation: str, params: Json) -> Json:
        actions: dict[str, Callable[[Json], Json]] = {
            "Publish": self._publish,
            "ListTopics": self._topics,
            "ListSubscriptions": self._subscriptions,
            "ListSubscriptionsByTopic": self._subscriptions,
            "GetSubscriptionAttributes": self._attributes,
            "GetTopicAttributes": self._topic_attributes,
        }
        if operation not in actions:
            raise unknown_operation(operation)
        return actions[operation](params)

    def _check_topic(self, arn: str) -> None:
        if arn not in self.topics:
            raise AwsError("NotFound", "Topic does not exist", 404)

    def _publish(self, params: Json) -> Json:
        self._check_topic(params["TopicArn"])
        if not params.get("Message"):
            raise AwsError("InvalidParameter", "Invalid parameter: Empty message")
        self.published.append(params)
        message_id = str(uuid.uuid4())
        at = self._clock.now().timestamp()
        self._ledger.add("delivered", "sns", params["TopicArn"], message_id, params["Message"], at)
        return {"MessageId": message_id}

    def _topics(self, params: Json) -> Json:
        return self._page("Topics", [{"TopicArn": arn} for arn in self.topics], params)

    def _subscriptions(self, params: Json) -> Json:
        topic = params.get("TopicArn")
        if topic is not None:
            self._check_topic(topic)
        items: list[Json] = [
            {
                "SubscriptionArn": each.arn,
                "Owner": self._account,
                "Protocol": each.protocol,
                "Endpoint": each.endpoint,
                "TopicArn": each.topic_arn,
            }
            for each in self.subscriptions
            if topic in (None, each.topic_arn)
        ]
        return self._page("Subscriptions", items, params)

    def _attributes(self, params: Json) -> Json:
        for subscription in self.subscriptions:
            if subscription.arn == params["SubscriptionArn"]:
                return {"Attributes": dict(subscription.attributes)}
        raise AwsError("NotFound", "Subscription does not exist", 404)

    def _topic_attributes(self, params: Json) -> Json:
        self._check_topic(params["TopicArn"])
        return {"Attributes": {"TopicArn": params["TopicArn"], "Owner": self._account}}

    def _page(self, key: str, items: list[Json], params: Json) -> Json:
        start = int(params.get("NextToken") or 0)
        end = start + self.page_size
        return {key: items[start:end]} | ({"NextToken": str(end)} if end < len(items) else {})
