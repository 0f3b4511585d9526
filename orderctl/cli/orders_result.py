"""The last word of a stream: what ended it, for a program that reads.

Whatever ends a watch (the executions, the timeout, Ctrl-C, an error), the outcome is written first and the
error raised after: a stream of JSON always closes with one `result`, and `-o json` always is a document.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from orderctl.errors import OrderctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orderctl.context import App
    from orderctl.orders.models import Execution
    from orderctl.orders.watching import Watching

MOST_DESCRIBED = 10
"""Failed executions of one watch whose redrive status is asked for: a call each."""


@contextmanager
def always_a_result(cli: App, order_id: str | None, *, wanted: bool) -> Iterator[None]:
    """Close the stream also where the watch never began: the start was refused, or interrupted."""
    try:
        yield
    except (OrderctlError, KeyboardInterrupt) as error:
        if wanted:
            told = ending(error)
            write_result(cli, lambda: {"order_id": order_id, **told})
        raise


@contextmanager
def closed_by_a_result(cli: App) -> Iterator[None]:
    """Close a stream of JSON that somebody or a timeout ends: what came before it was all there was."""
    try:
        yield
    except (OrderctlError, KeyboardInterrupt) as error:
        _close(cli, error)
        raise
    _close(cli, None)


def _close(cli: App, end: BaseException | None) -> None:
    if cli.renderer.format == "jsonl":
        cli.renderer.event({"type": "result", **ending(end)})


def result(cli: App, watching: Watching, end: BaseException | None) -> dict[str, object]:
    """The outcome as JSON: the execution's own names for one order, a list of executions for several."""
    from orderctl import jsontext

    found = watching.executions
    if not isinstance(end, KeyboardInterrupt):
        found = _with_redrive_status(cli, found)
    executions = [_told(jsontext.plain(execution)) for execution in found]
    body = dict(executions[0]) if len(executions) == 1 else {"executions": executions}
    reached = "until_state" if watching.reached else "succeeded"
    return {**body, **(ending(end) if end is not None else {**ending(None), "outcome": reached})}


def _told(execution: dict[str, object]) -> dict[str, object]:
    """Of an execution nothing was ever seen of, it is not known how it stands."""
    is_seen = execution["started_at"] is not None or execution["status"] != "RUNNING"
    return execution if is_seen else {**execution, "status": None}


def _with_redrive_status(cli: App, executions: Sequence[Execution]) -> list[Execution]:
    """Whether it may be redriven: what succeeded or is Express may not, the first few others are asked for."""
    from dataclasses import replace

    left, found = MOST_DESCRIBED, []
    for each in executions:
        status = None
        if each.type == "EXPRESS" or each.status == "SUCCEEDED":
            status = "NOT_REDRIVABLE"
        elif each.status.is_closed and left > 0:
            left -= 1
            status = _redrive_status(cli, each.execution_arn)
        found.append(replace(each, redrive_status=status))
    return found


def _redrive_status(cli: App, execution_arn: str) -> str | None:
    try:
        return cli.executions.describe(execution_arn).redrive_status
    except OrderctlError:
        return None


def write_result(cli: App, made: Callable[[], dict[str, object]]) -> None:
    """The last word of a watch for a program that reads; people have seen it already, so it is not even made."""
    if not cli.renderer.is_machine:
        return
    document = made()
    if cli.renderer.format == "jsonl":
        kind = document.get("type")
        rest = {name: value for name, value in document.items() if name != "type"}
        cli.renderer.event({"type": "result", **rest, **({"state_machine_type": kind} if kind else {})})
    else:
        cli.renderer.one(document)


def ending(end: BaseException | None) -> dict[str, object]:
    """How it ended, in a result's words; None is a success."""
    if end is None:
        return {"outcome": "succeeded", "exit_code": 0, "message": None}
    if isinstance(end, OrderctlError):
        return {"outcome": end.code, "exit_code": end.exit_code, "message": end.message}
    return {"outcome": "interrupted", "exit_code": getattr(end, "exit_code", 130), "message": None}
