"""`dlq list`: the queues that catch failures, what feeds them, how full they are, and how they are redriven."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orderctl.dlq.models import Kind, Queue, Wire, Wiring
from orderctl.dlq.ports import Queues
from orderctl.errors import NotFoundError, OrderctlError

ROUTES: Mapping[Kind, str] = {
    Kind.SQS: "back to its source queue",
    Kind.LAMBDA_DLQ: "invoke the function with the body",
    Kind.ON_FAILURE: "invoke the function with requestPayload",
    Kind.EVENTBRIDGE_TARGET: "to the one target, with its input",
    Kind.SNS: "to the subscription's endpoint",
    Kind.SCHEDULER: "to the schedule's target",
    Kind.STREAM: "refused: read the shard again",
    Kind.UNKNOWN: "refused",
}


class Ages(Protocol):
    """CloudWatch's word on queues; SQS itself tells no age."""

    def oldest(self, names: Sequence[str]) -> Mapping[str, float]:
        """Queue name to the age of its oldest message in seconds, minutes old; missing where unknown."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One queue as `dlq list` shows it; the field names are the JSON's."""

    name: str
    url: str
    kinds: tuple[Kind, ...]
    sources: tuple[str, ...]
    depth: int
    in_flight: int
    oldest_age_seconds: float | None
    route: str
    note: str | None = None


def overview(
    queues: Queues, wiring: Wiring, ages: Ages, *, named: Sequence[str] = (), within: Collection[str] | None = None
) -> tuple[list[Overview], list[str]]:
    """The named queues, or every wired one of which something lies `within`; fullest first, and notes.

    `within` holds names of the environment's own resources. Raises NotFoundError for a named queue that is
    not there; a wired one that is gone is shown as such, because messages sent to it vanish.
    """
    notes: list[str] = []
    wanted = named or queues_within(wiring, within)
    found = [_described(queues, name, is_named=bool(named)) for name in wanted]
    present = [queue for queue in found if isinstance(queue, Queue)]
    oldest: Mapping[str, float] = {}
    try:
        oldest = ages.oldest([queue.name for queue in present if queue.depth]) if present else {}
    except OrderctlError as error:
        notes.append(f"the age of the oldest message is not known: {error.message}")
    rows = [
        _row(queue, wiring.of(queue.arn), oldest.get(queue.name)) if isinstance(queue, Queue) else queue
        for queue in found
    ]
    notes += [f"{row.name}: {row.note}" for row in rows if row.note]
    return sorted(rows, key=lambda row: (-row.depth, row.name)), notes


def queues_within(wiring: Wiring, within: Collection[str] | None) -> list[str]:
    """ARNs of the wired queues of which something lies `within`; of all where that is None."""
    return [arn for arn in wiring.queues() if _is_within(wiring.of(arn), within)]


def _described(queues: Queues, name: str, *, is_named: bool) -> Queue | Overview:
    try:
        return queues.describe(name)
    except NotFoundError:
        if is_named:
            raise
        tail = name.rsplit(":", 1)[-1]
        gone = "is wired as a dead-letter queue, but does not exist: failures sent there are lost"
        return Overview(tail, "", (), (), 0, 0, None, "none: the queue does not exist", gone)


def _row(queue: Queue, wires: Iterable[Wire], oldest: float | None) -> Overview:
    wires = list(wires)
    kinds = tuple(dict.fromkeys(wire.kind for wire in wires))
    return Overview(
        queue.name,
        queue.url,
        kinds,
        tuple(dict.fromkeys(wire.source for wire in wires)),
        queue.depth,
        queue.in_flight,
        oldest,
        "; ".join(dict.fromkeys(ROUTES[kind] for kind in kinds)) or "refused: nothing is wired to it",
    )


def _is_within(wires: Iterable[Wire], names: Collection[str] | None) -> bool:
    """Does the queue, what failed, or who missed it belong to the environment's stack?"""
    if names is None:
        return True
    return any(_tail(arn) in names for wire in wires for arn in (wire.queue_arn, wire.source, wire.consumer))


def _tail(arn: str) -> str:
    """The name a stack knows a resource by: a function's without its qualifier, a rule's without its bus."""
    parts = arn.split(":")
    name = parts[6] if len(parts) > 6 and parts[5] == "function" else parts[-1]
    return name.rsplit("/", 1)[-1]


def names_of(resources: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The names in a stack's physical ids, whichever form they have: name, URL, ARN or `bus|rule`."""
    return {part for ids in resources.values() for each in ids for part in (each, _tail(each), each.rsplit("|", 1)[-1])}
