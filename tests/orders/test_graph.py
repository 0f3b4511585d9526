from __future__ import annotations

import json
from importlib import resources

import pytest

from orderctl.errors import FailedError
from orderctl.orders.graph import Way, nodes

DEFINITION = json.dumps(
    {
        "StartAt": "Check",
        "States": {
            "Sorry": {"Type": "Fail"},
            "Check": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.quantity", "NumericGreaterThan": 9, "Next": "Sorry"},
                    {"Condition": "{% $vip %}", "Next": "Both"},
                ],
                "Default": "Lines",
            },
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
                    {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}},
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}],
                "Next": "Lines",
            },
            "Lines": {
                "Type": "Map",
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Retry": [{}], "End": True}}},
                "Next": "Check",
            },
            "Nobody": {"Type": "Succeed"},
        },
    }
)


def test_states_are_in_reading_order_with_what_is_inside_them() -> None:
    found = [(node.depth, node.label, node.name) for node in nodes(DEFINITION)]
    assert found == [
        (0, "", "Check"),
        (0, "", "Sorry"),
        (0, "", "Both"),
        (1, "[0]", "A"),
        (1, "[1]", "B"),
        (0, "", "Lines"),
        (1, "[*]", "I"),
        (0, "", "Nobody"),
    ]


def test_every_way_out_says_when() -> None:
    by_name = {node.name: node for node in nodes(DEFINITION)}
    assert by_name["Check"].ways == [
        Way("Sorry", "$.quantity NumericGreaterThan 9", "choice"),
        Way("Both", "$vip", "choice"),
        Way("Lines", "default", "choice"),
    ]
    assert by_name["Both"].ways == [Way("Lines", "next", "next"), Way("Sorry", "States.ALL", "catch")]
    assert by_name["I"].retries
    assert by_name["Sorry"].is_end


def test_the_reference_workflow_can_be_read() -> None:
    text = resources.files("orderctl.stack").joinpath("state_machines/order.asl.json").read_text(encoding="utf-8")
    found = nodes(text)
    assert found[0].is_start
    assert len(found) >= 10


@pytest.mark.parametrize("definition", ["{}", "[]", '{"States": {}}', '{"States": {"A": 1}, "StartAt": "B"}'])
def test_an_odd_definition_does_not_break_it(definition: str) -> None:
    assert len(nodes(definition)) <= 1


def test_text_that_is_no_definition_is_an_error() -> None:
    with pytest.raises(FailedError):
        nodes("not json")
