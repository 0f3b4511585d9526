"""Writes one command's change down: before it is made, and when the command has ended.

Before, a failure is an error and nothing has been changed: whoever asked for an audit trail did not ask for
one with holes. Afterwards the change is made and its exit code is the truth about it, so a failure to write
the end is told and changes nothing; the line from before stays and shows the change with its end unknown.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict

from orderctl import jsontext
from orderctl.audit.models import Intent, outcome_of
from orderctl.audit.ports import Announcer
from orderctl.audit.trail import Trail
from orderctl.clock import Clock
from orderctl.errors import FailedError, OrderctlError

BEGAN, ENDED = "Change Began", "Change Ended"


class Recorder:
    """The record of one command; `announcer` is told as well where somebody asked for it."""

    def __init__(self, trail: Trail, clock: Clock, announcer: Announcer | None = None) -> None:
        self._trail = trail
        self._clock = clock
        self._announcer = announcer
        self._begun: dict[str, object] | None = None

    def begin(self, intent: Intent) -> None:
        """Write down what is about to be done, once a command; raises FailedError, and then do not do it."""
        if self._begun is not None:
            return
        line = {"id": self._new_id(), "phase": "began", "at": jsontext.iso(self._clock.now()), **asdict(intent)}
        try:
            self._trail.append(line)
            self._begun = line
            self._announce(BEGAN, line)
        except OrderctlError as error:
            raise FailedError(
                f"nothing was changed, because the audit cannot record it: {error.message}",
                hint=error.hint or "make the file writable, or correct audit.event_bus, and run it again",
                aws=error.aws,
            ) from error

    def end(self, exit_code: int, counts: Mapping[str, int] | None, *, announce: bool = True) -> None:
        """Write down how it ended, once, where it began; raises FailedError. `announce` may wait for AWS."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        line = {
            "id": begun["id"],
            "phase": "ended",
            "at": jsontext.iso(self._clock.now()),
            "outcome": outcome_of(exit_code),
            "exit_code": exit_code,
            "counts": None if counts is None else dict(counts),
        }
        self._trail.append(line)
        if announce:
            self._announce(ENDED, {**begun, **line, "began_at": begun["at"]})

    def _announce(self, detail_type: str, line: Mapping[str, object]) -> None:
        if self._announcer is not None:
            self._announcer.announce(detail_type, line)

    def _new_id(self) -> str:
        """Sorts by time, and two in the same second differ."""
        return f"{self._clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
