"""CloudFormation as a client of boto3's shape: stateful, slow on purpose, able to fail like the real one.

Every DescribeStackEvents moves the running operation one step, so code that waits sees the states in between.
Messages and statuses are CloudFormation's own. `failing` names resources that cannot be created (or, in
`undeletable`, deleted), each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

START = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
STACK_TYPE = "AWS::CloudFormation::Stack"
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
PAGE = 3
"""Rows on one page: small, so that every test that reads more has to follow the pages."""


class FakeCloudFormation:
    """Give it to the adapter in place of a boto3 client."""

    def __init__(self, account: str = "123456789012", region: str = "eu-west-1") -> None:
        self.calls: list[str] = []
        self.failing: dict[str, str] = {}
        self.undeletable: dict[str, str] = {}
        self.slow_change_sets = 1
        self.yaml_means: dict[str, Any] = {"Resources": {}}
        """What a template is taken for that is not JSON; this reads no YAML."""
        self.stacks: dict[str, dict[str, Any]] = {}
        self._change_sets: dict[str, dict[str, Any]] = {}
        self._steps: list[Callable[[], None]] = []
        self._prefix = f"arn:aws:cloudformation:{region}:{account}"
        self._count = 0

    # --- what tests put there -----------------------------------------------------------------------------

    def add_stack(self, name: str, status: str, template: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A stack that is there already."""
        stack = self._new_stack(name, status) | more
        self.stacks[stack["StackId"]] = stack
        for logical_id, resource in (template or {}).get("Resources", {}).items():
            self._set_resource(stack, logical_id, resource["Type"], "CREATE_COMPLETE")
        stack["template"] = template or {}
        return stack

    def finish(self) -> None:
        """Let everything that runs come to its end."""
        while self._steps:
            self._steps.pop(0)()

    def changing_calls(self) -> list[str]:
        """The calls so far that changed something."""
        return [call for call in self.calls if not call.startswith(("Describe", "List", "Get"))]

    # --- the API ------------------------------------------------------------------------------------------

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        self.calls.append("DescribeStacks")
        return {"Stacks": [_public(self._find(StackName, "DescribeStacks"))]}

    def create_change_set(self, **asked: Any) -> dict[str, Any]:
        self.calls.append("CreateChangeSet")
        stack = self._stack_for_change(asked)
        template = self._read(asked.get("TemplateBody", ""))
        changes = _difference(stack["template"], template)
        arn = f"{self._prefix}:changeSet/{asked['ChangeSetName']}/{self._next()}"
        self._change_sets[arn] = {
            "asked": asked, "stack": stack, "template": template, "changes": changes, "looks": self.slow_change_sets
        }  # fmt: skip
        return {"Id": arn, "StackId": stack["StackId"]}

    def describe_change_set(self, ChangeSetName: str, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        self.calls.append("DescribeChangeSet")
        change_set = self._change_set(ChangeSetName, "DescribeChangeSet")
        if change_set["looks"] > 0:
            change_set["looks"] -= 1
            return {"Status": "CREATE_IN_PROGRESS", "Changes": []}
        if not change_set["changes"]:
            return {"Status": "FAILED", "StatusReason": NO_CHANGES, "ExecutionStatus": "UNAVAILABLE", "Changes": []}
        start = int(NextToken)
        page = {"Status": "CREATE_COMPLETE", "Changes": change_set["changes"][start : start + PAGE]}
        return page | ({"NextToken": str(start + PAGE)} if start + PAGE < len(change_set["changes"]) else {})

    def execute_change_set(self, ChangeSetName: str, StackName: str, ClientRequestToken: str) -> dict[str, Any]:
        self.calls.append("ExecuteChangeSet")
        change_set = self._change_set(ChangeSetName, "ExecuteChangeSet")
        stack, kind = change_set["stack"], change_set["asked"]["ChangeSetType"]
        stack["template"] = change_set["template"]
        before = {row["ParameterKey"]: row for row in stack["Parameters"]}
        stack["Parameters"] = [
            before[row["ParameterKey"]] if row.get("UsePreviousValue") else row
            for row in change_set["asked"]["Parameters"]
        ]
        stack["Tags"] = change_set["asked"]["Tags"]
        self._stack_event(stack, f"{kind}_IN_PROGRESS", ClientRequestToken, "User Initiated")
        self._plan_changes(stack, kind, change_set["changes"], ClientRequestToken)
        return {}

    def delete_change_set(self, ChangeSetName: str, StackName: str) -> dict[str, Any]:
        self.calls.append("DeleteChangeSet")
        self._change_sets.pop(ChangeSetName, None)
        return {}

    def delete_stack(self, StackName: str, ClientRequestToken: str) -> dict[str, Any]:
        self.calls.append("DeleteStack")
        stack = self._find(StackName, "DeleteStack")
        self._stack_event(stack, "DELETE_IN_PROGRESS", ClientRequestToken, "User Initiated")
        self._plan_deletion(stack, ClientRequestToken)
        return {}

    def get_paginator(self, operation: str) -> _Pages:
        return _Pages(
            {"describe_stack_events": self._event_pages, "list_stack_resources": self._resource_pages}[operation]
        )

    def _event_pages(self, StackName: str) -> Iterator[dict[str, Any]]:
        self.calls.append("DescribeStackEvents")
        if self._steps:
            self._steps.pop(0)()
        events = list(reversed(self._find(StackName, "DescribeStackEvents")["events"]))
        for start in range(0, max(len(events), 1), PAGE):
            yield {"StackEvents": events[start : start + PAGE]}

    def _resource_pages(self, StackName: str) -> Iterator[dict[str, Any]]:
        self.calls.append("ListStackResources")
        rows = list(self._find(StackName, "ListStackResources")["resources"].values())
        for start in range(0, max(len(rows), 1), PAGE):
            yield {"StackResourceSummaries": rows[start : start + PAGE]}

    # --- operations, one step at a time ---------------------------------------------------------------------

    def _plan_changes(self, stack: dict[str, Any], kind: str, changes: list[dict[str, Any]], token: str) -> None:
        for change in changes:
            said = change["ResourceChange"]
            logical_id, type_name = said["LogicalResourceId"], said["ResourceType"]
            verb = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}[said["Action"]]
            self._steps.append(self._resource_step(stack, logical_id, type_name, f"{verb}_IN_PROGRESS", token))
            if logical_id in self.failing:
                return self._plan_rollback(stack, kind, verb, logical_id, type_name, token, changes)
            self._steps.append(self._resource_step(stack, logical_id, type_name, f"{verb}_COMPLETE", token))
        self._steps.append(lambda: self._stack_event(stack, f"{kind}_COMPLETE", token))

    def _plan_rollback(
        self, stack: dict[str, Any], kind: str, verb: str, failed: str, type_name: str, token: str, changes: list[Any]
    ) -> None:
        """The real order of things: a sibling is told first that it was cancelled only after the cause."""
        self._steps.append(self._resource_step(stack, failed, type_name, f"{verb}_FAILED", token, self.failing[failed]))
        for change in changes:
            other = change["ResourceChange"]
            if other["LogicalResourceId"] != failed and other["LogicalResourceId"] not in stack["resources"]:
                wake = f"Resource {'creation' if verb == 'CREATE' else 'update'} cancelled"
                self._steps.append(
                    self._resource_step(
                        stack, other["LogicalResourceId"], other["ResourceType"], f"{verb}_FAILED", token, wake
                    )
                )
        prefix = "" if kind == "CREATE" else "UPDATE_"
        reason = f"The following resource(s) failed to {verb.lower()}: [{failed}]. Rollback requested by user."
        self._steps.append(lambda: self._stack_event(stack, f"{prefix}ROLLBACK_IN_PROGRESS", token, reason))
        self._steps.append(lambda: self._stack_event(stack, f"{prefix}ROLLBACK_COMPLETE", token))

    def _plan_deletion(self, stack: dict[str, Any], token: str) -> None:
        failed = []
        for row in list(stack["resources"].values()):
            logical_id, type_name = row["LogicalResourceId"], row["ResourceType"]
            reason = self.undeletable.get(logical_id)
            failed += [logical_id] if reason else []
            end = "DELETE_FAILED" if reason else "DELETE_COMPLETE"
            self._steps.append(self._resource_step(stack, logical_id, type_name, "DELETE_IN_PROGRESS", token))
            self._steps.append(self._resource_step(stack, logical_id, type_name, end, token, reason))
        if failed:
            why = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            self._steps.append(lambda: self._stack_event(stack, "DELETE_FAILED", token, why))
        else:
            self._steps.append(lambda: self._stack_event(stack, "DELETE_COMPLETE", token))

    def _resource_step(
        self, stack: dict[str, Any], logical_id: str, type_name: str, status: str, token: str, reason: str | None = None
    ) -> Callable[[], None]:
        def step() -> None:
            row = self._set_resource(stack, logical_id, type_name, status)
            self._event(stack, logical_id, row["PhysicalResourceId"], type_name, status, token, reason)

        return step

    # --- bookkeeping ----------------------------------------------------------------------------------------

    def _new_stack(self, name: str, status: str) -> dict[str, Any]:
        return {
            "StackName": name,
            "StackId": f"{self._prefix}:stack/{name}/{self._next()}",
            "StackStatus": status,
            "CreationTime": START,
            "Outputs": [],
            "Parameters": [],
            "Tags": [],
            "template": {},
            "resources": {},
            "events": [],
        }

    def _stack_for_change(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, kind = asked["StackName"], asked["ChangeSetType"]
        found = next((s for s in self.stacks.values() if s["StackName"] == name and _is_there(s)), None)
        if kind == "UPDATE":
            if found is None:
                raise _error("ValidationError", f"Stack [{name}] does not exist", "CreateChangeSet")
            return found
        if found is not None and found["StackStatus"] != "REVIEW_IN_PROGRESS":
            raise _error(
                "ValidationError", f"Stack [{name}] already exists and cannot be created again", "CreateChangeSet"
            )
        if found is None:
            found = self._new_stack(name, "REVIEW_IN_PROGRESS")
            self.stacks[found["StackId"]] = found
            self._stack_event(found, "REVIEW_IN_PROGRESS", None, "User Initiated")
        return found

    def _read(self, text: str) -> dict[str, Any]:
        return dict(json.loads(text)) if text.startswith("{") else self.yaml_means

    def _find(self, name: str, operation: str) -> dict[str, Any]:
        """By name a stack that is there; by id a deleted one too."""
        for stack in self.stacks.values():
            if stack["StackId"] == name or (stack["StackName"] == name and _is_there(stack)):
                return stack
        raise _error("ValidationError", f"Stack with id {name} does not exist", operation)

    def _change_set(self, arn: str, operation: str) -> dict[str, Any]:
        if arn not in self._change_sets:
            raise _error("ChangeSetNotFound", f"ChangeSet [{arn}] does not exist", operation)
        return self._change_sets[arn]

    def _set_resource(self, stack: dict[str, Any], logical_id: str, type_name: str, status: str) -> dict[str, Any]:
        row = {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": f"{stack['StackName'].lower()}-{logical_id.lower()}",
            "ResourceType": type_name,
            "ResourceStatus": status,
        }
        stack["resources"][logical_id] = row
        return row

    def _stack_event(self, stack: dict[str, Any], status: str, token: str | None, reason: str | None = None) -> None:
        stack["StackStatus"] = status
        self._event(stack, stack["StackName"], stack["StackId"], STACK_TYPE, status, token, reason)

    def _event(
        self, stack: dict[str, Any], logical: str, physical: str, kind: str, status: str, token: str | None,
        reason: str | None,
    ) -> None:  # fmt: skip
        event = {
            "EventId": f"{logical}-{status}-{self._next()}",
            "StackId": stack["StackId"],
            "StackName": stack["StackName"],
            "LogicalResourceId": logical,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "ResourceStatus": status,
            "Timestamp": START + timedelta(seconds=self._count),
        }
        stack["events"].append(
            event
            | ({"ClientRequestToken": token} if token else {})
            | ({"ResourceStatusReason": reason} if reason else {})
        )

    def _next(self) -> int:
        self._count += 1
        return self._count


class _Pages:
    def __init__(self, pages: Callable[..., Iterator[dict[str, Any]]]) -> None:
        self._pages = pages

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        return self._pages(**asked)


def _is_there(stack: dict[str, Any]) -> bool:
    return bool(stack["StackStatus"] != "DELETE_COMPLETE")


def _public(stack: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stack.items() if key[0].isupper()}


def _difference(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    before, after = old.get("Resources", {}), new.get("Resources", {})
    changes = []
    for logical_id in sorted({*before, *after}):
        if before.get(logical_id) == after.get(logical_id):
            continue
        action = "Add" if logical_id not in before else "Remove" if logical_id not in after else "Modify"
        change = {
            "Action": action,
            "LogicalResourceId": logical_id,
            "ResourceType": (after.get(logical_id) or before[logical_id])["Type"],
        }
        changes.append(
            {"Type": "Resource", "ResourceChange": change | ({"Replacement": "False"} if action == "Modify" else {})}
        )
    return changes


def _error(code: str, message: str, operation: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"RequestId": "request-1"}}
    return ClientError(answer, operation)
