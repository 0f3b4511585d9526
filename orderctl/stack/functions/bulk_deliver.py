"""One chunk of a bulk: every delivery in it is made at most once, and what became of each is written down.

A chunk is an object in the bulk bucket: a header and then a delivery a line, so no payload ever passes through Step
Functions. It is handed here by its key, possibly more than once: whatever invokes may do so again. So the chunk is
claimed first, by a conditional write that S3 lets succeed once. Whoever finds it claimed delivers nothing. `orderctl`
claims the chunks that were not begun in the same way, before it takes their deliveries for not made.

Every call is a single attempt with a short timeout. A throttled one took no effect and is made again; a refused one
is written down; of one without an answer nothing is known, and that is written down too. Nothing is begun when the
invocation, or the time for which orderctl keeps the letters hidden, could end before it is answered: the rest is
`untouched`. That time is counted from the object's own LastModified, so nobody's clock but AWS's matters.

Nothing of a payload goes into a log or an answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import CALL_SECONDS, once, storage

logger = Logger()
tracer = Tracer()
metrics = Metrics()

STOPS_BEFORE = CALL_SECONDS + 8.0
"""Seconds before the end of the invocation at which no call is begun: one call, and writing the result."""
THROTTLED_WAITS = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Seconds after which a throttled call is made again; then its consumer is left alone for the rest of the chunk."""

THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
     "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "SlowDown",
     "OverLimit", "KMS.ThrottlingException"}
)  # fmt: skip
AUTH = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthFailure", "ExpiredToken",
     "ExpiredTokenException", "RequestExpired", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
     "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorizedException", "OptInRequired",
     "SignatureDoesNotMatch", "TokenRefreshRequired", "UnauthorizedOperation", "UnrecognizedClientException", "403"}
)  # fmt: skip
NOT_FOUND = frozenset(
    {"ResourceNotFoundException", "ResourceNotFound", "NotFoundException", "NotFound", "404",
     "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "StateMachineDoesNotExist"}
)  # fmt: skip
TAKEN = "ExecutionAlreadyExists"
CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""What S3 answers a conditional write that came second, or at the same time as another one."""

Fate = dict[str, Any]
Clients = Callable[[str], Any]


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """How many deliveries came to which end; `{}` where the chunk was somebody else's already."""
    metrics.add_metric("Chunks", MetricUnit.Count, 1)
    place = Place(str(event["bucket"]), str(event["key"]), context.invoked_function_arn.split(":")[4])
    counts = deliver_chunk(place, storage(), once, lambda: context.get_remaining_time_in_millis() / 1000)
    for status, count in counts.items():
        metrics.add_metric(f"Deliveries{status.title()}", MetricUnit.Count, count)
    logger.info("chunk done" if counts else "claimed before: nothing delivered", key=place.key, counts=counts)
    return counts


@dataclass(frozen=True)
class Place:
    """Where a chunk lies, and what is written beside it."""

    bucket: str
    key: str
    owner: str

    def of(self, part: str, suffix: str) -> dict[str, str]:
        """`…/in/00007.jsonl` -> bucket, owner and `…/PART/00007SUFFIX`."""
        head, _, name = self.key.rpartition("/in/")
        if not head:
            raise ValueError(f"{self.key} is not the key of a chunk")
        number = name.removesuffix(".jsonl")
        return {"Bucket": self.bucket, "Key": f"{head}/{part}/{number}{suffix}", "ExpectedBucketOwner": self.owner}

    @property
    def chunk(self) -> dict[str, str]:
        """The chunk itself."""
        return {"Bucket": self.bucket, "Key": self.key, "ExpectedBucketOwner": self.owner}


def deliver_chunk(
    place: Place,
    s3: Any,
    clients: Clients,
    remaining: Callable[[], float],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:
    """Claim the chunk, make its deliveries, write the result; the counts, empty where it was claimed before.

    Raises what S3 raises; nothing was delivered then, unless it is the result that cannot be written.
    """
    said = s3.get_object(**place.chunk)
    header, *lines = (json.loads(line) for line in said["Body"].read().splitlines() if line.strip())
    if not claim(s3, place):
        return {}
    not_after = said["LastModified"].timestamp() + float(header["seconds"])

    def may_go_on() -> bool:
        return remaining() > STOPS_BEFORE and now() < not_after

    fates = Chunk(clients, may_go_on, sleep).deliver(lines)
    body = json.dumps({"v": 1, "chunk": place.key, "fates": fates}).encode()
    s3.put_object(**place.of("results", ".json"), Body=body, ContentType="application/json")
    return dict(Counter(fate["status"] for fate in fates.values()))


def claim(s3: Any, place: Place) -> bool:
    """Write the mark that lets this invocation, and no other one, deliver the chunk."""
    from botocore.exceptions import ClientError

    token = uuid.uuid4().hex.encode()
    where = place.of("begun", "")
    try:
        s3.put_object(**where, Body=token, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in CONFLICTS:
            raise
        # the first answer may have been lost, and the SDK sent it again: then the mark there is our own
        return bool(s3.get_object(**where)["Body"].read() == token)
    return True


@dataclass
class Chunk:
    """The deliveries of one chunk, in order; what each came to by its id."""

    clients: Clients
    may_go_on: Callable[[], bool]
    sleep: Callable[[float], None]
    _left_alone: set[str] = field(default_factory=set)
    """Consumers that asked for less to the last."""

    def deliver(self, lines: list[dict[str, Any]]) -> dict[str, Fate]:
        """After a fatal refusal nothing more is tried: every other delivery would be refused alike."""
        fates: dict[str, Fate] = {str(line["id"]): {"status": "untouched"} for line in lines}
        for line in lines:
            if not self.may_go_on():
                break
            if line["arn"] in self._left_alone:
                continue
            fate = fates[str(line["id"])] = self._one(line)
            if fate["status"] == "busy":
                self._left_alone.add(line["arn"])
            if fate["status"] == "fatal":
                break
        return fates

    def _one(self, line: dict[str, Any]) -> Fate:
        for wait in THROTTLED_WAITS:
            fate = attempt(line, self.clients)
            if fate["status"] != "busy" or not self.may_go_on():
                return fate
            self.sleep(random.uniform(wait / 2, wait))
        return attempt(line, self.clients) if self.may_go_on() else fate


def attempt(line: Mapping[str, Any], clients: Clients) -> Fate:
    """One call, and what it came to. Never raises for what a delivery can cause."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        ParamValidationError,
    )

    try:
        return {"status": "sent", "new_id": _CALLS[line["to"]](line, clients)}
    except ClientError as error:
        return refused(error.response)
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        return {"status": "later", "reason": f"no connection: {_first_line(error)}"}
    except (ParamValidationError, UnicodeEncodeError) as error:
        return {"status": "refused", "reason": _kind_of(error)}
    except (BotoCoreError, OSError) as error:
        return {"status": "unknown", "reason": f"no answer: {_first_line(error)}"}
    except AnotherBody as error:
        return {"status": "unknown", "reason": str(error)}


def refused(response: Mapping[str, Any]) -> Fate:
    """What an error answer says: below 500 the call took no effect, from there on nothing is known."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    said = {"code": code, "reason": f"{code}: {response.get('Error', {}).get('Message', '')}"[:500]}
    if code in THROTTLED:
        return {"status": "busy", **said}
    if code in AUTH or code in NOT_FOUND or code.lower().startswith("kms"):
        return {"status": "fatal", **said}
    if status >= 500:
        return {"status": "unknown", **said}
    return {"status": "taken" if code == TAKEN else "refused", **said}


class AnotherBody(Exception):
    """A queue stored something else than was sent."""


def invoke(line: Mapping[str, Any], clients: Clients) -> str | None:
    """Queue one event for a function; the request id."""
    head, marker, name = str(line["arn"]).rpartition(":function:")
    name, _, qualifier = name.partition(":")
    named = {"FunctionName": head + marker + name, **({"Qualifier": qualifier} if qualifier else {})}
    answer = clients("lambda").invoke(**named, InvocationType="Event", Payload=content(line["payload"]))
    request_id: str | None = answer["ResponseMetadata"].get("RequestId")
    return request_id


def start(line: Mapping[str, Any], clients: Clients) -> str:
    """Start one execution; its ARN."""
    answer = clients("stepfunctions").start_execution(
        stateMachineArn=line["arn"], name=line["name"], input=_text(line["payload"])
    )
    return str(answer["executionArn"])


def publish(line: Mapping[str, Any], clients: Clients) -> str:
    """Publish to one topic; the message id."""
    optional = {"Subject": line.get("subject"), "MessageGroupId": line.get("group_id"),
                "MessageDeduplicationId": line.get("deduplication_id")}  # fmt: skip
    given = {name: value for name, value in optional.items() if value is not None}
    answer = clients("sns").publish(TopicArn=line["arn"], Message=_text(line["payload"]), **given)
    return str(answer["MessageId"])


def send(line: Mapping[str, Any], clients: Clients) -> str:
    """Send to one queue; the message id. Raises AnotherBody where the digest is not that of what was sent."""
    body = _text(line["payload"])
    more: dict[str, Any] = {}
    if line.get("attributes"):
        more["MessageAttributes"] = {name: _attribute(each) for name, each in line["attributes"].items()}
    if line.get("group_id") is not None:
        more["MessageGroupId"] = line["group_id"]
    if line.get("trace_header") is not None:
        trace = {"DataType": "String", "StringValue": line["trace_header"]}
        more["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    answer = clients("sqs").send_message(QueueUrl=line["url"], MessageBody=body, **more)
    digest = hashlib.md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    if answer.get("MD5OfMessageBody") not in (None, digest):
        raise AnotherBody(f"SQS stored another body than was sent, as {answer.get('MessageId')}")
    return str(answer["MessageId"])


_CALLS: Mapping[str, Callable[[Mapping[str, Any], Clients], str | None]] = {
    "function": invoke,
    "state-machine": start,
    "topic": publish,
    "queue": send,
}


def content(payload: Mapping[str, str]) -> bytes:
    """The payload as it was, byte for byte: text, or base64 where the bytes are no text."""
    return base64.b64decode(payload["base64"]) if "base64" in payload else payload["text"].encode()


def _text(payload: Mapping[str, str]) -> str:
    return payload["text"]


def _attribute(said: Mapping[str, str]) -> dict[str, Any]:
    value = {"BinaryValue": base64.b64decode(said["base64"])} if "base64" in said else {"StringValue": said["text"]}
    return {"DataType": said["type"], **value}


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]


def _kind_of(error: BaseException) -> str:
    """Only the kind: such an error quotes what it was given."""
    return f"it cannot be sent ({type(error).__name__})"
