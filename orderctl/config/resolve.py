"""Which value wins, and who said so.

Flag, environment variable, file, default, in that order; discovery from the stack comes between file and
default and is asked only when a command needs the resource (`orderctl.context`). Every value carries its
origin, so `config show --origin` prints the decision instead of describing it.

An environment marked `local = true` ignores the AWS_* variables: a shell set up for production must not
make the embedded stack's commands reach it, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from orderctl.config.file import ConfigFile, check_value, unknown_environment
from orderctl.config.schema import BY_PATH, KEYS, Key
from orderctl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it came from, in words."""

    key: str
    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings one command works with."""

    name: str
    settings: Mapping[str, Setting]
    pins: Mapping[str, str]
    """What the file says the account and Region are, whatever a flag or variable says now."""

    def text(self, key: str) -> str | None:
        """The value of a string key, or None where nobody set it."""
        setting = self.settings.get(key)
        return None if setting is None else cast(str, setting.value)

    def required(self, key: str) -> str:
        """The value of a string key; raises UsageError saying how to set it."""
        value = self.text(key)
        if value is None:
            raise UsageError(
                f"environment {self.name!r} has no {key}",
                hint=f"orderctl config set {key} VALUE --env {self.name}",
            )
        return value

    def flag(self, key: str) -> bool:
        """The value of a true-or-false key."""
        setting = self.settings.get(key)
        return bool(setting and setting.value)

    def origin(self, key: str) -> str | None:
        """Who set `key`, or None."""
        setting = self.settings.get(key)
        return None if setting is None else setting.origin

    @property
    def is_local(self) -> bool:
        """Is this the embedded stack?"""
        return self.flag("local")

    @property
    def is_protected(self) -> bool:
        """Do changing commands need `--confirm NAME`?"""
        return self.flag("protected")


def choose(named: str | None, environ: Mapping[str, str], file: ConfigFile) -> str:
    """The environment's name: `--env`, `$ORDERCTL_ENV`, the file's `default_env`, else `default`.

    `default` is the nameless environment of somebody who configured nothing: AWS's own variables and profile
    decide. Raises UsageError for a name the file does not have.
    """
    name = named or environ.get("ORDERCTL_ENV") or file.default_env
    if name is None:
        return "default"
    if name not in file.values and name != "default":
        unknown = unknown_environment(name, file.values)
        if named is None and not environ.get("ORDERCTL_ENV"):
            raise UsageError(f"{file.path}:{file.default_line}: default_env: {unknown.message}", hint=unknown.hint)
        raise unknown
    return name


def resolve(name: str, flags: Mapping[str, object], environ: Mapping[str, str], file: ConfigFile) -> Environment:
    """Decide every key of environment `name`; `flags` holds what the command line said, by dotted key."""
    said = file.values.get(name, {})
    is_local = bool(said.get("local"))
    settings = {}
    for key in KEYS:
        setting = _decide(key, name, flags, environ, said, file, is_local)
        if setting is not None:
            settings[key.path] = setting
    pins = {key: str(said[key]) for key in ("account_id", "region") if key in said}
    return Environment(name, settings, pins)


def _decide(
    key: Key,
    name: str,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    said: Mapping[str, object],
    file: ConfigFile,
    is_local: bool,
) -> Setting | None:
    if flags.get(key.path) is not None:
        return Setting(key.path, flags[key.path], f"--{key.path.rsplit('.', 1)[-1].replace('_', '-')}")
    for variable in key.variables:
        if environ.get(variable) and not (is_local and variable.startswith("AWS_")):
            check_value(key.path, environ[variable], where=f"${variable}")
            return Setting(key.path, environ[variable], f"${variable}")
    if key.path in said:
        return Setting(key.path, said[key.path], f"{file.path} [env.{name}]")
    if key.default is not None:
        return Setting(key.path, key.default, "default")
    return None


def key_named(path: str) -> Key:
    """The key a person named; raises UsageError with the nearest one."""
    known = BY_PATH.get(path)
    if known is None:
        check_value(path, "", where="config")
        raise AssertionError("check_value refuses unknown keys")
    return known
