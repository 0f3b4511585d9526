"""What earlier runs on this machine did: so that a letter does not go round and round.

A letter that was redriven and failed again comes back as a new message, but not as a stranger: its message id
(SQS) or its request id (Lambda) is the id that our delivery was answered with, and the journal kept that.
Counting along these links gives how often it was redriven, without adding an attribute to anybody's message;
where a service writes no id, the same payload delivered before counts instead.
The same links tell the twin of a failure that was redriven from another queue already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from orderctl.dlq.journal import SUFFIX, payloads_of, readable
from orderctl.dlq.models import DeadLetter, Kind

KEEP = timedelta(days=14)
"""SQS keeps no message longer, so no older journal can speak of one that is still there."""


class _Settled(NamedTuple):
    """A failed invocation that was redriven: by which letter, and in which run."""

    run: str
    kind: Kind
    message_id: str


@dataclass(frozen=True, slots=True)
class _Past:
    links: Mapping[str, str]
    """New id to the id it was made from."""
    settled: Mapping[str, _Settled]
    """Request id to the letter that was redriven for it."""
    delivered: Set[str]
    """Messages delivered. One that shows up again could not be deleted: ids do not recur."""
    doubted: Set[str]
    """Messages that a run may have delivered: its answer was lost, or it died over them. And the request ids of the
    failed invocations they report: the other report of such a failure may have been delivered just as well."""
    payloads: Counter[str]
    """In how many runs each payload was delivered."""
    damaged: Mapping[str, str]
    """Queue to what of the journal of one of its runs cannot be read."""


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
        twin = self._read.settled.get(letter.failure.request_id or "")
        if twin is not None and twin.message_id != letter.message.message_id:
            return f"the same failure was redriven already, as {twin.kind.value} in run {twin.run}"
        return None

    def was_delivered(self, message_id: str) -> bool:
        """Was this very message delivered by an earlier run, and is only still there?"""
        return message_id in self._read.delivered

    def may_be_delivered(self, letter: DeadLetter) -> bool:
        """Did an earlier run leave it open whether this letter, or another report of its failure, was delivered?"""
        doubted = self._read.doubted
        return letter.message.message_id in doubted or (letter.failure.request_id or "") in doubted

    def damage(self, *queue_arns: str) -> str | None:
        """What of an earlier run of these queues cannot be read, in words; None where everything can."""
        return next((self._read.damaged[arn] for arn in (*queue_arns, "") if arn in self._read.damaged), None)

    def redriven(self, letter: DeadLetter) -> int:
        """How often this failure was redriven before, as far as this machine knows."""
        count = 0
        known: str | None = letter.message.message_id
        if known not in self._read.links:
            known = letter.failure.request_id
        while known is not None and known in self._read.links and count < 100:
            count += 1
            known = self._read.links[known]
        return max(count, self._read.payloads[letter.digest] if letter.digest else 0)

    @cached_property
    def _read(self) -> _Past:
        links: dict[str, str] = {}
        delivered: set[str] = set()
        doubted: dict[str, str] = {}
        payloads: Counter[str] = Counter()
        digests: dict[str, Sequence[str]] = {}
        settled: dict[str, _Settled] = {}
        damaged: dict[str, str] = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            run = path.name.removesuffix(SUFFIX)
            if run < self._oldest:
                continue
            of_run: set[str] = set()
            open_: set[str] = set()
            request_ids: dict[str, tuple[str, Kind]] = {}
            bad: list[int] = []
            queue = ""
            for record in readable(path, bad):
                if record["r"] == "run":
                    queue = str(record.get("queue") or "")
                elif record["r"] == "taken":
                    open_.update(item["id"] for item in record["letters"])
                    digests.update({item["id"]: payloads_of(item) for item in record["letters"]})
                    for item in record["letters"]:
                        request_ids[item["id"]] = (item.get("request") or "", Kind(item["kind"]))
                elif record["r"] == "unknown":
                    doubted.update({each: request_ids.get(each, ("", None))[0] for each in record["ids"]})
                elif record["r"] == "kept":
                    open_.difference_update(record["ids"])
                elif record["r"] == "delivered":
                    delivered.update(record["ids"])
                    open_.difference_update(record["ids"])
                    of_run.update(digest for i in record["ids"] for digest in digests.get(i, ()))
                    for message_id, new_id in record["ids"].items():
                        request_id, kind = request_ids.get(message_id, ("", Kind.UNKNOWN))
                        if new_id:
                            links[new_id] = request_id or message_id
                        if request_id:
                            settled[request_id] = _Settled(run, kind, message_id)
            payloads.update(of_run)
            doubted.update({each: request_ids[each][0] for each in open_})
            if bad:
                damaged[queue] = f"line {bad[0]} of {path} is damaged"
        unsure = {each: request for each, request in doubted.items() if each not in delivered}
        return _Past(links, settled, delivered, {*unsure, *unsure.values()} - {""}, payloads, damaged)
