"""Starting executions against a fake Step Functions at the wire, and what an answer to a delivery means."""

from __future__ import annotations

import pytest

from orderctl.aws.outcomes import deliver
from orderctl.aws.starter import StepFunctionsStarter, execution_arn
from orderctl.dlq.models import Ended, Machine, NotSent, Sent, ToStateMachine, Unknown
from orderctl.errors import AuthError, NotFoundError
from orderctl.pacing import TokenBuckets
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied, before, expired_credentials, reply_lost, server_error, throttle
from tests.fakes.sqs.errors import AwsError
from tests.fakes.sqs.faults import Effect

MACHINE = "arn:aws:states:ap-northeast-1:123456789012:stateMachine:orders"
EXECUTION = "arn:aws:states:ap-northeast-1:123456789012:execution:orders:event-1"


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws(FakeClock())
    aws.states.create("orders")
    return aws


def adapter(aws: FakeAws) -> StepFunctionsStarter:
    return StepFunctionsStarter(aws.client("stepfunctions"), TokenBuckets(aws.clock))


def delivery(text: str = '{"price": 1.10}', arn: str = MACHINE) -> ToStateMachine:
    return ToStateMachine(arn, "event-1", text)


def test_an_execution_is_started_with_the_very_input(aws: FakeAws) -> None:
    assert adapter(aws).start(delivery()) == Sent(EXECUTION)
    assert [(each.name, each.input) for each in aws.states.executions] == [("event-1", '{"price": 1.10}')]


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_the_same_name_and_input_again_is_the_same_execution(aws: FakeAws, status: str) -> None:
    adapter(aws).start(delivery())
    if status != "RUNNING":
        aws.states.close("event-1", status)
    assert adapter(aws).start(delivery()) == Sent(EXECUTION)
    assert len(aws.states.executions) == 1


def test_the_same_name_with_another_input_is_not_sent(aws: FakeAws) -> None:
    adapter(aws).start(delivery())
    outcome = adapter(aws).start(delivery('{"price": 2}'))
    assert isinstance(outcome, NotSent)
    assert "ExecutionAlreadyExists" in outcome.reason
    assert not outcome.is_fatal
    assert not outcome.is_retryable


def test_a_taken_name_that_may_not_be_looked_at_is_not_sent(aws: FakeAws) -> None:
    adapter(aws).start(delivery())
    aws.states.close("event-1")
    aws.faults.on("DescribeExecution", access_denied())
    assert isinstance(adapter(aws).start(delivery()), NotSent)


@pytest.mark.parametrize("qualifier", ["", ":live", ":7"])
def test_the_execution_is_that_of_the_state_machine_behind_a_version_or_alias(qualifier: str) -> None:
    assert execution_arn(delivery(arn=MACHINE + qualifier)) == EXECUTION


@pytest.mark.parametrize("fault", [reply_lost(), reply_lost("timeout"), server_error()])
def test_without_an_answer_the_start_is_unknown_and_was_made_once(aws: FakeAws, fault: Effect) -> None:
    aws.faults.on("StartExecution", fault)
    assert isinstance(adapter(aws).start(delivery()), Unknown)
    assert aws.count("StartExecution") == 1


def test_where_no_connection_was_made_nothing_was_started_and_it_may_be_tried_again(aws: FakeAws) -> None:
    aws.faults.on("StartExecution", before())
    outcome = adapter(aws).start(delivery())
    assert isinstance(outcome, NotSent)
    assert outcome.is_retryable


def test_a_throttled_start_may_be_tried_again(aws: FakeAws) -> None:
    aws.faults.on("StartExecution", throttle())
    outcome = adapter(aws).start(delivery())
    assert outcome == NotSent("Rate exceeded (states StartExecution: ThrottlingException)", is_retryable=True)


@pytest.mark.parametrize("fault", [expired_credentials(), access_denied()])
def test_credentials_and_permission_are_fatal(aws: FakeAws, fault: Effect) -> None:
    aws.faults.on("StartExecution", fault)
    outcome = adapter(aws).start(delivery())
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal


def test_a_state_machine_that_is_gone_is_fatal(aws: FakeAws) -> None:
    outcome = adapter(aws).start(delivery(arn=MACHINE + "-gone"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal


def test_a_key_that_cannot_be_used_is_fatal(aws: FakeAws) -> None:
    aws.faults.on("StartExecution", before(AwsError("KmsAccessDeniedException", "no")))
    outcome = adapter(aws).start(delivery())
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal


def test_what_botocore_itself_refuses_was_not_sent(aws: FakeAws) -> None:
    outcome = adapter(aws).start(ToStateMachine(MACHINE, "", "{}"))
    assert isinstance(outcome, NotSent)
    assert not outcome.is_fatal
    assert aws.calls == []


def test_missing_credentials_are_fatal() -> None:
    from botocore.exceptions import NoCredentialsError

    def call() -> str:
        raise NoCredentialsError

    outcome = deliver("lambda", "Invoke", call)
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal
    assert isinstance(outcome.error, AuthError)


def test_an_answer_that_cannot_be_read_is_unknown() -> None:
    from botocore.parsers import ResponseParserError

    def call() -> str:
        raise ResponseParserError("not XML")

    assert deliver("sns", "Publish", call) == Unknown("sns Publish: the answer cannot be read: not XML")


# --- what is known beforehand and afterwards ----------------------------------------------------------------------


def test_a_state_machine_is_looked_at_with_its_definition(aws: FakeAws) -> None:
    arn = aws.states.create("billing", definition='{"States": {}}')
    assert adapter(aws).machine(arn) == Machine(arn, "ACTIVE", '{"States": {}}')
    aws.states.deleting.add(arn)
    assert adapter(aws).machine(arn).status == "DELETING"
    with pytest.raises(NotFoundError):
        adapter(aws).machine(f"{arn}-gone")


def test_an_execution_ends_and_says_how(aws: FakeAws) -> None:
    adapter(aws).start(delivery())
    assert adapter(aws).ended(EXECUTION) is None
    aws.states.close("event-1", "FAILED", "OutOfStock")
    assert adapter(aws).ended(EXECUTION) == Ended("FAILED", "OutOfStock")


def test_an_express_execution_cannot_be_asked_for(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="keeps no record"):
        adapter(aws).ended("arn:aws:states:ap-northeast-1:123456789012:express:quick:a:b")
    assert aws.calls == []
