"""AWS's wire formats, both ways, driven by botocore's own service models; this file: the JSON services.

Only what a server needs: a request's bytes into the parameters boto3 was called with, and an answer or an error into
status, headers and body. Blobs are base64 in JSON, timestamps leave as epoch seconds. `rest.py` and `query.py` do the
same for REST-JSON (Lambda, Scheduler) and query/XML (SNS, STS).
"""

from __future__ import annotations

import base64
import functools
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from tests.fakes.sqs.errors import AwsError, Json

REQUEST_ID = "00000000-fake-4000-8000-000000000000"
QUERY_COMPATIBLE = {"sqs"}  # these still send the code they had as a query service


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@functools.cache
def loader() -> Loader:
    """One loader of botocore's models for the whole test run; it caches what it read."""
    return Loader(include_default_search_paths=True)


@functools.cache
def model(service: str) -> ServiceModel:
    return ServiceModel(loader().load_service_model(service, "service-2"), service)


def decode(shape: Shape | None, value: Any) -> Any:
    """A JSON value as boto3 was given it: blobs as bytes, the rest as it is."""
    match shape.type_name if shape else None:
        case "structure" if shape is not None and value is not None:
            members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
            names = {wire_name(name, member): (name, member) for name, member in members.items()}
            return {names[key][0]: decode(names[key][1], each) for key, each in value.items() if key in names}
        case "list" if value is not None:
            return [decode(shape.member, each) for each in value]  # type: ignore[union-attr]
        case "map" if value is not None:
            return {key: decode(shape.value, each) for key, each in value.items()}  # type: ignore[union-attr]
        case "blob":
            return base64.b64decode(value)
    return value


def encode(shape: Shape | None, value: Any) -> Any:
    """The other way round."""
    match shape.type_name if shape else None:
        case "structure" if shape is not None and value is not None:
            members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
            return {wire_name(key, members[key]): encode(members[key], each) for key, each in value.items()}
        case "list" if value is not None:
            return [encode(shape.member, each) for each in value]  # type: ignore[union-attr]
        case "map" if value is not None:
            return {key: encode(shape.value, each) for key, each in value.items()}  # type: ignore[union-attr]
        case "blob":
            return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        case "timestamp" if isinstance(value, datetime):
            return value.timestamp()
    return value


def wire_name(name: str, shape: Shape) -> str:
    return str(shape.serialization.get("name", name))


def json_answer(operation: OperationModel, result: Json) -> Answer:
    version = operation.service_model.metadata.get("jsonVersion", "1.0")
    body = json.dumps(encode(operation.output_shape, result)) if operation.output_shape else ""
    return Answer(200, body.encode(), {"content-type": f"application/x-amz-json-{version}"})


def json_error(service: str, error: AwsError) -> Answer:
    headers = {"content-type": "application/x-amz-json-1.0"}
    if service in QUERY_COMPATIBLE:
        headers["x-amzn-query-error"] = f"{error.code};{'Sender' if error.sender_fault else 'Receiver'}"
    body = {"__type": f"com.amazonaws.{service}#{error.shape or error.code}", "message": error.message, **error.extra}
    return Answer(error.status, json.dumps(body).encode(), headers)
