from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from orderctl.aws.execution_logs import event_from_log
from orderctl.aws.stepfunctions import READ_TIMEOUT, SYNC_READ_TIMEOUT, StepFunctions, event_from_api
from orderctl.context import App
from orderctl.errors import ConflictError, FailedError, NotFoundError
from orderctl.orders.models import ExecutionStatus, StateMachineType
from orderctl.pacing import TokenBuckets
from tests.cli.support import new_app, write_config
from tests.fakes import histories
from tests.fakes.clock import FakeClock
from tests.fakes.executions import EXPRESS, MACHINE
from tests.fakes.histories import (
    MAP_TIMED_OUT,
    OUT_OF_STOCK,
    PARALLEL,
    REDRIVEN,
    SUCCEEDED,
    api_events,
    log_lines,
    without_chain,
)

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1"
EXPRESS_ARN = "arn:aws:states:us-east-1:123456789012:express:orders-express:o-1:0c1e"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Wire:
    """A real client answered by botocore's Stubber, in the order the answers were given."""

    def __init__(self) -> None:
        import botocore.session
        from botocore.config import Config
        from botocore.stub import Stubber

        session = botocore.session.Session()
        session.set_credentials("x", "x")
        config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
        self.client: Any
        self.client = session.create_client("stepfunctions", region_name="us-east-1", config=config)
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.clock = FakeClock()
        self.port = StepFunctions(self.client, lambda: self.client, TokenBuckets(self.clock))

    def answer(self, operation: str, answer: dict[str, Any], expected: dict[str, Any] | None = None) -> None:
        self.stub.add_response(operation, answer, expected)

    def refuse(self, operation: str, code: str, message: str = "no") -> None:
        self.stub.add_client_error(operation, code, message, 400)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_an_order_is_started_by_its_name(wire: Wire) -> None:
    wire.answer(
        "start_execution",
        {"executionArn": ARN, "startDate": NOON},
        {"stateMachineArn": MACHINE, "name": "o-1", "input": '{"a": 1}'},
    )
    started = wire.port.start(MACHINE, "o-1", '{"a": 1}')
    assert (started.execution_arn, started.started_at) == (ARN, NOON)


