"""The deployment to a real local server, with a template small enough to see through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from orderctl.aws.cloudformation import CloudFormation
from orderctl.aws.s3 import S3
from orderctl.aws.session import Aws
from orderctl.clock import SystemClock
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve
from orderctl.errors import FailedError, NotFoundError
from orderctl.local import ministack
from orderctl.local.files import LocalFiles
from orderctl.local.models import LocalState
from orderctl.local.reference import LocalReferenceStack
from orderctl.local.server import Server, StartOptions
from orderctl.stack import deploy, destroy, follow
from orderctl.stack.models import Artifact, Package, Place
from orderctl.stack.overlay import OverlayApis

pytestmark = pytest.mark.end_to_end

TEMPLATE = """
Parameters:
  ArtifactBucket: { Type: String }
  CodeKey: { Type: String }
  Local: { Type: String }
  AllowFaultInjection: { Type: String }
  LocalEndpoint: { Type: String }
  Colour: { Type: String, Default: blue }
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Files: { Type: AWS::S3::Bucket }
Outputs:
  Endpoint: { Value: !Ref LocalEndpoint }
  FilesName: { Value: !Ref Files }
"""
BROKEN = TEMPLATE.replace(
    "Resources:",
    """Resources:
  Late: { Type: AWS::SQS::Queue, DependsOn: Bad }
  Bad:
    Type: AWS::CloudFormation::CustomResource
    Properties: { ServiceToken: "arn:aws:lambda:eu-west-1:000000000000:function:gone" }
""",
)


def a_package(template: str = TEMPLATE) -> Package:
    return Package(template, {"CodeKey": "a.zip"}, (Artifact("a.zip", b"a"),), "d1")


class Bench:
    """What deploys to a running server."""

    def __init__(self, state: LocalState, root: Path) -> None:
        self.clock = SystemClock()
        self.state = state
        said = {"local": True, "region": "eu-west-1", "endpoint_url": state.endpoint_url}
        config = ConfigFile(root / "config.toml", True, "local", {"local": said})
        aws = Aws(resolve("local", {}, {}, config), {})
        self.s3 = aws.client("s3")
        self.stacks = CloudFormation(aws.client("cloudformation"))
        self.buckets = S3(self.s3, ministack.ACCOUNT_ID, "eu-west-1")
        self.place = Place("orders-local", ministack.ACCOUNT_ID, "eu-west-1")

    def reference(self, package: Package, overlay: str = "o1") -> LocalReferenceStack:
        return LocalReferenceStack(
            self.state,
            lambda: self.stacks,
            lambda: self.buckets,
            self.clock,
            build=lambda: package,
            apis=cast(OverlayApis, None),  # the small template has no API to adjust
            overlay_digest=lambda: overlay,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    files = LocalFiles(tmp_path)
    server = Server(files, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, SystemClock())
    list(server.start(StartOptions(region="eu-west-1")))
    state = files.read_state()
    assert state is not None
    try:
        yield Bench(state, tmp_path)
    finally:
        server.stop(state)


def test_another_overlay_is_another_stack_to_bring_up(bench: Bench) -> None:
    package = a_package()
    assert bench.reference(package).digest() == bench.reference(package).digest()
    assert bench.reference(package, "o2").digest() != bench.reference(package).digest()


def test_it_deploys_then_finds_nothing_to_do(bench: Bench) -> None:
    reference = bench.reference(a_package())
    said = list(reference.deploy())
    assert said[:2] == ["packaging", "uploading 1 files"]
    assert said[-1].startswith("2 of 2 resources: ")
    assert reference.outputs()["Endpoint"] == bench.state.endpoint_url
    assert list(bench.reference(a_package()).deploy()) == ["packaging", "uploading 0 files"]


def test_a_template_too_long_for_the_call_is_deployed_from_the_bucket(bench: Bench) -> None:
    long = "# " + "x" * deploy.TEMPLATE_BODY_LIMIT + TEMPLATE
    reference = bench.reference(a_package(long))
    list(reference.deploy())
    assert reference.outputs()["Endpoint"] == bench.state.endpoint_url


def test_a_failure_tells_the_resource_and_the_way_out(bench: Bench) -> None:
    with pytest.raises(FailedError, match=r"Bad \(AWS::CloudFormation::CustomResource\) CREATE_FAILED") as caught:
        list(bench.reference(a_package(BROKEN)).deploy())
    assert caught.value.hint == "orderctl local reset"
    with pytest.raises(FailedError, match="ROLLBACK_COMPLETE"):
        list(bench.reference(a_package()).deploy())


def test_destroying_empties_versioned_buckets_and_leaves_nothing(bench: Bench) -> None:
    reference = bench.reference(a_package())
    list(reference.deploy())
    name = reference.outputs()["FilesName"]
    bench.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        bench.s3.put_object(Bucket=name, Key="twice", Body=body)
    bench.s3.delete_object(Bucket=name, Key="twice")
    plan = destroy.plan_destroy(bench.stacks, bench.buckets, bench.place)
    assert (plan.empties, plan.artifacts, plan.deletes_artifact_bucket) == ((name,), 1, True)
    list(destroy.destroy(bench.stacks, bench.buckets, plan, bench.clock, pause=0.05))
    assert bench.s3.list_buckets()["Buckets"] == []
    with pytest.raises(NotFoundError):
        follow.status(bench.stacks, "orders-local")


def test_a_plan_only_reads(bench: Bench) -> None:
    deploy.plan_deploy(bench.stacks, bench.buckets, a_package(), bench.place)
    assert bench.stacks.describe("orders-local") is None
    assert bench.s3.list_buckets()["Buckets"] == []
