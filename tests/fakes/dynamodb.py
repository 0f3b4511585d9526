"""DynamoDB at the wire, as far as creating rows goes: PutItem, BatchGetItem and batches of PartiQL INSERTs.

    aws = FakeAws()
    table = FakeDynamoDb("inventory")
    aws.services["dynamodb"] = table
    table.refuse = lambda key: "ThrottlingError" if key == "a" else None     # one statement of a batch

Items are kept as they came over the wire, AttributeValue by AttributeValue.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable

from tests.fakes.sqs.errors import AwsError, Json, unknown_operation

_STATEMENT = re.compile(r'INSERT INTO "([A-Za-z0-9_.-]{3,255})" VALUE \{((?:\'[^\']+\': \?(?:, )?)+)\}')
_NAME = re.compile(r"'([^']+)': \?")
DUPLICATE = "Duplicate primary key exists in table"


class FakeDynamoDb:
    """One table with the key `product_id`. `writes` counts what took effect, by key."""

    def __init__(self, name: str = "inventory") -> None:
        self.name = name
        self.items: dict[str, Json] = {}
        self.writes: Counter[str] = Counter()
        self.refuse: Callable[[str], str | None] = lambda key: None
        """Asked for each statement of a batch: the code of an error it is answered with, nothing being written."""
        self.refuse_put: Callable[[str], AwsError | None] = lambda key: None
        self.overwrites = False
        """As some emulators do: an INSERT is a put."""
        self.lock = threading.Lock()

    def call(self, operation: str, params: Json) -> Json:
        done: Callable[[Json], Json] | None = getattr(self, f"_{operation}", None)
        if done is None:
            raise unknown_operation(operation)
        with self.lock:
            return done(params)

    def take(self, key: str, quantity: int) -> bool:
        """An order takes stock, if there is enough."""
        with self.lock:
            left = int(self.items[key]["quantity"]["N"]) - quantity if key in self.items else -1
            if left >= 0:
                self.items[key] = {**self.items[key], "quantity": {"N": str(left)}}
            return left >= 0

    def _PutItem(self, params: Json) -> Json:
        assert params["ConditionExpression"] == "attribute_not_exists(product_id)"
        item = params["Item"]
        key = item["product_id"]["S"]
        error = self.refuse_put(key)
        if error is not None:
            raise error
        if key in self.items:
            there = {"Item": self.items[key]} if "ReturnValuesOnConditionCheckFailure" in params else {}
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed", extra=there)
        self._write(key, item)
        return {}

    def _BatchGetItem(self, params: Json) -> Json:
        (asked,) = params["RequestItems"].values()
        assert asked["ConsistentRead"]
        keys = [key["product_id"]["S"] for key in asked["Keys"]]
        found = [self.items[key] for key in reversed(keys) if key in self.items]
        return {"Responses": {self.name: found}, "UnprocessedKeys": {}}

    def _BatchExecuteStatement(self, params: Json) -> Json:
        statements = params["Statements"]
        if not 1 <= len(statements) <= 25:
            raise AwsError("ValidationException", "Member must have length less than or equal to 25")
        return {"Responses": [self._insert(one["Statement"], one["Parameters"]) for one in statements]}

    def _insert(self, statement: str, values: list[Json]) -> Json:
        parsed = _STATEMENT.fullmatch(statement)
        names = _NAME.findall(parsed[2]) if parsed else []
        if parsed is None or len(statement) > 8192 or len(names) != len(values):
            return _error("ValidationError", "Statement wasn't well formed, can't be processed")
        if parsed[1] != self.name:
            return _error("ResourceNotFound", "Requested resource not found")
        item = dict(zip(names, values, strict=True))
        key = item["product_id"]["S"]
        code = self.refuse(key)
        if code is not None:
            return _error(code, f"refused: {code}")
        if key in self.items and not self.overwrites:
            return _error("DuplicateItem", DUPLICATE)
        self._write(key, item)
        return {"TableName": self.name}

    def _write(self, key: str, item: Json) -> None:
        self.writes[key] += 1
        self.items[key] = item


def _error(code: str, message: str) -> Json:
    return {"Error": {"Code": code, "Message": message}}
