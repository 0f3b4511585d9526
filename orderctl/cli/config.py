"""`orderctl config`: the environments, and where each setting comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import ConflictError, OrderctlError, UsageError

app = noun("config", "The environments orderctl knows.")


@verb(app, "init")
def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new environment.")] = "dev",
    stack: Annotated[str | None, typer.Option(help="CloudFormation stack to discover resources from.")] = None,
    account_id: Annotated[str | None, typer.Option(help="Account to pin changing commands to.")] = None,
    protected: Annotated[bool, typer.Option("--protected", help="Changing commands will need --confirm.")] = False,
) -> None:
    """Add an environment to the configuration file.

    Example: orderctl config init prod --profile orders-prod --region ap-northeast-1 --stack orders-prod --protected
    """
    from orderctl.config import file

    cli = app_of(ctx)
    if name in file.read(cli.config_path).values:
        raise ConflictError(f"environment {name!r} exists already", hint=cli.command("config", "show", "--origin"))
    given = {key: cli.options.get(key) for key in ("profile", "region", "endpoint_url")}
    values = {**given, "stack": stack, "account_id": account_id, "protected": protected or None}
    file.write_environment(cli.config_path, name, values)
    cli.renderer.say(f"environment {name} added to {cli.config_path}")


@verb(app, "list")
def list_environments(ctx: typer.Context) -> None:
    """The configured environments; the one in force is marked.

    Example: orderctl config list --output json
    """
    from orderctl.config import resolve

    cli = app_of(ctx)
    named = cli.options.get("env")
    current = resolve.choose(str(named) if named else None, cli.environ, cli.config)
    rows = [
        {
            "name": name,
            "selected": name == current,
            "protected": bool(values.get("protected")),
            "region": values.get("region"),
            "account_id": values.get("account_id"),
            "stack": values.get("stack"),
        }
        for name, values in cli.config.values.items()
    ]
    cli.renderer.rows(("name", "selected", "protected", "region", "account_id", "stack"), rows)


@verb(app, "show")
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Also say where each value comes from.")] = False,
) -> None:
    """Every setting in force, resources discovered from the stack included.

    Example: orderctl config show --origin --env prod
    """
    from orderctl.config.schema import KEYS

    cli = app_of(ctx)
    environment = cli.environment
    try:
        settings = [setting for key in KEYS if (setting := cli.setting(key.path)) is not None]
    except OrderctlError as error:
        cli.renderer.warn(f"what the stack offers is not shown: {error.message}")
        settings = [setting for key in KEYS if (setting := environment.settings.get(key.path)) is not None]
    columns = ("key", "value", "origin") if origin else ("key", "value")
    cli.renderer.rows(columns, ({column: getattr(setting, column) for column in columns} for setting in settings))


@verb(app, "set")
def set_value(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as region or resources.state_machine.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The value; an empty one removes the key.")],
) -> None:
    """Set one key of the environment; comments in the file stay.

    Example: orderctl config set resources.event_bus orders --env prod
    """
    from orderctl.config import file, resolve

    cli = app_of(ctx)
    known = resolve.key_named(key)
    name = str(cli.options.get("env") or cli.environ.get("ORDERCTL_ENV") or cli.config.default_env or "")
    if not name:
        raise UsageError("no environment is selected", hint="pass --env NAME, or run 'orderctl config init'")
    if name not in cli.config.values:
        raise file.unknown_environment(name, cli.config.values)
    parsed = None if value == "" else _boolean(key, value) if known.kind is bool else value
    file.write_environment(cli.config_path, name, {key: parsed})
    cli.renderer.say(f"environment {name}: {key} " + ("removed" if parsed is None else f"= {value}"))


@verb(app, "use")
def use(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Environment.")]) -> None:
    """Select the environment that commands work in when none is named.

    Example: orderctl config use local
    """
    from orderctl.config import file

    cli = app_of(ctx)
    file.select(cli.config_path, name)
    cli.renderer.say(f"environment {name} is selected")


@verb(app, "path")
def path(ctx: typer.Context) -> None:
    """Where the configuration file is.

    Example: orderctl config path
    """
    cli = app_of(ctx)
    cli.renderer.one({"path": str(cli.config_path), "exists": cli.config_path.exists()}, ("path",))


def _boolean(key: str, value: str) -> bool:
    words = {"true": True, "false": False}
    if value not in words:
        raise UsageError(f"{key} takes true or false, not {value!r}")
    return words[value]
