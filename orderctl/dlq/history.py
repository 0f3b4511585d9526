"""What earlier runs on this machine did: so that a letter does not go round and round.

A letter that was redriven and failed again comes back as a new message, but not as a stranger: its message id
(SQS) or its request id (Lambda) is the id that our delivery was answered with, and the journal kept that.
Counting along these links gives how often it was redriven, without adding an attribute to anybody's message.
The same links tell the twin of a failure that was redriven from another queue already.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from orderctl.dlq.journal import SUFFIX, read_lines
from orderctl.dlq.models import DeadLetter, Kind

KEEP = timedelta(days=14)
"""SQS keeps no message longer, so no older journal can speak of one that is still there."""


class History:
    """The journals of a folder, read when first needed."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        self._oldest = f"{now - KEEP:%Y%m%dT%H%M%SZ}"

    def objection(self, letter: DeadLetter, most: int) -> str | None:
        """Why the letter must not be redriven again, or None. `most` is `--max-redrives`."""
        times = self.redriven(letter)
        if times >= most:
            return f"it was redriven {times} times already and came back (--max-redrives {most})"
        twin = self._settled.get(letter.failure.request_id or "")
        if twin is not None and twin[1] is not letter.kind:
            return f"the same failure was redriven already, as {twin[1].value} in run {twin[0]}"
        return None

    def was_delivered(self, message_id: str) -> bool:
        """Was this very message delivered by an earlier run that then could not delete it?"""
        return message_id in self._delivered

    def redriven(self, letter: DeadLetter) -> int:
        """How often this failure was redriven before, as far as this machine knows."""
        count = 0
        known: str | None = letter.message.message_id
        if known not in self._links:
            known = letter.failure.request_id
        while known is not None and known in self._links and count < 100:
            count += 1
            known = self._links[known]
        return count

    @cached_property
    def _read(self) -> tuple[dict[str, str], dict[str, tuple[str, Kind]], set[str]]:
        links: dict[str, str] = {}
        delivered: set[str] = set()
        settled: dict[str, tuple[str, Kind]] = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            run = path.name.removesuffix(SUFFIX)
            if run < self._oldest:
                continue
            request_ids: dict[str, tuple[str, Kind]] = {}
            for record, _ in read_lines(path):
                if record["r"] == "taken":
                    for item in record["letters"]:
                        request_ids[item["id"]] = (item.get("request") or "", Kind(item["kind"]))
                elif record["r"] == "deleted":
                    delivered.difference_update(record["ids"])
                elif record["r"] == "delivered":
                    delivered.update(record["ids"])
                    for message_id, new_id in record["ids"].items():
                        request_id, kind = request_ids.get(message_id, ("", Kind.UNKNOWN))
                        if new_id:
                            links[new_id] = request_id or message_id
                        if request_id:
                            settled[request_id] = (run, kind)
        return links, settled, delivered

    @property
    def _links(self) -> dict[str, str]:
        return self._read[0]

    @property
    def _settled(self) -> dict[str, tuple[str, Kind]]:
        return self._read[1]

    @property
    def _delivered(self) -> set[str]:
        return self._read[2]
