"""How much a command asks before it changes something.

It grows with what can break: adding one thing acts at once; acting on many, or on what exists, shows its
plan and asks y/N (`--yes`); destroying wants the name typed (`--confirm NAME`). In a protected environment
all three want `--confirm ENV`. Before any of them the environment's pins are checked: another AWS account or
Region than the file says ends with exit 7, before the first changing call; so does a resource there that an
environment variable names.

Without a terminal there is nobody to ask: exit 7, naming the flag. Who passed is written to the audit trail
before anything is changed; where that is not possible nothing is (exit 1).
"""

from __future__ import annotations

from dataclasses import dataclass

from orderctl.context import App
from orderctl.errors import OrderctlError, RefusedError
from orderctl.render.style import is_terminal


@dataclass(frozen=True, slots=True)
class Answers:
    """What the command line says in advance: `--yes` and `--confirm`."""

    yes: bool = False
    confirm: str | None = None


def adding(app: App, *, confirm: str | None = None) -> None:
    """Before one thing is added; raises RefusedError."""
    _check_pins(app)
    if app.environment.is_protected:
        _wants_name(app, app.environment.name, confirm, "this environment is protected")
    _record(app)


def acting(app: App, question: str, *, yes: bool = False, confirm: str | None = None) -> None:
    """Before acting on many things or on what exists; the plan has been shown. Raises RefusedError."""
    _check_pins(app)
    if app.environment.is_protected:
        _wants_name(app, app.environment.name, confirm, "this environment is protected")
    elif not yes:
        _wants_yes(app, question)
    _record(app)


def destroying(app: App, name: str, *, confirm: str | None = None, why: str = "this cannot be undone") -> None:
    """Before something is destroyed: its name, or in a protected environment the environment's."""
    _check_pins(app)
    protected = app.environment.is_protected
    _wants_name(app, app.environment.name if protected else name, confirm, why)
    _record(app)


def _record(app: App) -> None:
    """Into the audit trail, once a command: who is about to change what, and why."""
    if app.change is not None:
        return
    from orderctl.audit.command_line import shown, without_secrets
    from orderctl.audit.models import Intent

    account, who, note = _identity(app)
    reason = app.options.get("reason")
    intent = Intent(
        who=who,
        environment=app.environment.name,
        account=account,
        region=app.environment.text("region") if app.environment.is_local else app.aws.region,
        command=shown(app.arguments),
        reason=None if reason is None else without_secrets(str(reason)),
        note=None if note is None else without_secrets(note),
    )
    app.change = app.new_recorder()
    app.change.begin(intent)


def _identity(app: App) -> tuple[str | None, str | None, str | None]:
    """Account and principal by STS. A change through an API alone needs no AWS credentials and may have none."""
    if app.environment.is_local:
        return None, "local", None
    try:
        return app.identity.account(), app.identity.arn(), None
    except OrderctlError as error:
        return None, None, f"no AWS identity: {error.message}"


def _check_pins(app: App) -> None:
    environment = app.environment
    if environment.is_local:
        return
    region, pinned_region = app.aws.region, environment.pins.get("region")
    if pinned_region and region != pinned_region:
        raise RefusedError(
            f"environment {environment.name!r} is pinned to {pinned_region}, but the Region in force is {region}",
            hint=f"it comes from {environment.origin('region')}",
        )
    _check_variables(app)
    pinned = environment.pins.get("account_id")
    if pinned and app.identity.account() != pinned:
        raise RefusedError(
            f"environment {environment.name!r} is pinned to account {pinned}, "
            f"but these credentials are for {app.identity.account()}",
            hint="choose other credentials with --profile",
        )


def _check_variables(app: App) -> None:
    from orderctl.config.place import astray

    name, found = app.environment.name, astray(app.environment)
    if found is not None:
        raise RefusedError(
            f"environment {name!r} is pinned to {found.pinned}, but {found.origin} names something in {found.named}",
            hint=f"unset {found.origin.removeprefix('$')}",
        )


def _wants_yes(app: App, question: str) -> None:
    if not _somebody_is_there(app):
        raise RefusedError("nobody to ask: this is no terminal", hint="look at --dry-run, then pass --yes")
    if _ask(app, f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise RefusedError("not confirmed; nothing was changed")


def _wants_name(app: App, name: str, given: str | None, why: str) -> None:
    if given is None:
        if not _somebody_is_there(app):
            raise RefusedError(f"{why}, and nobody is there to confirm it", hint=f"pass --confirm {name}")
        given = _ask(app, f"{why}. Type {name!r} to go on: ")
    if given != name:
        raise RefusedError(f"confirmed {given!r}, but {name!r} is wanted; nothing was changed")


def _somebody_is_there(app: App) -> bool:
    return is_terminal(app.stdin) and is_terminal(app.err)


def _ask(app: App, question: str) -> str:
    app.err.write(question)
    app.err.flush()
    return app.stdin.readline().strip()
