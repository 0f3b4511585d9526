from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from orderctl.errors import AuthError, AwsFault, ConflictError, FailedError
from tests.cli.support import Outcome, write_config
from tests.cli.test_orders import ARN, Desk
from tests.fakes.executions import FakeExecutions
from tests.fakes.histories import FROM_TOMORROW, OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    for name, rows in (("good", SUCCEEDED), ("sold-out", OUT_OF_STOCK), ("crashed", RETRIED_THEN_FAILED)):
        desk.executions.run(name, rows)
        desk.clock.advance(60)
    return desk


def test_redrive_shows_its_plan_asks_and_says_what_to_run_next(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "crashed", stdin="y\n", terminal=True)
    assert done.code == 0
    assert done.err == (
        "redrive 1 of 1 orders:\n"
        "  crashed  FAILED  redrive\n"
        "redrive 1 orders? [y/N] next: orderctl orders watch crashed\n"
    )
    assert desk.executions.count("redrive") == 1


@pytest.mark.parametrize(("answer", "terminal"), [("n\n", True), ("", True), ("", False)])
def test_without_a_yes_nothing_is_redriven(desk: Desk, answer: str, terminal: bool) -> None:
    assert desk.run("orders", "redrive", "crashed", stdin=answer, terminal=terminal).code == 7
    assert desk.executions.count("redrive") == 0


def test_dry_run_shows_the_same_plan_and_changes_nothing(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "--since", "1h", "--dry-run")
    assert done == Outcome(
        0,
        "crashed\twould redrive\t\t\n"
        "sold-out\twould redrive\tOutOfStock is a Fail state: it is entered again and fails again\t\n",
        "redrive 2 of 2 orders:\n"
        "  crashed  FAILED  redrive\n"
        "  sold-out  FAILED  redrive; OutOfStock is a Fail state: it is entered again and fails again\n",
    )
    assert desk.executions.count("redrive") == 0


def test_some_that_cannot_be_redriven_make_it_exit_6(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "crashed", "good", "--yes", "-o", "json")
    assert done.code == 6
    assert [(each["order_id"], each["result"], each["reason"]) for each in json.loads(done.out)] == [
        ("crashed", "redriven", None),
        ("good", "refused", "it is SUCCEEDED"),
    ]


def test_none_that_can_be_redriven_is_a_conflict_and_nobody_is_asked(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "good")
    assert done.code == 5
    assert desk.executions.count("redrive") == 0


def test_one_that_fails_does_not_keep_the_others_from_their_turn(desk: Desk) -> None:
    desk.executions.fail("redrive", ConflictError("not redrivable"))
    done = desk.run("orders", "redrive", "crashed", "sold-out", "--yes")
    assert done.code == 6
    assert desk.executions.count("redrive") == 2


def test_one_that_fails_alone_is_exit_1(desk: Desk) -> None:
    desk.executions.fail("redrive", FailedError("internal error"))
    assert desk.run("orders", "redrive", "crashed", "--yes").code == 1


def test_new_starts_another_execution_and_links_the_two(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "sold-out", "--new", "--yes", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)[0]["new_execution_arn"] == f"{ARN}:sold-out-new"
    assert desk.executions.count("redrive") == 0
    desk.clock.advance(60)
    assert desk.run("orders", "redrive", "sold-out", "--new", "--yes").code == 5
    assert len(desk.executions.runs) == 4


def test_a_protected_environment_wants_its_name_even_with_yes(desk: Desk) -> None:
    write_config(desk.home, 'default_env = "prod"\n[env.prod]\nprotected = true\nregion = "us-east-1"\n')
    assert desk.run("orders", "redrive", "crashed", "--yes").code == 7
    assert desk.executions.count("redrive") == 0


def test_stop_ends_a_running_order_once(desk: Desk) -> None:
    desk.executions.run("running", SUCCEEDED)
    desk.clock.advance(1)
    first = desk.run("orders", "stop", "running", "--cause", "recalled", "--yes")
    assert first == Outcome(0, "running\tstopped\t\t\n", "stop 1 of 1 orders:\n  running  RUNNING  stop\n")
    again = desk.run("orders", "stop", "running", "--yes")
    assert (again.code, again.out) == (0, "running\talready\tit is ABORTED\t\n")
    assert desk.executions.count("stop") == 1
    assert desk.run("orders", "watch", "running").code == 8


def test_stopping_what_succeeded_is_a_conflict(desk: Desk) -> None:
    assert desk.run("orders", "stop", "good", "--yes").code == 5
    assert desk.executions.count("stop") == 0


@pytest.mark.parametrize("argv", [("stop",), ("redrive",), ("stop", "a", "--since", "1h"), ("redrive", "--since", "x")])
def test_which_orders_has_to_be_said(desk: Desk, argv: tuple[str, ...]) -> None:
    assert desk.run("orders", *argv, "--yes").code == 2


def test_an_order_that_does_not_exist_stops_it_before_anything_is_done(desk: Desk) -> None:
    assert desk.run("orders", "redrive", "crashed", "nope", "--yes").code == 3
    assert desk.executions.count("redrive") == 0


def test_no_permission_to_look_is_exit_4(desk: Desk) -> None:
    desk.executions.fail("describe", AuthError("not authorized"))
    assert desk.run("orders", "stop", "good", "--yes").code == 4


def test_history_is_every_event_in_order(desk: Desk) -> None:
    done = desk.run("orders", "history", "crashed")
    assert done.code == 0
    assert [line.split("\t")[2] for line in done.out.splitlines()] == [row[1] for row in RETRIED_THEN_FAILED]


