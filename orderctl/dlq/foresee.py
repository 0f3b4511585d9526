"""What a run will do with each letter, told beforehand: the engine's own judgement, without its deeds.

A plan that counts what is selected promises too much. Some of it was delivered by an earlier run and only has to
be deleted; some came back too often; of two reports of one failure one is delivered; behind a letter of a FIFO
group that stays, the group stays; and `--max` ends it. So the same questions are asked here in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from orderctl.dlq.delivery import HELD_BACK
from orderctl.dlq.models import DeadLetter, Redrivable, Refused
from orderctl.dlq.twins import TWIN


class Action(StrEnum):
    """What will become of a letter."""

    DELIVER = "deliver"
    DELETE = "delete"
    SETTLE = "settle"
    STAY = "stay"


class Past(Protocol):
    """What earlier runs on this machine did."""

    def objection(self, letter: DeadLetter, most: int) -> str | None:
        """Why the letter must not be redriven again."""

    def was_delivered(self, message_id: str) -> bool:
        """Did an earlier run deliver this very message?"""

    def may_be_delivered(self, letter: DeadLetter) -> bool:
        """Did an earlier run leave that open?"""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One letter and its fate; `reason` says why where it is not simply delivered."""

    item: Redrivable | Refused
    action: Action
    reason: str | None = None
    is_doubted: bool = False
    """May an earlier run have delivered it already?"""


@dataclass(slots=True)
class Foresight:
    """Judges letters in the order they are seen."""

    past: Past
    max_redrives: int
    is_fifo: bool = False
    _failures: set[str] = field(default_factory=set)
    _blocked: set[str] = field(default_factory=set)

    def of(self, item: Redrivable | Refused) -> Foreseen:
        """What becomes of one letter, given those before it."""
        found = self._judged(item)
        if self.is_fifo and found.action is Action.STAY:
            self._blocked.add(item.letter.message.group_id or "")
        return found

    def _judged(self, item: Redrivable | Refused) -> Foreseen:
        letter = item.letter
        message_id, request_id = letter.message.message_id, letter.failure.request_id
        if self.past.was_delivered(message_id):
            return Foreseen(item, Action.DELETE, "an earlier run delivered it")
        if isinstance(item, Refused):
            return Foreseen(item, Action.STAY, item.reason)
        objection = self.past.objection(letter, self.max_redrives)
        if objection is not None:
            return Foreseen(item, Action.STAY, objection)
        if self.is_fifo and (letter.message.group_id or "") in self._blocked:
            return Foreseen(item, Action.STAY, HELD_BACK)
        if request_id and letter.kind in TWIN:
            if request_id in self._failures:
                return Foreseen(item, Action.SETTLE, "it reports the same failure as one that is delivered")
            self._failures.add(request_id)
        return Foreseen(item, Action.DELIVER, is_doubted=self.past.may_be_delivered(letter))
