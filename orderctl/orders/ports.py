"""What the orders package needs of Step Functions, in its own language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from orderctl.orders.models import (
    DescribedExecution,
    Execution,
    ExecutionStatus,
    HistoryPage,
    StartedExecution,
    StateMachine,
)


class Histories(Protocol):
    """Where an execution's events are read: all that following one needs."""

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        """One page of events, by one call; `token` is the one of the page before.

        Raises NotFoundError where there is no such execution, and an error coded `throttled`.
        """

    def describe(self, execution_arn: str) -> DescribedExecution:
        """The execution now; AWS documents this as eventually consistent. Raises NotFoundError."""


class Executions(Histories, Protocol):
    """Everything that can be done with executions."""

    def start(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        """Start a STANDARD execution; idempotent by name. Raises ConflictError where the name is taken."""

    def start_sync(self, state_machine_arn: str, name: str, input_json: str) -> DescribedExecution:
        """Run an EXPRESS execution and wait for its end (up to 5 minutes); sent once, whatever happens.

        Raises an error coded `unreachable` where no reply came: whether it ran is not known then.
        """

    def start_once(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        """Start an EXPRESS execution and come back at once; sent once, because a second start is a second order.

        Raises an error coded `unreachable` where no reply came.
        """

    def list(
        self, state_machine_arn: str, *, status: ExecutionStatus | None = None, page_size: int = 100
    ) -> Iterator[Execution]:
        """STANDARD executions, newest first, paged as they are read."""

    def state_machine(self, arn: str) -> StateMachine:
        """The state machine of an ARN, alias or version."""

    def state_machine_of(self, execution_arn: str) -> StateMachine:
        """The state machine as it was when the execution started: what a redrive goes on with."""

    def recorded(self, execution_arn: str) -> Iterator[Mapping[str, object]]:
        """Every event of a STANDARD execution as AWS answers it, data included, oldest first, paged as they are read.

        Raises NotFoundError where there is no such execution.
        """

    def trace_header(self, execution_arn: str) -> str | None:
        """The X-Ray header a STANDARD execution was started with, where it was traced."""

    def stop(self, execution_arn: str, *, error: str | None, cause: str | None) -> datetime:
        """Stop a running execution; stopping a closed one changes nothing."""

    def redrive(self, execution_arn: str, client_token: str) -> datetime:
        """Run a closed execution again from where it failed; the same token never does it twice."""
