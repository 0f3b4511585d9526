from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, FailedError
from orderctl.orders.models import ExecutionStatus
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.clock import FakeClock
from tests.fakes.executions import EXPRESS, MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED, Row

ARN = MACHINE.replace("stateMachine", "execution")
SETTINGS = {"ORDERCTL_STATE_MACHINE": MACHINE, "ORDERCTL_EXPRESS_STATE_MACHINE": EXPRESS}
ORDER = ("orders", "submit", "--product-id", "widget-1", "--quantity", "2", "--user-id", "ada")


class Unreachable(FailedError):
    code = "unreachable"


class Desk:
    """One person at a prompt: several command lines against the same executions."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = FakeClock()
        self.executions = FakeExecutions(self.clock)

    def app(self, *, stdin: str = "", terminal: bool = False) -> App:
        app = new_app(self.home, environ=SETTINGS, stdin=stdin, terminal=terminal, clock=self.clock)
        app.executions = self.executions
        return app

    def run(self, *argv: str, stdin: str = "", terminal: bool = False) -> Outcome:
        return run(self.app(stdin=stdin, terminal=terminal), *argv)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_submit_prints_the_id_first_and_the_execution(desk: Desk) -> None:
    done = desk.run(*ORDER, "--order-id", "o-1")
    assert done == Outcome(0, f"o-1\tRUNNING\t2026-11-22T03:00:00.000Z\t{ARN}:o-1\n", "order o-1\n")


def test_submit_makes_a_sortable_id_where_none_is_given(desk: Desk) -> None:
    first, second = desk.run(*ORDER), None
    desk.clock.advance(1)
    second = desk.run(*ORDER)
    ids = [done.out.split("\t")[0] for done in (first, second)]
    assert ids == sorted(ids)
    assert [len(each) for each in ids] == [26, 26]
    assert first.err == f"order {ids[0]}\n"


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "two", ""])
def test_a_wrong_quantity_starts_nothing(desk: Desk, quantity: str) -> None:
    done = desk.run("orders", "submit", "--product-id", "w", "--quantity", quantity)
    assert (done.code, done.out) == (2, "")
    assert "quantity must be a whole number of at least 1" in done.err
    assert desk.executions.calls == []


def test_missing_fields_are_named_and_start_nothing(desk: Desk) -> None:
    done = desk.run("orders", "submit")
    assert done == Outcome(2, "", "orderctl: order: product_id is missing; quantity is missing\n")
    assert desk.executions.calls == []


def test_flags_win_over_the_file_and_set_over_both(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text('{"order_id": "o-9", "product_id": "w", "quantity": 1, "user_id": "bo", "gift": true}')
    done = desk.run(
        "orders", "submit", "--file", str(path), "--quantity", "3", "--set", "user_id=eve", "--set", "price=1.10"
    )
    assert done.code == 0
    assert desk.executions.runs[f"{ARN}:o-9"].input == (
        '{"gift": true, "order_id": "o-9", "price": 1.10, "product_id": "w", "quantity": 3, "user_id": "eve"}'
    )


def test_an_order_comes_from_stdin(desk: Desk) -> None:
    order = '{"order_id": "o-2", "product_id": "w", "quantity": 1, "user_id": "bo"}'
    assert desk.run("orders", "submit", "--file", "-", stdin=order).code == 0
    assert list(desk.executions.runs) == [f"{ARN}:o-2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"quantity": 0.5, "product_id": "w"}', "quantity"),
        ('{"quantity": 1, "quantity": 2}', "quantity"),
        ("[]", "object"),
        ("{", "<stdin>"),
        ('{"quantity": NaN}', "NaN"),
    ],
)
def test_a_wrong_file_starts_nothing(desk: Desk, text: str, said: str) -> None:
    done = desk.run("orders", "submit", "--file", "-", stdin=text)
    assert done.code == 2
    assert said in done.err
    assert desk.executions.calls == []


def test_a_file_that_is_not_there_is_a_usage_error(desk: Desk) -> None:
    assert desk.run("orders", "submit", "--file", "/nowhere/order.json").code == 2


def test_dry_run_shows_the_execution_and_makes_no_call(desk: Desk) -> None:
    done = desk.run(*ORDER, "--order-id", "o-1", "--dry-run", "-o", "json")
    assert json.loads(done.out) == {
        "dry_run": True,
        "order_id": "o-1",
        "state_machine_arn": MACHINE,
        "input": {"order_id": "o-1", "user_id": "ada", "product_id": "widget-1", "quantity": 2},
    }
    assert desk.executions.calls == []


def test_submitting_a_running_order_again_attaches_to_it(desk: Desk) -> None:
    desk.executions.strict = True
    first = desk.run(*ORDER, "--order-id", "o-1")
    again = desk.run(*ORDER, "--order-id", "o-1")
    assert again.out == first.out
    assert again.err == "order o-1\nit is running already; attached\n"
    assert len(desk.executions.runs) == 1


def test_submitting_a_closed_order_again_is_a_conflict(desk: Desk) -> None:
    desk.run(*ORDER, "--order-id", "o-1")
    desk.clock.advance(60)
    done = desk.run(*ORDER, "--order-id", "o-1", "--watch")
    assert done == Outcome(
        5,
        "",
        "order o-1\norderctl: order o-1 was submitted before and is SUCCEEDED\nhint: orderctl orders show o-1\n",
    )


def test_on_conflict_fail_does_not_attach(desk: Desk) -> None:
    desk.run(*ORDER, "--order-id", "o-1")
    assert desk.run(*ORDER, "--order-id", "o-1", "--on-conflict", "fail").code == 5
    assert desk.executions.count("start") == 1


def test_a_protected_environment_wants_its_name_first(desk: Desk) -> None:
    write_config(desk.home, 'default_env = "prod"\n[env.prod]\nprotected = true\nregion = "us-east-1"\n')
    refused = desk.run(*ORDER)
    assert refused.code == 7
    assert "--confirm prod" in refused.err
    assert desk.executions.calls == []


@pytest.mark.parametrize(
    "flags",
    [
        ("--watch", "--detach"),
        ("--timeout", "soon"),
        ("--interval", "1ms"),
        ("--on-conflict", "maybe"),
        ("--state-machine", "orders"),
    ],
)
def test_flags_that_make_no_sense_start_nothing(desk: Desk, flags: Sequence[str]) -> None:
    assert desk.run(*ORDER, *flags).code in (2, 3)
    assert desk.executions.count("start") == 0


# --- Express ---------------------------------------------------------------------------------------------


def test_express_waits_for_the_outcome_and_prints_it(desk: Desk) -> None:
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["status"] == "SUCCEEDED"
    assert json.loads(done.out)["type"] == "EXPRESS"


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT])
def test_the_outcome_of_express_is_the_exit_code(desk: Desk, status: ExecutionStatus) -> None:
    desk.executions.sync_status = status
    done = desk.run(*ORDER, "--order-id", "o-1", "--express")
    assert done.code == 8
    assert done.err == (
        f"order o-1\norderctl: order o-1 {status}: OutOfStock: left: 0\n"
        f"hint: orderctl orders show {EXPRESS.replace('stateMachine', 'express')}:o-1:0c1e\n"
    )


def test_a_lost_reply_of_express_starts_nothing_again(desk: Desk) -> None:
    desk.executions.fail("start_sync", Unreachable("read timeout"), times=9)
    done = desk.run(*ORDER, "--order-id", "o-1", "--express")
    assert done.code == 1
    assert "it may have run, and was not started again" in done.err
    assert desk.executions.count("start_sync") == 1


# --- show and list ---------------------------------------------------------------------------------------


def test_show_explains_a_failure(desk: Desk) -> None:
    desk.executions.run("o-1", RETRIED_THEN_FAILED, input_json='{"quantity": 2}')
    desk.clock.advance(60)
    done = desk.run("orders", "show", "o-1", "-o", "table")
    assert done == Outcome(
        0,
        "order id            o-1\n"
        "status              FAILED\n"
        "failed state        ValidateOrder\n"
        "error type          WarehouseError\n"
        "error message       no such warehouse\n"
        "retries             1\n"
        "next step           redrivable: it goes on from the state that failed\n"
        "redrive status      REDRIVABLE\n"
        "started at          2026-11-22T03:00:00.000Z\n"
        "stopped at          2026-11-22T03:00:01.400Z\n"
        f"execution arn       {ARN}:o-1\n"
        'input               {"quantity": 2}\n'
        "failed state input  {}\n"
        "\n"
        "STATE          TYPE  STATUS  DURATION SECONDS  ATTEMPTS  ERROR\n"
        "ValidateOrder  Task  FAILED  1.4               2         WarehouseError: no such warehouse\n"
        "\n"
        '  File "/var/task/handler.py", line 2, in handler\n',
        "",
    )


def test_show_as_json_is_one_document(desk: Desk) -> None:
    desk.executions.run("o-1", OUT_OF_STOCK)
    desk.clock.advance(60)
    shown = json.loads(desk.run("orders", "show", "@latest", "-o", "json").out)
    assert (shown["status"], shown["failed_state"], shown["states"][0]["status"]) == ("FAILED", "OutOfStock", "CAUGHT")


def test_show_of_what_is_not_there_is_exit_3(desk: Desk) -> None:
    done = desk.run("orders", "show", "nope")
    assert (done.code, done.out) == (3, "")


def started(desk: Desk, *scripts: tuple[str, Sequence[Row]]) -> None:
    for name, rows in scripts:
        desk.executions.run(name, rows)
        desk.clock.advance(60)


def test_list_is_newest_first_and_can_be_narrowed(desk: Desk) -> None:
    started(desk, ("a", SUCCEEDED), ("b", OUT_OF_STOCK), ("c", SUCCEEDED))
    assert desk.run("orders", "list").out == (
        "c\tSUCCEEDED\t2026-11-22T03:02:00.000Z\t2026-11-22T03:02:03.500Z\n"
        "b\tFAILED\t2026-11-22T03:01:00.000Z\t2026-11-22T03:01:00.300Z\n"
        "a\tSUCCEEDED\t2026-11-22T03:00:00.000Z\t2026-11-22T03:00:03.500Z\n"
    )
    assert [line[0] for line in desk.run("orders", "list", "--status", "failed").out.splitlines()] == ["b"]
    assert [line[0] for line in desk.run("orders", "list", "--since", "2m").out.splitlines()] == ["c", "b"]
    assert [line[0] for line in desk.run("orders", "list", "--max", "1").out.splitlines()] == ["c"]


def test_list_by_error_reads_the_end_of_what_failed_and_of_nothing_else(desk: Desk) -> None:
    started(desk, ("a", SUCCEEDED), ("b", OUT_OF_STOCK), ("c", RETRIED_THEN_FAILED), ("d", SUCCEEDED))
    assert desk.run("orders", "list", "--error", "WarehouseError").out == (
        "c\tFAILED\t2026-11-22T03:02:00.000Z\t2026-11-22T03:02:01.400Z\tWarehouseError\n"
    )
    assert desk.executions.count("history") == 2
    assert [line[0] for line in desk.run("orders", "list", "--error", "asks for 9").out.splitlines()] == ["b"]
    assert desk.run("orders", "list").out.count("\n") == 4
    assert desk.executions.count("history") == 4


def test_nothing_listed_is_an_empty_list(desk: Desk) -> None:
    assert desk.run("orders", "list", "-o", "json") == Outcome(0, "[]\n", "")


@pytest.mark.parametrize("flags", [("--status", "BROKEN"), ("--since", "yesterday"), ("--max", "0")])
def test_list_refuses_what_it_does_not_know(desk: Desk, flags: Sequence[str]) -> None:
    assert desk.run("orders", "list", *flags).code == 2


def test_no_permission_is_exit_4(desk: Desk) -> None:
    desk.executions.fail("list", AuthError("not authorized"))
    assert desk.run("orders", "list").code == 4


def test_without_a_state_machine_the_way_to_name_one_is_said(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    app.executions = FakeExecutions(FakeClock())
    done = run(app, *ORDER)
    assert done.code == 2
    assert "resources.state_machine" in done.err


# --- the noun itself ---------------------------------------------------------------------------------------


def test_a_verb_that_does_not_exist_is_a_usage_error(desk: Desk) -> None:
    done = desk.run("orders", "wtach", "o-1")
    assert (done.code, done.out) == (2, "")
    assert "wtach" in done.err
