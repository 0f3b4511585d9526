"""`orderctl doctor`: look at everything the commands need, and change nothing unless asked to sweep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderctl.cli import guard
from orderctl.cli.framework import app_of, single_command
from orderctl.errors import AuthError, FailedError, OrderctlError, RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.doctor.examine import Patient
    from orderctl.doctor.models import Finding, Status
    from orderctl.events.tap import Tailer

COLUMNS = ("status", "check", "subject", "detail", "hint")
_ENDS: dict[int, type[OrderctlError]] = {2: UsageError, 4: AuthError, 7: RefusedError}


def doctor(
    ctx: typer.Context,
    timeout: Annotated[str, typer.Option(metavar="SPAN", help="Longest wait for each of its steps.")] = "10s",
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Then remove the rules and queues that killed tails left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Sweep nothing; the lines say what is left.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="ENV", help="Confirm a protected environment.")] = None,
) -> None:
    """Check configuration, credentials, clock, resources, permissions and sign-in; changes nothing unless it sweeps.

    Exit 7 where account or Region are not the pinned ones, 4 for credentials, sign-in or a permission, 1 for
    anything else that failed, 2 for a configuration that cannot be read.

    Example: orderctl doctor --env prod --output json
    """
    from orderctl import times
    from orderctl.doctor.examine import Examination

    cli = app_of(ctx)
    seconds = times.span(timeout, "--timeout")
    examination = Examination(_patient(cli), cli.probes, cli.clock, seconds=seconds)
    kept: dict[Status, list[Finding]] = defaultdict(list)
    cli.renderer.rows(COLUMNS, _kept(examination.run(), kept))
    if sweep and not dry_run:
        guard.adding(cli, confirm=confirm)
        for name in _tailer(cli).sweep(lambda error: cli.renderer.warn(error.message)):
            cli.renderer.say(f"removed rule and queue {name}, left by a run that was killed")
    _end(cli, kept)


def single() -> Any:
    """The command itself: this noun has no verbs."""
    return single_command("doctor", doctor)


def _patient(cli: App) -> Patient:
    from orderctl.auth import service
    from orderctl.auth.models import AuthStatus, Flow
    from orderctl.doctor.examine import RESOURCES, Patient

    environment, tailer = cli.environment, _tailer(cli)

    def discovered() -> dict[str, str]:
        values = {name: cli.optional_resource(name) for name in RESOURCES}
        return {name: value for name, value in values.items() if value is not None}

    def sign_in() -> AuthStatus:
        access = cli.access()
        return service.status(access.store, access.settings, cli.clock)

    return Patient(
        environment=environment,
        config_path=str(cli.config_path) if cli.config_path.exists() else "no file: AWS's own variables decide",
        region=lambda: cli.aws.region,
        discovered=discovered,
        sign_in=sign_in,
        flow=Flow(environment.text("auth.flow") or Flow.SRP),
        taps=lambda: [(tap.name, tailer.is_left(tap, tags)) for tap, tags in cli.event_taps.all()],
    )


def _tailer(cli: App) -> Tailer:
    from orderctl.events.tap import Tailer

    return Tailer(cli.event_taps, cli.clock, cli.state_dir / "tails")


def _kept(found: Iterator[Finding], kept: dict[Status, list[Finding]]) -> Iterator[Finding]:
    for finding in found:
        kept[finding.status].append(finding)
        yield finding


def _end(cli: App, kept: dict[Status, list[Finding]]) -> None:
    """How many of each, and the exit code by what failed."""
    from orderctl.doctor.models import Status, verdict

    cli.renderer.say(", ".join(f"{len(kept[status])} {status.value}" for status in Status if kept[status]))
    code = verdict(kept)
    if code:
        names = ", ".join(f"{finding.check} {finding.subject}" for finding in kept[Status.FAIL])
        raise _ENDS.get(code, FailedError)(f"failed: {names}")
