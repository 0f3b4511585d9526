"""S3 as far as bulks use it: objects with a body and a time, writes on condition, listing, deleting.

Strongly consistent, as S3 is. `FakeS3Client` has the methods of a boto3 client and sends every call through the same
scripted faults as the other services' calls.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.faults import Call, Cut
from tests.fakes.sqs.waiting import AnyClock

if TYPE_CHECKING:
    from tests.fakes.aws_wire import FakeAws


@dataclass(frozen=True)
class Stored:
    """One object."""

    body: bytes
    modified: datetime


class FakeS3:
    """Buckets by name with their owner; `ignores_conditions` makes it an endpoint that never heard of them."""

    def __init__(self, clock: AnyClock, account: str) -> None:
        self._clock, self._account = clock, account
        self.buckets: dict[str, str] = {}
        self.objects: dict[tuple[str, str], Stored] = {}
        self.ignores_conditions = False

    def create(self, bucket: str, owner: str | None = None) -> str:
        """Add a bucket, of this account where nobody else is said."""
        self.buckets[bucket] = owner or self._account
        return bucket

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for where, key in self.objects if where == bucket and key.startswith(prefix))

    def call(self, operation: str, params: Json) -> Json:
        actions: dict[str, Callable[[str, Json], Json]] = {
            "HeadBucket": lambda _bucket, _params: {},
            "PutObject": self._put,
            "GetObject": self._get,
            "ListObjectsV2": self._list,
            "DeleteObjects": self._delete,
        }
        if operation not in actions:
            raise unknown_operation(operation)
        bucket = str(params["Bucket"])
        if bucket not in self.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        if params.get("ExpectedBucketOwner", self.buckets[bucket]) != self.buckets[bucket]:
            raise AwsError("AccessDenied", "Access Denied", 403)
        return actions[operation](bucket, params)

    def _put(self, bucket: str, params: Json) -> Json:
        where = (bucket, str(params["Key"]))
        if params.get("IfNoneMatch") == "*" and where in self.objects and not self.ignores_conditions:
            raise AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        self.objects[where] = Stored(params["Body"], self._clock.now().replace(microsecond=0))
        return {}

    def _get(self, bucket: str, params: Json) -> Json:
        stored = self.objects.get((bucket, str(params["Key"])))
        if stored is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": io.BytesIO(stored.body), "LastModified": stored.modified}

    def _list(self, bucket: str, params: Json) -> Json:
        return {"Contents": [{"Key": key} for key in self.keys(bucket, str(params.get("Prefix", "")))]}

    def _delete(self, bucket: str, params: Json) -> Json:
        for each in params["Delete"]["Objects"]:
            self.objects.pop((bucket, each["Key"]), None)
        return {}


class FakeS3Client:
    """What boto3's client offers, on `aws`: its faults, its list of calls."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def head_bucket(self, **params: Any) -> Json:
        return self._do("HeadBucket", params)

    def put_object(self, **params: Any) -> Json:
        return self._do("PutObject", params)

    def get_object(self, **params: Any) -> Json:
        return self._do("GetObject", params)

    def delete_objects(self, **params: Any) -> Json:
        return self._do("DeleteObjects", params)

    def get_paginator(self, _name: str) -> _Pages:
        return _Pages(lambda params: self._do("ListObjectsV2", params))

    def _do(self, operation: str, params: Json) -> Json:
        try:
            return self._aws.do(Call("s3", operation, params))
        except AwsError as error:
            _refuse(error, operation)
        except Cut as cut:
            _cut(cut)


class _Pages:
    def __init__(self, ask: Callable[[Json], Json]) -> None:
        self._ask = ask

    def paginate(self, **params: Any) -> Iterator[Json]:
        yield self._ask(params)


def _refuse(error: AwsError, operation: str) -> NoReturn:
    meta: Any = {"HTTPStatusCode": error.status, "RequestId": "S3REQUEST"}
    response: Any = {"Error": {"Code": error.code, "Message": error.message}, "ResponseMetadata": meta}
    raise ClientError(response, operation) from error


def _cut(cut: Cut) -> NoReturn:
    url = "https://s3.example/"
    if cut.how == "refused":
        raise EndpointConnectionError(endpoint_url=url) from cut
    if cut.how == "timeout":
        raise ReadTimeoutError(endpoint_url=url) from cut
    raise ConnectionClosedError(endpoint_url=url) from cut
