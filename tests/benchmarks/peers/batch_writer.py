"""Every row of a CSV file into a table with boto3's batch writer."""

from __future__ import annotations

import csv
import sys

import boto3

with (
    open(sys.argv[1], newline="", encoding="utf-8") as file,
    boto3.resource("dynamodb").Table("stock").batch_writer() as batch,
):
    for row in csv.DictReader(file):
        batch.put_item(Item={**row, "quantity": int(row["quantity"])})
