"""REST-JSON, as Lambda and Scheduler speak it: method and path name the operation, the model places each parameter."""

from __future__ import annotations

import functools
import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.model import OperationModel, Shape

from tests.fakes.sqs.errors import AwsError, Json
from tests.fakes.sqs.protocols import Answer, Request, decode, encode, model, wire_name


def rest_operation(service: str, request: Request) -> tuple[OperationModel, dict[str, str]] | None:
    """The operation a method and path belong to, and the parts of the path that are parameters."""
    path = urlsplit(request.url).path
    for pattern, name in _routes(service):
        method, _, regex = pattern.partition(" ")
        if method == request.method and (found := re.fullmatch(regex, path)):
            return model(service).operation_model(name), {key: unquote(each) for key, each in found.groupdict().items()}
    return None


@functools.cache
def _routes(service: str) -> tuple[tuple[str, str], ...]:
    """`METHOD regex` and operation name; the longest template first, so that the plain ones do not swallow it."""
    https = {name: model(service).operation_model(name).http for name in model(service).operation_names}
    paths = {name: urlsplit(http["requestUri"]).path.rstrip("/") for name, http in https.items()}
    ordered = sorted(paths, key=lambda name: -len(paths[name]))
    return tuple((f"{https[name]['method']} {_template(paths[name])}/?", name) for name in ordered)


def _template(path: str) -> str:
    def group(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"

    return re.sub(r"\\\{(\w+)(\\\+)?\\\}", group, re.escape(path))


def rest_params(operation: OperationModel, request: Request, uri: dict[str, str]) -> Json:
    """Parameters from path, query, headers and body."""
    shape = operation.input_shape
    params: Json = {}
    query = dict(parse_qsl(urlsplit(request.url).query))
    sources = {"uri": uri, "querystring": query, "header": request.headers}
    members: dict[str, Shape] = getattr(shape, "members", {})
    for name, member in members.items():
        source, key = sources.get(member.serialization.get("location", "")), wire_name(name, member)
        value = source.get(key.lower() if source is request.headers else key) if source is not None else None
        if value is not None:
            params[name] = int(value) if member.type_name == "integer" else value
    payload = shape.serialization.get("payload") if shape else None
    if payload:
        params[payload] = request.body
    elif request.body:
        params |= decode(shape, json.loads(request.body))
    return params


def rest_answer(operation: OperationModel, result: Json) -> Answer:
    """Status, headers and payload as the output shape places them."""
    status, headers, body = int(operation.http.get("responseCode", 200)), {"content-type": "application/json"}, {}
    shape = operation.output_shape
    payload = shape.serialization.get("payload") if shape else None
    members: dict[str, Shape] = getattr(shape, "members", {})
    for name, value in result.items():
        match members[name].serialization.get("location"):
            case "statusCode":
                status = value
            case "header":
                headers[wire_name(name, members[name])] = str(value)
            case _ if name != payload:
                body[name] = value
    raw = result.get(payload, b"") if payload else json.dumps(encode(shape, body)).encode()
    return Answer(status, raw, headers)


def rest_error(error: AwsError) -> Answer:
    body = {"Type": "User" if error.sender_fault else "Service", "message": error.message, "Message": error.message}
    headers = {"content-type": "application/json", "x-amzn-errortype": error.code}
    return Answer(error.status, json.dumps(body | error.extra).encode(), headers)
