"""The artifact bucket, made and emptied on moto; refusals are scripted, because moto does not know owners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from orderctl.aws.s3 import S3
from orderctl.errors import FailedError, RefusedError

ACCOUNT = "123456789012"
BUCKET = "orderctl-artifacts-123456789012-eu-west-1"


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield a_client()


@pytest.fixture
def s3(client: Any) -> S3:
    return S3(client, ACCOUNT, "eu-west-1")


def a_client() -> Any:
    return boto3.client("s3", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")


def test_a_bucket_is_made_private_encrypted_tagged_and_can_be_made_again(client: Any, s3: S3) -> None:
    assert not s3.exists(BUCKET)
    s3.create(BUCKET, {"managed-by": "orderctl"})
    assert s3.exists(BUCKET)
    blocked = client.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = client.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert client.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "managed-by", "Value": "orderctl"}]


def test_keys_are_those_below_the_prefix_and_none_where_there_is_no_bucket(s3: S3) -> None:
    assert s3.keys(BUCKET, "") == frozenset()
    s3.create(BUCKET, {})
    for key in ("a/1", "a/2", "b/1"):
        s3.put(BUCKET, key, b"x")
    assert s3.keys(BUCKET, "a/") == {"a/1", "a/2"}


def test_emptying_takes_every_version_and_marker_below_the_prefix(client: Any, s3: S3) -> None:
    s3.create(BUCKET, {})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put(BUCKET, "a/1", body)
    client.delete_object(Bucket=BUCKET, Key="a/1")
    s3.put(BUCKET, "b/1", b"x")
    assert s3.empty(BUCKET, "a/") == 3
    assert s3.empty(BUCKET) == 1
    s3.delete(BUCKET)
    assert not s3.exists(BUCKET)


def test_emptying_a_bucket_that_is_gone_is_fine(s3: S3) -> None:
    assert s3.empty(BUCKET) == 0


def test_somebody_elses_bucket_of_that_name_is_refused() -> None:
    client = a_client()
    with Stubber(client) as stub:
        stub.add_client_error("head_bucket", "403", "Forbidden", http_status_code=403)
        with pytest.raises(RefusedError, match="not open to us"):
            S3(client, ACCOUNT, "eu-west-1").exists(BUCKET)


def test_every_call_says_whose_the_bucket_must_be() -> None:
    client = a_client()
    with Stubber(client) as stub:
        stub.add_response("head_bucket", {}, {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT})
        stub.add_response("put_object", {}, {"Bucket": BUCKET, "Key": "k", "Body": ANY, "ExpectedBucketOwner": ACCOUNT})
        stub.add_response("delete_bucket", {}, {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT})
        s3 = S3(client, ACCOUNT, "eu-west-1")
        s3.exists(BUCKET)
        s3.put(BUCKET, "k", b"x")
        s3.delete(BUCKET)
        stub.assert_no_pending_responses()


def test_an_object_that_cannot_be_deleted_is_named() -> None:
    client = a_client()
    with Stubber(client) as stub:
        stub.add_response("list_object_versions", {"Versions": [{"Key": "k", "VersionId": "1"}], "IsTruncated": False})
        refused = {"Errors": [{"Key": "k", "VersionId": "1", "Code": "AccessDenied", "Message": "Access Denied"}]}
        stub.add_response("delete_objects", refused)
        with pytest.raises(FailedError, match=r"s3://.*/k: AccessDenied: Access Denied \(1 of 1"):
            S3(client, ACCOUNT, "eu-west-1").empty(BUCKET)


def test_the_address_for_cloudformation_is_under_the_endpoint_in_use() -> None:
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:4566", region_name="eu-west-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    assert S3(client, ACCOUNT, "eu-west-1").url("b", "a b/c") == "http://127.0.0.1:4566/b/a%20b/c"
