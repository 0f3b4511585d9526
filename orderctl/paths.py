"""Where orderctl keeps its files: the XDG base directories, nothing in the current directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def config_file(environ: Mapping[str, str]) -> Path:
    """The configuration file: `$ORDERCTL_CONFIG`, else below `$XDG_CONFIG_HOME`."""
    named = environ.get("ORDERCTL_CONFIG")
    return Path(named).expanduser() if named else _base(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """Journals, tokens, the audit trail and the local stack: what must outlive a reboot."""
    return _base(environ, "XDG_STATE_HOME", ".local/state")


def cache_dir(environ: Mapping[str, str]) -> Path:
    """What can be thrown away: discovered resources, completion values."""
    return _base(environ, "XDG_CACHE_HOME", ".cache")


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    """The XDG rule: a relative value is ignored as the specification asks."""
    named = Path(environ.get(variable, ""))
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return (named if named.is_absolute() else home / below_home) / "orderctl"
