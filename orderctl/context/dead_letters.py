"""What dead letters take: the queues, and every service that may be the consumer of one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings

if TYPE_CHECKING:
    from orderctl.bulk.ports import BulkMachine, BulkStore
    from orderctl.dlq.models import Queue, Wiring
    from orderctl.dlq.move_tasks import MoveTasks
    from orderctl.dlq.overview import Ages
    from orderctl.dlq.ports import Functions, Health, Queues, Rules, Schedules, Starter, Subscriptions
    from orderctl.dlq.purge import Purger
    from orderctl.top.ports import Alarms, Trends


class DeadLetterParts(Settings):
    """What dead letters take."""

    @cached_property
    def queues(self) -> Queues:
        """SQS; sends go through a client that never tries twice by itself."""
        from orderctl.aws.sqs import SqsQueues
        from orderctl.dlq.origins import RememberingQueues
        from orderctl.dlq.restore import restores_folder

        sqs = SqsQueues(self.aws.client("sqs"), self.aws.client("sqs", attempts=1), self.clock)
        return RememberingQueues(sqs, restores_folder(self.state_dir))

    @cached_property
    def functions(self) -> Functions:
        """Lambda."""
        from orderctl.aws.lambda_ import LambdaFunctions

        return LambdaFunctions(self.aws.client("lambda"), self.aws.client("lambda", attempts=1), self.clock)

    @cached_property
    def rules(self) -> Rules:
        """EventBridge rules and their targets."""
        from orderctl.aws.rules import EventBridgeRules

        return EventBridgeRules(self.aws.client("events"), self.clock)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """SNS."""
        from orderctl.aws.sns import SnsSubscriptions

        return SnsSubscriptions(self.aws.client("sns"), self.aws.client("sns", attempts=1), self.clock)

    @cached_property
    def schedules(self) -> Schedules:
        """EventBridge Scheduler."""
        from orderctl.aws.scheduler import SchedulerSchedules

        return SchedulerSchedules(self.aws.client("scheduler"), self.clock)

    @cached_property
    def starter(self) -> Starter:
        """Step Functions, as the target of a rule or a schedule."""
        from orderctl.aws.starter import StepFunctionsStarter

        return StepFunctionsStarter(self.aws.client("stepfunctions", attempts=1), self.token_buckets)

    def wiring(self, named: Sequence[Queue] = ()) -> Wiring:
        """Everything in the environment that names a queue as the place for its failures.

        `named` are the dead-letter queues a command is about; they are asked who feeds them.
        """
        from orderctl.dlq.wiring import find_wiring

        ports = (self.queues, self.functions, self.rules, self.subscriptions, self.schedules)
        return find_wiring(*ports, bus=self.optional_resource("event_bus"), named=named)

    @cached_property
    def queue_ages(self) -> Ages:
        """CloudWatch's word on how old the oldest message is."""
        from orderctl.aws.cloudwatch import QueueAges

        return QueueAges(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def consumer_health(self) -> Health:
        """CloudWatch's word on how functions did lately."""
        from orderctl.aws.cloudwatch import FunctionHealth

        return FunctionHealth(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def queue_trends(self) -> Trends:
        """CloudWatch's word on how queues went in the last hour."""
        from orderctl.aws.cloudwatch_alarms import QueueTrends

        return QueueTrends(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def alarms(self) -> Alarms:
        """CloudWatch's alarms."""
        from orderctl.aws.cloudwatch_alarms import CloudWatchAlarms

        return CloudWatchAlarms(self.aws.client("cloudwatch"))

    @cached_property
    def move_tasks(self) -> MoveTasks:
        """SQS's message move tasks; one is started through a client that never tries twice by itself."""
        from orderctl.aws.move_tasks import SqsMoveTasks

        return SqsMoveTasks(self.aws.client("sqs"), self.aws.client("sqs", attempts=1))

    @cached_property
    def bulk_store(self) -> BulkStore:
        """S3, where AWS makes the deliveries; the bucket has to be this account's."""
        from orderctl.aws.bulk import S3BulkStore

        return S3BulkStore(self.aws.client("s3"), lambda: self.identity.account())

    @cached_property
    def bulk_machine(self) -> BulkMachine:
        """Step Functions, where AWS makes the deliveries; its calls may all be repeated."""
        from orderctl.aws.bulk import StepFunctionsBulk

        return StepFunctionsBulk(self.aws.client("stepfunctions"), self.token_buckets)

    @cached_property
    def purger(self) -> Purger:
        """SQS's own way to empty a queue, never tried twice."""
        from orderctl.aws.queue_purge import QueuePurger

        return QueuePurger(self.aws.client("sqs", attempts=1))
