"""Big objects on moto, which keeps to the smallest part of 5 MiB as S3 does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orderctl.aws.s3_upload import upload

ACCOUNT, BUCKET = "123456789012", "artifacts"
MEBI = 1024 * 1024


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        made.create_bucket(Bucket=BUCKET)
        yield made


@pytest.mark.parametrize("content", [b"", b"small"])
def test_what_fits_a_part_is_one_object(s3: Any, content: bytes) -> None:
    upload(s3, BUCKET, "small", [content], owner=ACCOUNT)
    assert s3.get_object(Bucket=BUCKET, Key="small")["Body"].read() == content
    assert "-" not in s3.head_object(Bucket=BUCKET, Key="small")["ETag"]


def test_more_than_a_part_is_a_multipart_upload_and_comes_back_whole(s3: Any) -> None:
    content = random.Random(1).randbytes(11 * MEBI)
    chunks = [content[start : start + 700_000] for start in range(0, len(content), 700_000)]
    upload(s3, BUCKET, "big", chunks, owner=ACCOUNT, part=5 * MEBI)
    assert s3.get_object(Bucket=BUCKET, Key="big")["Body"].read() == content
    assert s3.head_object(Bucket=BUCKET, Key="big")["ETag"].endswith('-3"')


@pytest.mark.parametrize("end", [KeyboardInterrupt(), ValueError("bad row")])
def test_a_multipart_upload_that_is_broken_off_leaves_no_parts_behind(s3: Any, end: BaseException) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(11 * MEBI)
        raise end

    with pytest.raises(type(end)):
        upload(s3, BUCKET, "big", chunks(), owner=ACCOUNT, part=5 * MEBI)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
