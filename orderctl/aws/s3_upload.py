"""One big object into S3 from a stream of bytes, in the memory of one part.

What fits one part is one PutObject; more is a multipart upload, which is aborted when it does not end well:
the parts of one that is neither completed nor aborted are invisible and cost money for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.errors import FailedError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PART = 16 * 1024 * 1024
"""Bytes of a part: at least 5 MiB, and of 10,000 parts none may be missing (S3 user guide, "Multipart limits")."""
MOST_PARTS = 10_000


def upload(client: S3Client, bucket: str, key: str, content: Iterable[bytes], *, owner: str, part: int = PART) -> None:
    """Store the object in a bucket that has to belong to account `owner`. Raises what the content raises, too."""
    where: Any = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": owner}
    parts = _parts(content, part)
    first = next(parts, b"")
    second = next(parts, None)
    if second is None:
        with aws_call("s3", "PutObject", subject=f"s3://{bucket}/{key}"):
            client.put_object(**where, Body=first)
        return
    with aws_call("s3", "CreateMultipartUpload", subject=f"s3://{bucket}/{key}"):
        where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
    try:
        _send(client, where, chain((first, second), parts))
    except BaseException:
        with aws_call("s3", "AbortMultipartUpload", subject=f"s3://{bucket}/{key}"):
            client.abort_multipart_upload(**where)
        raise


def _send(client: S3Client, where: Any, parts: Iterable[bytes]) -> None:
    made: list[Any] = []
    subject = f"s3://{where['Bucket']}/{where['Key']}"
    for body in parts:
        if len(made) == MOST_PARTS:
            raise FailedError(f"{subject}: more than {MOST_PARTS:,} parts")
        with aws_call("s3", "UploadPart", subject=subject):
            answer = client.upload_part(**where, PartNumber=len(made) + 1, Body=body)
        made.append({"PartNumber": len(made) + 1, "ETag": answer["ETag"]})
    with aws_call("s3", "CompleteMultipartUpload", subject=subject):
        client.complete_multipart_upload(**where, MultipartUpload={"Parts": made})


def _parts(content: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The bytes again, in pieces of `size`; the last may be smaller."""
    kept = bytearray()
    for chunk in content:
        kept += chunk
        while len(kept) >= size:
            yield bytes(kept[:size])
            del kept[:size]
    if kept:
        yield bytes(kept)
