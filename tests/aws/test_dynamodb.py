"""The adapter against moto; what moto cannot show (lost batches, throttling) against a Stubber."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.aws.dynamodb import DynamoDbStock
from orderctl.errors import FailedError, NotFoundError, RefusedError, ThrottledError
from orderctl.inventory.models import Odd, Stock, Written

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def new_client() -> DynamoDBClient:
    keys: Any = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client: DynamoDBClient = boto3.client("dynamodb", region_name="ap-northeast-1", **keys)
    return client


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with mock_aws():
        client = new_client()
        make_table(client, "inventory", "product_id")
        yield client


@pytest.fixture
def table(client: DynamoDBClient) -> DynamoDbStock:
    return DynamoDbStock(client, "inventory", once=client, sleep=lambda seconds: None)


def make_table(client: DynamoDBClient, name: str, key: str) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_missing_table_is_not_found_and_another_kind_of_table_refused(client: DynamoDBClient) -> None:
    make_table(client, "users", "user_id")
    with pytest.raises(NotFoundError, match="table nowhere"):
        DynamoDbStock(client, "nowhere", once=client, sleep=lambda seconds: None).check()
    with pytest.raises(RefusedError, match="users is no stock table"):
        DynamoDbStock(client, "users", once=client, sleep=lambda seconds: None).check()
    DynamoDbStock(client, "inventory", once=client, sleep=lambda seconds: None).check()


def test_create_writes_once_and_then_answers_with_the_row_that_stays(table: DynamoDbStock) -> None:
    assert table.create(Stock("a", 5, {"color": "red"})) == Written(True, None)
    assert table.create(Stock("a", 9)) == Written(False, Stock("a", 5, {"color": "red"}))
    assert table.get("a") == Stock("a", 5, {"color": "red"})


def test_upsert_answers_with_what_it_replaced(table: DynamoDbStock) -> None:
    assert table.upsert(Stock("a", 5, {"color": "red"})) == Written(True, None)
    assert table.upsert(Stock("a", 7, {"size": 1})) == Written(True, Stock("a", 5, {"color": "red"}))
    assert table.get("a") == Stock("a", 7, {"color": "red", "size": 1})


def test_add_is_applied_once_for_a_mark(table: DynamoDbStock) -> None:
    assert table.add(Stock("a", 5, {"color": "red"}), "m1") == Written(True, None)
    again = table.add(Stock("a", 5), "m1")
    assert again == Written(False, Stock("a", 5, {"color": "red"}))
    assert isinstance(again.before, Stock)
    assert again.before.marks == {"m1"}
    assert table.add(Stock("a", 2, {"color": "blue", "size": 1}), "m2").is_applied
    assert table.get("a") == Stock("a", 7, {"color": "red", "size": 1})


def test_add_does_not_make_stock_of_a_row_without_quantity(table: DynamoDbStock, client: DynamoDBClient) -> None:
    client.put_item(TableName="inventory", Item={"product_id": {"S": "a"}, "note": {"S": "x"}})
    assert table.add(Stock("a", 5), "m1") == Written(False, Odd("a", "quantity is missing", {"note": "x"}))
    assert isinstance(table.get("a"), Odd)


def test_names_come_sorted_at_every_level_because_dynamodb_promises_no_order(table: DynamoDbStock) -> None:
    table.create(Stock("a", 1, {"z": 1, "b": {"y": [{"d": 1, "c": 2}], "x": 1}}))
    assert jsontext.dumps(table.get("a")) == jsontext.dumps(
        Stock("a", 1, {"b": {"x": 1, "y": [{"c": 2, "d": 1}]}, "z": 1})
    )


def test_replace_wants_the_row_exactly_as_expected(table: DynamoDbStock) -> None:
    table.add(Stock("a", 5, {"color": "red", "tags": [1, {"x": None}]}), "m1")
    seen = table.get("a")
    assert isinstance(seen, Stock)
    table.adjust("a", -1, None)
    assert table.replace(Stock("a", 9), seen) == Written(False, Stock("a", 4, seen.attributes))
    now = table.get("a")
    assert isinstance(now, Stock)
    assert table.replace(Stock("a", 9, {"size": 1}), now).is_applied
    assert table.get("a") == Stock("a", 9, {"size": 1})
    assert not table.add(Stock("a", 5), "m1").is_applied


def test_replace_of_nothing_wants_nothing_there(table: DynamoDbStock) -> None:
    assert table.replace(Stock("a", 1), None) == Written(True, None)
    assert table.replace(Stock("a", 2), None) == Written(False, Stock("a", 1))
    assert table.replace(Stock("b", 2), Stock("b", 1)) == Written(False, None)
    assert table.get("b") is None


def test_replace_notices_an_attribute_that_appeared(table: DynamoDbStock) -> None:
    table.create(Stock("a", 1))
    table.upsert(Stock("a", 1, {"color": "red"}))
    assert not table.replace(Stock("a", 1, {"color": "blue"}), Stock("a", 1)).is_applied


def test_adjust_stops_at_zero_at_a_mark_and_at_a_missing_row(table: DynamoDbStock) -> None:
    table.create(Stock("a", 3))
    assert table.adjust("a", -3, "m1") == Written(True, Stock("a", 3))
    assert table.adjust("a", 5, "m1") == Written(False, Stock("a", 0))
    assert table.adjust("a", -1, None) == Written(False, Stock("a", 0))
    assert table.adjust("nothing", 1, None) == Written(False, None)
    assert table.get("nothing") is None


def test_only_adjust_without_a_mark_goes_through_the_client_that_sends_once(client: DynamoDBClient) -> None:
    once = new_client()
    table = DynamoDbStock(client, "inventory", once=once, sleep=lambda seconds: None)
    sent: list[str] = []
    once.meta.events.register("before-call", lambda model, **_: sent.append(model.name))
    table.create(Stock("a", 3))
    table.add(Stock("a", 3), "m")
    table.adjust("a", 1, "m2")
    assert sent == []
    table.adjust("a", 1, None)
    assert sent == ["UpdateItem"]


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "",
        10**37,
        Decimal("1.5"),
        True,
        None,
        [1, ["a", {}]],
        {"a": {"b": [None]}},
        {"$dynamodb": {"SS": ["a", "b"]}},
        {"$dynamodb": {"NS": [1, Decimal("2.5")]}},
        {"$dynamodb": {"B": base64.b64encode(b"\x00\xff").decode()}},
        {"$dynamodb": {"BS": [base64.b64encode(b"a").decode()]}},
        {"$dynamodb": {"M": {"$dynamodb": 1}}},
    ],
)
def test_every_kind_of_attribute_comes_back_as_it_went_in(table: DynamoDbStock, value: Json) -> None:
    table.create(Stock("a", 1, {"value": value}))
    row = table.get("a")
    assert row == Stock("a", 1, {"value": value})


@pytest.mark.parametrize(
    ("quantity", "problem"),
    [
        (None, "quantity is missing"),
        ({"S": "5"}, "quantity is no whole number"),
        ({"N": "1.5"}, "quantity is no whole number"),
    ],
)
def test_a_row_without_a_whole_quantity_is_odd(
    client: DynamoDBClient, table: DynamoDbStock, quantity: Any, problem: str
) -> None:
    client.put_item(
        TableName="inventory", Item={"product_id": {"S": "a"}, **({"quantity": quantity} if quantity else {})}
    )
    row = table.get("a")
    assert isinstance(row, Odd)
    assert row.problem == problem


def test_scan_gives_every_page_and_filters_by_quantity(table: DynamoDbStock) -> None:
    for number in range(30):
        table.create(Stock(f"p{number}", number))
    assert len(list(table.scan())) == 30
    assert sorted(row.product_id for row in table.scan(below=2)) == ["p0", "p1"]


def test_keys_left_unprocessed_are_read_again_with_growing_waits() -> None:
    client, slept = new_client(), list[float]()
    table = DynamoDbStock(client, "inventory", once=client, sleep=slept.append)
    key = {"product_id": {"S": "b"}}
    row = {"product_id": {"S": "a"}, "quantity": {"N": "1"}}
    left: Any = {"inventory": {"Keys": [key], "ConsistentRead": True}}
    with Stubber(client) as stub:
        stub.add_response("batch_get_item", {"Responses": {"inventory": [row]}, "UnprocessedKeys": left})
        stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left}, {"RequestItems": left})
        stub.add_response(
            "batch_get_item",
            {"Responses": {"inventory": [{**row, **key}]}, "UnprocessedKeys": {}},
            {"RequestItems": left},
        )
        assert set(table.get_many(["a", "b"])) == {"a", "b"}
    assert slept == [0.05, 0.1]


def test_throttling_and_a_refused_item_are_told_apart() -> None:
    client = new_client()
    table = DynamoDbStock(client, "inventory", once=client, sleep=lambda seconds: None)
    with Stubber(client) as stub:
        stub.add_client_error("put_item", "ProvisionedThroughputExceededException")
        stub.add_client_error("put_item", "ValidationException", "Number overflow")
        with pytest.raises(ThrottledError):
            table.create(Stock("a", 1))
        with pytest.raises(FailedError, match="table inventory, product a: Number overflow"):
            table.create(Stock("a", 1))
