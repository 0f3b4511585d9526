"""The record that an order leaves in DynamoDB when its stock is taken; read, never written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoDbOrders:
    """The table of orders, its key being `order_id`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client: Any = client
        self._table = table

    def find(self, order_id: str) -> Mapping[str, object] | None:
        """The record as it is now (a consistent read)."""
        from boto3.dynamodb.types import TypeDeserializer

        with aws_call("dynamodb", "GetItem", subject=f"table {self._table}"):
            said = self._client.get_item(TableName=self._table, Key={"order_id": {"S": order_id}}, ConsistentRead=True)
        item = said.get("Item")
        read = TypeDeserializer().deserialize
        return None if item is None else {name: read(value) for name, value in item.items()}
