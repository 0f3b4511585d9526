"""Dead letters in the shapes AWS writes them, for one small order system."""

from __future__ import annotations

import json
from typing import Any

from orderctl.dlq.models import Attribute, Kind, Message, Target, Wire, Wiring

REGION = "ap-northeast-1:123456789012"
DLQ = f"arn:aws:sqs:{REGION}:shared-dlq"
SOURCE = f"arn:aws:sqs:{REGION}:orders"
FUNCTION = f"arn:aws:lambda:{REGION}:function:process"
OTHER_FUNCTION = f"arn:aws:lambda:{REGION}:function:bill"
RULE = f"arn:aws:events:{REGION}:rule/orders/order-created"
TARGET = FUNCTION
TOPIC = f"arn:aws:sns:{REGION}:notifications"
SUBSCRIPTION = f"{TOPIC}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55"
SCHEDULE = f"arn:aws:scheduler:{REGION}:schedule/default/nightly"
STREAM = f"arn:aws:dynamodb:{REGION}:table/stock/stream/2026-11-22T00:00:00.000"

SQS_WIRE = Wire(Kind.SQS, DLQ, SOURCE, SOURCE)
LAMBDA_WIRE = Wire(Kind.LAMBDA_DLQ, DLQ, FUNCTION, FUNCTION)
ON_FAILURE_WIRE = Wire(Kind.ON_FAILURE, DLQ, f"{FUNCTION}:$LATEST", f"{FUNCTION}:$LATEST")
RULE_WIRE = Wire(Kind.EVENTBRIDGE_TARGET, DLQ, RULE, TARGET, target=Target(RULE, "t1", TARGET))
SNS_WIRE = Wire(Kind.SNS, DLQ, SUBSCRIPTION, SOURCE, topic_arn=TOPIC, protocol="sqs")
RAW_WIRE = Wire(Kind.SNS, DLQ, SUBSCRIPTION, SOURCE, topic_arn=TOPIC, protocol="sqs", raw_delivery=True)
SCHEDULER_WIRE = Wire(Kind.SCHEDULER, DLQ, SCHEDULE, FUNCTION)
STREAM_WIRE = Wire(Kind.STREAM, DLQ, STREAM, "8f1c9a4e-mapping")
ALL = Wiring((SQS_WIRE, LAMBDA_WIRE, ON_FAILURE_WIRE, RULE_WIRE, SNS_WIRE, SCHEDULER_WIRE, STREAM_WIRE))

EVENT = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "OrderCreated",
    "source": "orders.api",
    "account": "123456789012",
    "time": "2026-11-22T02:00:00Z",
    "region": "ap-northeast-1",
    "resources": [],
    "detail": {"order_id": "o-1", "quantity": 1},
}


def text(value: str) -> Attribute:
    return Attribute("String", value)


def message(body: object, attributes: dict[str, Attribute] | None = None, **system: str) -> Message:
    raw = body if isinstance(body, str) else json.dumps(body)
    return Message(
        "m-1", raw, attributes or {}, {"ApproximateReceiveCount": "4", "SentTimestamp": "1795316400000", **system}
    )


def from_queue(source: str = SOURCE) -> Message:
    return message({"order_id": "o-1"}, DeadLetterQueueSourceArn=source)


def lambda_dlq(body: object = EVENT) -> Message:
    attributes = {
        "RequestID": text("e4b46cbf-b738-xmpl-8880-a18cdf61200e"),
        "ErrorCode": Attribute("Number", "200"),
        "ErrorMessage": text("ValidationError: quantity must be a whole number"),
    }
    return message(body, attributes)


def record(function: str = f"{FUNCTION}:$LATEST", condition: str = "RetriesExhausted", **changes: Any) -> Message:
    document = {
        "version": "1.0",
        "timestamp": "2026-11-22T02:05:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": function,
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": EVENT,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no such user", "errorType": "UserNotFound", "stackTrace": []},
    }
    document.update(changes)
    return message({key: value for key, value in document.items() if value is not None})


def rule_target(rule: str = RULE, target: str = TARGET) -> Message:
    attributes = {
        "RULE_ARN": text(rule),
        "TARGET_ARN": text(target),
        "ERROR_CODE": text("NO_PERMISSIONS"),
        "ERROR_MESSAGE": text("not authorized to perform: lambda:InvokeFunction"),
        "RETRY_ATTEMPTS": text("0"),
    }
    return message(EVENT, attributes)


def notification(topic: str = TOPIC, subscription: str | None = SUBSCRIPTION) -> Message:
    url = f"https://sns.example/?Action=Unsubscribe&SubscriptionArn={subscription}" if subscription else ""
    inner = json.dumps({"order_id": "o-1"})
    return message(
        {"Type": "Notification", "MessageId": "n-1", "TopicArn": topic, "Message": inner, "UnsubscribeURL": url}
    )


def schedule(truncated: str = "false") -> Message:
    attributes = {
        "SCHEDULE_ARN": text(SCHEDULE),
        "EXECUTION_ID": text("ad06616e51c1"),
        "TARGET_ARN": text("arn:aws:scheduler:::aws-sdk:lambda:invoke"),
        "ERROR_CODE": text("AWS.Lambda.ResourceNotFound"),
        "ERROR_MESSAGE": text("Function not found"),
        "RETRY_ATTEMPTS": text("2"),
        "IS_PAYLOAD_TRUNCATED": text(truncated),
    }
    return message({"FunctionName": FUNCTION, "Payload": "{}"}, attributes)


def stream_batch() -> Message:
    info = {
        "shardId": "shardId-0",
        "startSequenceNumber": "1",
        "endSequenceNumber": "9",
        "batchSize": 3,
        "streamArn": STREAM,
    }
    context = {
        "requestId": "r-1",
        "functionArn": FUNCTION,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 1,
    }
    return message({"requestContext": context, "version": "1.0", "DDBStreamBatchInfo": info})
