"""A history exactly as AWS recorded it: its own objects, none of their fields renamed, decoded or left out.

For whoever compares with the AWS documentation, or hands a history on as evidence. Standard executions have it in
GetExecutionHistory, Express ones in the lines of their log, which is another shape; both are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from orderctl import jsontext
from orderctl.errors import NotFoundError, OrderctlError
from orderctl.orders.log_models import Logs
from orderctl.orders.names import order_id_of

Recorded = Mapping[str, object]


def recorded_in_log(logs: Logs, group: str, execution_arn: str, since: datetime) -> Iterator[Recorded]:
    """The lines of one Express execution, in the order of its events, each once.

    An Express execution has few events, and they are logged out of order: they are sorted before the first is given.
    Raises NotFoundError where the log has none.
    """
    found: dict[tuple[int, int], Recorded] = {}
    for line in logs.lines(group, since=since, containing=execution_arn):
        event = _event(line.message, execution_arn)
        if event is not None:
            found.setdefault(event[0], event[1])
    if not found:
        raise NotFoundError(
            f"order {order_id_of(execution_arn)}: log group {group} has nothing of it",
            hint="the log arrives some seconds late; further back: --since 7d",
        )
    for key in sorted(found):
        yield found[key]


def _event(message: str, execution_arn: str) -> tuple[tuple[int, int], Recorded] | None:
    """Redrive count and id, and the object; None for a line that is no event of this execution."""
    try:
        line = jsontext.loads(message)
        if not isinstance(line, dict) or line.get("execution_arn") != execution_arn or "type" not in line:
            return None
        return (int(line.get("redrive_count") or 0), int(line["id"])), line
    except (OrderctlError, ValueError, TypeError, KeyError):
        return None
