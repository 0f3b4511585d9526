"""S3 and Step Functions as a bulk needs them."""

from __future__ import annotations

import pytest

from orderctl.aws.bulk import MARK, S3BulkStore, StepFunctionsBulk
from orderctl.bulk.models import Looked
from orderctl.errors import AuthError, FailedError, NotFoundError, RefusedError, UsageError
from orderctl.pacing import TokenBuckets
from tests.fakes.aws_wire import FakeAws
from tests.fakes.s3 import FakeS3, FakeS3Client
from tests.fakes.sqs import effects
from tests.fakes.sqs.errors import AwsError


@pytest.fixture
def aws() -> FakeAws:
    found = FakeAws()
    found.services["s3"] = FakeS3(found.clock, found.account)
    return found


@pytest.fixture
def s3(aws: FakeAws) -> FakeS3:
    found = aws.services["s3"]
    assert isinstance(found, FakeS3)
    found.create("bulk")
    return found


@pytest.fixture
def store(aws: FakeAws, s3: FakeS3) -> S3BulkStore:
    return S3BulkStore(FakeS3Client(aws), lambda: aws.account)  # type: ignore[arg-type]


@pytest.fixture
def machine(aws: FakeAws) -> StepFunctionsBulk:
    return StepFunctionsBulk(aws.client("stepfunctions"), TokenBuckets(aws.clock))


def test_every_call_says_whose_the_bucket_must_be(aws: FakeAws, store: S3BulkStore) -> None:
    store.check("bulk")
    store.prove("bulk")
    store.put("bulk", "a", b"1")
    assert store.claim("bulk", "b")
    assert store.read("bulk", "a") == b"1"
    store.delete("bulk", store.keys("bulk", ""))
    assert {call.params["ExpectedBucketOwner"] for call in aws.calls} == {aws.account}


def test_a_claim_works_once(store: S3BulkStore) -> None:
    store.put("bulk", "theirs", b"token of a function")
    assert not store.claim("bulk", "theirs")
    assert store.read("bulk", "theirs") == b"token of a function"


def test_a_claim_of_ours_is_ours_again(store: S3BulkStore) -> None:
    """Its answer was lost, or the process died before it was read."""
    assert store.claim("bulk", "k")
    assert store.claim("bulk", "k")
    assert store.read("bulk", "k") == MARK


def test_a_claim_that_s3_could_not_decide_is_made_again(aws: FakeAws, store: S3BulkStore) -> None:
    conflict = AwsError("ConditionalRequestConflict", "Conflict", 409)
    aws.faults.on("PutObject", effects.before(conflict), nth=range(1, 3))
    assert store.claim("bulk", "k")
    aws.faults.on("PutObject", effects.before(conflict))
    with pytest.raises(FailedError):
        store.claim("bulk", "other")


def test_an_endpoint_that_ignores_conditions_is_not_trusted(s3: FakeS3, store: S3BulkStore) -> None:
    s3.ignores_conditions = True
    with pytest.raises(UsageError, match="a chunk could go twice"):
        store.prove("bulk")
    assert s3.objects == {}


def test_one_that_keeps_them_is_left_as_it_was(s3: FakeS3, store: S3BulkStore) -> None:
    store.prove("bulk")
    assert s3.objects == {}


def test_a_bucket_that_is_missing_or_a_stranger_s(s3: FakeS3, store: S3BulkStore) -> None:
    with pytest.raises(NotFoundError):
        store.check("nowhere")
    s3.create("theirs", "999999999999")
    with pytest.raises(RefusedError, match="not open to us"):
        store.check("theirs")
    with pytest.raises(AuthError):
        store.put("theirs", "k", b"a letter")


def test_what_is_not_there_is_none_but_a_missing_bucket_an_error(store: S3BulkStore) -> None:
    assert store.read("bulk", "k") is None
    with pytest.raises(NotFoundError):
        store.read("nowhere", "k")


def test_a_start_that_is_repeated_is_the_same_execution(aws: FakeAws, machine: StepFunctionsBulk) -> None:
    arn = aws.states.create("bulk")
    machine.start(arn, "run-1", {"a": 1})
    machine.start(arn, "run-1", {"a": 1})
    aws.states.close("run-1")
    machine.start(arn, "run-1", {"a": 1})
    assert len(aws.states.executions) == 1


def test_an_execution_is_looked_at_and_stopped(aws: FakeAws, machine: StepFunctionsBulk) -> None:
    arn = aws.states.create("bulk")
    execution = arn.replace(":stateMachine:", ":execution:") + ":run-1"
    assert machine.look(execution) is None
    machine.start(arn, "run-1", {})
    assert machine.look(execution) == Looked("RUNNING")
    machine.stop(execution)
    machine.stop(execution)
    found = machine.look(execution)
    assert found == Looked("ABORTED")
    assert found.has_ended


def test_the_state_machine_has_to_be_a_standard_one_that_is_there(aws: FakeAws, machine: StepFunctionsBulk) -> None:
    machine.check(aws.states.create("bulk"))
    with pytest.raises(UsageError, match="STANDARD"):
        machine.check(aws.states.create("express", "EXPRESS"))
    with pytest.raises(NotFoundError):
        machine.check("arn:aws:states:ap-northeast-1:123456789012:stateMachine:none")
    gone = aws.states.create("gone")
    aws.states.deleting.add(gone)
    with pytest.raises(NotFoundError, match="DELETING"):
        machine.check(gone)


def test_who_may_not_look_at_it_may_still_start_it(aws: FakeAws, machine: StepFunctionsBulk) -> None:
    aws.faults.on("DescribeStateMachine", effects.access_denied())
    machine.check(aws.states.create("bulk"))
