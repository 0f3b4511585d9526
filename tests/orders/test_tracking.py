from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest

from orderctl.aws.stepfunctions import event_from_api
from orderctl.orders.models import ExecutionStatus, HistoryEvent
from orderctl.orders.states import StateStatus, Transition
from orderctl.orders.tracking import Tracker
from tests.fakes import histories
from tests.fakes.clock import START
from tests.fakes.histories import Api, Row, api_events, without_chain

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1"


def track(rows: Sequence[Row], *, chain: bool = True) -> tuple[Tracker, list[Transition]]:
    events: list[Api] = api_events(rows)
    return fold(events if chain else without_chain(events))


def fold(events: Sequence[Api]) -> tuple[Tracker, list[Transition]]:
    tracker = Tracker(ARN)
    told = [tracker.apply(event_from_api(event)) for event in events]
    return tracker, [transition for transition in told if transition is not None]


def lines(tracker: Tracker) -> list[str]:
    return [f"{visit.path} {visit.status} {visit.attempts}" for visit in tracker.visits]


def test_states_are_told_in_their_order_with_durations() -> None:
    tracker, told = track(histories.SUCCEEDED)
    assert [(each.state, each.what, each.seconds) for each in told] == [
        ("", "started", None),
        ("ValidateOrder", "entered", None),
        ("ValidateOrder", "succeeded", 0.4),
        ("WaitForStock", "entered", None),
        ("WaitForStock", "succeeded", 3.0),
        ("OrderAccepted", "entered", None),
        ("OrderAccepted", "succeeded", 0.1),
        ("", "succeeded", 3.5),
    ]
    assert tracker.status is ExecutionStatus.SUCCEEDED
    assert tracker.failed_state is None


def test_a_caught_error_is_caught_and_the_fail_state_is_the_culprit() -> None:
    tracker, told = track(histories.OUT_OF_STOCK)
    assert lines(tracker) == ["TakeStock CAUGHT 1", "OutOfStock FAILED 0"]
    assert tracker.execution.failed_state == "OutOfStock"
    assert (tracker.execution.error, tracker.execution.cause) == ("OutOfStock", "asks for 9, left: 2")
    assert told[-1].error == "OutOfStock: asks for 9, left: 2"


@pytest.mark.parametrize("chain", [True, False])
def test_retries_are_counted_and_the_last_error_stays(chain: bool) -> None:
    tracker, told = track(histories.RETRIED_THEN_FAILED, chain=chain)
    assert lines(tracker) == ["ValidateOrder FAILED 2"]
    assert tracker.failed_state == "ValidateOrder"
    assert [each.what for each in told] == [
        "started",
        "entered",
        "attempt 1 failed",
        "attempt 2",
        "attempt 2 failed",
        "failed",
    ]
    assert told[2].error == "WarehouseError: no such warehouse"


def test_a_lambda_called_by_its_arn_is_followed_as_well() -> None:
    tracker, _ = track(histories.DIRECT_LAMBDA)
    assert lines(tracker) == ["ValidateOrder SUCCEEDED 2"]
    assert tracker.visits[0].error is None


def test_interleaved_branches_are_told_apart_by_the_chain() -> None:
    tracker, told = track(histories.PARALLEL)
    assert lines(tracker) == [
        "PrepareOrder SUCCEEDED 0",
        "PrepareOrder[0]/RecordOrder SUCCEEDED 2",
        "PrepareOrder[1]/LoadCustomer SUCCEEDED 1",
    ]
    assert ("PrepareOrder[0]/RecordOrder", "attempt 1 failed") in [(each.state, each.what) for each in told]


def test_a_caught_parallel_leaves_its_other_branches_aborted() -> None:
    tracker, _ = track(histories.PARALLEL_CAUGHT)
    assert lines(tracker) == [
        "PrepareOrder CAUGHT 0",
        "PrepareOrder[0]/RecordOrder FAILED 1",
        "PrepareOrder[1]/Pause ABORTED 0",
        "Apologise SUCCEEDED 0",
    ]
    assert tracker.failed_state is None


def test_iterations_of_a_map_fail_and_abort_each_on_its_own() -> None:
    tracker, _ = track(histories.MAP_TIMED_OUT)
    assert lines(tracker) == ["Lines FAILED 0", "Lines[0]/Reserve FAILED 1", "Lines[1]/Reserve ABORTED 1"]
    assert tracker.failed_state == "Lines[0]/Reserve"
    assert tracker.visits[0].length == 2


def test_an_iteration_that_follows_the_last_event_of_another_is_an_iteration_of_its_own() -> None:
    tracker, _ = track(histories.MAP_ONE_BY_ONE)
    assert lines(tracker) == ["Lines FAILED 0", "Lines[0]/Reserve SUCCEEDED 0", "Lines[1]/Reserve FAILED 0"]
    assert tracker.failed_state == "Lines[1]/Reserve"


def test_a_distributed_map_is_one_line() -> None:
    tracker, _ = track(histories.DISTRIBUTED_MAP)
    assert lines(tracker) == ["Lines SUCCEEDED 0"]
    assert tracker.visits[0].length == 3


def test_an_activity_that_missed_its_heartbeat_is_tried_again() -> None:
    tracker, told = track(histories.ACTIVITY_TIMED_OUT)
    assert lines(tracker) == ["PackByHand SUCCEEDED 2"]
    assert [each.what for each in told if each.state] == ["entered", "attempt 1 failed", "attempt 2", "succeeded"]


def test_a_child_execution_that_failed_says_why_in_the_parent() -> None:
    tracker, told = track(histories.CHILD_FAILED)
    assert lines(tracker) == ["Ship FAILED 1"]
    assert told[2].error == "States.TaskFailed: child execution FAILED: NoCarrier: none free"
    assert tracker.failed_state == "Ship"


