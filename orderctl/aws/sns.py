"""SNS behind `orderctl.dlq.ports.Subscriptions`: which subscription's failures lie where, and publishing once.

The redrive policy is an attribute of each subscription, so finding them costs a call a subscription.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.outcomes import deliver
from orderctl.aws.scheduler import each_of
from orderctl.clock import Clock, SystemClock
from orderctl.dlq.models import Outcome, ToTopic

if TYPE_CHECKING:
    from types_boto3_sns.client import SNSClient
    from types_boto3_sns.type_defs import SubscriptionTypeDef


class SnsSubscriptions:
    """The subscriptions of one account and Region; `once` has a single attempt."""

    def __init__(self, client: SNSClient, once: SNSClient, clock: Clock | None = None) -> None:
        self._client = client
        self._once = once
        self._clock: Clock = clock or SystemClock()

    def dead_letter_wires(self) -> Iterator[tuple[str, str, str, str, bool, str]]:
        """(subscription ARN, topic ARN, protocol, endpoint, raw delivery?, dead-letter queue ARN), in no order."""
        return each_of(self._wire, self._listed(), self._clock)

    def publish(self, delivery: ToTopic) -> Outcome:
        """Publish once; the message id, or why not."""
        return deliver("sns", "Publish", lambda: self._publish(delivery))

    def check_topic(self, topic: str) -> None:
        """Raise NotFoundError or AuthError; permission to look is not yet permission to publish."""
        with aws_call("sns", "GetTopicAttributes", subject=f"topic {topic}"):
            self._client.get_topic_attributes(TopicArn=topic)

    def _publish(self, delivery: ToTopic) -> str:
        optional = {
            "Subject": delivery.subject,
            "MessageGroupId": delivery.group_id,
            "MessageDeduplicationId": delivery.deduplication_id,
        }
        given: Any = {name: value for name, value in optional.items() if value is not None}
        return self._once.publish(TopicArn=delivery.arn, Message=delivery.message, **given)["MessageId"]

    def _listed(self) -> Iterator[SubscriptionTypeDef]:
        """Confirmed subscriptions; the others have a word (`PendingConfirmation`, `Deleted`) in place of an ARN."""
        pages = self._client.get_paginator("list_subscriptions").paginate()
        with aws_call("sns", "ListSubscriptions"):
            for page in pages:
                yield from (said for said in page["Subscriptions"] if said["SubscriptionArn"].startswith("arn:"))

    def _wire(self, listed: SubscriptionTypeDef) -> list[tuple[str, str, str, str, bool, str]]:
        arn = listed["SubscriptionArn"]
        with aws_call("sns", "GetSubscriptionAttributes", subject=f"subscription {arn}"):
            said = self._client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        queue = _dead_letter_arn(said.get("RedrivePolicy"))
        if queue is None:
            return []
        is_raw = said.get("RawMessageDelivery", "false") == "true"
        return [(arn, listed["TopicArn"], listed["Protocol"], listed["Endpoint"], is_raw, queue)]


def _dead_letter_arn(policy: str | None) -> str | None:
    try:
        found: Any = json.loads(policy or "{}")
    except ValueError:
        return None
    arn = found.get("deadLetterTargetArn") if isinstance(found, dict) else None
    return str(arn) if arn else None
