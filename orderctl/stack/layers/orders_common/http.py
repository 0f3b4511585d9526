"""Reading a request's JSON body and writing an answer, the same for both APIs."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.content_types import APPLICATION_JSON
from aws_lambda_powertools.event_handler.exceptions import BadRequestError


def json_object(body: str | None) -> dict[str, Any]:
    """The body as a JSON object; absent, malformed, NaN, nested for ever or another type is 400, never a 500."""
    try:
        document = json.loads(body or "", parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body must be a JSON object") from error
    if not isinstance(document, dict):
        raise BadRequestError("the body must be a JSON object")
    return document


def json_answer(status: HTTPStatus, document: dict[str, Any]) -> Response[str]:
    """An answer in JSON."""
    return Response(status_code=status, content_type=APPLICATION_JSON, body=json.dumps(document))


def _finite(text: str) -> float:
    """1e400 would become Infinity, which EventBridge does not take."""
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
