"""DynamoDB's ImportTable and the bucket it reads from, behind `orderctl.inventory.import_ports.TableImports`.

The rows go up as DynamoDB JSON, one `{"Item": ...}` a line, gzipped: CSV would make text of every number.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from orderctl.aws.dynamodb_items import to_wire
from orderctl.aws.errors import aws_call
from orderctl.aws.s3_upload import PART, upload
from orderctl.errors import NotFoundError
from orderctl.inventory.import_ports import Status, Table, TableImport
from orderctl.inventory.models import Stock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client

    from orderctl.stack.ports import Buckets

_BEING_MADE = "CREATING"
_GZIP = 16 + zlib.MAX_WBITS


class DynamoDbImports:
    """Imports into new tables, from `bucket` of account `owner`."""

    def __init__(
        self, dynamodb: DynamoDBClient, s3: S3Client, buckets: Buckets, bucket: str, *, owner: str, part: int = PART
    ) -> None:
        """`part`: bytes of one part of an upload."""
        self.bucket = bucket
        self._dynamodb: Any = dynamodb
        self._s3 = s3
        self._buckets = buckets
        self._owner = owner
        self._part = part

    def check_bucket(self) -> None:
        """HeadBucket, insisting on the owner."""
        if not self._buckets.exists(self.bucket):
            raise NotFoundError(f"there is no bucket {self.bucket}", hint="name one of this account with --bucket")

    def find(self, table: str) -> Table | None:
        """DescribeTable."""
        try:
            with aws_call("dynamodb", "DescribeTable", subject=f"table {table}"):
                found = self._dynamodb.describe_table(TableName=table)["Table"]
        except NotFoundError:
            return None
        return Table(found.get("TableId"), found.get("TableStatus") == _BEING_MADE)

    def earlier(self, table: str, key: str) -> list[TableImport]:
        """ListImports of the last 90 days, and DescribeImport for those of the key."""
        arns = [said["ImportArn"] for said in self._all() if said.get("S3BucketSource", {}).get("S3KeyPrefix") == key]
        found = [self.describe(arn) for arn in arns]
        ours = [one for one in found if one.table == table]
        return sorted(ours, key=lambda one: one.started_at.timestamp() if one.started_at else 0.0, reverse=True)

    def upload(self, key: str, rows: Iterable[Stock]) -> None:
        """One PutObject, or a multipart upload where the rows are more than one part."""
        upload(self._s3, self.bucket, key, gzipped(rows), owner=self._owner, part=self._part)

    def discard(self, key: str) -> None:
        """DeleteObject, with its versions where the bucket keeps them."""
        self._buckets.empty(self.bucket, key)

    def start(self, table: str, key: str, token: str) -> TableImport:
        """ImportTable: a table like the reference stack's, paid by request."""
        with aws_call("dynamodb", "ImportTable", subject=f"table {table}"):
            said = self._dynamodb.import_table(
                ClientToken=token,
                S3BucketSource={"S3Bucket": self.bucket, "S3BucketOwner": self._owner, "S3KeyPrefix": key},
                InputFormat="DYNAMODB_JSON",
                InputCompressionType="GZIP",
                TableCreationParameters={
                    "TableName": table,
                    "AttributeDefinitions": [{"AttributeName": "product_id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "product_id", "KeyType": "HASH"}],
                    "BillingMode": "PAY_PER_REQUEST",
                },
            )
        return _import(said["ImportTableDescription"])

    def describe(self, arn: str) -> TableImport:
        """DescribeImport."""
        with aws_call("dynamodb", "DescribeImport", subject=f"import {arn}"):
            return _import(self._dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"])

    def _all(self) -> Iterator[Any]:
        """ListImports has a NextToken, but no paginator in boto3."""
        asked: dict[str, str] = {}
        while True:
            with aws_call("dynamodb", "ListImports"):
                page = self._dynamodb.list_imports(**asked)
            yield from page.get("ImportSummaryList", [])
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]


def gzipped(rows: Iterable[Stock]) -> Iterator[bytes]:
    """The rows as DynamoDB JSON lines, compressed as they come; the same rows are the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    for row in rows:
        item = {name: to_wire(value) for name, value in row.document().items()}
        yield packer.compress(json.dumps({"Item": item}, default=_base64).encode() + b"\n")
    yield packer.flush()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _import(said: Any) -> TableImport:
    failure = ": ".join(str(said[name]) for name in ("FailureCode", "FailureMessage") if said.get(name))
    return TableImport(
        arn=said["ImportArn"],
        table=said["TableArn"].rpartition("/")[2],
        status=Status(said["ImportStatus"]),
        table_id=said.get("TableId"),
        processed=int(said.get("ProcessedItemCount", 0)),
        imported=int(said.get("ImportedItemCount", 0)),
        errors=int(said.get("ErrorCount", 0)),
        log_group=_log_group(said.get("CloudWatchLogGroupArn")),
        reason=failure or None,
        started_at=said.get("StartTime"),
        ended_at=said.get("EndTime"),
    )


def _log_group(arn: str | None) -> str | None:
    """The group's name: what every other tool asks for."""
    return None if not arn else arn.partition(":log-group:")[2].removesuffix(":*") or arn
