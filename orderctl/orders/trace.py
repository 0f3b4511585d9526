"""Everything about one order in one timeline, from whoever knows something of it.

Each part (executions, logs, dead letters, stock, traces) is asked on its own; one that cannot be read becomes a
note and takes nothing away from the others. EventBridge itself keeps no record of an event that can be looked up:
that OrderCreated was published shows in what its consumers did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orderctl.errors import NotFoundError, OrderctlError
from orderctl.orders.log_lines import OrderLine, is_platform
from orderctl.orders.log_models import Segment
from orderctl.orders.watching import Step

_NEVER = datetime.max.replace(tzinfo=UTC)
_API = ("orders-api", "ordersapi")


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One thing that happened, or is: a dead letter that waits, a record that stands. `where` names its place."""

    timestamp: datetime | None
    source: str
    what: str
    duration_seconds: float | None = None
    error: str | None = None
    where: str | None = None
    request_id: str | None = None


@dataclass(slots=True)
class Timeline:
    """What was found so far, and what could not be looked at."""

    entries: list[TraceEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    first_error: OrderctlError | None = None

    def ask(self, what: str, part: Callable[[], Iterable[TraceEntry]]) -> None:
        """Take in one part; nothing found is fine, and what goes wrong is noted."""
        try:
            self.entries += part()
        except NotFoundError:
            return
        except OrderctlError as error:
            self.first_error = self.first_error or error
            self.notes.append(f"{what}: not looked at: {error.message}")

    def in_order(self) -> list[TraceEntry]:
        """By time; what has none comes last."""
        return sorted(self.entries, key=lambda entry: entry.timestamp or _NEVER)

    def span(self) -> tuple[datetime, datetime] | None:
        """From the first to the last moment known so far."""
        times = [entry.timestamp for entry in self.entries if entry.timestamp is not None]
        return (min(times), max(times)) if times else None

    def check_found(self, order_id: str) -> None:
        """Raise where there is nothing at all: the first trouble if some part could not be read."""
        if self.entries:
            return
        if self.first_error is not None:
            raise self.first_error
        raise NotFoundError(
            f"order {order_id}: no execution, log line, dead letter, record or trace was found",
            hint="further back: --since 7d",
        )


def from_steps(steps: Iterable[Step], source: str) -> Iterator[TraceEntry]:
    """What an execution did; entering a state is told by leaving it."""
    for step in steps:
        if step.what is None or step.what == "entered":
            continue
        words = f"{step.state} {step.what}" if step.state else f"execution {step.what}"
        yield TraceEntry(step.timestamp, source, words, step.duration_seconds, step.error, step.execution_arn)


def from_lines(lines: Iterable[OrderLine]) -> Iterator[TraceEntry]:
    """What functions wrote, where it is certain to be about the order; of Lambda's bookkeeping, only the start."""
    for line in lines:
        if line.match == "time" or (is_platform(line) and not line.message.startswith(("START", "platform.start"))):
            continue
        is_bad = line.level in ("ERROR", "CRITICAL", "FATAL")
        known = line.source.lower().replace("_", "-")
        yield TraceEntry(
            timestamp=line.timestamp,
            source="api" if any(name in known for name in _API) else "function",
            what=f"{line.source}: " + ("request" if is_platform(line) else line.message),
            error=line.message if is_bad else None,
            where=line.log_group,
            request_id=line.request_id,
        )


def from_record(record: Mapping[str, object] | None, table: str) -> Iterator[TraceEntry]:
    """The order's record: it stands there if, and only if, its stock was taken."""
    if record is None:
        return
    taken = f"{record.get('quantity')} of {record.get('product_id')}"
    yield TraceEntry(
        _moment(record.get("accepted_at")), "stock", f"taken: {taken}; {record.get('status')}", where=table
    )


def from_segments(segments: Sequence[Segment]) -> Iterator[TraceEntry]:
    """X-Ray's segments; their parts only where something went wrong in them."""
    for segment in segments:
        if not segment.is_inner or segment.error:
            yield TraceEntry(
                segment.started_at, "x-ray", segment.name, segment.seconds, segment.error, segment.trace_id
            )


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