def test_a_name_that_is_taken_is_a_conflict(wire: Wire) -> None:
    wire.refuse("start_execution", "ExecutionAlreadyExists", f"Execution Already Exists: '{ARN}'")
    with pytest.raises(ConflictError, match="order o-1"):
        wire.port.start(MACHINE, "o-1", "{}")


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT"])
def test_a_synchronous_execution_is_read_whatever_its_status(wire: Wire, status: str) -> None:
    """As recorded: HTTP 200 also for a failed one, with error and cause."""
    failed = {"error": "OutOfStock", "cause": "left: 0"} if status != "SUCCEEDED" else {"output": "{}"}
    wire.answer(
        "start_sync_execution",
        {
            "executionArn": EXPRESS_ARN,
            "stateMachineArn": EXPRESS,
            "name": "o-1",
            "startDate": NOON,
            "stopDate": NOON,
            "status": status,
            "input": "{}",
            "inputDetails": {"included": True},
            "outputDetails": {"included": True},
            "billingDetails": {"billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64},
            **failed,
        },
    )
    found = wire.port.start_sync(EXPRESS, "o-1", "{}")
    assert (found.status, found.type, found.order_id) == (ExecutionStatus(status), StateMachineType.EXPRESS, "o-1")
    assert found.error == failed.get("error")


def test_the_client_for_synchronous_starts_is_made_only_when_needed(wire: Wire) -> None:
    made = []

    def make() -> Any:
        made.append(1)
        return wire.client

    port = StepFunctions(wire.client, make, TokenBuckets(FakeClock()))
    wire.answer("describe_execution", described())
    port.describe(ARN)
    assert made == []


@pytest.fixture
def lost(tmp_path: Path) -> tuple[App, list[str]]:
    """A real App whose every request to Step Functions is sent, and never answered."""
    write_config(tmp_path, '[env.test]\nregion = "us-east-1"\nendpoint_url = "http://127.0.0.1:9"\nlocal = true\n')
    app = new_app(tmp_path)
    app.options["env"] = "test"
    sent: list[str] = []

    def lose(request: Any, **_: object) -> None:
        sent.append(request.headers["X-Amz-Target"].decode().split(".")[-1])
        raise ReadTimeoutError(endpoint_url=request.url)

    for options in ({"attempts": 3, "read_timeout": READ_TIMEOUT}, {"attempts": 1, "read_timeout": SYNC_READ_TIMEOUT}):
        client = app.aws.client("stepfunctions", **options)
        client.meta.events.register("before-send.sfn", lose)
    return app, sent


def test_a_lost_reply_of_a_synchronous_start_is_sent_exactly_once(lost: tuple[App, list[str]]) -> None:
    app, sent = lost
    with pytest.raises(FailedError) as unknown:
        app.executions.start_sync(EXPRESS, "o-1", "{}")
    assert (unknown.value.code, sent) == ("unreachable", ["StartSyncExecution"])


def test_a_lost_reply_of_an_asynchronous_express_start_is_sent_exactly_once(lost: tuple[App, list[str]]) -> None:
    app, sent = lost
    with pytest.raises(FailedError) as unknown:
        app.executions.start_once(EXPRESS, "o-1", "{}")
    assert (unknown.value.code, sent) == ("unreachable", ["StartExecution"])


def test_a_standard_start_may_be_sent_again_because_its_name_protects_it(lost: tuple[App, list[str]]) -> None:
    app, sent = lost
    with pytest.raises(FailedError):
        app.executions.start(MACHINE, "o-1", "{}")
    assert set(sent) == {"StartExecution"}
    assert len(sent) > 1


def test_a_synchronous_start_waits_longer_than_an_express_execution_may_run(lost: tuple[App, list[str]]) -> None:
    client = lost[0].aws.client("stepfunctions", attempts=1, read_timeout=SYNC_READ_TIMEOUT)
    config: Any = client.meta.config
    assert config.read_timeout >= 305


def described(**more: Any) -> dict[str, Any]:
    base = {"executionArn": ARN, "stateMachineArn": MACHINE, "name": "o-1", "status": "RUNNING", "startDate": NOON}
    return {**base, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is RUNNING", **more}


def test_a_description_carries_the_redrive_status_and_its_reason(wire: Wire) -> None:
    wire.answer("describe_execution", described(), {"executionArn": ARN})
    found = wire.port.describe(ARN)
    assert (found.redrive_status, found.redrive_status_reason) == ("NOT_REDRIVABLE", "Execution is RUNNING")


def test_an_execution_that_does_not_exist_is_not_found(wire: Wire) -> None:
    wire.refuse("describe_execution", "ExecutionDoesNotExist")
    wire.refuse("get_execution_history", "ExecutionDoesNotExist")
    with pytest.raises(NotFoundError):
        wire.port.describe(ARN)
    with pytest.raises(NotFoundError):
        wire.port.history_page(ARN, newest_first=True, page_size=100, with_data=False)


def test_throttling_has_the_code_a_watch_waits_for(wire: Wire) -> None:
    wire.refuse("get_execution_history", "ThrottlingException", "Rate exceeded")
    with pytest.raises(FailedError) as throttled:
        wire.port.history_page(ARN, newest_first=True, page_size=100, with_data=False)
    assert throttled.value.code == "throttled"


def test_a_page_of_history_asks_for_what_it_was_told(wire: Wire) -> None:
    expected = {"executionArn": ARN, "reverseOrder": True, "maxResults": 100, "includeExecutionData": False}
    wire.answer("get_execution_history", {"events": api_events(SUCCEEDED)[::-1], "nextToken": "t"}, expected)
    wire.answer("get_execution_history", {"events": []}, {**expected, "nextToken": "t"})
    page = wire.port.history_page(ARN, newest_first=True, page_size=100, with_data=False)
    assert ([event.id for event in page.events], page.next_token) == (list(range(11, 0, -1)), "t")
    assert wire.port.history_page(ARN, newest_first=True, page_size=100, with_data=False, token="t").next_token is None


def test_a_recorded_history_is_what_aws_answers_page_by_page_and_only_as_far_as_read(wire: Wire) -> None:
    events = api_events(SUCCEEDED)
    expected = {"executionArn": ARN, "maxResults": 1000, "includeExecutionData": True}
    wire.answer("get_execution_history", {"events": events[:6], "nextToken": "t"}, expected)
    recorded = wire.port.recorded(ARN)
    assert [next(recorded) for _ in range(6)] == events[:6]
    wire.answer("get_execution_history", {"events": events[6:]}, {**expected, "nextToken": "t"})
    assert list(recorded) == events[6:]
    wire.refuse("get_execution_history", "ExecutionDoesNotExist")
    with pytest.raises(NotFoundError):
        list(wire.port.recorded(ARN))


@pytest.mark.parametrize("rows", [getattr(histories, name) for name in dir(histories) if name.isupper()])
def test_the_histories_of_the_tests_have_the_shape_of_aws(wire: Wire, rows: Any) -> None:
    if isinstance(rows, list) and rows is not histories.FROM_TOMORROW:
        wire.answer("get_execution_history", {"events": api_events(rows)})
        assert len(wire.port.history_page(ARN, newest_first=False, page_size=1000, with_data=True).events) == len(rows)


def test_executions_are_listed_page_by_page_and_only_as_far_as_read(wire: Wire) -> None:
    item = {"executionArn": ARN, "stateMachineArn": MACHINE, "name": "o-1", "status": "FAILED", "startDate": NOON}
    expected = {"stateMachineArn": MACHINE, "maxResults": 1, "statusFilter": "FAILED"}
    wire.answer("list_executions", {"executions": [item], "nextToken": "t"}, expected)
    wire.answer("list_executions", {"executions": [{**item, "name": "o-2"}]}, {**expected, "nextToken": "t"})
    listed = wire.port.list(MACHINE, status=ExecutionStatus.FAILED, page_size=1)
    assert next(listed).order_id == "o-1"
    assert [each.order_id for each in listed] == ["o-2"]
    wire.stub.assert_no_pending_responses()


def test_a_state_machine_says_what_it_logs(wire: Wire) -> None:
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/orders:*"
    wire.answer(
        "describe_state_machine",
        {
            "stateMachineArn": EXPRESS,
            "name": "orders-express",
            "definition": "{}",
            "roleArn": "arn:aws:iam::123456789012:role/r",
            "type": "EXPRESS",
            "creationDate": NOON,
            "loggingConfiguration": {
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
            },
        },
    )
    found = wire.port.state_machine(EXPRESS)
    assert (found.type, found.log_level, found.logs_data) == (StateMachineType.EXPRESS, "ALL", True)
    assert found.log_group == "/aws/vendedlogs/states/orders"


def test_a_state_machine_that_does_not_say_what_it_logs_is_not_taken_to_log_nothing(wire: Wire) -> None:
    """As an emulator answers; AWS says level OFF."""
    base = {"stateMachineArn": EXPRESS, "name": "e", "definition": "{}", "roleArn": "arn:aws:iam::123456789012:role/r"}
    for logging, level in (({}, "UNSAID"), ({"level": "OFF", "includeExecutionData": False}, "OFF")):
        answer = {**base, "type": "EXPRESS", "creationDate": NOON, "loggingConfiguration": logging}
        wire.answer("describe_state_machine", answer)
        assert wire.port.state_machine(EXPRESS).log_level == level


def test_an_execution_tells_the_trace_it_was_started_in(wire: Wire) -> None:
    wire.answer("describe_execution", described(traceHeader="Root=1-67480000-0123456789abcdef01234567"))
    wire.answer("describe_execution", described())
    headers = [wire.port.trace_header(ARN) for _ in range(2)]
    assert headers == ["Root=1-67480000-0123456789abcdef01234567", None]


def test_the_definition_an_execution_started_with_is_asked_for_by_the_execution(wire: Wire) -> None:
    base = {"stateMachineArn": MACHINE, "name": "orders", "roleArn": "arn:aws:iam::123456789012:role/r"}
    answer = {**base, "definition": '{"StartAt": "Old"}', "updateDate": NOON}
    wire.answer("describe_state_machine_for_execution", answer, {"executionArn": ARN})
    assert wire.port.state_machine_of(ARN).definition == '{"StartAt": "Old"}'


def test_stop_and_redrive_send_what_they_are_given(wire: Wire) -> None:
    wire.answer("stop_execution", {"stopDate": NOON}, {"executionArn": ARN, "cause": "by hand"})
    wire.answer("redrive_execution", {"redriveDate": NOON}, {"executionArn": ARN, "clientToken": "t-1"})
    assert wire.port.stop(ARN, error=None, cause="by hand") == NOON
    assert wire.port.redrive(ARN, "t-1") == NOON


@pytest.mark.parametrize("rows", [SUCCEEDED, OUT_OF_STOCK, PARALLEL, MAP_TIMED_OUT, REDRIVEN])
def test_a_log_line_and_a_history_event_are_the_same_event(rows: Any) -> None:
    from_api = [event_from_api(event) for event in api_events(rows)]
    from_log = [event_from_log(line) for line in log_lines(rows, ARN)]
    assert [(ARN, event) for event in from_api] == from_log


def test_an_emulators_event_without_a_chain_is_read() -> None:
    assert {event_from_api(event).previous_id for event in without_chain(api_events(PARALLEL))} == {None}


def test_an_event_without_details_is_read() -> None:
    event = event_from_api({"id": 9, "previousEventId": 8, "timestamp": NOON, "type": "MapRunSucceeded"})
    assert (event.id, event.state, dict(event.details)) == (9, None, {})


@pytest.mark.parametrize("message", ["", "not json", "[]", '{"id": "1"}', '"text"'])
def test_a_log_line_that_is_no_event_is_left_out(message: str) -> None:
    assert event_from_log(message) is None


def test_a_long_list_is_read_within_the_quota_of_the_account() -> None:
    wire = Wire()
    for number in range(140):
        wire.answer("list_executions", {"executions": [], **({"nextToken": "t"} if number < 139 else {})})
    assert list(wire.port.list(MACHINE)) == []
    assert wire.clock.elapsed >= (140 - 100) / 2


def test_many_descriptions_keep_within_the_quota_of_the_account() -> None:
    wire = Wire()
    for _ in range(400):
        wire.answer("describe_execution", described())
    for _ in range(400):
        wire.port.describe(ARN)
    assert wire.clock.elapsed >= (400 - 250) / 10
