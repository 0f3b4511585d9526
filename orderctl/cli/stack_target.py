"""What `orderctl stack` works on: the place, the package and parameters for it, the environment it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderctl.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.stack.models import Package, Place
    from orderctl.stack.ports import Stacks

DEFAULT_NAME = "orders"


def name_of(cli: App, stack: str | None) -> str:
    """The stack named on the line, else the environment's, else `orders`."""
    return stack or cli.environment.text("stack") or DEFAULT_NAME


def place_of(cli: App, stack: str | None) -> Place:
    """Where things go; raises UsageError where no Region is set."""
    from orderctl.stack.models import Place

    region = cli.aws.region
    if region is None:
        raise UsageError("no AWS Region is set", hint="pass --region REGION, or: orderctl config set region REGION")
    return Place(name_of(cli, stack), cli.identity.account(), region)


def parameters_of(given: list[str]) -> dict[str, str]:
    """`--parameter KEY=VALUE`, each; raises UsageError."""
    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key.isalnum():
            raise UsageError(f"--parameter takes KEY=VALUE, not {each!r}")
        found[key] = value
    return found


def seconds_of(timeout: str | None) -> float | None:
    """`90`, `90s`, `10m` or `1h30m` in seconds."""
    from orderctl import times

    return None if timeout is None else times.span(timeout, "--timeout")


def package_for(cli: App) -> tuple[Package, Mapping[str, str]]:
    """What to deploy, and the parameters the place asks for."""
    from orderctl.stack import overlay, package

    if not cli.environment.is_local:
        return package.build(), {}
    return package.build(local=True), overlay.parameters(cli.environment.required("endpoint_url"))


def make_overlay(cli: App, stacks: Stacks, place: Place) -> None:
    """On the emulator, make by API what it ignores in the template."""
    if not cli.environment.is_local:
        return
    from orderctl.stack import follow, overlay

    for line in overlay.apply(cli.overlay_apis, follow.status(stacks, place.stack).outputs):
        cli.renderer.say(f"  {line}")


def write_environment(cli: App, place: Place) -> None:
    """The environment in force now names this stack. One that names another stack keeps it.

    Then, and where none is configured, an environment named after the stack is written instead.
    """
    from orderctl.config import file

    now = cli.environment
    is_its = now.name != "default" and now.text("stack") in (None, place.stack)
    settings: dict[str, object] = {"stack": place.stack, "region": place.region, "account_id": place.account_id}
    if not is_its:
        settings |= {key: now.text(key) for key in ("profile", "endpoint_url")} | {"local": now.is_local or None}
    name = now.name if is_its else place.stack
    file.write_environment(cli.config_path, name, settings)
    cli.renderer.say(f"environment {name} in {cli.config_path}")
    if is_its and now.text("stack"):
        cli.options["refresh"] = True
        _ = cli.discovered  # what was remembered of the stack may have changed


def leave_local_alone(cli: App, place: Place) -> None:
    """Raises RefusedError for the stack that `local` keeps."""
    from orderctl.local.reference import STACK

    if cli.environment.is_local and place.stack == STACK:
        hint = "orderctl local down, or orderctl local reset"
        raise RefusedError(f"stack {STACK} belongs to the local stack as a whole", hint=hint)
