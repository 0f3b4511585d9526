"""Lambda finds the shared code through its layer; here its folder goes onto the path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from orderctl.stack.package import HERE

sys.path.insert(0, str(HERE / "layers"))
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "test")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "test")

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table


@pytest.fixture
def dynamodb() -> Iterator[DynamoDBServiceResource]:
    import boto3
    from moto import mock_aws

    with mock_aws():
        yield boto3.resource("dynamodb", region_name="eu-central-1")


@pytest.fixture
def users(dynamodb: DynamoDBServiceResource) -> Table:
    return _table(dynamodb, "users", "user_id")


@pytest.fixture
def rows(dynamodb: DynamoDBServiceResource) -> Table:
    return _table(dynamodb, "analytics", "event_id")


def _table(dynamodb: DynamoDBServiceResource, name: str, key: str) -> Table:
    return dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
