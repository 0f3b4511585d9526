"""`orderctl events tail`: what comes by on the bus, until somebody stops it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.events.tap import Tailed, Tailer

COLUMNS = ("time", "source", "detail_type", "id", "detail")


def tail(
    ctx: typer.Context,
    sources: Annotated[list[str] | None, typer.Option("--source", metavar="TEXT", help="Only events from it.")] = None,
    detail_types: Annotated[
        list[str] | None, typer.Option("--detail-type", metavar="TEXT", help="Only events of this kind.")
    ] = None,
    pattern: Annotated[str | None, typer.Option(metavar="JSON", help="An event pattern, as rules have them.")] = None,
    bus: Annotated[
        str | None, typer.Option("--bus", metavar="NAME", help="Event bus; default: the environment's.")
    ] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, metavar="N", help="Stop after N events.")] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop after it, such as 10m; 124 if --max was not reached.")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made; make nothing.")] = False,
) -> None:
    """Show events as they come by; makes a temporary rule and queue and always removes them.

    Example: orderctl events tail --detail-type OrderCreated --output jsonl
    """
    from orderctl import times
    from orderctl.errors import TimeoutPassedError
    from orderctl.events import tap

    cli = app_of(ctx)
    wanted = tap.pattern_of(pattern, sources or [], detail_types or [])
    seconds = None if timeout is None else times.span(timeout, "--timeout")
    on = cli.event_buses(cli.resource("event_bus", bus))
    on.arn()
    if dry_run:
        cli.renderer.say(f"would make a queue, and a rule on {on.name} for {wanted}, and remove them at the end")
        return
    guard.adding(cli, confirm=confirm)
    tailer = tap.Tailer(cli.event_taps, cli.clock, cli.state_dir / "tails")
    with contextlib.ExitStack() as opened:
        shown = _show(cli, _up_to(_listen(cli, tailer, opened, on.name, wanted, seconds), most))
    if most is not None and shown < most:
        raise TimeoutPassedError(f"{shown} of {most} events came by in {timeout}")


def _listen(
    cli: App, tailer: Tailer, opened: contextlib.ExitStack, bus: str, wanted: str, seconds: float | None
) -> Iterator[Tailed]:
    """Sweep, put up rule and queue, read. `opened` takes them away, not this generator: it may never be closed."""
    for name in tailer.sweep(lambda error: cli.renderer.warn(error.message)):
        cli.renderer.say(f"removed rule and queue {name}, left by a run that was killed")
    made = opened.enter_context(tailer.opened(bus, wanted))
    cli.renderer.say(f"listening on {bus} with rule {made.name}; a new rule takes up to a minute; Ctrl-C stops")
    until = None if seconds is None else cli.clock.monotonic() + seconds
    yield from tailer.follow(made, until=until)


def _up_to(events: Iterator[Tailed], most: int | None) -> Iterator[Tailed]:
    for number, event in enumerate(events, 1):
        yield event
        if number == most:
            return


def _show(cli: App, events: Iterator[Tailed]) -> int:
    """Each event at once (json at the end); jsonl ends with one result. Gives how many."""
    renderer = cli.renderer
    count = 0

    def counted() -> Iterator[Tailed]:
        nonlocal count
        for event in events:
            count += 1
            yield event
            cli.out.flush()  # it is written by now, and the next may be long in coming

    if renderer.format in ("json", "csv"):
        renderer.rows(COLUMNS, counted())
        return count
    try:
        for event in counted():
            if renderer.format == "jsonl":
                renderer.event({"type": "event", **_fields(event)})
            elif renderer.format == "table":
                renderer.text(_line(event))
            else:
                renderer.rows(COLUMNS, [event])
    finally:
        if renderer.format == "jsonl":
            renderer.event({"type": "result", "count": count})
    return count


def _line(event: Tailed) -> str:
    from orderctl import jsontext

    return "  ".join((event.time, event.source, event.detail_type, event.id, jsontext.dumps(event.detail)))


def _fields(event: Tailed) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(event)
