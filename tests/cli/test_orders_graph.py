from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.orders.models import StateMachine, StateMachineType
from tests.cli.support import Outcome
from tests.cli.test_orders import Desk
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK

DEFINITION = json.dumps(
    {
        "StartAt": "TakeStock",
        "States": {
            "TakeStock": {
                "Type": "Task",
                "Retry": [{}],
                "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "OutOfStock"}],
                "Next": "Accepted",
            },
            "Accepted": {"Type": "Succeed"},
            "OutOfStock": {"Type": "Fail"},
        },
    }
)


class Defined(FakeExecutions):
    def state_machine(self, arn: str) -> StateMachine:
        return StateMachine(MACHINE, StateMachineType.STANDARD, DEFINITION)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.executions = Defined(desk.clock)
    return desk


def test_graph_marks_the_way_an_order_took(desk: Desk) -> None:
    desk.executions.run("o-1", OUT_OF_STOCK)
    desk.clock.advance(60)
    assert desk.run("orders", "graph", "o-1", "-o", "table") == Outcome(
        0,
        "TakeStock  (Task)  CAUGHT  retries\n"
        "  -> Accepted\n"
        "  !> OutOfStock  States.TaskFailed\n"
        "Accepted  (Succeed)  end\n"
        "OutOfStock  (Fail)  FAILED  end\n",
        "",
    )


def test_graph_for_a_program_is_a_list_of_states(desk: Desk) -> None:
    found = json.loads(desk.run("orders", "graph", "-o", "json").out)
    assert [state["name"] for state in found] == ["TakeStock", "Accepted", "OutOfStock"]
    assert found[0]["ways"][0] == {"to": "Accepted", "when": "next", "kind": "next"}
