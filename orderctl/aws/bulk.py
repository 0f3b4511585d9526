"""S3 and Step Functions behind `orderctl.bulk.ports`.

Every call names the account that the bucket has to belong to (ExpectedBucketOwner): letters never go into a
stranger's bucket, whatever the configuration says. Objects are written with the bucket's own encryption.

A claim is PutObject with IfNoneMatch="*" (S3 user guide, "Conditional writes"). Where it comes second, what lies there
tells whether it is our own mark, of a first try whose answer was lost, or that of the function.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.bulk.models import Looked
from orderctl.errors import AuthError, ConflictError, FailedError, NotFoundError, RefusedError, UsageError
from orderctl.pacing import TokenBuckets

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3.client import S3Client
    from types_boto3_stepfunctions.client import SFNClient

MARK = b"orderctl: closed, nothing of it was begun"
DELETE_BATCH = 1000
"""Keys one DeleteObjects takes."""
_SECOND = ("PreconditionFailed", "412")
_AT_THE_SAME_TIME = ("ConditionalRequestConflict", "409")


class S3BulkStore:
    """Buckets of one account. `owner` gives its id, asked for when first needed."""

    def __init__(self, client: S3Client, owner: Callable[[], str]) -> None:
        self._client: Any = client
        self._owner = owner

    def check(self, bucket: str) -> None:
        """Is it there and ours?"""
        try:
            with aws_call("s3", "HeadBucket", subject=f"bucket {bucket}"):
                self._client.head_bucket(Bucket=bucket, ExpectedBucketOwner=self._owner())
        except AuthError as error:
            if error.aws is None or error.aws.code not in ("403", "AccessDenied"):
                raise
            hint = f"account {self._owner()} has to own it, and the credentials need s3:ListBucket on it"
            raise RefusedError(f"bucket {bucket} exists but is not open to us", hint=hint, aws=error.aws) from error

    def prove(self, bucket: str) -> None:
        """Write a mark twice: an endpoint that lets it would let a chunk be delivered twice."""
        key = f"proofs/{uuid.uuid4().hex}"
        self._mark(bucket, key, b"first")
        is_lax = self._mark(bucket, key, b"second")
        self.delete(bucket, [key])
        if is_lax:
            hint = "--engine own needs no bucket"
            raise UsageError(
                f"the endpoint of bucket {bucket} ignores If-None-Match: a chunk could go twice", hint=hint
            )

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """One PutObject."""
        with aws_call("s3", "PutObject", subject=f"s3://{bucket}/{key}"):
            self._client.put_object(**self._at(bucket, key), Body=body)

    def claim(self, bucket: str, key: str) -> bool:
        """One conditional PutObject; what came first may be a try of ours whose answer was lost."""
        return self._mark(bucket, key, MARK) or self.read(bucket, key) == MARK

    def _mark(self, bucket: str, key: str, body: bytes) -> bool:
        """Did the write come first? Again where S3 could not decide it between two at the same time."""
        from botocore.exceptions import ClientError

        for _ in range(3):
            try:
                with aws_call("s3", "PutObject", subject=f"s3://{bucket}/{key}"):
                    self._client.put_object(**self._at(bucket, key), Body=body, IfNoneMatch="*")
                    return True
            except FailedError as error:
                cause = error.__cause__
                code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
                if code in _SECOND:
                    return False
                if code not in _AT_THE_SAME_TIME:
                    raise
        raise FailedError(f"s3://{bucket}/{key}: S3 could not decide who writes it", hint="try again")

    def keys(self, bucket: str, prefix: str) -> frozenset[str]:
        """ListObjectsV2, all pages."""
        with aws_call("s3", "ListObjectsV2", subject=f"bucket {bucket}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=self._owner()
            )
            return frozenset(row["Key"] for page in pages for row in page.get("Contents", ()))

    def read(self, bucket: str, key: str) -> bytes | None:
        """GetObject; a bucket that is gone is an error, an object that is not there none."""
        try:
            with aws_call("s3", "GetObject", subject=f"s3://{bucket}/{key}"):
                body: bytes = self._client.get_object(**self._at(bucket, key))["Body"].read()
        except NotFoundError as error:
            if error.aws is not None and error.aws.code == "NoSuchBucket":
                raise
            return None
        return body

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """DeleteObjects, a thousand at a time."""
        wanted = list(keys)
        for start in range(0, len(wanted), DELETE_BATCH):
            batch = [{"Key": key} for key in wanted[start : start + DELETE_BATCH]]
            with aws_call("s3", "DeleteObjects", subject=f"bucket {bucket}"):
                answer = self._client.delete_objects(
                    Bucket=bucket, ExpectedBucketOwner=self._owner(), Delete={"Objects": batch, "Quiet": True}
                )
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise FailedError(f"s3://{bucket}/{first.get('Key')}: {first.get('Code')}: {first.get('Message')}")

    def _at(self, bucket: str, key: str) -> dict[str, str]:
        return {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": self._owner()}


class StepFunctionsBulk:
    """The executions of the bulk state machine, paced. A start with a name may be repeated, so the client does."""

    def __init__(self, client: SFNClient, buckets: TokenBuckets) -> None:
        self._client = client
        self._buckets = buckets

    def check(self, machine_arn: str) -> None:
        """Is it a STANDARD one? Who may start it need not be allowed to look: then its first start tells."""
        try:
            with (
                self._buckets.paced("DescribeStateMachine"),
                aws_call("states", "DescribeStateMachine", subject=f"state machine {machine_arn}"),
            ):
                said = self._client.describe_state_machine(stateMachineArn=machine_arn)
        except AuthError as error:
            if error.aws is None or "AccessDenied" not in error.aws.code:
                raise
            return
        if said.get("status", "ACTIVE") != "ACTIVE":
            raise NotFoundError(f"state machine {machine_arn} is {said['status']}")
        if said.get("type") != "STANDARD":
            raise UsageError(f"{machine_arn} is of type {said.get('type')}: a Distributed Map needs a STANDARD one")

    def start(self, machine_arn: str, name: str, document: Mapping[str, object]) -> None:
        """StartExecution by name; a name that is taken is the same bulk."""
        try:
            with self._buckets.paced("StartExecution"), aws_call("states", "StartExecution", subject=f"bulk {name}"):
                self._client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(document))
        except ConflictError:
            return

    def look(self, execution_arn: str) -> Looked | None:
        """DescribeExecution."""
        try:
            with (
                self._buckets.paced("DescribeExecution"),
                aws_call("states", "DescribeExecution", subject=f"execution {execution_arn}"),
            ):
                said = self._client.describe_execution(executionArn=execution_arn)
        except NotFoundError:
            return None
        return Looked(said["status"], said.get("error"), said.get("cause"))

    def stop(self, execution_arn: str) -> None:
        """StopExecution."""
        subject = f"execution {execution_arn}"
        with self._buckets.paced("StopExecution"), aws_call("states", "StopExecution", subject=subject):
            self._client.stop_execution(executionArn=execution_arn, cause="orderctl was stopped, or waited long enough")
