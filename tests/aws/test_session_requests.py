"""What a client of ours sends is what a stock botocore client would send, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.session import Session

from orderctl.aws.session import BUILT_BY_US, Aws
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve

FILE = ConfigFile(Path("config.toml"), True, None, {"local": {"local": True, "region": "eu-west-1"}})
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq"
ODD = '\u2028 \ud83d\ude00 \x7f "quoted" \\ back'
ATTRIBUTES: dict[str, Any] = {
    "text": {"DataType": "String", "StringValue": ODD},
    "bytes": {"DataType": "Binary.x", "BinaryValue": b"\x00\xff"},
    "number": {"DataType": "Number.int", "StringValue": "12345678901234567890"},
}
ITEM: dict[str, Any] = {
    "product_id": {"S": ODD},
    "quantity": {"N": "123456789012345678901234567890.5"},
    "is_new": {"BOOL": False},
    "nothing": {"NULL": True},
    "picture": {"B": b"\x00\xff"},
    "sizes": {"SS": ["a", "b"]},
    "nested": {"M": {"list": {"L": [{"N": "1"}, {"M": {}}]}}},
}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("sqs", "list_queues", {"MaxResults": 1000}),
    ("sqs", "get_queue_url", {"QueueName": "orders-dlq", "QueueOwnerAWSAccountId": "123456789012"}),
    ("sqs", "get_queue_attributes", {"QueueUrl": URL, "AttributeNames": ["All"]}),
    (
        "sqs",
        "receive_message",
        {
            "QueueUrl": URL,
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 0,
            "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
            "ReceiveRequestAttemptId": "x",
        },
    ),
    (
        "sqs",
        "send_message_batch",
        {
            "QueueUrl": URL,
            "Entries": [
                {"Id": "0", "MessageBody": ODD, "MessageAttributes": ATTRIBUTES},
                {"Id": "1", "MessageBody": "", "MessageGroupId": "g", "MessageDeduplicationId": "d"},
            ],
        },
    ),
    ("sqs", "delete_message_batch", {"QueueUrl": URL, "Entries": [{"Id": "0", "ReceiptHandle": "x" * 300}]}),
    (
        "sqs",
        "change_message_visibility_batch",
        {"QueueUrl": URL, "Entries": [{"Id": "0", "ReceiptHandle": "x", "VisibilityTimeout": 0}]},
    ),
    ("dynamodb", "get_item", {"TableName": "stock", "Key": {"product_id": {"S": ODD}}, "ConsistentRead": True}),
    ("dynamodb", "put_item", {"TableName": "stock", "Item": ITEM, "ReturnValues": "ALL_OLD"}),
    (
        "dynamodb",
        "update_item",
        {
            "TableName": "stock",
            "Key": {"product_id": {"S": "x"}},
            "UpdateExpression": "ADD #0 :0",
            "ExpressionAttributeNames": {"#0": "quantity"},
            "ExpressionAttributeValues": {":0": {"N": "-1"}},
        },
    ),
    ("dynamodb", "batch_get_item", {"RequestItems": {"stock": {"Keys": [{"product_id": {"S": "x"}}]}}}),
    (
        "dynamodb",
        "batch_execute_statement",
        {
            "Statements": [
                {
                    "Statement": "INSERT INTO \"stock\" VALUE {'product_id': ?, 'all': ?}",
                    "Parameters": [{"S": ODD}, {"M": ITEM}],
                }
            ]
        },
    ),
    ("dynamodb", "scan", {"TableName": "stock", "Limit": 7}),
]


def sent(client: Any, operation: str, parameters: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
    """URL, body and the headers that carry meaning, of a call that is answered here."""
    seen: list[Any] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        seen.append(request)
        made: Any = AWSResponse(request.url, 200, {}, None)  # type: ignore[arg-type]
        made._content = b"{}"
        return made  # type: ignore[no-any-return]

    client.meta.events.register_first("before-send", answer)
    getattr(client, operation)(**parameters)
    headers = {name: str(seen[0].headers[name]) for name in ("X-Amz-Target", "Content-Type")}
    return seen[0].url, seen[0].body, headers


@pytest.mark.parametrize(("service", "operation", "parameters"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS])
def test_an_unchecked_request_is_the_one_botocore_would_send_after_checking_it(
    service: str, operation: str, parameters: dict[str, Any]
) -> None:
    ours = Aws(resolve("local", {}, {}, FILE), {}).client(service)
    stock: Any = Session()
    stock.set_credentials("local", "local")
    url = ours.meta.endpoint_url
    theirs = stock.create_client(service, region_name="eu-west-1", endpoint_url=url)
    assert ours.meta.config is not theirs.meta.config
    assert sent(ours, operation, parameters) == sent(theirs, operation, parameters)


def test_only_requests_that_are_one_document_go_unchecked() -> None:
    session: Any = Session()
    for service in BUILT_BY_US:
        model = session.get_service_model(service)
        assert model.metadata["protocol"] == "json"
        assert {model.operation_model(name).http["requestUri"] for name in model.operation_names} == {"/"}


def test_the_user_agent_names_orderctl_botocore_and_python_once_each() -> None:
    client: Any = Aws(resolve("local", {}, {}, FILE), {}).client("sqs")
    seen: list[str] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        seen.append(request.headers["User-Agent"].decode())
        made: Any = AWSResponse(request.url, 200, {}, None)  # type: ignore[arg-type]
        made._content = b"{}"
        return made  # type: ignore[no-any-return]

    client.meta.events.register_first("before-send", answer)
    client.list_queues()
    assert [seen[0].count(word) for word in ("orderctl/", "Botocore/", "Python/")] == [1, 1, 1]
