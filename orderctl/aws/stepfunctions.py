"""Step Functions, as the orders package speaks to it.

Two clients: one for calls that may be repeated, and `once` for the starts of Express executions, which AWS runs
anew every time they arrive. An Express execution takes up to five minutes, so `once` waits longer than that for its
reply and never sends again.

Lists and descriptions are paced here, because whoever looks at many orders, for whatever reason, draws from the same
two small quotas of the account.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.orders import names
from orderctl.orders.models import (
    UNSAID,
    DescribedExecution,
    Execution,
    ExecutionStatus,
    HistoryEvent,
    HistoryPage,
    StartedExecution,
    StateMachine,
    StateMachineType,
)
from orderctl.pacing import TokenBuckets

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient

SYNC_READ_TIMEOUT = 310
"""Seconds to wait for StartSyncExecution: an Express execution may run 300."""
READ_TIMEOUT = 10
"""Seconds for every other call: all are answered at once, and a watch with a timeout must not wait minutes for one."""
_SERVICE = "states"
_UNWANTED = ("inputDetails", "outputDetails")


class StepFunctions:
    """Executions over boto3; `once` gives the client that never sends anything twice, made when needed."""

    def __init__(self, client: SFNClient, once: Callable[[], SFNClient], buckets: TokenBuckets) -> None:
        self._client = client
        self._once = once
        self._buckets = buckets

    def start(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        """Start by name: repeated while it runs with the same input, AWS answers with the same execution."""
        with self._buckets.paced("StartExecution"), aws_call(_SERVICE, "StartExecution", subject=f"order {name}"):
            answer = self._client.start_execution(stateMachineArn=state_machine_arn, name=name, input=input_json)
        return StartedExecution(answer["executionArn"], answer.get("startDate"))

    def start_sync(self, state_machine_arn: str, name: str, input_json: str) -> DescribedExecution:
        """Run an Express execution to its end; AWS answers 200 also when the execution failed."""
        with aws_call(_SERVICE, "StartSyncExecution", subject=f"order {name}"):
            answer = self._once().start_sync_execution(stateMachineArn=state_machine_arn, name=name, input=input_json)
        return _described(dict(answer), StateMachineType.EXPRESS)

    def start_once(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        """Start an Express execution without waiting for it; AWS starts another one for every request."""
        with aws_call(_SERVICE, "StartExecution", subject=f"order {name}"):
            answer = self._once().start_execution(stateMachineArn=state_machine_arn, name=name, input=input_json)
        return StartedExecution(answer["executionArn"], answer.get("startDate"))

    def describe(self, execution_arn: str) -> DescribedExecution:
        """One execution with its input and output."""
        with (
            self._buckets.paced("DescribeExecution"),
            aws_call(_SERVICE, "DescribeExecution", subject=_subject(execution_arn)),
        ):
            answer = self._client.describe_execution(executionArn=execution_arn)
        return _described(dict(answer), StateMachineType.STANDARD)

    def list(
        self, state_machine_arn: str, *, status: ExecutionStatus | None = None, page_size: int = 100
    ) -> Iterator[Execution]:
        """Executions of a STANDARD state machine, newest first."""
        asked: dict[str, Any] = {"stateMachineArn": state_machine_arn, "maxResults": page_size}
        if status is not None:
            asked["statusFilter"] = status.value
        while True:
            with self._buckets.paced("ListExecutions"), aws_call(_SERVICE, "ListExecutions", subject=state_machine_arn):
                answer: dict[str, Any] = dict(self._client.list_executions(**asked))
            for item in answer["executions"]:
                yield Execution(**_common(item, StateMachineType.STANDARD))
            if not answer.get("nextToken"):
                return
            asked["nextToken"] = answer["nextToken"]

    def history_page(
        self, execution_arn: str, *, newest_first: bool, page_size: int, with_data: bool, token: str | None = None
    ) -> HistoryPage:
        """One page of the history; the token pages through one snapshot and is no way to resume later."""
        more: dict[str, Any] = {"nextToken": token} if token else {}
        with aws_call(_SERVICE, "GetExecutionHistory", subject=_subject(execution_arn)):
            answer = self._client.get_execution_history(
                executionArn=execution_arn,
                reverseOrder=newest_first,
                maxResults=page_size,
                includeExecutionData=with_data,
                **more,
            )
        events = [event_from_api(event, with_data=with_data) for event in answer["events"]]
        return HistoryPage(events, answer.get("nextToken"))

    def recorded(self, execution_arn: str) -> Iterator[Mapping[str, object]]:
        """Every event with its data, oldest first, as GetExecutionHistory answers it; a page is held at a time."""
        asked: dict[str, Any] = {"executionArn": execution_arn, "maxResults": 1000, "includeExecutionData": True}
        while True:
            with (
                self._buckets.paced("GetExecutionHistory"),
                aws_call(_SERVICE, "GetExecutionHistory", subject=_subject(execution_arn)),
            ):
                answer: dict[str, Any] = dict(self._client.get_execution_history(**asked))
            yield from answer["events"]
            if not answer.get("nextToken"):
                return
            asked["nextToken"] = answer["nextToken"]

    def state_machine(self, arn: str) -> StateMachine:
        """A state machine with its definition and how it logs."""
        with (
            self._buckets.paced("DescribeStateMachine"),
            aws_call(_SERVICE, "DescribeStateMachine", subject=f"state machine {arn}"),
        ):
            answer = self._client.describe_state_machine(stateMachineArn=arn)
        return _state_machine(dict(answer))

    def state_machine_of(self, execution_arn: str) -> StateMachine:
        """The state machine with the definition this execution runs by."""
        with aws_call(_SERVICE, "DescribeStateMachineForExecution", subject=_subject(execution_arn)):
            answer = self._client.describe_state_machine_for_execution(executionArn=execution_arn)
        return _state_machine(dict(answer))

    def trace_header(self, execution_arn: str) -> str | None:
        """`Root=1-…;Parent=…;Sampled=1`, or None for an execution nobody traced."""
        with (
            self._buckets.paced("DescribeExecution"),
            aws_call(_SERVICE, "DescribeExecution", subject=_subject(execution_arn)),
        ):
            header: str | None = self._client.describe_execution(executionArn=execution_arn).get("traceHeader")
        return header

    def stop(self, execution_arn: str, *, error: str | None, cause: str | None) -> datetime:
        """Stop a running execution."""
        words = {name: text for name, text in (("error", error), ("cause", cause)) if text}
        with self._buckets.paced("StopExecution"), aws_call(_SERVICE, "StopExecution", subject=_subject(execution_arn)):
            return self._client.stop_execution(executionArn=execution_arn, **words)["stopDate"]

    def redrive(self, execution_arn: str, client_token: str) -> datetime:
        """Run again from where it failed; the token makes a repeated call harmless."""
        with (
            self._buckets.paced("RedriveExecution"),
            aws_call(_SERVICE, "RedriveExecution", subject=_subject(execution_arn)),
        ):
            answer = self._client.redrive_execution(executionArn=execution_arn, clientToken=client_token)
        return answer["redriveDate"]


def event_from_api(event: Mapping[str, Any], *, with_data: bool = True) -> HistoryEvent:
    """An event of GetExecutionHistory; its details stand under a key named after its type, or are missing."""
    found: Mapping[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails") and value), {}
    )
    previous = event.get("previousEventId")
    return HistoryEvent(
        id=int(event["id"]),
        type=str(event["type"]),
        timestamp=event["timestamp"],
        previous_id=None if previous is None else int(previous),
        state=state_named(str(event["type"]), found),
        details=without_noise(found, with_data=with_data),
    )


def state_named(kind: str, details: Mapping[str, Any]) -> str | None:
    """The state an event names itself: only entering, leaving, and a failed evaluation do."""
    if kind.endswith(("StateEntered", "StateExited")):
        return details.get("name")
    return details.get("state") if kind == "EvaluationFailed" else None


def without_noise(details: Mapping[str, Any], *, with_data: bool = True) -> dict[str, object]:
    """Details without the notes on truncation, and without the data nobody asked for (emulators send it)."""
    unwanted = _UNWANTED if with_data else (*_UNWANTED, "input", "output", "parameters", "assignedVariables")
    return {key: value for key, value in details.items() if key not in unwanted}


def _state_machine(answer: Mapping[str, Any]) -> StateMachine:
    logging: Mapping[str, Any] = answer.get("loggingConfiguration") or {}
    groups = [one.get("cloudWatchLogsLogGroup", {}).get("logGroupArn") for one in logging.get("destinations") or []]
    return StateMachine(
        state_machine_arn=answer["stateMachineArn"],
        type=StateMachineType(answer.get("type") or "STANDARD"),
        definition=answer.get("definition") or "{}",
        log_level=logging.get("level") or UNSAID,
        logs_data=bool(logging.get("includeExecutionData")),
        log_group=groups[0].removesuffix(":*").split(":log-group:")[-1] if groups and groups[0] else None,
    )


def _described(answer: Mapping[str, Any], kind: StateMachineType) -> DescribedExecution:
    return DescribedExecution(
        **_common(answer, kind),
        input=answer.get("input"),
        output=answer.get("output"),
        redrive_status_reason=answer.get("redriveStatusReason"),
        redrive_count=answer.get("redriveCount") or 0,
    )


def _common(answer: Mapping[str, Any], kind: StateMachineType) -> dict[str, Any]:
    arn = answer["executionArn"]
    return {
        "order_id": answer.get("name") or names.order_id_of(arn),
        "execution_arn": arn,
        "state_machine_arn": answer.get("stateMachineArn") or names.machine_of(arn),
        "type": StateMachineType.EXPRESS if names.is_express(arn) else kind,
        "status": ExecutionStatus(answer["status"]),
        "started_at": answer.get("startDate"),
        "stopped_at": answer.get("stopDate"),
        "error": answer.get("error"),
        "cause": answer.get("cause"),
        "redrive_status": answer.get("redriveStatus"),
    }


def _subject(execution_arn: str) -> str:
    return f"order {names.order_id_of(execution_arn)}"
