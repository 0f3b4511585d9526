"""What a function is invoked with: events as API Gateway writes them, and a context."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

ORDER: dict[str, Any] = {"order_id": "o-1", "user_id": "ada", "product_id": "widget-1", "quantity": 2}


class Context(LambdaContext):
    def __init__(self) -> None:
        self._function_name = "function"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"
        self._aws_request_id = "request-1"


def unconnected(service: str) -> Any:
    """A client for a Stubber: it has keys, and nobody to show them to."""
    import boto3

    session = boto3.Session("test", "test", region_name="eu-central-1")
    return session.client(service)


def rest_event(method: str, path: str, body: str | None = None) -> dict[str, Any]:
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": "r-1", "stage": "v1", "path": f"/v1{path}"},
        "body": body,
        "isBase64Encoded": False,
    }


def http_event(method: str, path: str, body: object) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "requestId": "r-1",
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
        },
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def answer(response: dict[str, Any]) -> tuple[int, Any]:
    return response["statusCode"], json.loads(response["body"])
