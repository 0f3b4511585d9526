"""Watching, in every output: a live view, a line a transition, a stream of JSON, or one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl import jsontext
from orderctl.cli.orders_result import result, write_result
from orderctl.errors import NotFoundError, OrderctlError, TimeoutPassedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orderctl.context import App
    from orderctl.orders.follow import News
    from orderctl.orders.graph import Node
    from orderctl.orders.watching import Step, Watching

COLUMNS = ("timestamp", "order_id", "state", "what", "duration_seconds", "error")


class WatchOptions:
    """How long and how often to look, and what to look for."""

    def __init__(
        self,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        until_state: str | None = None,
        patience: float = 0,
    ) -> None:
        self.timeout = timeout
        self.interval = interval
        self.until_state = until_state
        self.patience = patience
        self.lifetime: float | None = None
        """Seconds after which an Express execution cannot be running any more."""
        self.absent: NotFoundError | None = None
        """What it means where nothing was ever seen of the execution."""
        self.says_patience = False
        """Was the patience chosen by whoever named the order, so that the end has to speak of it?"""


def watch(cli: App, execution_arns: Sequence[str], options: WatchOptions) -> None:
    """Watch to the end, show it, and raise what the exit code has to tell."""
    from orderctl.cli.orders_express import prepare_watch
    from orderctl.orders.watching import Watching

    watching = Watching(execution_arns)
    end: BaseException | None = None
    try:
        prepare_watch(cli, execution_arns, options)
        _show(cli, watching, options)
        end = watching.verdict(options.until_state)
    except TimeoutPassedError as error:
        failed = ", ".join(f"{each.order_id} {each.status}" for each in watching.failures[:10])
        end = TimeoutPassedError(error.message + (f"; ended before: {failed}" if failed else ""), hint=cli.resume)
    except NotFoundError as error:
        never_seen = all(tracker.started_at is None for tracker in watching.trackers.values())
        end = (options.absent or _unseen(error, options)) if never_seen else _beside(error, watching)
    except (OrderctlError, KeyboardInterrupt) as error:
        end = error
    write_result(cli, lambda: result(cli, watching, end))
    if end is not None:
        raise end


def _beside(error: NotFoundError, watching: Watching) -> OrderctlError:
    """Some are missing: that is the outcome, unless others failed, which is worse and must not be hidden by it."""
    from orderctl.orders.watching import ended_badly

    if len(watching.trackers) == 1 or not watching.failures:
        return error
    failed = ended_badly(watching.failures, len(watching.trackers))
    failed.message += f"; {error.message}"
    return failed


def _unseen(error: NotFoundError, options: WatchOptions) -> NotFoundError:
    """It never appeared: how long was waited, and what it can mean."""
    if not options.says_patience or not options.patience:
        return error
    return NotFoundError(
        f"{error.message} (waited {options.patience:g}s for it to start)",
        hint="just published, it may take longer: --patience 60s; lost on the way: orderctl dlq list",
        aws=error.aws,
    )


def _show(cli: App, watching: Watching, options: WatchOptions) -> None:
    from orderctl.cli.orders_express import histories_of
    from orderctl.orders.follow import follow

    news = follow(
        histories_of(cli),
        list(watching.trackers),
        clock=cli.clock,
        interval=options.interval,
        timeout=options.timeout,
        patience=options.patience,
        lifetime=options.lifetime,
        bucket=cli.token_buckets.of("GetExecutionHistory"),
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
    graph = _graph(cli, list(watching.trackers), view.size[0])
    try:
        for item in news:
            watching.take(item, cli.clock.now(), options.until_state)
            for notice in item.notices:
                view.clear()
                cli.renderer.warn(notice)
            columns, rows = view.size
            view.draw(frame(trackers, cli.clock.now(), cli.renderer.style, rows, columns=columns, graph=graph))
            if watching.reached:
                return
    finally:
        view.finish(frame(trackers, cli.clock.now(), cli.renderer.style))


def _graph(cli: App, arns: Sequence[str], columns: int) -> Sequence[Node]:
    """The states of a single order's workflow; none where there is no room, or no permission to read it."""
    from orderctl.orders.graph import nodes
    from orderctl.orders.names import machine_of
    from orderctl.render.watch_graph import BROAD_ENOUGH

    if len(arns) != 1 or columns < BROAD_ENOUGH:
        return ()
    try:
        return nodes(cli.executions.state_machine(machine_of(arns[0])).definition)
    except OrderctlError:
        return ()


def sentence(step: Step) -> str:
    """A transition for a person who reads it from a file."""
    from orderctl.render.cells import span

    took = "" if step.duration_seconds is None else span(step.duration_seconds)
    parts = (jsontext.iso(step.timestamp), step.order_id, step.state or "", step.what or "", took, step.error or "")
    return "  ".join(part for part in parts if part)
