"""What the orders package talks about: executions, their history events, state machines.

The field names are the JSON names of the contract; a test locks them. Words are AWS's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """How an execution stands, in Step Functions' words."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"

    @property
    def is_closed(self) -> bool:
        """Has it ended? A redrive can open it again."""
        return self not in (ExecutionStatus.RUNNING, ExecutionStatus.PENDING_REDRIVE)


class StateMachineType(StrEnum):
    """Whether an execution has a history of its own (STANDARD) or only logs (EXPRESS)."""

    STANDARD = "STANDARD"
    EXPRESS = "EXPRESS"


class OnConflict(StrEnum):
    """What a submit does where the order's execution is running already."""

    ATTACH = "attach"
    FAIL = "fail"


class Via(StrEnum):
    """The way an order enters the workflow."""

    WORKFLOW = "workflow"
    API = "api"
    EVENT = "event"


class MachineChoice(StrEnum):
    """Which of the environment's state machines a command looks at."""

    STANDARD = "standard"
    EXPRESS = "express"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Execution:
    """One order's way through the workflow."""

    order_id: str
    execution_arn: str
    state_machine_arn: str
    type: StateMachineType
    status: ExecutionStatus
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    error: str | None = None
    cause: str | None = None
    failed_state: str | None = None
    redrive_status: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long it ran, where both ends are known."""
        if self.started_at is None or self.stopped_at is None:
            return None
        return (self.stopped_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class DescribedExecution(Execution):
    """An execution with what went in and came out, as JSON text, and whether it may be redriven."""

    input: str | None = None
    output: str | None = None
    redrive_status_reason: str | None = None
    redrive_count: int = 0


@dataclass(frozen=True, slots=True)
class StartedExecution:
    """What a start answers: on AWS the same for a new execution and one that ran already."""

    execution_arn: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of an execution's history, the same whether read from the history or from a log.

    `type` is AWS's word and may be one this code has never seen. `previous_id` is None where the source has
    none. `state` is the state's name where the event says it: most do not, their place follows from
    `previous_id`. `details` are AWS's own, without the wrapper named after the type.
    """

    id: int
    type: str
    timestamp: datetime
    previous_id: int | None = None
    state: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    redrive_count: int = 0

    def text(self, name: str) -> str | None:
        """A detail that is text, or None: `error`, `cause`, `resource`."""
        value = self.details.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of events in the order asked for, and the token of the next one."""

    events: Sequence[HistoryEvent]
    next_token: str | None = None


UNSAID = "UNSAID"
"""The log level where the answer has none, as emulators leave it out."""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A state machine as DescribeStateMachine tells it; `log_level` is AWS's word, or UNSAID."""

    state_machine_arn: str
    type: StateMachineType
    definition: str
    log_level: str = UNSAID
    logs_data: bool = False
    log_group: str | None = None


TERMINAL: Mapping[str, ExecutionStatus] = {
    "ExecutionSucceeded": ExecutionStatus.SUCCEEDED,
    "ExecutionFailed": ExecutionStatus.FAILED,
    "ExecutionTimedOut": ExecutionStatus.TIMED_OUT,
    "ExecutionAborted": ExecutionStatus.ABORTED,
}
"""Events that end an execution, until an ExecutionRedriven opens it again."""
