"""What the stub answers: a dead-letter queue of `messages` letters, a stock table, one execution of `events` events."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

ACCOUNT, REGION = "123456789012", "eu-west-1"
QUEUE, SOURCE, TABLE = "orders-dlq", "orders", "stock"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:orders"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:orders:order-1"
BATCH = 10
LOOP = (
    ("TaskStateEntered", "stateEnteredEventDetails", {"name": "ChargeCard"}),
    ("TaskScheduled", "taskScheduledEventDetails", {"resourceType": "lambda", "resource": "invoke", "region": REGION}),
    ("TaskSucceeded", "taskSucceededEventDetails", {"resourceType": "lambda", "resource": "invoke"}),
    ("TaskStateExited", "stateExitedEventDetails", {"name": "ChargeCard"}),
)
_IDENTITY = f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/x/y</Arn><UserId>A:y</UserId><Account>{ACCOUNT}</Account>"


def arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def body(number: int) -> str:
    """An order of the usual size."""
    order = {"order_id": f"order-{number}", "user_id": "user-7", "product_id": "widget-1", "quantity": 2}
    return json.dumps({**order, "note": "x" * 200})


@dataclass
class Answers:
    """The state behind the stub; every answer is bytes."""

    messages: int = 0
    events: int = 0
    runs_for: float = 0.0
    """Seconds from StartExecution to the terminal event."""
    marks: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        run = token_hex(4)  # ids of their own: no run may know the letters of an earlier one
        self._letters = [_letter(run, number) for number in range(self.messages)]
        self._visible = deque(range(self.messages))
        self._keys: set[str] = set()
        self.marks["left"] = self.messages
        now = time.time()
        self._history = [self._event(number, now) for number in range(1, self.events + 1)]

    def to(self, target: str, request: bytes) -> bytes:
        """The answer to one operation, named by its target or path."""
        if target == "/":  # the query protocol
            target = parse_qs(request.decode())["Action"][0]
        self.marks[target] = self.marks.get(target, 0) + 1
        answer: Callable[[bytes], bytes] | None = getattr(self, f"_{target}", None)
        return answer(request) if answer is not None else _FIXED.get(target, b"{}")

    # --- queues -------------------------------------------------------------------------------------------

    def _ReceiveMessage(self, _request: bytes) -> bytes:
        numbers = [self._visible.popleft() for _ in range(min(BATCH, len(self._visible)))]
        return b'{"Messages": [' + b", ".join(self._letters[number] for number in numbers) + b"]}"

    def _SendMessageBatch(self, request: bytes) -> bytes:
        sent = [
            {
                "Id": entry["Id"],
                "MessageId": str(uuid4()),
                "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest(),
            }
            for entry in json.loads(request)["Entries"]
        ]
        return json.dumps({"Successful": sent, "Failed": []}).encode()

    def _DeleteMessageBatch(self, request: bytes) -> bytes:
        answer, count = _all_done(request)
        self.marks["left"] -= count
        return answer

    def _ChangeMessageVisibilityBatch(self, request: bytes) -> bytes:
        for entry in json.loads(request)["Entries"]:
            if entry["VisibilityTimeout"] == 0:
                self._visible.append(int(entry["ReceiptHandle"].split("-")[1]))
        return _all_done(request)[0]

    def _GetQueueUrl(self, request: bytes) -> bytes:
        return json.dumps({"QueueUrl": _url(json.loads(request)["QueueName"])}).encode()

    def _GetQueueAttributes(self, request: bytes) -> bytes:
        name = str(json.loads(request)["QueueUrl"]).rpartition("/")[2]
        left = len(self._visible) if name == QUEUE else 0
        said = {
            "QueueArn": arn(name),
            "ApproximateNumberOfMessages": str(left),
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
            "MaximumMessageSize": "262144",
            "MessageRetentionPeriod": "1209600",
            "VisibilityTimeout": "30",
        }
        if name == SOURCE:
            said["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn(QUEUE), "maxReceiveCount": 3})
        return json.dumps({"Attributes": said}).encode()

    # --- rows ---------------------------------------------------------------------------------------------

    def _PutItem(self, request: bytes) -> bytes:
        self._keys.add(json.loads(request)["Item"]["product_id"]["S"])
        return b"{}"

    def _BatchExecuteStatement(self, request: bytes) -> bytes:
        inserted = [statement["Parameters"][0]["S"] for statement in json.loads(request)["Statements"]]
        answers: list[Any] = []
        for key in inserted:
            answers.append({"Error": {"Code": "DuplicateItem"}} if key in self._keys else {"TableName": TABLE})
            self._keys.add(key)
        return json.dumps({"Responses": answers}).encode()

    # --- executions ---------------------------------------------------------------------------------------

    def _event(self, number: int, now: float) -> dict[str, Any]:
        event = {"id": number, "previousEventId": number - 1, "timestamp": now + number / 1000}
        if number == 1:
            return {**event, "type": "ExecutionStarted", "executionStartedEventDetails": {}}
        kind, key, details = LOOP[(number - 2) % len(LOOP)]
        return {**event, "type": kind, key: details}

    def _StartExecution(self, _request: bytes) -> bytes:
        now = time.time()
        self._history = [self._event(number, now) for number in range(1, 6)]
        self.marks["started"] = time.monotonic()
        self.marks["visible"] = time.monotonic() + self.runs_for
        return json.dumps({"executionArn": EXECUTION, "startDate": now}).encode()

    def _history_now(self) -> list[dict[str, Any]]:
        if self.runs_for and time.monotonic() >= self.marks["visible"]:
            last = {"id": len(self._history) + 1, "previousEventId": len(self._history), "timestamp": time.time()}
            return [*self._history, {**last, "type": "ExecutionSucceeded", "executionSucceededEventDetails": {}}]
        return self._history

    def _GetExecutionHistory(self, request: bytes) -> bytes:
        asked = json.loads(request)
        history = self._history_now()
        if asked.get("reverseOrder"):
            history = history[::-1]
        start, size = int(asked.get("nextToken", 0)), int(asked.get("maxResults", 100))
        page: dict[str, Any] = {"events": history[start : start + size]}
        if start + size < len(history):
            page["nextToken"] = str(start + size)
        return json.dumps(page).encode()

    def _DescribeExecution(self, _request: bytes) -> bytes:
        has_ended = not self.runs_for or time.monotonic() >= self.marks["visible"]
        said = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "name": "order-1", "input": "{}"}
        dates = {"startDate": time.time(), **({"stopDate": time.time()} if has_ended else {})}
        return json.dumps({**said, **dates, "status": "SUCCEEDED" if has_ended else "RUNNING"}).encode()


def _all_done(request: bytes) -> tuple[bytes, int]:
    done = [{"Id": entry["Id"]} for entry in json.loads(request)["Entries"]]
    return json.dumps({"Successful": done, "Failed": []}).encode(), len(done)


def _letter(run: str, number: int) -> bytes:
    """A message as SQS hands it out after moving it from the source queue."""
    sent_at = str(int(time.time() * 1000) - 3_600_000)
    system = {
        "DeadLetterQueueSourceArn": arn(SOURCE),
        "SentTimestamp": sent_at,
        "ApproximateFirstReceiveTimestamp": sent_at,
        "ApproximateReceiveCount": "4",
        "SenderId": "AROAFAKE:x",
    }
    text = body(number)
    said = {
        "MessageId": f"{run}-0000-4000-8000-{number:012}",
        "ReceiptHandle": f"handle-{number}-" + "x" * 160,
        "Body": text,
        "MD5OfBody": hashlib.md5(text.encode()).hexdigest(),
        "Attributes": system,
    }
    return json.dumps(said).encode()


def _url(queue: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"


def _xml(operation: str, text: str) -> bytes:
    return f"<{operation}Response><{operation}Result>{text}</{operation}Result></{operation}Response>".encode()


_KEYS = {
    "TableName": TABLE,
    "TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "product_id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "product_id", "AttributeType": "S"}],
}
_FIXED = {
    "ListQueues": json.dumps({"QueueUrls": [_url(QUEUE), _url(SOURCE)]}).encode(),
    "ListDeadLetterSourceQueues": json.dumps({"queueUrls": [_url(SOURCE)]}).encode(),
    "ListEventBuses": b'{"EventBuses": []}',
    "ListRules": b'{"Rules": []}',
    "/2015-03-31/functions/": b'{"Functions": []}',
    "/2015-03-31/functions": b'{"Functions": []}',
    "/2015-03-31/event-source-mappings/": b'{"EventSourceMappings": []}',
    "/2015-03-31/event-source-mappings": b'{"EventSourceMappings": []}',
    "/schedules": b'{"Schedules": []}',
    "ListSubscriptions": _xml("ListSubscriptions", "<Subscriptions/>"),
    "GetCallerIdentity": _xml("GetCallerIdentity", _IDENTITY),
    "DescribeTable": json.dumps({"Table": _KEYS}).encode(),
    "GetItem": b'{"Item": {"product_id": {"S": "widget-1"}, "quantity": {"N": "7"}}}',
    "BatchWriteItem": b'{"UnprocessedItems": {}}',
    "DescribeStateMachine": json.dumps(
        {
            "stateMachineArn": MACHINE,
            "name": "orders",
            "status": "ACTIVE",
            "type": "STANDARD",
            "definition": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/x",
            "creationDate": 1.0,
        }
    ).encode(),
}
