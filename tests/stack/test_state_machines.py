"""Every state machine of the stack is sound, and the check would notice if it were not."""

from __future__ import annotations

import copy
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orderctl.stack.package import DEFINITION
from tests.stack import asl
from tests.stack.translated import parsed

MACHINES = sorted(DEFINITION.parent.glob("*.asl.json"))


def order_workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DEFINITION.read_text())
    return loaded


def state(name: str) -> asl.State:
    return dict(asl.states(order_workflow()))[name]


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_a_state_machine_has_no_structural_fault(path: Path) -> None:
    assert asl.faults(json.loads(path.read_text())) == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_jsonata_expression_can_be_parsed(path: Path) -> None:
    jsonata = importlib.import_module("jsonata")
    machine = json.loads(path.read_text())
    found = list(asl.expressions(machine))
    assert bool(found) == (machine["QueryLanguage"] == "JSONata")
    for expression in found:
        jsonata.Jsonata(expression)


def lose(*keys: str) -> Callable[[dict[str, Any]], None]:
    return lambda machine: _at(machine, keys[:-1]).pop(keys[-1])


def give(value: object, *keys: str) -> Callable[[dict[str, Any]], None]:
    return lambda machine: _at(machine, keys[:-1]).__setitem__(keys[-1], value)


def _at(node: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (give("Nowhere", "StartAt"), "machine: StartAt names no state"),
        (give("Nowhere", "States", "TakeStock", "Next"), "TakeStock: goes to Nowhere, which does not exist"),
        (lose("States", "TakeStock", "Next"), "TakeStock: has 0 of Next and End"),
        (give(True, "States", "TakeStock", "End"), "TakeStock: has 2 of Next and End"),
        (give("OutOfStock", "States", "ValidateOrder", "Next"), "TakeStock: cannot be reached"),
        (lose("States", "WhyWasNoStockTaken", "Default"), "WhyWasNoStockTaken: has no Default"),
        (lose("States", "TakeStock", "Catch", "0", "ErrorEquals"), "TakeStock: Catch without ErrorEquals"),
        (lose("States", "TakeStock", "Catch", "0", "Next"), "TakeStock: Catch without Next"),
        (give(1, "States", "TakeStock", "Retry", "0", "MaxAttemps"), "TakeStock: Retry knows no ['MaxAttemps']"),
        (give("$.order", "States", "TakeStock", "InputPath"), "TakeStock: InputPath does not belong to JSONata"),
        (give("$.o", "States", "TakeStock", "Arguments", "X.$"), "TakeStock: X.$ is a JSONPath field"),
        (give("{% $order", "States", "TakeStock", "Output"), "TakeStock: half an expression: {% $order"),
        (give([{"ErrorEquals": ["States.ALL", "X"], "Next": "OutOfStock"}], "States", "TakeStock", "Catch"), "alone"),
        (give([{"ErrorEquals": ["X"]}], "States", "WaitForOtherOrders", "Retry"), "Retry on a Wait"),
        (
            lose("States", "PrepareOrder", "Branches", "0", "States", "RecordOrder", "End"),
            "RecordOrder: has 0 of Next and End",
        ),
    ],
)
def test_the_structural_check_notices(damage: Callable[[dict[str, Any]], None], fault: str) -> None:
    machine = copy.deepcopy(order_workflow())
    damage(machine)
    assert fault in "\n".join(asl.faults(machine))


def test_every_task_has_a_timeout_and_retries_what_passes() -> None:
    tasks = {name: each for name, each in asl.states(order_workflow()) if each["Type"] == "Task"}
    assert len(tasks) == 6
    for name, task in tasks.items():
        assert task["TimeoutSeconds"] <= 30, name
        assert all(rule["MaxAttempts"] >= 3 and rule["JitterStrategy"] == "FULL" for rule in task["Retry"]), name
        retried = {error for rule in task["Retry"] for error in rule["ErrorEquals"]}
        assert not retried & {"States.ALL", "States.TaskFailed", "ValidationError"}, name


def test_the_workflow_ends_in_success_or_in_a_failure_with_a_name() -> None:
    endings = {name: each["Type"] for name, each in asl.states(order_workflow()) if each["Type"] in asl.ENDINGS}
    assert endings == {
        "OrderAccepted": "Succeed",
        "ValidationError": "Fail",
        "ProductNotFound": "Fail",
        "OutOfStock": "Fail",
        "OrderIdReused": "Fail",
    }
    assert all(state(name)["Error"] == name for name, kind in endings.items() if kind == "Fail")


