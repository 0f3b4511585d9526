"""What an examination asks of the world. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from orderctl.doctor.models import Caller, Quota


class Probes(Protocol):
    """One cheap question a method. Each raises an OrderctlError; AuthError where it is not allowed."""

    def caller(self) -> Caller:
        """Whose credentials these are, and how far apart the clocks are."""

    def resource(self, name: str, value: str) -> str | None:
        """Look at the resource of that key below `resources`; what it is, None where there is no way to look."""

    def read(self, action: str, resource: str | None) -> None:
        """Make the read `action` (`states:ListExecutions`) really, as small as it can be made."""

    def allowed(self, caller: Caller, actions: Sequence[str], arn: str) -> Mapping[str, bool]:
        """IAM's own judgement, by action, of what the caller may do to `arn`; nothing is done.

        What it cannot judge is left out.
        """

    def http_status(self, url: str) -> int:
        """The status of a GET without any token."""

    def user_pool_status(self, pool_id: str) -> int:
        """The status of a GET for the pool's public keys."""

    def quotas(self) -> list[Quota]:
        """The limits that can be read."""
