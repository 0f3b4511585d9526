"""Where a command works: its streams, its options, the environment in force and what that names."""

from __future__ import annotations

import errno
import io
import os
import shlex
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from orderctl import paths
from orderctl.clock import Clock, SystemClock
from orderctl.errors import OrderctlError, UsageError

if TYPE_CHECKING:
    from orderctl.audit.recorder import Recorder
    from orderctl.aws.session import Aws
    from orderctl.aws.sts import CallerIdentity
    from orderctl.config.discovery import Discovered, Stacks
    from orderctl.config.file import ConfigFile
    from orderctl.config.resolve import Environment, Setting
    from orderctl.pacing import TokenBuckets

_SETTING_FLAGS = ("profile", "region", "endpoint_url")
_WHERE = ("env", "config", *_SETTING_FLAGS)
"""The common options that decide where a command works."""


class _Closed(io.StringIO):
    """Standard output that nobody opened: what is written is lost, and that is an error and no traceback."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


class Settings:
    """Where a command works: what every room of the App stands on."""

    def __init__(
        self, *, environ: Mapping[str, str], stdin: TextIO, out: TextIO, err: TextIO, clock: Clock | None = None
    ) -> None:
        self.environ = environ
        self.stdin = stdin
        self.out = out
        self.err = err
        self.clock: Clock = clock or SystemClock()
        self.options: dict[str, object] = {}
        """The common options as given on the command line, by name."""
        self.resume: str | None = None
        """What to tell somebody who interrupts: the command that goes on from here."""
        self.has_said_stopping = False
        """Did the command itself say that it stops, and how?"""
        self.has_said_goodbye = False
        self.arguments: tuple[str, ...] = ()
        """The command line as it was given."""
        self.change: Recorder | None = None
        """The record of what this command changes, once a guard has let it through."""
        self.counts: Mapping[str, int] | None = None
        """How many of what the command did, for its record; by default what its result says (`counting`)."""

    @classmethod
    def from_process(cls) -> Self:
        """The App of this process."""
        environ = dict(os.environ)
        os.environ.pop("ORDERCTL_CLIENT_SECRET", None)  # no child, such as a credential_process, is to inherit it
        stdin = sys.stdin or io.StringIO()  # a stream that is closed from the start is None to Python
        return cls(environ=environ, stdin=stdin, out=sys.stdout or _Closed(), err=sys.stderr or io.StringIO())

    @cached_property
    def config(self) -> ConfigFile:
        """The configuration file, read and checked; one that somebody names has to be there."""
        from orderctl.config import file

        found = file.read(self.config_path)
        by = "--config" if self.options.get("config") else "$ORDERCTL_CONFIG"
        if not found.exists and (self.options.get("config") or self.environ.get("ORDERCTL_CONFIG")):
            hint = "name another, or make it: orderctl config init NAME --config FILE"
            raise UsageError(f"there is no configuration file {found.path}, which {by} names", hint=hint)
        return found

    @property
    def config_path(self) -> Path:
        """`--config`, `$ORDERCTL_CONFIG`, else the XDG place."""
        named = self.options.get("config")
        return Path(str(named)).expanduser() if named else paths.config_file(self.environ)

    @cached_property
    def environment(self) -> Environment:
        """The environment in force, every setting with its origin."""
        from orderctl.config import resolve

        named = self.options.get("env")
        name = resolve.choose(str(named) if named else None, self.environ, self.config)
        flags = {key: self.options.get(key) for key in _SETTING_FLAGS}
        return resolve.resolve(name, flags, self.environ, self.config)

    def resource(self, name: str, flag: str | None = None) -> str:
        """A resource of the environment: the command's own flag, the settings, else the stack.

        `name` is a key below `resources` (`state_machine`). Raises UsageError saying how to name it.
        """
        found = flag or self.optional_resource(name)
        if found is None:
            raise UsageError(
                f"environment {self.environment.name!r} names no {name}",
                hint=f"orderctl config set resources.{name} VALUE, or set 'stack' to discover it",
            )
        return found

    def optional_resource(self, name: str) -> str | None:
        """The same, or None where nobody names it."""
        setting = self.setting(f"resources.{name}")
        return None if setting is None else str(setting.value)

    def setting(self, key: str) -> Setting | None:
        """Any key with its origin, discovery included; discovery is asked only for what nobody set."""
        from orderctl.config.resolve import Setting
        from orderctl.config.schema import BY_PATH

        setting = self.environment.settings.get(key)
        known = BY_PATH[key]
        discoverable = known.output is not None and self.environment.text("stack") is not None
        if (setting is None or setting.origin == "default") and discoverable and key in self.discovered.values:
            return Setting(key, self.discovered.values[key], self.discovered.origins[key])
        return setting

    def _text(self, key: str) -> str | None:
        setting = self.setting(key)
        return None if setting is None else str(setting.value)

    @cached_property
    def discovered(self) -> Discovered:
        """What the environment's stack offers."""
        from orderctl.config.discovery import discover

        refresh = bool(self.options.get("refresh"))
        return discover(self.environment, self.stacks, self.cache_dir, self.clock, refresh=refresh)

    @property
    def state_dir(self) -> Path:
        """Journals, tokens, the local stack's state."""
        return paths.state_dir(self.environ)

    @property
    def cache_dir(self) -> Path:
        """What may be thrown away."""
        return paths.cache_dir(self.environ)

    def command(self, *words: str) -> str:
        """A command line to print for somebody to run next, in this environment."""
        given = [(name, self.options[name]) for name in _WHERE if name in self.options]
        flags = [word for name, value in given for word in (f"--{name.replace('_', '-')}", str(value))]
        return shlex.join(["orderctl", *words, *flags])

    @cached_property
    def aws(self) -> Aws:
        """The session every adapter takes its client from."""
        from orderctl.aws.session import Aws

        return Aws(self.environment, self.environ, debug=self._debug())

    @cached_property
    def token_buckets(self) -> TokenBuckets:
        """How fast each API may be asked, for everything that runs in this process."""
        from orderctl.pacing import TokenBuckets

        return TokenBuckets(self.clock)

    @cached_property
    def identity(self) -> CallerIdentity:
        """Whose credentials these are."""
        from orderctl.aws.sts import CallerIdentity

        return CallerIdentity(self.aws.client("sts"))

    @cached_property
    def stacks(self) -> Stacks:
        """CloudFormation, as discovery sees it."""
        from orderctl.aws.stack_contents import CloudFormationContents

        return CloudFormationContents(self.aws.client("cloudformation"))

    @property
    def ca_bundle(self) -> str | None:
        """`AWS_CA_BUNDLE`, as the AWS CLI takes it."""
        return self.environ.get("AWS_CA_BUNDLE") or None

    def credential_hint(self, error: OrderctlError) -> str | None:
        """The command that mends the credentials an error is about, where it can be told exactly."""
        from orderctl.aws.credential_hints import command_for

        return command_for(error, self.environment, self.environ)

    def _debug(self) -> TextIO | None:
        return self.err if self.options.get("debug") else None
