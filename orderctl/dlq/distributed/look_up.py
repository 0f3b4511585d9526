"""`--resume`: what became of the waves that the run had begun when it died, before anything is in doubt.

An execution goes on when the process that started it does not. So every wave that holds a letter of which nothing is
known is waited for, closed and read, and what it says goes into the journal as if the run had read it itself. A
letter stays in doubt only where its chunk was begun and left no result.

Only waves since the letter was last in hand count: an earlier part of the run may have delivered it in another way
after those. And what made it doubtful before that stays so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from orderctl.bulk.models import Fate, Status
from orderctl.bulk.ports import BulkMachine, BulkStore
from orderctl.bulk.wave import Runner
from orderctl.clock import Clock
from orderctl.dlq.distributed.record import Recorded, open_ids, read
from orderctl.dlq.journal import Journal, Standing, read_lines
from orderctl.dlq.models import Message, Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import NotFoundError, OrderctlError

BELIEVED = 60.0
"""Seconds before the end of a letter's visibility, by this machine's clock, from which its handle is not used."""
NOT_BEGUN = "AWS had not delivered it when the run died"


@dataclass(slots=True)
class Past:
    """What the journal says of the waves of the letters nothing is known of."""

    waves: dict[str, list[Recorded]] = field(default_factory=lambda: defaultdict(list))
    """Message id to its waves since it was last taken in hand."""
    doubtful: set[str] = field(default_factory=set)
    """Those that were doubtful already when they were last taken in hand."""
    begun: int = 0
    """Waves of the run so far."""


def past(opened: Journal, standing: Standing) -> Past:
    """Read the journal once more, for its waves."""
    found, unclear, doubted = Past(), open_ids(standing), set[str]()
    in_doubt: set[str] = set()
    for record, _ in read_lines(opened.path):
        match record["r"]:
            case "taken":
                ids = unclear & {letter["id"] for letter in record["letters"]}
                found.doubtful |= ids & doubted
                in_doubt |= ids
                for message_id in ids:
                    found.waves.pop(message_id, None)
            case "wave":
                found.begun += 1
                recorded = read(record)
                for message_id in unclear.intersection(recorded.wave.ids):
                    found.waves[message_id].append(recorded)
            case "unknown":
                doubted |= unclear.intersection(record["ids"])
            case "kept":
                in_doubt.difference_update(record["ids"])
            case "resumed":
                doubted |= in_doubt
            case "known":
                doubted.difference_update(record["ids"])
    return found


@dataclass(slots=True)
class LookUp:
    """Looks at a run's waves, journals what came of them, and settles letters that are still hidden by us."""

    store: BulkStore
    machine: BulkMachine
    queues: Queues
    queue: Queue
    clock: Clock
    notice: Callable[[str], None] = lambda _text: None

    def into(self, opened: Journal, standing: Standing) -> Past:
        """Take it into the journal and the standing. Raises OrderctlError where a wave cannot be looked at now; what
        was journaled by then is true all the same."""
        before = past(opened, standing)
        waves = {each.wave.name: each for found in before.waves.values() for each in found}
        if not waves:
            return before
        self.notice(f"looking at what became of {len(waves)} bulk executions that the run had begun")
        fates = {name: self._ended(recorded) for name, recorded in waves.items()}
        said = {each: [fates[r.wave.name][each] for r in found] for each, found in before.waves.items()}
        self._journal(opened, standing, said, before.doubtful)
        self._settle(opened, standing, waves.values())
        for recorded in waves.values():
            self._clear(recorded, fates[recorded.wave.name])
        return before

    def _ended(self, recorded: Recorded) -> Mapping[str, Fate]:
        wave = recorded.wave
        left = max(0.0, recorded.until - self.clock.now().timestamp())
        try:
            return self._runner().see_through(wave, self.clock.monotonic() + left).fates
        except NotFoundError as error:  # the bucket is gone: nothing tells any more
            self.notice(f"{wave.name}: {error.message}")
            return {item_id: Fate(Status.UNKNOWN, reason=error.message) for item_id in wave.ids}

    def _runner(self) -> Runner:
        def pause(seconds: float) -> bool:
            self.clock.sleep(seconds)
            return True

        return Runner(self.store, self.machine, self.clock, pause)

    def _journal(self, opened: Journal, standing: Standing, said: Mapping[str, list[Fate]], doubtful: set[str]) -> None:
        sent = {each: fate.new_id for each, found in said.items() for fate in found if fate.status is Status.SENT}
        unclear = {each for each, found in said.items() if any(fate.status is Status.UNKNOWN for fate in found)}
        twice = {each for each, found in said.items() if sum(fate.status is Status.SENT for fate in found) > 1}
        kept = {each: NOT_BEGUN for each in said if each not in sent and each not in unclear}
        known = sorted(said.keys() - unclear - twice - doubtful)
        opened.delivered(sent)
        opened.kept(kept)
        opened.append({"r": "known", "ids": known})
        for record in (
            {"r": "delivered", "ids": sent},
            {"r": "kept", "ids": kept},
            {"r": "known", "ids": known},
        ):
            standing.read(record)

    def _settle(self, opened: Journal, standing: Standing, waves: Iterable[Recorded]) -> None:
        """Delete what was delivered and give the rest back, with the handles of then while they are surely ours."""
        now = self.clock.now().timestamp()
        handles = {each: h for r in waves if now < r.until - BELIEVED for each, h in r.handles.items()}
        ours = [Message(each, "", receipt_handle=handle) for each, handle in handles.items()]
        done = [message for message in ours if message.message_id in standing.to_delete]
        rest = [message for message in ours if message.message_id not in standing.to_delete]
        try:
            for start in range(0, len(done), 10):
                batch = done[start : start + 10]
                failed = self.queues.delete(self.queue, batch)
                gone = [message.message_id for message in batch if message.message_id not in failed]
                opened.deleted(gone)
                standing.read({"r": "deleted", "ids": gone})
            for start in range(0, len(rest), 10):
                self.queues.hide(self.queue, rest[start : start + 10], 0)
        except OrderctlError:  # they are visible again before long, and then deleted or delivered
            return

    def _clear(self, recorded: Recorded, fates: Mapping[str, Fate]) -> None:
        """As long as something is unknown, its evidence stays until the lifecycle rule."""
        if any(fate.status is Status.UNKNOWN for fate in fates.values()):
            return
        try:
            self._runner().clear(recorded.wave.bucket, recorded.wave.prefix)
        except OrderctlError:
            return
