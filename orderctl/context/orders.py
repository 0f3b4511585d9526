"""What following orders takes: Step Functions, logs, traces, the table of orders."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings

if TYPE_CHECKING:
    from orderctl.orders.log_models import FunctionGroups, Logs, OrderRecords, Traces
    from orderctl.orders.ports import Executions


class OrderParts(Settings):
    """What following orders takes."""

    @cached_property
    def executions(self) -> Executions:
        """Step Functions; its second client is for what must never be sent twice."""
        from orderctl.aws.stepfunctions import READ_TIMEOUT, SYNC_READ_TIMEOUT, StepFunctions

        aws = self.aws
        return StepFunctions(
            aws.client("stepfunctions", attempts=3, read_timeout=READ_TIMEOUT),
            lambda: aws.client("stepfunctions", attempts=1, read_timeout=SYNC_READ_TIMEOUT),
            self.token_buckets,
        )

    @cached_property
    def logs(self) -> Logs:
        """CloudWatch Logs."""
        from orderctl.aws.logs import CloudWatchLogs

        return CloudWatchLogs(self.aws.client("logs"), self.token_buckets)

    @cached_property
    def function_groups(self) -> FunctionGroups:
        """Lambda's word on where its functions log."""
        from orderctl.aws.function_groups import LambdaGroups

        return LambdaGroups(self.aws.client("lambda"))

    @cached_property
    def order_records(self) -> OrderRecords:
        """The table of orders."""
        from orderctl.aws.order_records import DynamoDbOrders

        return DynamoDbOrders(self.aws.client("dynamodb"), self.resource("orders_table"))

    @cached_property
    def traces(self) -> Traces:
        """X-Ray."""
        from orderctl.aws.xray import XRayTraces

        return XRayTraces(self.aws.client("xray"))
