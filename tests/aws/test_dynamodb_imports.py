"""ImportTable and its object on moto; what moto lacks (ListImports, table ids) by a Stubber."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from orderctl.aws.dynamodb import DynamoDbStock
from orderctl.aws.dynamodb_imports import DynamoDbImports, gzipped
from orderctl.aws.s3 import S3
from orderctl.errors import ConflictError, NotFoundError
from orderctl.inventory.import_ports import CLOSED, Status, TableImport
from orderctl.inventory.models import Stock

ACCOUNT, BUCKET = "123456789012", "artifacts"
ROWS = [
    Stock("a", 10**37, {"price": Decimal("7.5"), "note": "plain", "no": None, "yes": True}),
    Stock("b", 0, {"sizes": [1, {"x": "y"}], "colors": {"$dynamodb": {"SS": ["red"]}}}),
    Stock("c", 3, {"picture": {"$dynamodb": {"B": "AAEC"}}}),
]


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        made = client("s3")
        made.create_bucket(Bucket=BUCKET)
        yield made


def adapter(s3: Any, dynamodb: Any, bucket: str = BUCKET) -> DynamoDbImports:
    return DynamoDbImports(dynamodb, s3, S3(s3, ACCOUNT, "us-east-1"), bucket, owner=ACCOUNT)


def ended(imports: DynamoDbImports, begun: TableImport) -> TableImport:
    for _ in range(200):
        if (now := imports.describe(begun.arn)).status in CLOSED:
            return now
        time.sleep(0.02)
    raise AssertionError("the import does not end")


def test_the_rows_arrive_as_they_are(s3: Any) -> None:
    dynamodb = client("dynamodb")
    imports = adapter(s3, dynamodb)
    assert imports.find("new") is None
    imports.upload("k/abc.json.gz", ROWS)
    now = ended(imports, imports.start("new", "k/abc.json.gz", "token"))
    assert (now.table, now.status, now.processed, now.imported, now.errors) == ("new", Status.COMPLETED, 3, 3, 0)
    table = DynamoDbStock(dynamodb, "new", once=dynamodb, sleep=lambda seconds: None)
    table.check()
    assert sorted(table.scan(), key=lambda row: row.product_id) == ROWS
    assert imports.find("new") is not None


def test_the_object_is_gone_after_a_discard_and_again_is_fine(s3: Any) -> None:
    imports = adapter(s3, client("dynamodb"))
    imports.upload("k/abc.json.gz", ROWS)
    for _ in range(2):
        imports.discard("k/abc.json.gz")
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_missing_bucket_is_not_found(s3: Any) -> None:
    with pytest.raises(NotFoundError, match="no bucket nowhere"):
        adapter(s3, client("dynamodb"), "nowhere").check_bucket()
    adapter(s3, client("dynamodb")).check_bucket()


def test_a_line_of_the_file_is_an_item_whatever_its_text_holds() -> None:
    """Escaped, so that a line separator in a text ends no line. (moto's reader knows no escapes, DynamoDB's does.)"""
    note = "line\u2028one\nline two"
    lines = gzip.decompress(b"".join(gzipped([Stock("d", 1, {"note": note}), *ROWS]))).decode("ascii").splitlines()
    assert len(lines) == 4
    assert json.loads(lines[0])["Item"]["note"] == {"S": note}
    assert json.loads(lines[1])["Item"]["quantity"] == {"N": "1" + "0" * 37}
    assert json.loads(lines[3])["Item"]["picture"] == {"B": "AAEC"}
    assert b"".join(gzipped(ROWS)) == b"".join(gzipped(ROWS))


def said(number: int, **fields: object) -> dict[str, Any]:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/new"
    return {
        "ImportArn": f"{arn}/import/0000000000000{number}-0000000{number}",
        "TableArn": arn,
        "ImportStatus": "FAILED",
        "S3BucketSource": {"S3Bucket": BUCKET, "S3KeyPrefix": "k/abc.json.gz"},
        "StartTime": datetime(2026, 11, number, tzinfo=UTC),
        **fields,
    }


def test_earlier_imports_are_those_of_the_very_object_over_all_pages_newest_first(s3: Any) -> None:
    dynamodb = client("dynamodb")
    other = said(3, S3BucketSource={"S3Bucket": BUCKET, "S3KeyPrefix": "k/another.json.gz"})
    log_group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws-dynamodb/imports:*"
    newest = {"TableId": "t-2", "FailureCode": "ItemValidationError", "FailureMessage": "see the log", "ErrorCount": 2}
    with Stubber(dynamodb) as stub:
        token = "0" * 112
        stub.add_response("list_imports", {"ImportSummaryList": [said(1), other], "NextToken": token}, {})
        stub.add_response("list_imports", {"ImportSummaryList": [said(2)]}, {"NextToken": token})
        for number, more in ((1, {}), (2, {**newest, "CloudWatchLogGroupArn": log_group})):
            one = said(number, **more)
            stub.add_response("describe_import", {"ImportTableDescription": one}, {"ImportArn": one["ImportArn"]})
        found = adapter(s3, dynamodb).earlier("new", "k/abc.json.gz")
    assert [one.table_id for one in found] == ["t-2", None]
    assert (found[0].errors, found[0].log_group) == (2, "/aws-dynamodb/imports")
    assert found[0].reason == "ItemValidationError: see the log"


def test_a_table_that_exists_is_a_conflict_and_one_being_made_says_so(s3: Any) -> None:
    dynamodb = client("dynamodb")
    with Stubber(dynamodb) as stub:
        stub.add_response("describe_table", {"Table": {"TableId": "t-1", "TableStatus": "CREATING"}})
        found = adapter(s3, dynamodb).find("new")
        assert found is not None
        assert (found.id, found.is_being_made) == ("t-1", True)
        stub.add_client_error("import_table", "ResourceInUseException", "Table already exists: new")
        with pytest.raises(ConflictError):
            adapter(s3, dynamodb).start("new", "k", "token")
