"""An environment that can only be the local server: no file, flag or variable has a say in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orderctl.config.file import ConfigFile
from orderctl.config.resolve import Environment, resolve


def local_environment(settings: Mapping[str, object] | None = None) -> Environment:
    """`local`, whichever environment is selected; `settings` are its Region and endpoint once a server runs."""
    said = {"local": {"local": True, **(settings or {})}}
    return resolve("local", {}, {}, ConfigFile(Path(), True, "local", said))
