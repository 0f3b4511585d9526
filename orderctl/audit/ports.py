"""What the audit asks of the world outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Announcer(Protocol):
    """Tells somebody else of a change: an event bus."""

    def announce(self, detail_type: str, detail: Mapping[str, object]) -> None:
        """Send one event; raises an OrderctlError where it was not taken."""
