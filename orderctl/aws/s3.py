"""S3 behind `orderctl.stack.ports.Buckets`.

The artifact bucket's name can be guessed (account and Region), so somebody else may already own it. Every call
therefore says whose the bucket must be (ExpectedBucketOwner), and S3 refuses with 403 what is not this
account's: our code never goes into a stranger's bucket, nor is a stranger's template deployed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.errors import AuthError, FailedError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

DELETE_BATCH = 1000
"""Keys one DeleteObjects takes (S3 API reference, DeleteObjects)."""


class S3:
    """Speaks to S3 for one account."""

    def __init__(self, client: S3Client, account_id: str, region: str) -> None:
        self._client = client
        self._owner = account_id
        self._region = region

    def exists(self, bucket: str) -> bool:
        """Is the bucket there, and ours? Raises RefusedError when S3 says it is not for us."""
        try:
            with aws_call("s3", "HeadBucket", subject=f"bucket {bucket}"):
                self._client.head_bucket(Bucket=bucket, ExpectedBucketOwner=self._owner)
        except NotFoundError:
            return False
        except AuthError as error:
            if error.aws is None or error.aws.code not in ("403", "AccessDenied"):
                raise
            hint = f"look who owns it; account {self._owner} must, and the credentials need s3:ListBucket on it"
            raise RefusedError(f"bucket {bucket} exists but is not open to us", hint=hint, aws=error.aws) from error
        return True

    def create(self, bucket: str, tags: Mapping[str, str]) -> None:
        """Make it: private, encrypted, tagged. Safe to repeat."""
        where: Any = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        with aws_call("s3", "CreateBucket", subject=f"bucket {bucket}"):
            self._client.create_bucket(
                Bucket=bucket,
                ObjectOwnership="BucketOwnerEnforced",
                **({"CreateBucketConfiguration": where} if where else {}),
            )
        with aws_call("s3", "PutPublicAccessBlock", subject=f"bucket {bucket}"):
            self._client.put_public_access_block(
                Bucket=bucket,
                ExpectedBucketOwner=self._owner,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )
        with aws_call("s3", "PutBucketEncryption", subject=f"bucket {bucket}"):
            self._client.put_bucket_encryption(
                Bucket=bucket,
                ExpectedBucketOwner=self._owner,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            )
        with aws_call("s3", "PutBucketTagging", subject=f"bucket {bucket}"):
            tag_set: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._client.put_bucket_tagging(Bucket=bucket, ExpectedBucketOwner=self._owner, Tagging={"TagSet": tag_set})

    def keys(self, bucket: str, prefix: str) -> frozenset[str]:
        """The keys that start with `prefix`; empty when the bucket is not there."""
        try:
            with aws_call("s3", "ListObjectsV2", subject=f"bucket {bucket}"):
                pages = self._client.get_paginator("list_objects_v2").paginate(
                    Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=self._owner
                )
                return frozenset(row["Key"] for page in pages for row in page.get("Contents", ()))
        except NotFoundError:
            return frozenset()

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store one object."""
        with aws_call("s3", "PutObject", subject=f"s3://{bucket}/{key}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=self._owner)

    def url(self, bucket: str, key: str) -> str:
        """Where CloudFormation fetches the object: under the endpoint this client speaks to."""
        from urllib.parse import quote

        endpoint = self._client.meta.endpoint_url.rstrip("/")
        return f"{endpoint}/{bucket}/{quote(key)}"

    def empty(self, bucket: str, prefix: str = "") -> int:
        """Delete every object and every version below `prefix`; how many. A missing bucket holds none.

        Raises FailedError naming the first object S3 would not delete.
        """
        deleted = 0
        try:
            for batch in self._versions(bucket, prefix):
                self._delete_batch(bucket, batch)
                deleted += len(batch)
        except NotFoundError:
            return deleted
        return deleted

    def delete(self, bucket: str) -> None:
        """Delete the empty bucket."""
        with aws_call("s3", "DeleteBucket", subject=f"bucket {bucket}"):
            self._client.delete_bucket(Bucket=bucket, ExpectedBucketOwner=self._owner)

    def _versions(self, bucket: str, prefix: str) -> Iterator[list[dict[str, str]]]:
        """Versions and delete markers, a page (at most `DELETE_BATCH`) at a time; unversioned objects too."""
        with aws_call("s3", "ListObjectVersions", subject=f"bucket {bucket}"):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=bucket,
                Prefix=prefix,
                ExpectedBucketOwner=self._owner,
                PaginationConfig={"PageSize": DELETE_BATCH},
            )
            for page in pages:
                rows: list[Any] = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                if rows:
                    yield [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]

    def _delete_batch(self, bucket: str, batch: list[dict[str, str]]) -> None:
        with aws_call("s3", "DeleteObjects", subject=f"bucket {bucket}"):
            answer: Any = self._client.delete_objects(
                Bucket=bucket,
                ExpectedBucketOwner=self._owner,
                Delete={"Objects": batch, "Quiet": True},  # type: ignore[typeddict-item]
            )
        refused = answer.get("Errors", ())
        if refused:
            first = refused[0]
            raise FailedError(
                f"s3://{bucket}/{first.get('Key')}: {first.get('Code')}: {first.get('Message')} "
                f"({len(refused)} of {len(batch)} objects could not be deleted)"
            )
