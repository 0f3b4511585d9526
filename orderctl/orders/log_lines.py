"""A line of a function's log, taken apart: which request it belongs to, how grave it is, what it says.

Lambda's platform lines are text (`START RequestId: …`) or JSON (`platform.start`), depending on the function's
log format; what functions print themselves is whatever they print. JSON lines of Powertools, and of most
other loggers, name the request, the level and the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orderctl.orders.log_models import LogLine

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REQUEST = re.compile(rf"RequestId: ({_UUID})")
_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_LEVEL = re.compile(r"\[(DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\]")
_REQUEST_KEYS = ("function_request_id", "requestId", "request_id", "AWSRequestId", "aws_request_id")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order's logs; `match` says how it was known to be the order's."""

    timestamp: datetime
    source: str
    level: str | None
    message: str
    request_id: str | None
    match: str
    log_group: str
    log_stream: str
    trace_id: str | None = None

    @property
    def key(self) -> tuple[datetime, str, str, str]:
        """The same for the same line, however it was matched."""
        return self.timestamp, self.log_group, self.log_stream, self.message


def order_line(line: LogLine, source: str, match: str) -> OrderLine:
    """The line for a reader; `source` where it does not name its function itself."""
    said = _object(line.message)
    named = said.get("function_name") or said.get("service")
    return OrderLine(
        timestamp=line.timestamp,
        source=str(named) if named else source,
        level=_level(said, line.message),
        message=_message(said, line.message),
        request_id=request_id_in(line.message),
        match=match,
        log_group=line.group,
        log_stream=line.stream,
        trace_id=next(iter(trace_ids_in(line.message)), None),
    )


def request_id_in(message: str) -> str | None:
    """The Lambda request a line belongs to, where it says."""
    said = _object(message)
    record = said.get("record")
    for source in (said, record if isinstance(record, dict) else {}):
        for key in _REQUEST_KEYS:
            if isinstance(source.get(key), str) and source[key]:
                return str(source[key])
    found = _REQUEST.search(message)
    return found[1] if found else None


def trace_ids_in(message: str) -> list[str]:
    """X-Ray trace ids that stand in a line."""
    return _TRACE.findall(message)


def mentions(message: str, word: str) -> bool:
    """Does the line hold the word as a whole: order `1` is not meant by order `12`."""
    return re.search(rf"(?<![0-9A-Za-z_-]){re.escape(word)}(?![0-9A-Za-z_-])", message) is not None


def is_platform(line: OrderLine) -> bool:
    """Is it Lambda's own bookkeeping of a request: its start, its end, its report?"""
    return line.message.startswith(("START RequestId", "END RequestId", "REPORT RequestId", "platform."))


def _level(said: Mapping[str, object], message: str) -> str | None:
    level = said.get("level") or said.get("log_level")
    if isinstance(level, str):
        return level.upper()
    found = _LEVEL.search(message)
    return found[1] if found else ("ERROR" if "Task timed out after" in message else None)


def _message(said: Mapping[str, object], message: str) -> str:
    """The words of a JSON line, with the exception where there is one; any other line as it is."""
    words = said.get("message") or said.get("type")
    if not isinstance(words, str):
        return message
    error = said.get("exception_name") or said.get("errorType")
    told = said.get("errorMessage")
    return ": ".join(str(part) for part in (words, error, told) if part)


def _object(message: str) -> Mapping[str, object]:
    if not message.startswith("{"):
        return {}
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
