"""X-Ray: the segments of a few traces.

Where an account has Transaction Search switched on, X-Ray indexes only a part of the traces and this API finds
none of the rest: nothing found is no proof that nothing was traced.

https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orderctl.aws.errors import aws_call
from orderctl.orders.log_models import Segment

AT_ONCE = 5
"""Trace ids in one BatchGetTraces call (API reference)."""


class XRayTraces:
    """Traces of one account and Region."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Segment]:
        """Every segment and subsegment, in the order they began."""
        found: list[Segment] = []
        for start in range(0, len(trace_ids), AT_ONCE):
            pages = self._client.get_paginator("batch_get_traces").paginate(
                TraceIds=list(trace_ids[start : start + AT_ONCE])
            )
            with aws_call("xray", "BatchGetTraces"):
                for page in pages:
                    for trace in page.get("Traces", []):
                        for segment in trace.get("Segments", []):
                            found += _segments(trace["Id"], json.loads(segment["Document"]), is_inner=False)
        return sorted(found, key=lambda segment: segment.started_at)


def _segments(trace_id: str, document: Mapping[str, Any], *, is_inner: bool) -> Iterator[Segment]:
    begin, end = document.get("start_time"), document.get("end_time")
    if begin is not None:
        yield Segment(
            trace_id=trace_id,
            name=str(document.get("name", "?")),
            started_at=datetime.fromtimestamp(float(begin), UTC),
            seconds=None if end is None else round(float(end) - float(begin), 3),
            error=_error(document),
            is_inner=is_inner,
        )
    for inner in document.get("subsegments") or []:
        yield from _segments(trace_id, inner, is_inner=True)


def _error(document: Mapping[str, Any]) -> str | None:
    """The first exception's own words, else which kind of trouble X-Ray marked."""
    cause = document.get("cause")
    told = cause.get("exceptions") if isinstance(cause, dict) else None
    if told:
        return ": ".join(str(told[0][key]) for key in ("type", "message") if told[0].get(key)) or None
    return next((word for word in ("fault", "error", "throttle") if document.get(word)), None)
