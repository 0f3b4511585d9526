"""What an error and its cause mean, in one line a person reads.

`cause` is free text to Step Functions. A Lambda function's is JSON (`errorType`, `errorMessage`,
`stackTrace`); a failed child execution's is a JSON document about that; everything else is words. On AWS
the error of a Lambda task is its exception's name already; elsewhere it may be a generic one, and the name
stands in the cause.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_REASONS = re.compile(r"specific reasons \[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Cause:
    """An error taken apart; `stack` only where a Lambda function gave one."""

    type: str
    message: str
    stack: tuple[str, ...] = ()
    request_id: str | None = None

    @property
    def line(self) -> str:
        """`OutOfStock: left: 0`; the type alone where nothing more was said."""
        first = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return ": ".join(part for part in (self.type, first) if part)


def decode(error: str | None, cause: str | None) -> Cause:
    """Take `error` and `cause` apart; both may be absent, as for a callback failed without a reason."""
    document = _object(cause)
    if document is not None and ("errorMessage" in document or "errorType" in document):
        trace = document.get("stackTrace") or document.get("trace") or []
        stack = tuple(str(line).rstrip("\n") for line in trace) if isinstance(trace, list) else ()
        request_id = document.get("requestId")
        kind = str(document.get("errorType") or error or "")
        return Cause(kind, str(document.get("errorMessage") or ""), stack, str(request_id) if request_id else None)
    if document is not None and "Status" in document and "ExecutionArn" in document:
        inner = decode(_text(document.get("Error")), _text(document.get("Cause")))
        return Cause(error or "", f"child execution {document['Status']}: {inner.line}".rstrip(": "))
    return Cause(
        error or "", _reasons(cause) if error and error.endswith("TransactionCanceledException") else cause or ""
    )


def _reasons(cause: str | None) -> str:
    """DynamoDB names a reason for each item of a transaction, most of them None: the others are the news."""
    found = _REASONS.search(cause or "")
    if found is None:
        return cause or ""
    each = [reason.strip() for reason in found[1].split(",")]
    return ", ".join(f"item {number}: {reason}" for number, reason in enumerate(each, 1) if reason != "None")


def _object(text: str | None) -> dict[str, object] | None:
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
