"""What bringing the local stack up needs of others: the reference stack, its overlay, the user pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol


class ReferenceStack(Protocol):
    """The reference stack as it is deployed to one local server."""

    @property
    def name(self) -> str:
        """The CloudFormation stack's name."""

    def digest(self) -> str:
        """Hash of what would be deployed now."""

    def deploy(self) -> Iterator[str]:
        """Deploy it, yielding progress in words; nothing to change is fine. Raises FailedError."""

    def overlay(self) -> Iterator[str]:
        """Make by API what the emulator ignores in the template; safe to repeat."""

    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs, addresses in the form the local server answers to."""


class UserPool(Protocol):
    """The Cognito user pool, as an administrator."""

    def ensure_user(self, pool_id: str, username: str, password: str, attributes: Mapping[str, str]) -> None:
        """Make the user if missing and give it this password for good; safe to repeat."""
