"""Secrets handed over in files: passwords, codes, an app client's secret. Never on a command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from orderctl.errors import NotFoundError, RefusedError, UsageError

MAX_SECRET = 8192
"""Bytes read of a password or secret; a longer file is not one."""


def read_secret(path: str) -> str:
    """The first line of a file only its owner can read, or of a pipe; raises RefusedError for any other file."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                raise RefusedError(f"{path} can be read or written by others", hint=f"chmod 600 {path}")
            return file.read(MAX_SECRET).decode().split("\n", 1)[0].rstrip("\r")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None


def client_secret(environ: Mapping[str, str]) -> str | None:
    """The app client's secret, from the environment or a private file; never from the configuration."""
    named = environ.get("ORDERCTL_CLIENT_SECRET_FILE")
    return environ.get("ORDERCTL_CLIENT_SECRET") or (read_secret(named) if named else None)
