"""Watching, in every output: a live view, a line a transition, a stream of JSON, or one document.

Whatever ends a watch (the executions, the timeout, Ctrl-C, an error), the outcome is written first and the
error raised after: a stream of JSON always closes with one `result`, and `-o json` always is a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orderctl import jsontext
from orderctl.errors import NotFoundError, OrderctlError, TimeoutPassedError
from orderctl.orders.follow import INTERVAL, News, follow
from orderctl.orders.watching import Step, Watching

if TYPE_CHECKING:
    from orderctl.context import App

COLUMNS = ("timestamp", "order_id", "state", "what", "duration_seconds", "error")


class WatchOptions:
    """How long and how often to look, and what to look for."""

    def __init__(
        self,
        *,
        timeout: float | None = None,
        interval: float = INTERVAL,
        until_state: str | None = None,
        patience: float = 0,
    ) -> None:
        self.timeout = timeout
        self.interval = interval
        self.until_state = until_state
        self.patience = patience
        self.absent: NotFoundError | None = None
        """What it means where nothing was ever seen of the execution."""


def watch(cli: App, execution_arns: Sequence[str], options: WatchOptions) -> None:
    """Watch to the end, show it, and raise what the exit code has to tell."""
    watching = Watching(execution_arns)
    end: BaseException | None = None
    try:
        _show(cli, watching, options)
        end = watching.verdict(options.until_state)
    except TimeoutPassedError as error:
        end = TimeoutPassedError(error.message, hint=cli.resume)
    except NotFoundError as error:
        never_seen = all(tracker.started_at is None for tracker in watching.trackers.values())
        end = options.absent if options.absent is not None and never_seen else error
    except (OrderctlError, KeyboardInterrupt) as error:
        end = error
    write_result(cli, result(watching, end))
    if end is not None:
        raise end


@contextmanager
def always_a_result(cli: App, order_id: str, *, wanted: bool) -> Iterator[None]:
    """Close the stream also where the watch never began: the start was refused, or interrupted."""
    try:
        yield
    except (OrderctlError, KeyboardInterrupt) as error:
        if wanted:
            write_result(cli, {"order_id": order_id, **_ending(error)})
        raise


def result(watching: Watching, end: BaseException | None) -> dict[str, object]:
    """The outcome as JSON: the execution's own names for one order, a list of executions for several."""
    executions = [jsontext.plain(execution) for execution in watching.executions]
    body = dict(executions[0]) if len(executions) == 1 else {"executions": executions}
    reached = "until_state" if watching.reached else "succeeded"
    return {**body, **({"outcome": reached, "exit_code": 0, "message": None} if end is None else _ending(end))}


def write_result(cli: App, document: dict[str, object]) -> None:
    """The last word of a watch for a program that reads; people have seen it already."""
    if cli.renderer.format == "jsonl":
        kind = document.get("type")
        rest = {name: value for name, value in document.items() if name != "type"}
        cli.renderer.event({"type": "result", **rest, **({"state_machine_type": kind} if kind else {})})
    elif cli.renderer.format == "json":
        cli.renderer.one(document)


def _ending(end: BaseException) -> dict[str, object]:
    if isinstance(end, OrderctlError):
        return {"outcome": end.code, "exit_code": end.exit_code, "message": end.message}
    return {"outcome": "interrupted", "exit_code": getattr(end, "exit_code", 130), "message": None}


def _show(cli: App, watching: Watching, options: WatchOptions) -> None:
    news = follow(
        cli.executions,
        list(watching.trackers),
        clock=cli.clock,
        interval=options.interval,
        timeout=options.timeout,
        patience=options.patience,
    )
    if cli.renderer.is_live:
        _draw(cli, watching, news, options)
        return
    steps = _steps(cli, watching, news, options)
    if cli.renderer.format == "jsonl":
        for step in steps:
            cli.renderer.event(step)
    elif cli.renderer.format == "json":
        for _ in steps:
            pass
    elif cli.renderer.format == "table":
        for step in steps:
            if step.has_transition:
                cli.renderer.text(sentence(step))
    else:
        cli.renderer.rows(COLUMNS, _flushed(cli, steps))


def _steps(cli: App, watching: Watching, news: Iterable[News], options: WatchOptions) -> Iterator[Step]:
    for item in news:
        yield from watching.take(item, cli.clock.now(), options.until_state)
        for notice in item.notices:
            cli.renderer.warn(notice)
        if watching.reached:
            return


def _flushed(cli: App, steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        if step.has_transition:
            yield step
            cli.out.flush()


def _draw(cli: App, watching: Watching, news: Iterable[News], options: WatchOptions) -> None:
    from orderctl.render.watch import LiveView
    from orderctl.render.watch_frame import frame

    view = LiveView(cli.out)
    trackers = list(watching.trackers.values())
    try:
        for item in news:
            watching.take(item, cli.clock.now(), options.until_state)
            for notice in item.notices:
                view.clear()
                cli.renderer.warn(notice)
            view.draw(frame(trackers, cli.clock.now(), cli.renderer.style, view.size[1]))
            if watching.reached:
                return
    finally:
        view.finish(frame(trackers, cli.clock.now(), cli.renderer.style))


def sentence(step: Step) -> str:
    """A transition for a person who reads it from a file."""
    from orderctl.render.cells import span

    took = "" if step.duration_seconds is None else span(step.duration_seconds)
    parts = (jsontext.iso(step.timestamp), step.order_id, step.state or "", step.what or "", took, step.error or "")
    return "  ".join(part for part in parts if part)
