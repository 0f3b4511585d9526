"""The other form of a history event: a line in a state machine's CloudWatch log group.

Standard and Express executions log the same shape: ids are text, details are not wrapped, the time is
milliseconds in text. Without execution data (`includeExecutionData` off) `input` and `output` are missing,
names, errors and causes stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orderctl.aws.stepfunctions import state_named, without_noise
from orderctl.orders.models import HistoryEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event_from_log(message: str | Mapping[str, Any], *, with_data: bool = True) -> tuple[str, HistoryEvent] | None:
    """The execution's ARN and the event of one log line; None where the line is something else."""
    line = _object(message) if isinstance(message, str) else message
    if line is None or not all(key in line for key in ("id", "type", "execution_arn", "event_timestamp")):
        return None
    details = line.get("details") or {}
    previous = line.get("previous_event_id")
    event = HistoryEvent(
        id=int(line["id"]),
        type=str(line["type"]),
        timestamp=_EPOCH + timedelta(milliseconds=int(line["event_timestamp"])),
        previous_id=None if previous is None else int(previous),
        state=state_named(str(line["type"]), details),
        details=without_noise(details, with_data=with_data),
        redrive_count=int(line.get("redrive_count") or 0),
    )
    return str(line["execution_arn"]), event


def _object(message: str) -> Mapping[str, Any] | None:
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
