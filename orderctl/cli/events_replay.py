"""`orderctl events replay`: archived events once more, to named rules only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.events.replay import Plan

COLUMNS = ("name", "state", "since", "until", "last_replayed", "reason")


def replay(
    ctx: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From: 2h (ago) or ISO 8601.")] = None,
    until: Annotated[str, typer.Option(metavar="TIME", help="Up to; default: now.")] = "0s",
    rules: Annotated[list[str] | None, typer.Option("--rule", metavar="NAME", help="A rule it goes to.")] = None,
    targets: Annotated[
        list[str] | None, typer.Option("--target", metavar="ID", help="A target of these rules that may run again.")
    ] = None,
    archive: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the environment's.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Default: made of what is replayed.")] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop watching after it; the replay goes on.")
    ] = None,
    no_delay: Annotated[bool, typer.Option("--no-delay", help="Do not wait for the archive to have it all.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List the replays of the archive.")] = False,
    watch: Annotated[str | None, typer.Option(metavar="NAME", help="Follow a replay that runs.")] = None,
    cancel: Annotated[str | None, typer.Option(metavar="NAME", help="Cancel a replay.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start nothing.")] = False,
) -> None:
    """Replay archived events to named rules; every target they run has to be named too.

    EventBridge replays a span of time; which of its events a rule is sent is decided by the rule's own pattern.

    Example: orderctl events replay --since 2h --until 1h --rule OrderCreated --target Analytics --yes
    """
    from orderctl import jsontext, times
    from orderctl.errors import UsageError
    from orderctl.events import replay as replays

    cli = app_of(ctx)
    seconds = None if timeout is None else times.span(timeout, "--timeout")
    if watch is not None:
        _follow(cli, watch, seconds)
        return
    if cancel is not None:
        _cancel(cli, cancel, seconds, yes=yes, confirm=confirm, dry_run=dry_run)
        return
    kept = cli.replays.archive(cli.resource("event_archive", archive))
    if list_all:
        cli.renderer.rows(COLUMNS, cli.replays.list(kept))
        return
    if since is None:
        raise UsageError("--since is wanted", hint="such as --since 2h; or --list, --watch NAME, --cancel NAME")
    now = cli.clock.now()
    on = cli.event_buses(kept.bus_name)
    begin, end = times.moment(since, now, "--since"), times.moment(until, now, "--until")
    plan = replays.plan(on, kept, begin, end, rules or [], name=name)
    _show(cli, plan)
    if name is None and any(
        times.moment(text, plan.starts_at, "") != at for text, at in ((since, begin), (until, end))
    ):
        again = f"--since {jsontext.iso(begin)} --until {jsontext.iso(end)}"
        cli.renderer.say(f"the same line again means another span and replays again; in a runbook: {again}")
    replays.refuse_unnamed(plan, targets or [])
    if dry_run:
        return
    guard.acting(cli, f"Replay to {', '.join(rule.name for rule in plan.rules)}?", yes=yes, confirm=confirm)
    left = (plan.starts_at - now).total_seconds()
    if left > 0 and not no_delay:
        cli.renderer.say(f"waiting {left:.0f} s for the archive to hold the newest of them (--no-delay does not)")
    cli.resume = "nothing was started"
    replays.start(cli.replays, plan, cli.clock, delay=not no_delay)
    _follow(cli, plan.name, seconds)


def _show(cli: App, plan: Plan) -> None:
    from orderctl import jsontext
    from orderctl.events.replay import called

    cli.renderer.say(
        f"replay {plan.name}: {jsontext.iso(plan.since)} to {jsontext.iso(plan.until)} of {plan.archive.name}"
    )
    if cli.environment.is_local:
        cli.renderer.warn("the embedded stack replays to every rule of the bus; only AWS keeps to the rules named")
    for rule in plan.rules:
        cli.renderer.say(f"  rule {rule.name} ({rule.state}) is sent what matches {rule.pattern}")
        for target in plan.targets:
            if target.rule_arn == rule.arn:
                cli.renderer.say(f"    runs {called(plan, target)}: {target.arn}")


def _follow(cli: App, name: str, seconds: float | None) -> None:
    """Progress on stderr, the replay as it ended on stdout."""
    from orderctl.events import replay as replays

    cli.resume = f"the replay goes on; follow it with: {cli.command('events', 'replay', '--watch', name)}"
    last = None
    try:
        for last in replays.follow(cli.replays, name, cli.clock, timeout=seconds):
            cli.renderer.say(f"{last.state} {last.share:.0%}")
    finally:
        if last is not None:
            cli.renderer.one(last, COLUMNS)


def _cancel(cli: App, name: str, seconds: float | None, *, yes: bool, confirm: str | None, dry_run: bool) -> None:
    from orderctl.events import replay as replays

    found = cli.replays.describe(name)
    if found.state in replays.CLOSED or dry_run:
        cli.renderer.say(
            f"replay {name} is {found.state}" + ("" if found.state in replays.CLOSED else "; would cancel")
        )
        return
    guard.acting(cli, f"Cancel replay {name}?", yes=yes, confirm=confirm)
    cli.replays.cancel(name)
    for last in replays.until_closed(cli.replays, name, cli.clock, timeout=seconds):
        cli.renderer.say(f"{last.state} {last.share:.0%}")
    cli.renderer.one(cli.replays.describe(name), COLUMNS)
