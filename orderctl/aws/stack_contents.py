"""What a CloudFormation stack offers, as discovery asks it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call
from orderctl.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient


class CloudFormationContents:
    """Outputs and resources of a deployed stack."""

    def __init__(self, client: CloudFormationClient) -> None:
        self._client = client

    def outputs(self, stack: str) -> Mapping[str, str]:
        """Output key to value; raises NotFoundError where there is no such stack."""
        with aws_call("cloudformation", "DescribeStacks", subject=f"stack {stack}"):
            found = self._client.describe_stacks(StackName=stack)["Stacks"]
        if not found:
            raise NotFoundError(f"no stack named {stack!r}")
        return {output["OutputKey"]: output["OutputValue"] for output in found[0].get("Outputs", [])}

    def resources(self, stack: str) -> Mapping[str, tuple[str, ...]]:
        """Resource type to physical ids; ListStackResources because DescribeStackResources ends at 100."""
        ids: dict[str, list[str]] = defaultdict(list)
        with aws_call("cloudformation", "ListStackResources", subject=f"stack {stack}"):
            for page in self._client.get_paginator("list_stack_resources").paginate(StackName=stack):
                for resource in page["StackResourceSummaries"]:
                    is_there = resource["ResourceStatus"] != "DELETE_COMPLETE"
                    if is_there and resource.get("PhysicalResourceId"):
                        ids[resource["ResourceType"]].append(resource["PhysicalResourceId"])
        return {kind: tuple(found) for kind, found in ids.items()}
