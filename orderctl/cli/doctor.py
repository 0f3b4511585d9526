"""`orderctl doctor`: look at everything the commands need, and change nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderctl.cli.framework import app_of, single_command
from orderctl.errors import AuthError, FailedError, OrderctlError, RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.doctor.examine import Patient
    from orderctl.doctor.models import Finding, Status

COLUMNS = ("status", "check", "subject", "detail", "hint")
_ENDS: dict[int, type[OrderctlError]] = {2: UsageError, 4: AuthError, 7: RefusedError}


def doctor(
    ctx: typer.Context,
    timeout: Annotated[str, typer.Option(metavar="SPAN", help="Longest wait for each of its steps.")] = "10s",
) -> None:
    """Check configuration, credentials, clock, resources, permissions and sign-in; nothing is changed.

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
    _end(cli, kept)


def single() -> Any:
    """The command itself: this noun has no verbs."""
    return single_command("doctor", doctor)


def _patient(cli: App) -> Patient:
    from orderctl.auth import service
    from orderctl.auth.models import AuthStatus, Flow
    from orderctl.doctor.examine import RESOURCES, Patient

    environment = cli.environment

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
        taps=lambda: list(cli.event_taps.all()),
    )


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
