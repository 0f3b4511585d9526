"""Deploying and destroying, told by a CloudFormation that takes its time and sometimes fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from orderctl.aws.cloudformation import CloudFormation
from orderctl.errors import ConflictError, FailedError, NotFoundError, RefusedError, TimeoutPassedError
from orderctl.stack import deploy, destroy, follow
from orderctl.stack.models import Artifact, Package, Place
from orderctl.stack.ports import ChangeSet, StackEvent
from tests.fakes.clock import FakeClock
from tests.fakes.cloudformation import FakeCloudFormation

PLACE = Place("orders", "123456789012", "eu-west-1")
BUCKET = "orderctl-artifacts-123456789012-eu-west-1"
QUEUE, BUCKET_TYPE = "AWS::SQS::Queue", "AWS::S3::Bucket"


FILES = (Artifact("code-1.zip", b"one"), Artifact("code-2.zip", b"two"))


def a_package(resources: Mapping[str, str], *, padding: int = 0) -> Package:
    document = {
        "Parameters": {"Origin": {}},
        "Resources": {name: {"Type": kind} for name, kind in resources.items()},
        "Description": "x" * padding,
    }
    return Package(json.dumps(document, indent=1), {"Stage": "prod", "WorkerKey": "code-1.zip"}, FILES, "d1")


class FakeBuckets:
    """Objects in a dictionary; notes what was changed."""

    def __init__(self, objects: Mapping[str, dict[str, bytes]] | None = None) -> None:
        self.objects: dict[str, dict[str, bytes]] = {name: dict(held) for name, held in (objects or {}).items()}
        self.changes: list[str] = []

    def exists(self, bucket: str) -> bool:
        return bucket in self.objects

    def create(self, bucket: str, tags: Mapping[str, str]) -> None:
        self.changes.append(f"create {bucket} {dict(tags)}")
        self.objects[bucket] = {}

    def keys(self, bucket: str, prefix: str) -> frozenset[str]:
        return frozenset(key for key in self.objects.get(bucket, {}) if key.startswith(prefix))

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.changes.append(f"put {key}")
        self.objects[bucket][key] = body

    def url(self, bucket: str, key: str) -> str:
        return f"https://s3.example/{bucket}/{key}"

    def empty(self, bucket: str, prefix: str = "") -> int:
        gone = self.keys(bucket, prefix)
        self.changes.append(f"empty {bucket}/{prefix}")
        for key in gone:
            del self.objects[bucket][key]
        return len(gone)

    def delete(self, bucket: str) -> None:
        self.changes.append(f"delete {bucket}")
        del self.objects[bucket]


class Scene:
    """A fake account and what a test does in it."""

    def __init__(self, buckets: FakeBuckets | None = None) -> None:
        self.cloud = FakeCloudFormation()
        self.stacks = CloudFormation(cast(Any, self.cloud))
        self.buckets = buckets or FakeBuckets()
        self.clock = FakeClock()

    def prepare(self, package: Package) -> ChangeSet | None:
        plan = deploy.plan_deploy(self.stacks, self.buckets, package, PLACE)
        return deploy.prepare(self.stacks, self.buckets, package, plan, self.clock)

    def deploy(self, package: Package) -> list[StackEvent]:
        change_set = self.prepare(package)
        assert change_set is not None
        return list(deploy.execute(self.stacks, change_set, self.clock))

    def destroy(self) -> list[StackEvent]:
        plan = destroy.plan_destroy(self.stacks, self.buckets, PLACE)
        return list(destroy.destroy(self.stacks, self.buckets, plan, self.clock))


def test_a_plan_changes_nothing() -> None:
    scene = Scene()
    plan = deploy.plan_deploy(scene.stacks, scene.buckets, a_package({"A": QUEUE}), PLACE)
    assert (plan.kind, plan.creates_bucket, plan.uploads) == (
        "CREATE", True, ("orders/code-1.zip", "orders/code-2.zip")
    )  # fmt: skip
    assert plan.upload_bytes == 6
    assert scene.cloud.changing_calls() == []
    assert scene.buckets.changes == []


def test_a_first_deployment_makes_the_bucket_uploads_and_creates() -> None:
    scene = Scene()
    events = scene.deploy(a_package({"A": QUEUE, "B": QUEUE}))
    assert scene.buckets.changes == [
        f"create {BUCKET} {{'managed-by': 'orderctl'}}",
        "put orders/code-1.zip",
        "put orders/code-2.zip",
    ]
    assert [(event.logical_id, event.status) for event in events] == [
        ("orders", "CREATE_IN_PROGRESS"),
        ("A", "CREATE_IN_PROGRESS"),
        ("A", "CREATE_COMPLETE"),
        ("B", "CREATE_IN_PROGRESS"),
        ("B", "CREATE_COMPLETE"),
        ("orders", "CREATE_COMPLETE"),
    ]
    stack = follow.status(scene.stacks, "orders")
    assert (stack.status, stack.parameters, stack.tags) == (
        "CREATE_COMPLETE",
        {"Stage": "prod", "WorkerKey": "orders/code-1.zip", "ArtifactBucket": BUCKET},
        {"managed-by": "orderctl"},
    )


def test_every_event_is_told_once_and_only_those_of_this_operation() -> None:
    scene = Scene()
    scene.deploy(a_package({"A": QUEUE}))
    events = scene.deploy(a_package({"A": QUEUE, "B": QUEUE}))
    assert len({event.event_id for event in events}) == len(events)
    assert {event.logical_id for event in events} == {"orders", "B"}


def test_the_change_set_tells_every_page_of_its_changes() -> None:
    scene = Scene()
    change_set = scene.prepare(a_package({name: QUEUE for name in "ABCDEFG"}))
    assert change_set is not None
    assert [(change.action, change.logical_id) for change in change_set.changes] == [
        ("Add", name) for name in "ABCDEFG"
    ]


def test_only_missing_artifacts_are_uploaded() -> None:
    scene = Scene(FakeBuckets({BUCKET: {"orders/code-1.zip": b"one", "other/code-2.zip": b"two"}}))
    scene.prepare(a_package({"A": QUEUE}))
    assert scene.buckets.changes == ["put orders/code-2.zip"]


def test_no_changes_is_a_result_and_leaves_no_change_set() -> None:
    scene = Scene()
    scene.deploy(a_package({"A": QUEUE}))
    assert scene.prepare(a_package({"A": QUEUE})) is None
    assert scene.cloud.calls[-1] == "DeleteChangeSet"
    assert follow.status(scene.stacks, "orders").status == "CREATE_COMPLETE"


def test_a_template_too_long_for_the_call_goes_through_s3() -> None:
    scene = Scene()
    package = a_package({"A": QUEUE}, padding=deploy.TEMPLATE_BODY_LIMIT)
    plan = deploy.plan_deploy(scene.stacks, scene.buckets, package, PLACE)
    assert plan.template_in_s3
    assert "orders/d1.template" in plan.uploads


def test_a_parameter_set_once_stays_until_it_is_set_again() -> None:
    scene = Scene()
    first = deploy.plan_deploy(scene.stacks, scene.buckets, a_package({"A": QUEUE}), PLACE, {"Origin": "https://shop"})
    change_set = deploy.prepare(scene.stacks, scene.buckets, a_package({"A": QUEUE}), first, scene.clock)
    assert change_set is not None
    list(deploy.execute(scene.stacks, change_set, scene.clock))
    scene.deploy(a_package({"A": QUEUE, "B": QUEUE}))
    assert follow.status(scene.stacks, "orders").parameters["Origin"] == "https://shop"


def test_a_failure_names_the_resource_that_failed_first_not_those_it_cancelled() -> None:
    scene = Scene()
    scene.cloud.failing = {"B": "Queue name is taken"}
    with pytest.raises(FailedError) as caught:
        scene.deploy(a_package({"A": QUEUE, "B": QUEUE, "C": QUEUE}))
    assert caught.value.message == (
        "stack orders ended ROLLBACK_COMPLETE: B (AWS::SQS::Queue) CREATE_FAILED: Queue name is taken"
    )
    assert "stack destroy" in (caught.value.hint or "")


def test_an_update_that_fails_says_the_stack_is_as_before() -> None:
    scene = Scene()
    scene.deploy(a_package({"A": QUEUE}))
    scene.cloud.failing = {"B": "no"}
    with pytest.raises(FailedError, match="UPDATE_ROLLBACK_COMPLETE") as caught:
        scene.deploy(a_package({"A": QUEUE, "B": QUEUE}))
    assert "as it was before" in (caught.value.hint or "")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_cannot_be_updated_says_what_to_do(status: str) -> None:
    scene = Scene()
    scene.cloud.add_stack("orders", status)
    with pytest.raises(ConflictError, match=status) as caught:
        scene.prepare(a_package({"A": QUEUE}))
    assert caught.value.hint
    assert scene.cloud.changing_calls() == []


def test_a_stack_another_operation_works_on_is_left_alone() -> None:
    scene = Scene()
    scene.cloud.add_stack("orders", "UPDATE_IN_PROGRESS")
    with pytest.raises(ConflictError, match="another operation"):
        scene.prepare(a_package({"A": QUEUE}))


def test_a_stack_left_in_review_is_created() -> None:
    scene = Scene()
    scene.cloud.add_stack("orders", "REVIEW_IN_PROGRESS")
    scene.deploy(a_package({"A": QUEUE}))
    assert follow.status(scene.stacks, "orders").status == "CREATE_COMPLETE"


def test_a_change_set_not_agreed_to_leaves_no_empty_stack_behind() -> None:
    scene = Scene()
    change_set = scene.prepare(a_package({"A": QUEUE}))
    assert change_set is not None
    deploy.discard(scene.stacks, change_set)
    scene.cloud.finish()
    with pytest.raises(NotFoundError):
        follow.status(scene.stacks, "orders")


def test_waiting_ends_at_the_timeout_and_cloudformation_goes_on() -> None:
    scene = Scene()
    change_set = scene.prepare(a_package({name: QUEUE for name in "ABCDEF"}))
    assert change_set is not None
    with pytest.raises(TimeoutPassedError):
        list(deploy.execute(scene.stacks, change_set, scene.clock, pause=2.0, timeout=5.0))
    scene.cloud.finish()
    assert follow.status(scene.stacks, "orders").status == "CREATE_COMPLETE"


def test_destroying_empties_what_blocks_it_and_takes_the_artifacts_last() -> None:
    scene = Scene()
    scene.deploy(a_package({"Files": BUCKET_TYPE, "Jobs": QUEUE}))
    scene.buckets.objects["orders-files"] = {"left-over": b"x"}
    scene.buckets.changes.clear()
    events = scene.destroy()
    assert (events[-1].logical_id, events[-1].status) == ("orders", "DELETE_COMPLETE")
    assert scene.buckets.changes == ["empty orders-files/", f"empty {BUCKET}/orders/", f"delete {BUCKET}"]


def test_the_artifact_bucket_stays_while_another_stack_uses_it() -> None:
    scene = Scene()
    scene.deploy(a_package({"Jobs": QUEUE}))
    scene.buckets.objects[BUCKET]["billing/code.zip"] = b"x"
    scene.destroy()
    assert scene.buckets.objects == {BUCKET: {"billing/code.zip": b"x"}}


def test_a_plan_to_destroy_lists_everything_and_deletes_nothing() -> None:
    scene = Scene()
    scene.deploy(a_package({name: QUEUE for name in "ABCDE"} | {"Files": BUCKET_TYPE}))
    before = scene.cloud.changing_calls()
    scene.buckets.changes.clear()
    plan = destroy.plan_destroy(scene.stacks, scene.buckets, PLACE)
    assert [each.logical_id for each in plan.resources] == ["A", "B", "C", "D", "E", "Files"]
    assert (plan.empties, plan.artifacts, plan.deletes_artifact_bucket) == (("orders-files",), 2, True)
    assert scene.cloud.changing_calls() == before
    assert scene.buckets.changes == []


def test_a_resource_that_cannot_be_deleted_is_named_and_the_artifacts_stay() -> None:
    scene = Scene()
    scene.deploy(a_package({"Jobs": QUEUE, "Net": QUEUE}))
    scene.cloud.undeletable = {"Net": "it is in use"}
    with pytest.raises(FailedError, match=r"DELETE_FAILED: Net \(AWS::SQS::Queue\) DELETE_FAILED: it is in use"):
        scene.destroy()
    assert "orders/code-1.zip" in scene.buckets.objects[BUCKET]


def test_a_protected_stack_is_not_destroyed() -> None:
    scene = Scene()
    scene.cloud.add_stack("orders", "CREATE_COMPLETE", EnableTerminationProtection=True)
    with pytest.raises(RefusedError):
        scene.destroy()
    assert scene.cloud.changing_calls() == []


def test_a_stack_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        follow.status(Scene().stacks, "orders")
