"""What the local stack's drills are wired to where the reference stack has nothing of the kind.

One queue, named by two schedules (a templated target and a universal one) and by a stream mapping. All of them are
disabled, so none ever does anything: they are there to be found by whoever looks for the queue's wiring.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.errors import ConflictError

if TYPE_CHECKING:
    from orderctl.aws.session import Aws


SEND_MESSAGE = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"


class AwsPracticeWires:
    """`orderctl.local.drill.PracticeWires` beside the stack with these outputs."""

    def __init__(self, aws: Aws, stack: str, outputs: Mapping[str, str]) -> None:
        self.queue = f"{stack}-drills"
        self._aws = aws
        self._outputs = outputs

    def ensure(self) -> None:
        """Each part is looked for, or made by a call that is the same each time."""
        queue_arn = self._ensure_queue()
        self._ensure_schedules(queue_arn)
        self._ensure_mapping(self._ensure_stream(), queue_arn)

    def _ensure_queue(self) -> str:
        sqs = self._aws.client("sqs")
        with aws_call("sqs", "CreateQueue", subject=f"queue {self.queue}"):
            url = sqs.create_queue(QueueName=self.queue)["QueueUrl"]
            return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def _ensure_schedules(self, queue_arn: str) -> None:
        """One would start the order workflow, the other calls an API: it would send to the analytics queue."""
        sent = {"QueueUrl": self._outputs["AnalyticsQueueUrl"], "MessageBody": "{}", "MessageGroupId": "drill"}
        self._ensure_schedule(self.queue, queue_arn, Arn=self._outputs["StateMachineArn"])
        self._ensure_schedule(f"{self.queue}-universal", queue_arn, Arn=SEND_MESSAGE, Input=json.dumps(sent))

    def _ensure_schedule(self, name: str, queue_arn: str, **target: str) -> None:
        """The role is only a name, the emulator asks for none."""
        role = f"arn:aws:iam::{queue_arn.split(':')[4]}:role/{self.queue}"
        made: Any = {**target, "RoleArn": role, "DeadLetterConfig": {"Arn": queue_arn}}
        with suppress(ConflictError), aws_call("scheduler", "CreateSchedule", subject=f"schedule {name}"):
            self._aws.client("scheduler").create_schedule(
                Name=name,
                State="DISABLED",
                ScheduleExpression="rate(1 days)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target=made,
            )

    def _ensure_stream(self) -> str:
        """A table of its own: to switch on the stream of one of the stack's would change the stack."""
        tables = self._aws.client("dynamodb")
        with suppress(ConflictError), aws_call("dynamodb", "CreateTable", subject=f"table {self.queue}"):
            tables.create_table(
                TableName=self.queue,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            )
        with aws_call("dynamodb", "DescribeTable", subject=f"table {self.queue}"):
            return tables.describe_table(TableName=self.queue)["Table"]["LatestStreamArn"]

    def _ensure_mapping(self, stream_arn: str, queue_arn: str) -> None:
        functions = self._aws.client("lambda")
        with aws_call("lambda", "CreateEventSourceMapping", subject=f"stream of table {self.queue}"):
            if functions.list_event_source_mappings(EventSourceArn=stream_arn)["EventSourceMappings"]:
                return
            functions.create_event_source_mapping(
                FunctionName=self._outputs["ProcessOrderFunctionName"],
                EventSourceArn=stream_arn,
                Enabled=False,
                StartingPosition="LATEST",
                DestinationConfig={"OnFailure": {"Destination": queue_arn}},
            )
