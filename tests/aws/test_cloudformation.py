"""What the adapter makes of CloudFormation's answers; pages are three rows long."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from orderctl.aws.cloudformation import CloudFormation
from orderctl.errors import NotFoundError
from orderctl.stack.ports import ChangeRequest
from tests.fakes.cloudformation import FakeCloudFormation

QUEUES = {"Resources": {name: {"Type": "AWS::SQS::Queue"} for name in "ABCDEFG"}}


@pytest.fixture
def cloud() -> FakeCloudFormation:
    return FakeCloudFormation()


@pytest.fixture
def stacks(cloud: FakeCloudFormation) -> CloudFormation:
    return CloudFormation(cast(Any, cloud))


def a_request(kind: str = "CREATE", *, template: dict[str, Any] | None = None, token: str = "t1") -> ChangeRequest:
    return ChangeRequest("orders", kind, token, json.dumps(template or QUEUES), None, {"Stage": "prod"}, {})


def test_a_stack_that_is_not_there_is_none(stacks: CloudFormation) -> None:
    assert stacks.describe("orders") is None


def test_a_deleted_stack_is_none_by_its_id_too(cloud: FakeCloudFormation, stacks: CloudFormation) -> None:
    gone = cloud.add_stack("orders", "DELETE_COMPLETE")
    assert stacks.describe(gone["StackId"]) is None


def test_members_come_from_all_pages(cloud: FakeCloudFormation, stacks: CloudFormation) -> None:
    cloud.add_stack("orders", "CREATE_COMPLETE", QUEUES)
    assert [member.logical_id for member in stacks.members("orders")] == list("ABCDEFG")


def test_members_of_a_stack_that_is_not_there_are_not_found(stacks: CloudFormation) -> None:
    with pytest.raises(NotFoundError):
        stacks.members("orders")


def test_a_change_set_ends_with_all_its_changes(stacks: CloudFormation) -> None:
    change_set = stacks.describe_change_set(stacks.create_change_set(a_request()))
    assert change_set.status == "CREATE_IN_PROGRESS"
    change_set = stacks.describe_change_set(change_set)
    assert (change_set.status, len(change_set.changes)) == ("CREATE_COMPLETE", 7)


def test_events_are_the_operations_own_oldest_first_and_each_once(
    cloud: FakeCloudFormation, stacks: CloudFormation
) -> None:
    cloud.slow_change_sets = 0
    stacks.execute_change_set(stacks.create_change_set(a_request()))
    cloud.finish()
    more = {"Resources": {**QUEUES["Resources"], "H": {"Type": "AWS::SQS::Queue"}}}
    change_set = stacks.create_change_set(a_request("UPDATE", template=more, token="t2"))
    stacks.execute_change_set(change_set)
    cloud.finish()
    events = stacks.events_since(change_set.stack_id, "t2", ())
    assert [(event.logical_id, event.status) for event in events] == [
        ("orders", "UPDATE_IN_PROGRESS"),
        ("H", "CREATE_IN_PROGRESS"),
        ("H", "CREATE_COMPLETE"),
        ("orders", "UPDATE_COMPLETE"),
    ]
    assert stacks.events_since(change_set.stack_id, "t2", [event.event_id for event in events[:2]]) == events[2:]


def test_dropping_a_change_set_twice_is_fine(stacks: CloudFormation) -> None:
    change_set = stacks.create_change_set(a_request())
    stacks.delete_change_set(change_set)
    stacks.delete_change_set(change_set)
