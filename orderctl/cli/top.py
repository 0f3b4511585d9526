"""`orderctl top`: one screen for the person on call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderctl.cli.framework import app_of, single_command

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.top.board import Board
    from orderctl.top.models import Snapshot

COLUMNS = ("section", "name", "value", "detail")
PRINTED_COLUMNS = 200
"""Of a snapshot that is not drawn but printed: a terminal may fold a line, but no name is cut."""


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print what there is now, and end.")] = False,
    since: Annotated[str, typer.Option(metavar="SPAN", help="Executions started since.")] = "1h",
    low: Annotated[int, typer.Option(min=0, metavar="N", help="Products with less than N; 0 reads no stock.")] = 10,
    interval: Annotated[str, typer.Option(metavar="SPAN", help="Between two looks; 5s at the least.")] = "10s",
    state_machine: Annotated[str | None, typer.Option(metavar="ARN", help="State machine to use.")] = None,
) -> None:
    """Executions, failures by error, dead letters, low stock and alarms on one screen that keeps itself fresh.

    On a terminal: j, k and arrows choose, Enter looks closer, r refreshes, q leaves. Elsewhere, or with --once, one
    snapshot is printed. Nothing is received from a queue until you look closer.

    Example: orderctl top --once --output json
    """
    from orderctl import times
    from orderctl.errors import UsageError
    from orderctl.render.style import is_terminal

    cli = app_of(ctx)
    window, pause = times.span(since, "--since"), times.span(interval, "--interval")
    if window <= 0 or pause < 5:
        raise UsageError("--since must be longer than nothing, --interval 5s at the least")
    board = _board(cli, window, low, pause, state_machine)
    if once or cli.options.get("query") or not (cli.renderer.is_live and is_terminal(cli.stdin)):
        _print(cli, board)
    else:
        _keep_fresh(cli, board)


def single() -> Any:
    """The command itself: this noun has no verbs."""
    return single_command("top", top)


def _board(cli: App, window: float, low: int, pause: float, state_machine: str | None) -> Board:
    from datetime import timedelta

    from orderctl.top.board import Board
    from orderctl.top.executions import RecentExecutions
    from orderctl.top.queues import WatchedQueues

    stack, span = cli.environment.text("stack"), timedelta(seconds=window)

    def executions() -> RecentExecutions:
        return RecentExecutions(cli.executions, cli.resource("state_machine", state_machine), cli.clock, span)

    def queues() -> WatchedQueues:
        return WatchedQueues(cli.queues, cli.wiring, lambda: _within(cli, stack), cli.queue_trends, cli.clock)

    return Board(
        cli.clock,
        cli.environment.name,
        span,
        executions=executions,
        queues=queues,
        stock=lambda: cli.stock,
        alarms=lambda: cli.alarms,
        low=low,
        alarm_prefix=f"{stack}-" if stack else None,
        interval=pause,
    )


def _within(cli: App, stack: str | None) -> set[str] | None:
    from orderctl.dlq.overview import names_of

    return names_of(cli.stacks.resources(stack)) if stack else None


def _print(cli: App, board: Board) -> None:
    from orderctl.render.top import screen

    for _ in board.refresh():
        pass
    board.raise_if_blind()
    snapshot, renderer = board.snapshot(), cli.renderer
    if renderer.is_machine or cli.options.get("query"):
        renderer.one(snapshot)
    elif renderer.format == "table":
        for line in screen(snapshot, PRINTED_COLUMNS, None, renderer.style, keys=""):
            cli.out.write(line.painted + "\n")
    else:
        renderer.rows(COLUMNS, rows(snapshot))


def rows(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    """The snapshot for tsv and csv: a line a number."""

    def row(section: str, name: str, value: object, detail: object = None) -> dict[str, object]:
        return {"section": section, "name": name, "value": value, "detail": detail}

    yield from (row("executions", status, count) for status, count in snapshot.executions.by_status.items())
    yield from (row("failures", each.error, each.count, each.order_id) for each in snapshot.failures)
    yield from (row("dead letters", q.name, q.depth, q.oldest_age_seconds) for q in snapshot.dead_letter_queues)
    yield from (row("running", each.order_id, None, each.started_at) for each in snapshot.running)
    yield from (row("low stock", each.product_id, each.quantity) for each in snapshot.low_stock)
    yield from (row("alarms", each.name, each.state, each.since) for each in snapshot.alarms)
    yield from (row("notes", note, None) for note in snapshot.notes)


def _keep_fresh(cli: App, board: Board) -> None:
    """Until q, Ctrl-C or the terminal goes away; the last screen stays in the scrollback."""
    from orderctl.cli.top_screen import TopScreen
    from orderctl.render.top_keys import Keys
    from orderctl.render.watch import LiveView

    def look_closer(words: Sequence[str]) -> None:
        run_command(cli, words)

    TopScreen(board, LiveView(cli.out), Keys(cli.stdin), cli.clock, cli.renderer.style, look_closer).run()


def run_command(cli: App, words: Sequence[str]) -> None:
    """Another command of ours on this terminal, in the same environment, and a pause to read what it says."""
    import subprocess
    import sys

    line = [*words, *_common(cli)]
    cli.renderer.say("$ " + cli.command(*words))
    with _ctrl_c_is_for_the_child():
        subprocess.run([sys.executable, "-m", "orderctl", *line], env=dict(cli.environ), check=False)
    cli.renderer.say("any key goes back")


def _common(cli: App) -> list[str]:
    """The common options that decide where a command works."""
    named = ("env", "profile", "region", "endpoint_url", "config")
    given = {name: cli.options[name] for name in named if cli.options.get(name)}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@contextmanager
def _ctrl_c_is_for_the_child() -> Iterator[None]:
    """Not SIG_IGN: a child would inherit that, and Ctrl-C would end neither."""
    import signal

    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