def test_a_job_that_could_not_be_submitted_is_an_attempt_that_failed() -> None:
    tracker, _ = track(histories.NEVER_SUBMITTED)
    assert lines(tracker) == ["Render FAILED 1"]
    assert tracker.visits[0].error == "ECS.ClusterNotFound"


def test_a_parallel_in_a_map_is_told_apart_by_iteration_and_branch() -> None:
    tracker, _ = track(histories.PARALLEL_IN_MAP)
    assert lines(tracker) == [
        "Lines FAILED 0",
        "Lines[0]/Both SUCCEEDED 0",
        "Lines[0]/Both[0]/Reserve SUCCEEDED 0",
        "Lines[0]/Both[1]/Price SUCCEEDED 0",
        "Lines[1]/Both FAILED 0",
        "Lines[1]/Both[0]/Reserve SUCCEEDED 0",
        "Lines[1]/Both[1]/Price FAILED 1",
    ]
    assert tracker.failed_state == "Lines[1]/Both[1]/Price"


def test_a_map_run_that_failed_is_its_state_that_failed() -> None:
    tracker, _ = track(histories.MAP_RUN_FAILED)
    assert lines(tracker) == ["Lines FAILED 0"]
    assert (tracker.failed_state, tracker.visits[0].cause) == ("Lines", "7 of 1000 failed")


def test_a_failed_expression_is_blamed_on_its_state() -> None:
    tracker, _ = track(histories.JSONATA_VARIABLES)
    assert lines(tracker) == ["Remember SUCCEEDED 0", "IsLarge SUCCEEDED 0", "Charge FAILED 0"]
    assert tracker.failed_state == "Charge"


def test_an_abort_is_where_it_stood() -> None:
    tracker, told = track(histories.ABORTED)
    assert lines(tracker) == ["WaitForStock ABORTED 0"]
    assert (tracker.status, tracker.failed_state, told[-1].what) == (ExecutionStatus.ABORTED, "WaitForStock", "aborted")


def test_a_timeout_is_where_it_stood() -> None:
    tracker, _ = track(histories.TIMED_OUT)
    assert lines(tracker) == ["WaitForStock TIMED_OUT 0"]
    assert tracker.status is ExecutionStatus.TIMED_OUT


def test_a_redrive_opens_what_had_failed_and_goes_on_counting() -> None:
    tracker, told = track(histories.REDRIVEN)
    assert lines(tracker) == ["ValidateOrder SUCCEEDED 3"]
    assert (tracker.status, tracker.redrives, tracker.error) == (ExecutionStatus.SUCCEEDED, 1, None)
    assert "redriven" in [each.what for each in told]


def test_while_redriven_it_runs() -> None:
    tracker, _ = track(histories.REDRIVEN[:10])
    assert tracker.status is ExecutionStatus.RUNNING
    assert tracker.stopped_at is None
    assert lines(tracker) == ["ValidateOrder RUNNING 2"]


def test_an_unknown_event_type_is_shown_by_its_name() -> None:
    tracker, told = track(histories.FROM_TOMORROW)
    assert "TaskHandedToRobot" in [each.what for each in told]
    assert lines(tracker) == ["ValidateOrder SUCCEEDED 0"]


def test_a_choice_that_ends_the_execution_itself_is_the_culprit() -> None:
    rows: list[Row] = [
        histories.STARTED,
        (0, "ChoiceStateEntered", 0, histories.entered("IsThere")),
        (0, "ExecutionFailed", 2, {"error": "States.Runtime", "cause": "Invalid path"}),
    ]
    tracker, _ = track(rows)
    assert lines(tracker) == ["IsThere FAILED 0"]
    assert tracker.failed_state == "IsThere"
    assert tracker.visits[0].error == "States.Runtime"


@pytest.mark.parametrize(
    "name", [name for name in dir(histories) if name.isupper() and isinstance(getattr(histories, name), list)]
)
def test_no_history_needs_its_chain_to_end_with_the_right_status(name: str) -> None:
    rows: list[Row] = getattr(histories, name)
    with_chain, _ = track(rows)
    without, _ = track(rows, chain=False)
    assert without.status is with_chain.status
    assert without.execution.error == with_chain.execution.error
    assert all(visit.status is not StateStatus.RUNNING for visit in without.visits)


def test_a_loop_is_a_visit_each_time_and_stays_fast() -> None:
    rows: list[Row] = [histories.STARTED]
    for n in range(2, 24_000, 2):
        rows += [
            (n, "PassStateEntered", n - 1, histories.entered("Again")),
            (n, "PassStateExited", n, histories.exited("Again")),
        ]
    for chain in (True, False):
        tracker, _ = track(rows, chain=chain)
        assert len(tracker.visits) == 11_999


def test_events_without_a_beginning_do_not_break_it() -> None:
    """A log that lost its first lines."""
    for begin in range(1, 12):
        for rows in (histories.PARALLEL, histories.MAP_TIMED_OUT, histories.MAP_ONE_BY_ONE, histories.REDRIVEN):
            tracker, _ = fold(api_events(rows)[begin:])
            assert tracker.status.is_closed


def test_the_longest_history_there_is_leaves_a_few_megabytes_behind() -> None:
    """25,000 events is the end of every history; they come one by one, and of each only its visit is kept."""
    tracker = Tracker(ARN)
    tracemalloc.start()
    for number in range(1, 25_001):
        kind = "StateEntered" if number % 2 else "StateExited"
        details: Api = {"name": "Again", "input": "x" * 500}
        tracker.apply(HistoryEvent(number, f"Pass{kind}", START, number - 1, "Again", details))
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 10_000_000
