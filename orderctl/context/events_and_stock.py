"""What events and stock take: buses, archives, tables and imports into them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings

if TYPE_CHECKING:
    from orderctl.events.ports import EventBus
    from orderctl.events.replay import Replays
    from orderctl.events.tap import Taps
    from orderctl.inventory.import_ports import TableImports
    from orderctl.inventory.ports import StockTable
    from orderctl.stack.ports import Buckets as ArtifactBuckets


class EventAndStockParts(Settings):
    """What events and stock take."""

    @cached_property
    def event_buses(self) -> Callable[[str], EventBus]:
        """Event buses by name or ARN; events go through a client that never sends twice by itself."""
        from orderctl.aws.eventbridge import EventBridgeBus

        aws, buckets = self.aws, self.token_buckets
        return lambda name: EventBridgeBus(
            aws.client("events"), name, once=aws.client("events", attempts=1), buckets=buckets
        )

    @cached_property
    def event_taps(self) -> Taps:
        """Temporary rules and queues to listen on a bus with."""
        from orderctl.aws.event_taps import EventTaps

        return EventTaps(self.aws.client("events"), self.aws.client("sqs"))

    @cached_property
    def replays(self) -> Replays:
        """EventBridge archives and replays."""
        from orderctl.aws.event_replays import EventReplays

        return EventReplays(self.aws.client("events"))

    @cached_property
    def stock(self) -> StockTable:
        """The inventory table."""
        return self.stock_tables(self.resource("inventory_table"))

    @cached_property
    def stock_tables(self) -> Callable[[str], StockTable]:
        """Tables of stock by name."""
        from orderctl.aws.dynamodb import DynamoDbStock

        client, once = self.aws.client("dynamodb"), self.aws.client("dynamodb", attempts=1)
        return lambda name: DynamoDbStock(client, name, once=once, sleep=self.clock.sleep)

    @cached_property
    def table_imports(self) -> Callable[[str | None], TableImports]:
        """DynamoDB's imports from a bucket: the one named, the configured one, else that of the artifacts."""
        from orderctl.aws.dynamodb_imports import DynamoDbImports
        from orderctl.stack.models import artifact_bucket

        account, region = self.identity.account(), str(self.aws.region)
        default = self.optional_resource("import_bucket") or artifact_bucket(account, region)
        dynamodb, s3 = self.aws.client("dynamodb"), self.aws.client("s3")
        return lambda bucket: DynamoDbImports(dynamodb, s3, self.buckets, bucket or default, owner=account)

    @cached_property
    def buckets(self) -> ArtifactBuckets:
        """S3, for this account's own buckets."""
        from orderctl.aws.s3 import S3

        return S3(self.aws.client("s3"), self.identity.account(), str(self.aws.region))
