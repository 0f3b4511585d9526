"""One GetItem with boto3, printed."""

from __future__ import annotations

import boto3

print(boto3.client("dynamodb").get_item(TableName="stock", Key={"product_id": {"S": "widget-1"}})["Item"])