def test_standard_and_express_share_the_definition_and_every_substitution_is_given() -> None:
    used = set(re.findall(r"\$\{(\w+)\}", DEFINITION.read_text()))
    standard, express = (
        parsed()["Resources"][name]["Properties"] for name in ("OrderWorkflow", "ExpressOrderWorkflow")
    )
    assert standard["DefinitionUri"] == express["DefinitionUri"]
    assert standard["DefinitionSubstitutions"] == express["DefinitionSubstitutions"]
    assert set(standard["DefinitionSubstitutions"]) == used


def test_nothing_in_the_definition_is_bound_to_an_account_or_a_region() -> None:
    assert re.findall(r"\d{12}|[a-z]{2}-[a-z]+-\d", DEFINITION.read_text()) == []


def test_express_may_run_it_no_task_waits_for_a_callback_or_a_job() -> None:
    resources = [each["Resource"] for _, each in asl.states(order_workflow()) if each["Type"] == "Task"]
    assert not [resource for resource in resources if resource.endswith((".sync", ".waitForTaskToken"))]
    assert order_workflow()["TimeoutSeconds"] < 300


def test_stock_is_taken_in_one_conditional_write_of_the_ordered_quantity() -> None:
    take = state("TakeStock")
    put, update = (next(iter(item.values())) for item in take["Arguments"]["TransactItems"])
    assert take["Resource"].endswith("dynamodb:transactWriteItems")
    assert put["ConditionExpression"] == "attribute_not_exists(order_id)"
    assert update["UpdateExpression"] == "SET quantity = quantity - :ordered"
    assert update["ConditionExpression"] == "attribute_exists(product_id) AND quantity >= :ordered"
    assert update["ExpressionAttributeValues"] == {":ordered": {"N": "{% $string($order.quantity) %}"}}


Read = dict[str, Any]


@pytest.mark.parametrize(
    ("record", "stock", "goes_to"),
    [
        ({}, {"Item": {"quantity": {"N": "5"}}}, "WaitForOtherOrders"),
        ({}, {"Item": {"quantity": {"N": "10"}}}, "WaitForOtherOrders"),
        ({}, {"Item": {"quantity": {"N": "4"}}}, "OutOfStock"),
        ({}, {"Item": {"product_id": {"S": "w"}}}, "OutOfStock"),
        ({}, {}, "ProductNotFound"),
        ({"Item": {"product_id": {"S": "w"}, "quantity": {"N": "5"}}}, {}, "PrepareOrder"),
        ({"Item": {"product_id": {"S": "w"}, "quantity": {"N": "4"}}}, {}, "OrderIdReused"),
        ({"Item": {"product_id": {"S": "x"}, "quantity": {"N": "5"}}}, {}, "OrderIdReused"),
    ],
)
def test_a_refused_write_is_told_apart_by_what_is_there(record: Read, stock: Read, goes_to: str) -> None:
    variables: dict[str, Any] = {"order": {"product_id": "w", "quantity": 5}}
    result = {"states": {"result": {"Responses": [record, stock]}}}
    variables |= {name: _evaluate(text, variables | result) for name, text in state("ReadStock")["Assign"].items()}
    choice = state("WhyWasNoStockTaken")
    taken = [rule["Next"] for rule in choice["Choices"] if _evaluate(rule["Condition"], variables)]
    assert [*taken, choice["Default"]][0] == goes_to


def _evaluate(text: str, variables: dict[str, Any]) -> Any:
    expression = importlib.import_module("jsonata").Jsonata(text[2:-2])
    for name, value in variables.items():
        expression.assign(name, value)
    return expression.evaluate(None)


def test_the_notification_goes_out_last_and_only_after_stock_was_taken() -> None:
    assert state("TakeStock")["Next"] == "PrepareOrder"
    assert state("PrepareOrder")["Next"] == "PublishNotification"
    assert state("PublishNotification")["Next"] == "OrderAccepted"


def test_only_a_read_and_an_idempotent_write_run_in_parallel() -> None:
    resources = {
        name: each["Resource"].rpartition(":")[2]
        for branch in state("PrepareOrder")["Branches"]
        for name, each in asl.states(branch)
    }
    assert resources == {"RecordOrder": "updateItem", "LoadCustomer": "getItem"}
    assert "if_not_exists(accepted_at, :now)" in state("RecordOrder")["Arguments"]["UpdateExpression"]


def test_the_order_outlives_every_state_as_a_variable() -> None:
    assert state("ValidateOrder")["Assign"] == {"order": "{% $states.result.Payload %}"}
    message = state("PublishNotification")["Arguments"]["Message"]
    assert message.startswith("{% $string({'order': $order,")
