"""`orders show`: one execution explained, from its description and its history together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.errors import UsageError
from orderctl.orders.cause import decode
from orderctl.orders.history import FIRST_PAGE, HistoryReader
from orderctl.orders.models import DescribedExecution, ExecutionStatus, StateMachineType
from orderctl.orders.ports import Histories
from orderctl.orders.states import StateStatus, Visit
from orderctl.orders.tracking import Tracker
from orderctl.pacing import TokenBucket

MOST_PAGES = 5
"""Pages of 1,000 events read again, with their data, for the input of the state that failed."""


@dataclass(frozen=True, slots=True)
class StateLine:
    """One visit of one state, as a row."""

    state: str
    type: str
    status: StateStatus
    entered_at: datetime
    duration_seconds: float | None
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything about one execution; `next_step` says what can be done about it."""

    order_id: str
    execution_arn: str
    state_machine_arn: str
    type: StateMachineType
    status: ExecutionStatus
    started_at: datetime | None
    stopped_at: datetime | None
    error: str | None
    cause: str | None
    failed_state: str | None
    redrive_status: str | None
    error_type: str | None
    error_message: str | None
    stack: Sequence[str]
    retries: int
    next_step: str | None
    input: Json
    output: Json
    failed_state_input: Json
    states: Sequence[StateLine]


def explain(histories: Histories, execution_arn: str, bucket: TokenBucket) -> Explained:
    """Describe the execution and read its history once, paced by `bucket`. Raises NotFoundError."""
    described = histories.describe(execution_arn)
    tracker = Tracker(execution_arn)
    for events in HistoryReader(histories, execution_arn, bucket, patience=1).read():
        for event in events:
            tracker.apply(event)
    culprit = tracker.culprit
    given = None if culprit is None else _input_of(histories, execution_arn, culprit, bucket)
    return _explained(described, tracker, given)


def _input_of(histories: Histories, execution_arn: str, visit: Visit, bucket: TokenBucket) -> str | None:
    """What the state was given: the one event is read again, with its data; not beyond a few thousand."""
    token: str | None = None
    for _ in range(MOST_PAGES):
        with bucket.paced():
            page = histories.history_page(
                execution_arn, newest_first=False, page_size=FIRST_PAGE, with_data=True, token=token
            )
        for event in page.events:
            if event.id == visit.id:
                return event.text("input")
        token = page.next_token
        if token is None:
            break
    return None


def _explained(described: DescribedExecution, tracker: Tracker, given: str | None) -> Explained:
    culprit = tracker.culprit
    status = tracker.status if tracker.status.is_closed else described.status
    error, cause = described.error or tracker.error, described.cause or tracker.cause
    decoded = decode(error, cause) if error or cause else None
    return Explained(
        order_id=described.order_id,
        execution_arn=described.execution_arn,
        state_machine_arn=described.state_machine_arn,
        type=described.type,
        status=status,
        started_at=described.started_at,
        stopped_at=described.stopped_at or tracker.stopped_at,
        error=error,
        cause=cause,
        failed_state=tracker.failed_state,
        redrive_status=described.redrive_status,
        error_type=decoded.type if decoded else None,
        error_message=decoded.message if decoded else None,
        stack=decoded.stack if decoded else (),
        retries=max(0, culprit.attempts - 1) if culprit else 0,
        next_step=_next_step(described, status, culprit),
        input=_document(described.input),
        output=_document(described.output),
        failed_state_input=_document(given),
        states=[state_line(visit) for visit in tracker.visits],
    )


def state_line(visit: Visit) -> StateLine:
    """A visit as a row."""
    took = None if visit.exited_at is None else round(visit.seconds(visit.exited_at), 3)
    return StateLine(
        state=visit.path,
        type=visit.kind,
        status=visit.status,
        entered_at=visit.entered_at,
        duration_seconds=took,
        attempts=visit.attempts,
        error=decode(visit.error, visit.cause).line or None,
    )


def _next_step(described: DescribedExecution, status: ExecutionStatus, culprit: Visit | None) -> str | None:
    if status in (ExecutionStatus.RUNNING, ExecutionStatus.PENDING_REDRIVE):
        return f"orderctl orders watch {_reference(described)}"
    if status is ExecutionStatus.SUCCEEDED:
        return None
    if culprit is not None and culprit.kind == "Fail":
        return f"a redrive enters {culprit.name} again and fails again: submit a corrected order under a new id"
    if described.redrive_status == "REDRIVABLE":
        return "redrivable: it goes on from the state that failed"
    if described.redrive_status_reason:
        return f"not redrivable: {described.redrive_status_reason}"
    return None


def _reference(described: DescribedExecution) -> str:
    """How to name it: an Express execution's order id names no single one."""
    return described.execution_arn if described.type is StateMachineType.EXPRESS else described.order_id


def _document(text: str | None) -> Json:
    """The JSON document in `text`; text that is none stays text."""
    if text is None:
        return None
    try:
        document: Json = jsontext.loads(text, source="execution")
    except UsageError:
        return text
    return document
