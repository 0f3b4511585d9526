"""What the verbs of `orders` share: their options, and which execution an ORDER means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from orderctl.cli.orders_watch import WatchOptions
    from orderctl.context import App
    from orderctl.orders.models import ExecutionStatus

StateMachine = Annotated[str | None, typer.Option("--state-machine", metavar="ARN", help="State machine to use.")]
Timeout = Annotated[str | None, typer.Option(metavar="DURATION", help="Stop watching after this; exit 124.")]
Interval = Annotated[str | None, typer.Option(metavar="DURATION", help="Pause between two reads; 1s.")]
UntilState = Annotated[str | None, typer.Option(metavar="NAME", help="Watch until this state is entered; exit 0.")]
Confirm = Annotated[str | None, typer.Option(metavar="ENV", help="Needed in a protected environment.")]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="Id, ARN or @latest.")]
Express = Annotated[bool, typer.Option("--express", help="ORDER is an Express execution: its log is read.")]
LookBack = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="How far back logs are searched; 1d.")]


def watch_options(
    timeout: str | None, interval: str | None, until_state: str | None, *, patience: float = 0
) -> WatchOptions:
    """The watching flags, read; raises UsageError naming the flag."""
    from orderctl import times
    from orderctl.cli.orders_watch import WatchOptions

    pause = times.span(interval, "--interval") if interval else 1.0
    if pause < 0.1:
        raise UsageError("--interval wants at least 100ms", hint="the account's quota is shared by everybody")
    seconds = times.span(timeout, "--timeout") if timeout else None
    return WatchOptions(timeout=seconds, interval=pause, until_state=until_state, patience=patience)


def arn_of(cli: App, order: str, state_machine: str | None) -> str:
    """The Standard execution an ORDER means; the state machine is looked up only where it is needed."""
    from orderctl.orders.names import execution_arn

    check_region(cli, order)
    return execution_arn(order, lambda: cli.resource("state_machine", state_machine), cli.executions)


def check_region(cli: App, order: str) -> None:
    """Raise UsageError for an ARN of another Region: asked here, AWS would say that it does not exist."""
    here, there = cli.environment.text("region"), (order.split(":") + [""] * 4)[3]
    if here and order.startswith("arn:") and there and there != here:
        raise UsageError(f"{order} is in {there}, and the Region in force is {here}", hint=f"--region {there}")


def moment_of(cli: App, text: str | None, flag: str) -> datetime | None:
    """A `--since` or `--until`, read; None where it was not given."""
    from orderctl import times

    return times.moment(text, cli.clock.now(), flag) if text else None


def set_resume(cli: App, orders: list[str]) -> None:
    """What Ctrl-C and a timeout tell somebody to run next."""
    cli.resume = "it goes on; attach again with: " + cli.command("orders", "watch", *orders)


def status_of(text: str | None) -> ExecutionStatus | None:
    """A status in any case, or None; raises UsageError with those there are."""
    from orderctl.orders.models import ExecutionStatus

    if text is None:
        return None
    try:
        return ExecutionStatus(text.upper().replace("-", "_"))
    except ValueError as error:
        words = ", ".join(status for status in ExecutionStatus if status is not ExecutionStatus.PENDING_REDRIVE)
        raise UsageError(f"unknown status {text!r}", hint=f"one of: {words}") from error
