"""The query protocol, as SNS and STS speak it: a form in, XML out. Timestamps leave as ISO 8601."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape

from tests.fakes.sqs.errors import AwsError, Json
from tests.fakes.sqs.protocols import REQUEST_ID, Answer


def query_params(shape: Shape | None, form: dict[str, str], prefix: str = "") -> Any:
    """Parameters from `Name.member.1.Field=value` pairs below `prefix`, or None when there are none."""
    if prefix in form:
        return base64.b64decode(form[prefix]) if shape and shape.type_name == "blob" else form[prefix]
    if not any(key.startswith(prefix and f"{prefix}.") for key in form):
        return None
    match shape.type_name if shape else None:
        case "structure":
            members: dict[str, Shape] = shape.members  # type: ignore[union-attr]
            found = {name: query_params(each, form, f"{prefix}.{name}".lstrip(".")) for name, each in members.items()}
            return {name: value for name, value in found.items() if value is not None}
        case "list":
            name = shape.member.serialization.get("name", "member")  # type: ignore[union-attr]
            return _numbered(shape.member, form, f"{prefix}.{name}")  # type: ignore[union-attr]
        case "map":
            keys = _numbered(shape.key, form, f"{prefix}.entry", f".{_key_name(shape)}")  # type: ignore[union-attr]
            values = _numbered(shape.value, form, f"{prefix}.entry", f".{_value_name(shape)}")  # type: ignore[union-attr]
            return dict(zip(keys, values, strict=True))
    return None


def _key_name(shape: Any) -> str:
    return str(shape.key.serialization.get("name", "key"))


def _value_name(shape: Any) -> str:
    return str(shape.value.serialization.get("name", "value"))


def _numbered(shape: Shape, form: dict[str, str], prefix: str, suffix: str = "") -> list[Any]:
    items: list[Any] = []
    while (item := query_params(shape, form, f"{prefix}.{len(items) + 1}{suffix}")) is not None:
        items.append(item)
    return items


def query_answer(operation: OperationModel, result: Json) -> Answer:
    inner = _xml(operation.output_shape, result) if operation.output_shape else ""
    name = operation.name
    wrapped = f"<{name}Result>{inner}</{name}Result>" if operation.output_shape else ""
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    text = f'<{name}Response xmlns="{namespace}">{wrapped}{metadata}</{name}Response>'
    return Answer(200, text.encode(), {"content-type": "text/xml"})


def _xml(shape: Shape, value: Any) -> str:
    match shape.type_name:
        case "structure":
            members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
            return "".join(f"<{key}>{_xml(members[key], each)}</{key}>" for key, each in value.items())
        case "list":
            name = shape.member.serialization.get("name", "member")  # type: ignore[attr-defined]
            return "".join(f"<{name}>{_xml(shape.member, each)}</{name}>" for each in value)  # type: ignore[attr-defined]
        case "map":
            key, inner = _key_name(shape), _value_name(shape)
            return "".join(
                f"<entry><{key}>{escape(name)}</{key}><{inner}>{_xml(shape.value, each)}</{inner}></entry>"  # type: ignore[attr-defined]
                for name, each in value.items()
            )
        case "timestamp" if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def query_error(error: AwsError) -> Answer:
    kind = "Sender" if error.sender_fault else "Receiver"
    inner = f"<Type>{kind}</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    text = f"<ErrorResponse><Error>{inner}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return Answer(error.status, text.encode(), {"content-type": "text/xml"})
