"""DynamoDB behind `orderctl.inventory.ports.StockTable`.

Each write is one PutItem or UpdateItem with a condition (many new rows at once: `dynamodb_inserts`), and may
safely be sent again by the SDK after a lost answer, because its own condition then finds it done. Two have none
that would: `adjust` without a mark goes through a client that sends once; `upsert`, which sets whatever there is,
may set twice within one call, and what it answers is what the second one replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orderctl.assignments import Json
from orderctl.aws.dynamodb_inserts import Inserts, was_repeated
from orderctl.aws.dynamodb_items import Update, to_row, to_wire
from orderctl.aws.errors import aws_call
from orderctl.aws.session import is_aws
from orderctl.errors import OrderctlError, RefusedError, ThrottledError
from orderctl.inventory.models import Row, Stock, Written

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_SERVICE = "dynamodb"
_BATCH_TRIES = 10


class DynamoDbStock:
    """The stock table `name`. `once` is a client that makes one attempt, for what must not be repeated."""

    def __init__(
        self, client: DynamoDBClient, name: str, *, once: DynamoDBClient, sleep: Callable[[float], None]
    ) -> None:
        self.name = name
        self._client: Any = client
        self._once: Any = once
        self._sleep = sleep
        self._inserts = Inserts(self._client, self, is_aws=lambda: is_aws(self._client.meta.endpoint_url))

    def check(self) -> None:
        """Raises NotFoundError where there is no such table, RefusedError where its key is not product_id."""
        with self._call("DescribeTable"):
            table = self._client.describe_table(TableName=self.name)["Table"]
        keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
        types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
        if keys != [("product_id", "HASH")] or types.get("product_id") != "S":
            raise RefusedError(f"table {self.name} is no stock table: its key is not the text product_id")

    def get(self, product_id: str) -> Row | None:
        """The row as it is now."""
        with self._call("GetItem", product_id):
            answer = self._client.get_item(TableName=self.name, Key=_key(product_id), ConsistentRead=True)
        return to_row(answer.get("Item"))

    def get_many(self, product_ids: Sequence[str]) -> Mapping[str, Row]:
        """Those of up to 100 rows that exist; what the table had no time for is asked for again."""
        found: dict[str, Row] = {}
        wanted: Any = {self.name: {"Keys": [_key(one) for one in product_ids], "ConsistentRead": True}}
        for attempt in range(_BATCH_TRIES):
            with self._call("BatchGetItem"):
                answer = self._client.batch_get_item(RequestItems=wanted)
            rows = (to_row(item) for item in answer["Responses"].get(self.name, []))
            found.update({row.product_id: row for row in rows if row is not None})
            wanted = answer.get("UnprocessedKeys") or None
            if not wanted:
                return found
            self._sleep(min(5.0, 0.05 * 2**attempt))
        raise ThrottledError(f"table {self.name}: some keys stayed unread after {_BATCH_TRIES} tries")

    def scan(self, *, below: int | None = None) -> Iterator[Row]:
        """All rows, a page at a time; the filter costs the same reads, but sends less."""
        chosen: Any = {}
        if below is not None:
            values = {":below": {"N": str(below)}}
            chosen = {"FilterExpression": "quantity < :below", "ExpressionAttributeValues": values}
        pages = self._client.get_paginator("scan").paginate(TableName=self.name, **chosen)
        with self._call("Scan"):
            for page in pages:
                yield from (row for item in page["Items"] if (row := to_row(item)) is not None)

    def create(self, stock: Stock) -> Written:
        """PutItem unless the product is there."""
        item = {name: to_wire(value) for name, value in stock.document().items()}
        asked = {"Item": item, "ConditionExpression": "attribute_not_exists(product_id)"}
        return self._write(self._client.put_item, "PutItem", stock.product_id, asked)

    @property
    def at_once(self) -> int:
        """Rows for one `create_many`, as its answers so far advise."""
        return self._inserts.at_once

    @property
    def slow_because(self) -> str | None:
        """Why batches were given up, in AWS's words."""
        return self._inserts.slow_because

    def create_many(self, rows: Sequence[Stock]) -> Sequence[Written | OrderctlError]:
        """In a batch of INSERTs where the table takes them, else PutItem by PutItem."""
        return self._inserts.create_many(rows)

    def upsert(self, stock: Stock) -> Written:
        """SET quantity and the given attributes."""
        update = Update()
        for name, value in _settable(stock).items():
            update.sets.append(f"{update.name(name)} = {update.value(value)}")
        return self._update(stock.product_id, update)

    def add(self, stock: Stock, mark: str) -> Written:
        """ADD the quantity and the mark in one write, on the condition that the mark is new."""
        update = Update()
        for name, value in stock.attributes.items():
            update.sets.append(f"{update.name(name)} = if_not_exists({update.name(name)}, {update.value(value)})")
        update.adds.append(f"{update.name('quantity')} {update.value(stock.quantity)}")
        quantity = update.name("quantity")
        update.conditions.append(f"(attribute_not_exists(product_id) OR attribute_exists({quantity}))")
        update.remember(mark)
        return self._update(stock.product_id, update)

    def replace(self, stock: Stock, expected: Stock | None) -> Written:
        """SET and REMOVE what differs; the condition names every attribute as it was shown."""
        update = Update()
        wanted = _settable(stock)
        before = {} if expected is None else _settable(expected)
        for name, value in wanted.items():
            update.sets.append(f"{update.name(name)} = {update.value(value)}")
        update.removes += [update.name(name) for name in before if name not in wanted]
        if expected is None:
            update.conditions.append("attribute_not_exists(product_id)")
        for name in {**before, **wanted} if expected is not None else ():
            is_known = name in before
            update.conditions.append(
                f"{update.name(name)} = {update.value(before[name])}"
                if is_known
                else f"attribute_not_exists({update.name(name)})"
            )
        return self._update(stock.product_id, update)

    def adjust(self, product_id: str, by: int, mark: str | None) -> Written:
        """Add `by`, never below zero; sent once where no mark would stop a second time."""
        update = Update()
        quantity = update.name("quantity")
        update.sets.append(f"{quantity} = {quantity} + {update.value(by)}")
        update.conditions += ["attribute_exists(product_id)", f"{quantity} >= {update.value(max(0, -by))}"]
        if mark is not None:
            update.remember(mark)
        return self._update(product_id, update, self._once if mark is None else self._client)

    def _update(self, product_id: str, update: Update, client: Any = None) -> Written:
        asked = {"Key": _key(product_id), **update.request()}
        return self._write((client or self._client).update_item, "UpdateItem", product_id, asked)

    def _write(self, send: Callable[..., Any], operation: str, product_id: str, asked: Mapping[str, Any]) -> Written:
        """Send one write; a condition that did not hold is an answer, with the row as it was."""
        from botocore.exceptions import ClientError

        asked = {**asked, "TableName": self.name, "ReturnValues": "ALL_OLD"}
        if "ConditionExpression" in asked:
            asked["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        with self._call(operation, product_id):
            try:
                answer = send(**asked)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                is_repeated = was_repeated(error.response)
                return Written(False, to_row(error.response.get("Item")), is_repeated)  # type: ignore[arg-type]
        return Written(True, to_row(answer.get("Attributes")))

    def _call(self, operation: str, product_id: str | None = None) -> Any:
        subject = f"table {self.name}" if product_id is None else f"table {self.name}, product {product_id}"
        return aws_call(_SERVICE, operation, subject=subject)


def _key(product_id: str) -> dict[str, Any]:
    return {"product_id": {"S": product_id}}


def _settable(stock: Stock) -> dict[str, Json]:
    return {name: value for name, value in stock.document().items() if name != "product_id"}
