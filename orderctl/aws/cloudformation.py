"""CloudFormation behind `orderctl.stack.ports.Stacks`.

A stack that is not there is an error of CloudFormation's (ValidationError "does not exist") and an answer of
ours: `describe` gives None. A stack id also finds a deleted stack, so a status of DELETE_COMPLETE is None too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.errors import NotFoundError
from orderctl.stack.ports import ChangeRequest, ChangeSet, ResourceChange, Stack, StackEvent, StackResource

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient

_CAPABILITIES: Any = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
"""Roles are made, some with names. CAPABILITY_AUTO_EXPAND has no effect on change sets (API reference)."""


class CloudFormation:
    """Speaks to CloudFormation."""

    def __init__(self, client: CloudFormationClient) -> None:
        self._client = client

    def describe(self, stack: str) -> Stack | None:
        """The stack of that name or id; None where there is none."""
        try:
            with aws_call("cloudformation", "DescribeStacks", subject=f"stack {stack}"):
                found = self._client.describe_stacks(StackName=stack)["Stacks"]
        except NotFoundError:
            return None
        return None if not found or found[0]["StackStatus"] == "DELETE_COMPLETE" else _stack(found[0])

    def members(self, stack: str) -> tuple[StackResource, ...]:
        """Every resource the stack holds, all pages; raises NotFoundError."""
        with aws_call("cloudformation", "ListStackResources", subject=f"stack {stack}"):
            pages = list(self._client.get_paginator("list_stack_resources").paginate(StackName=stack))
        rows: list[Any] = [row for page in pages for row in page["StackResourceSummaries"]]
        return tuple(
            StackResource(
                logical_id=row["LogicalResourceId"],
                physical_id=row.get("PhysicalResourceId", ""),
                type=row["ResourceType"],
                status=row["ResourceStatus"],
            )
            for row in rows
            if row["ResourceStatus"] != "DELETE_COMPLETE"
        )

    def create_change_set(self, request: ChangeRequest) -> ChangeSet:
        """Ask for a change set named after its token, so that asking twice makes one."""
        source: Any = {"TemplateURL": request.template_url} if request.template_url else {}
        parameters: list[Any] = [{"ParameterKey": k, "ParameterValue": v} for k, v in request.parameters.items()]
        parameters += [{"ParameterKey": key, "UsePreviousValue": True} for key in request.keeps]
        with aws_call("cloudformation", "CreateChangeSet", subject=f"stack {request.stack_name}"):
            made: Any = self._client.create_change_set(
                StackName=request.stack_name,
                ChangeSetName=request.token,
                ClientToken=request.token,
                ChangeSetType=request.kind,  # type: ignore[arg-type]
                Capabilities=_CAPABILITIES,
                Parameters=parameters,
                Tags=[{"Key": k, "Value": v} for k, v in request.tags.items()],
                **(source or {"TemplateBody": request.template_body}),
            )
        return ChangeSet(
            change_set_id=made["Id"],
            stack_id=made["StackId"],
            stack_name=request.stack_name,
            kind=request.kind,
            status="CREATE_PENDING",
            reason=None,
            token=request.token,
        )

    def describe_change_set(self, change_set: ChangeSet) -> ChangeSet:
        """The change set as it stands now, with all pages of its changes."""
        changes: list[ResourceChange] = []
        asked: dict[str, Any] = {"ChangeSetName": change_set.change_set_id, "StackName": change_set.stack_id}
        while True:
            with aws_call("cloudformation", "DescribeChangeSet", subject=f"stack {change_set.stack_name}"):
                page: Any = self._client.describe_change_set(**asked)
            changes += [_change(row["ResourceChange"]) for row in page.get("Changes", ()) if "ResourceChange" in row]
            if not page.get("NextToken"):
                break
            asked["NextToken"] = page["NextToken"]
        return replace(
            change_set, status=page["Status"], reason=page.get("StatusReason") or None, changes=tuple(changes)
        )

    def execute_change_set(self, change_set: ChangeSet) -> None:
        """Start carrying it out; events follow under its token."""
        with aws_call("cloudformation", "ExecuteChangeSet", subject=f"stack {change_set.stack_name}"):
            self._client.execute_change_set(
                ChangeSetName=change_set.change_set_id,
                StackName=change_set.stack_id,
                ClientRequestToken=change_set.token,
            )

    def delete_change_set(self, change_set: ChangeSet) -> None:
        """Drop it; CloudFormation answers success for one that is gone."""
        with aws_call("cloudformation", "DeleteChangeSet", subject=f"stack {change_set.stack_name}"):
            self._client.delete_change_set(ChangeSetName=change_set.change_set_id, StackName=change_set.stack_id)

    def delete(self, stack_id: str, token: str) -> None:
        """Start deleting the stack; events follow under `token`."""
        with aws_call("cloudformation", "DeleteStack", subject=f"stack {stack_id}"):
            self._client.delete_stack(StackName=stack_id, ClientRequestToken=token)

    def events_since(self, stack_id: str, token: str, seen: Iterable[str]) -> tuple[StackEvent, ...]:
        """The operation's events not in `seen`, oldest first.

        CloudFormation lists newest first, so reading stops at the first event that is known or another's.
        """
        known, fresh = set(seen), dict[str, StackEvent]()
        with aws_call("cloudformation", "DescribeStackEvents", subject=f"stack {stack_id}"):
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
                rows: list[Any] = list(page["StackEvents"])
                fresh |= {row["EventId"]: _event(row) for row in rows if row.get("ClientRequestToken") == token}
                if any(row["EventId"] in known or row.get("ClientRequestToken") != token for row in rows):
                    break
        return tuple(event for key, event in reversed(fresh.items()) if key not in known)


def _stack(said: Any) -> Stack:
    return Stack(
        name=said["StackName"],
        stack_id=said["StackId"],
        status=said["StackStatus"],
        reason=said.get("StackStatusReason") or None,
        created_at=said.get("CreationTime"),
        updated_at=said.get("LastUpdatedTime"),
        outputs={row["OutputKey"]: row["OutputValue"] for row in said.get("Outputs", ())},
        parameters={row["ParameterKey"]: row.get("ParameterValue", "") for row in said.get("Parameters", ())},
        tags={row["Key"]: row["Value"] for row in said.get("Tags", ())},
        is_termination_protected=bool(said.get("EnableTerminationProtection")),
    )


def _change(said: Any) -> ResourceChange:
    return ResourceChange(
        action=said["Action"],
        logical_id=said["LogicalResourceId"],
        type=said["ResourceType"],
        physical_id=said.get("PhysicalResourceId") or None,
        replacement=said.get("Replacement") or None,
    )


def _event(said: Any) -> StackEvent:
    return StackEvent(
        event_id=said["EventId"],
        at=said["Timestamp"],
        logical_id=said["LogicalResourceId"],
        physical_id=said.get("PhysicalResourceId", ""),
        type=said["ResourceType"],
        status=said["ResourceStatus"],
        reason=said.get("ResourceStatusReason") or None,
        token=said.get("ClientRequestToken") or None,
    )