@pytest.mark.parametrize("flags", [(), ("-o", "jsonl")])
def test_a_raw_history_is_a_line_an_object_of_aws_with_the_names_aws_gives(desk: Desk, flags: tuple[str, ...]) -> None:
    desk.executions.run("odd", FROM_TOMORROW)
    desk.clock.advance(9)
    done = desk.run("orders", "history", "odd", "--raw", *flags)
    events = [json.loads(line) for line in done.out.splitlines()]
    assert [sorted(event) for event in events[:2]] == [
        ["executionStartedEventDetails", "id", "previousEventId", "timestamp", "type"],
        ["id", "previousEventId", "stateEnteredEventDetails", "timestamp", "type"],
    ]
    assert events[2]["taskHandedToRobotEventDetails"] == {"robot": "r2"}
    assert events[1]["stateEnteredEventDetails"] == {
        "name": "ValidateOrder", "input": "{}", "inputDetails": {"truncated": False}
    }  # fmt: skip
    assert re.fullmatch(r"2026-11-22T03:\d\d:\d\d\.000Z", events[0]["timestamp"])


def test_a_raw_history_is_one_list_in_json_and_nothing_for_csv(desk: Desk) -> None:
    listed = json.loads(desk.run("orders", "history", "crashed", "--raw", "-o", "json").out)
    assert [event["type"] for event in listed] == [row[1] for row in RETRIED_THEN_FAILED]
    assert desk.executions.count("recorded") == 1
    done = desk.run("orders", "history", "crashed", "--raw", "-o", "csv")
    assert (done.code, done.out) == (2, "")
    assert desk.run("orders", "history", "nobody", "--raw").code == 3


def test_history_with_data_shows_what_went_in(desk: Desk) -> None:
    desk.executions.run("odd", FROM_TOMORROW)
    desk.clock.advance(9)
    with_data = [
        json.loads(line) for line in desk.run("orders", "history", "odd", "--data", "-o", "jsonl").out.splitlines()
    ]
    without = [json.loads(line) for line in desk.run("orders", "history", "odd", "-o", "jsonl").out.splitlines()]
    assert with_data[0]["details"]["input"] == "{}"
    assert "input" not in without[0]["details"]
    assert without[2]["type"] == "TaskHandedToRobot"


def test_a_filter_narrows_what_is_redriven_and_stopped(desk: Desk) -> None:
    def named(verb: str, *flags: str) -> list[str]:
        done = desk.run("orders", verb, "--since", "1h", "--dry-run", *flags)
        assert done.code == 0
        return [line.split("\t")[0] for line in done.out.splitlines()]

    assert named("redrive") == ["crashed", "sold-out"]
    assert named("redrive", "--error", "WarehouseError") == ["crashed"]
    assert named("redrive", "--error", "asks for 9") == ["sold-out"]
    assert named("redrive", "--prefix", "sold") == ["sold-out"]
    assert named("redrive", "--until", "2026-11-22T03:01:30Z") == ["sold-out"]
    assert named("redrive", "--status", "TIMED_OUT") == []
    assert named("redrive", "--max", "1") == ["crashed"]
    desk.executions.run("going", SUCCEEDED)
    assert named("stop") == ["going"]
    assert named("stop", "--prefix", "x") == []


@pytest.mark.parametrize(
    "flags",
    [("a", "--error", "x"), ("a", "--prefix", "x"), ("--prefix", "x"), ("--since", "1h", "--status", "RUNNING")],
)
def test_a_filter_without_since_or_beside_a_name_is_refused(desk: Desk, flags: tuple[str, ...]) -> None:
    assert desk.run("orders", "redrive", *flags, "--yes").code == 2
    assert desk.executions.count("redrive") == 0


@pytest.mark.parametrize("code", ["InvalidAction", "UnknownOperationException"])
def test_where_there_is_no_redrive_execution_a_new_execution_is_offered(desk: Desk, code: str) -> None:
    fault = AwsFault("states", "RedriveExecution", code)
    desk.executions.fail("redrive", FailedError("Unknown action: RedriveExecution", aws=fault), times=9)
    done = desk.run("orders", "redrive", "crashed", "--yes")
    assert done.code == 1
    assert (
        done.err.splitlines()[-1] == "hint: start it anew, with the same input: orderctl orders redrive crashed --new"
    )


def test_ctrl_c_in_the_middle_tells_which_are_done(desk: Desk) -> None:
    class Interrupted(FakeExecutions):
        def redrive(self, execution_arn: str, client_token: str) -> datetime:
            if self.count("redrive") == 1:
                raise KeyboardInterrupt
            return super().redrive(execution_arn, client_token)

    interrupted = Interrupted(desk.clock)
    interrupted.runs = desk.executions.runs
    desk.executions = interrupted
    done = desk.run("orders", "redrive", "crashed", "sold-out", "--yes")
    assert (done.code, done.out) == (130, "crashed\tredriven\t\t\n")
    assert "hint: " in done.err


def test_more_than_max_is_said_and_the_newest_are_taken(desk: Desk) -> None:
    done = desk.run("orders", "redrive", "--since", "1h", "--max", "1", "--yes")
    assert (done.code, done.out.split("\t")[0]) == (0, "crashed")
    assert "warning: more than 1 orders fit; these are the newest" in done.err
    assert "more than" not in desk.run("orders", "redrive", "--since", "1h", "--max", "2", "--dry-run").err


def test_an_order_whose_input_is_not_told_is_never_started_anew_with_another(desk: Desk) -> None:
    desk.executions.runs[f"{ARN}:crashed"].input = None  # type: ignore[assignment]
    assert desk.run("orders", "redrive", "crashed", "--new", "--yes").code == 5
    assert desk.executions.count("start") == 0
