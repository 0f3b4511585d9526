"""Private files that are either the old one or the new one, never half of each.

Tokens, the configuration and the state of the local stack go through here. The temporary file is made
in the same folder (a rename is atomic only within one file system), with mode 0600 from its first byte
whatever the umask, and a symbolic link in place of the file is refused rather than followed.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from orderctl.errors import FailedError


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, mode 0600, on disk before it returns; raises FailedError where it cannot."""
    if path.is_symlink():
        raise FailedError(f"{path} is a symbolic link", hint="remove the link; orderctl does not write through links")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(path, data)
    except OSError as error:
        raise FailedError(
            f"cannot write {path}: {error.strerror}", hint="check the folder's owner and the disk"
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
