"""The token store in the system's keyring, for who wants it (`auth.store = "keyring"`).

Optional, because over ssh, in a container and in a runbook there is mostly none: the package `keyring` comes with the
extra, and a keyring that is missing, locked or keeps its secrets in plain text is refused rather than fallen back
from. The entry is the text of the token file. Refreshing is still one process at a time, by the same lock file.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Protocol, cast

from orderctl.auth.models import SavedSignIn
from orderctl.auth.ports import TokenStore
from orderctl.auth.store_format import from_bytes, to_bytes
from orderctl.errors import RefusedError, UsageError

SERVICE = "orderctl"
_NO_KEYRINGS = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
"""Modules of backends that keep nothing, or keep it for everybody to read."""


class Keyring(Protocol):
    """What is used of the package `keyring`."""

    def get_keyring(self) -> object:
        """The backend in use."""

    def get_password(self, service: str, username: str) -> str | None:
        """An entry, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry."""

    def delete_password(self, service: str, username: str) -> None:
        """Delete an entry."""


class KeyringStore:
    """`orderctl.auth.ports.TokenStore` over a keyring; `files` lends its lock."""

    def __init__(self, keyring: Keyring, files: TokenStore) -> None:
        self._keyring = keyring
        self._files = files

    def load(self, environment: str) -> SavedSignIn | None:
        """The sign-in kept, or None; raises RefusedError where the keyring cannot be opened."""
        found = self._read(environment)
        return None if found is None else from_bytes(found.encode(), self.where(environment))

    def save(self, sign_in: SavedSignIn) -> None:
        """Replace the entry; what an earlier `auth.store` left in a file is deleted."""
        text = to_bytes(sign_in).decode()
        try:
            self._keyring.set_password(SERVICE, sign_in.environment, text)
        except Exception as error:  # every backend has errors of its own
            raise _refused(error) from None
        self._files.forget(sign_in.environment)

    def forget(self, environment: str) -> bool:
        """Delete the entry, and what an earlier `auth.store` left in a file; was there one?"""
        had_file = self._files.forget(environment)
        if self._read(environment) is None:
            return had_file
        try:
            self._keyring.delete_password(SERVICE, environment)
        except Exception as error:
            raise _refused(error) from None
        return True

    def lock(self, environment: str) -> AbstractContextManager[None]:
        """The lock file of the environment."""
        return self._files.lock(environment)

    def where(self, environment: str) -> str:
        """The keyring's name and the entry's."""
        return f"keyring {type(self._keyring.get_keyring()).__module__}, entry {SERVICE}/{environment}"

    def _read(self, environment: str) -> str | None:
        try:
            return self._keyring.get_password(SERVICE, environment)
        except Exception as error:
            raise _refused(error) from None


def open_keyring() -> Keyring:
    """The system's keyring; raises UsageError without the package, RefusedError for a backend that is none."""
    try:
        keyring = cast(Keyring, import_module("keyring"))
    except ImportError:
        raise UsageError(
            'auth.store is "keyring", and the package keyring is not installed',
            hint="pip install 'orderctl[keyring]', or: orderctl config set auth.store file",
        ) from None
    return checked(keyring)


def checked(keyring: Keyring) -> Keyring:
    """The same, unless its backend keeps nothing or keeps it in plain text."""
    backend = type(keyring.get_keyring()).__module__
    if backend.startswith(_NO_KEYRINGS):
        raise RefusedError(
            f"this system's keyring is {backend}, which keeps no secret",
            hint="orderctl config set auth.store file: a private file",
        )
    return keyring


def _refused(error: Exception) -> RefusedError:
    """By the error's kind only: its text may quote what was to be kept."""
    return RefusedError(
        f"the keyring cannot be used: {type(error).__name__}", hint="unlock it, or: orderctl config set auth.store file"
    )
