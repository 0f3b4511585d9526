"""The local stack seen from behind, with boto3 and without orderctl: what really happened to an order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import boto3

T = TypeVar("T")
STACK = "orders-local"
TIMEOUT = 25.0
HANDLED = {"order started": "process-order", "order confirmation": "send-email", "order counted": "analytics"}
"""What each consumer of OrderCreated logs once it is through with an order."""


class Backstage:
    """Reads, and where a test has to be somebody else, writes."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=region)
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint)
        return self._clients[service]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        said = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in said}

    def url(self, queue: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])

    def depth(self, queue: str) -> int:
        """All there is, handed out or not."""
        said = self.client("sqs").get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=["All"])["Attributes"]
        return sum(int(said[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible", "Delayed"))

    def peek(self, queue: str) -> list[dict[str, Any]]:
        """Every message that can be had at this moment; they are visible again at once."""
        found: dict[str, dict[str, Any]] = {}
        sqs, url = self.client("sqs"), self.url(queue)
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30, MessageAttributeNames=["All"]
        ).get("Messages"):
            found |= {each["MessageId"]: each for each in messages}
        for each in found.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
        return list(found.values())

    def send(self, queue: str, body: str, **attributes: Mapping[str, str]) -> str:
        """A message by hand; its id."""
        sent = self.client("sqs").send_message(QueueUrl=self.url(queue), MessageBody=body, MessageAttributes=attributes)
        return str(sent["MessageId"])

    def executions(self) -> set[str]:
        """Names of the Standard order workflow's executions."""
        pages = (
            self.client("stepfunctions")
            .get_paginator("list_executions")
            .paginate(stateMachineArn=self.outputs["StateMachineArn"])
        )
        return {each["name"] for page in pages for each in page["executions"]}

    def execution(self, name: str) -> str:
        """How the execution of that name ended."""
        workflows = self.client("stepfunctions")
        arn = self.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"

        def status() -> str | None:
            try:
                found = str(workflows.describe_execution(executionArn=arn)["status"])
            except workflows.exceptions.ExecutionDoesNotExist:
                return None
            return None if found == "RUNNING" else found

        return eventually(status, f"the end of execution {name}")

    def handled(self, order_id: str) -> list[str]:
        """Which consumers were through with the order by now, each as often as it was, by their own logs."""
        group = self.outputs["FunctionLogGroupName"]
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        said = [_entry(event["message"]) for page in pages for event in page["events"]]
        return sorted(HANDLED[each["message"]] for each in said if each.get("order_id") == order_id)

    def wait_until_handled(self, order_id: str, by: list[str]) -> None:
        """Until exactly these consumers are through with it."""
        eventually(lambda: self.handled(order_id) == by or None, f"order {order_id} to be handled by {by}")

    def counted(self, order_id: str) -> int:
        """Rows of the analytics table for the order."""
        rows = self.client("dynamodb").scan(TableName=self.outputs["AnalyticsTableName"])["Items"]
        return sum(row["order_id"]["S"] == order_id for row in rows)


def _entry(line: str) -> Mapping[str, Any]:
    if not line.startswith("{"):
        return {}
    entry = json.loads(line)
    return entry if entry.get("message") in HANDLED else {}


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {TIMEOUT:g} s for {what}")
