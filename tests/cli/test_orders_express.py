"""Express from the command line: detached, watched, shown and listed through its log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, AwsFault, FailedError, UnreachableError
from orderctl.orders.models import ExecutionStatus
from tests.cli.support import Outcome
from tests.cli.test_orders import ORDER, Desk
from tests.fakes.executions import EXPRESS, EXPRESS_GROUP, MACHINE
from tests.fakes.histories import OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED, TIMED_OUT, Row, log_lines
from tests.fakes.logs import FakeLogs

ARN = EXPRESS.replace(":stateMachine:", ":express:") + ":o-1:0001"


class ExpressDesk(Desk):
    """The desk with a log group beside it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.logs = FakeLogs(self.clock, EXPRESS_GROUP)

    def app(self, *, stdin: str = "", terminal: bool = False) -> App:
        app = super().app(stdin=stdin, terminal=terminal)
        app.logs = self.logs
        return app

    def log_level(self, level: str) -> None:
        self.executions.machines[EXPRESS] = replace(self.executions.machines[EXPRESS], log_level=level)

    def put(self, rows: Sequence[Row], arn: str = ARN, *, level: str = "ALL") -> None:
        self.logs.put_execution(EXPRESS_GROUP, rows, arn, level=level)


@pytest.fixture
def desk(tmp_path: Path) -> ExpressDesk:
    return ExpressDesk(tmp_path)


def states(done: Outcome) -> list[str]:
    return [" ".join(line.split("\t")[2:4]).strip() for line in done.out.splitlines()]


def test_detached_it_is_started_once_and_its_arn_is_printed(desk: ExpressDesk) -> None:
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "--detach")
    assert done == Outcome(0, f"o-1\tRUNNING\t2026-11-22T03:00:00.000Z\t{ARN}\n", "order o-1\n")
    assert desk.executions.count("start_once") == 1


def test_a_lost_reply_starts_nothing_a_second_time_and_says_where_to_look(desk: ExpressDesk) -> None:
    desk.executions.fail("start_once", UnreachableError("read timeout"), times=9)
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "--detach")
    assert done.code == 1
    assert "no reply from StartExecution; it may have run, and was not started again" in done.err
    assert "orderctl orders trace o-1" in done.err
    assert desk.executions.count("start_once") == 1


@pytest.mark.parametrize(
    ("level", "said"),
    [("OFF", "nothing of an Express execution can be seen"), ("ERROR", "neither starts nor successes")],
)
def test_what_the_log_will_not_show_is_said_before_it_is_started(desk: ExpressDesk, level: str, said: str) -> None:
    desk.log_level(level)
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "--detach")
    assert done.code == 0
    first = done.err.splitlines()[1]
    assert first.startswith("warning:")
    assert said in first


def test_detached_and_watched_exclude_each_other(desk: ExpressDesk) -> None:
    assert desk.run(*ORDER, "--express", "--detach", "--watch").code == 2
    assert desk.executions.calls == []


@pytest.mark.parametrize(("rows", "code"), [(SUCCEEDED, 0), (OUT_OF_STOCK, 8), (TIMED_OUT, 8)])
def test_its_outcome_is_the_exit_code_of_a_watch(desk: ExpressDesk, rows: Sequence[Row], code: int) -> None:
    desk.put(rows)
    done = desk.run("orders", "watch", ARN)
    assert done.code == code
    assert states(done)[0] == "started"
    assert len(states(done)) == len(set(done.out.splitlines()))


def test_it_is_found_by_its_order_id_too(desk: ExpressDesk) -> None:
    desk.put(OUT_OF_STOCK)
    done = desk.run("orders", "watch", "o-1", "--express", "-o", "json")
    assert done.code == 8
    result = json.loads(done.out)
    assert (result["execution_arn"], result["type"], result["failed_state"]) == (ARN, "EXPRESS", "OutOfStock")
    assert result["redrive_status"] == "NOT_REDRIVABLE"


def test_of_several_of_that_name_the_newest_is_watched_and_that_is_said(desk: ExpressDesk) -> None:
    desk.put(SUCCEEDED)
    desk.clock.advance(60)
    desk.put(OUT_OF_STOCK, ARN.replace("0001", "0002"))
    done = desk.run("orders", "watch", "o-1", "--express", "-o", "json")
    assert json.loads(done.out)["execution_arn"] == ARN.replace("0001", "0002")
    assert "2 Express executions bear the name o-1; this is the newest" in done.err


def test_a_state_machine_that_logs_nothing_cannot_be_watched_and_says_so_at_once(desk: ExpressDesk) -> None:
    desk.log_level("OFF")
    done = desk.run("orders", "watch", ARN)
    assert done.code == 1
    assert "set its log level to ALL" in done.err
    assert desk.clock.elapsed == 0


def test_a_success_that_the_log_cannot_show_ends_the_watch_when_none_can_be_running(desk: ExpressDesk) -> None:
    desk.log_level("ERROR")
    desk.put(RETRIED_THEN_FAILED[:6], level="ERROR")
    done = desk.run("orders", "watch", ARN)
    assert done.code == 124
    assert "neither starts nor successes" in done.err
    assert desk.clock.elapsed == pytest.approx(360)


def test_an_execution_the_log_knows_nothing_of_is_exit_3(desk: ExpressDesk) -> None:
    assert desk.run("orders", "show", ARN).code == 3
    assert desk.run("orders", "show", "o-1", "--express").code == 3


def test_show_and_history_read_the_log(desk: ExpressDesk) -> None:
    desk.put(RETRIED_THEN_FAILED)
    desk.clock.advance(60)
    shown = json.loads(desk.run("orders", "show", ARN, "-o", "json").out)
    assert (shown["status"], shown["error_type"], shown["states"][0]["attempts"]) == ("FAILED", "WarehouseError", 2)
    types = [line.split("\t")[2] for line in desk.run("orders", "history", "@latest", "--express").out.splitlines()]
    assert types == [row[1] for row in RETRIED_THEN_FAILED]


def test_a_raw_history_is_the_lines_of_the_log_in_order_and_once_each(desk: ExpressDesk) -> None:
    lines = log_lines(OUT_OF_STOCK, ARN, desk.clock.now())
    for line in [*reversed(lines), lines[2]]:
        desk.logs.put(EXPRESS_GROUP, json.dumps(line))
    desk.logs.put(EXPRESS_GROUP, json.dumps({"message": f"about {ARN}"}))
    desk.logs.put(EXPRESS_GROUP, f"no JSON of {ARN}")
    desk.put(SUCCEEDED, ARN.replace("0001", "00012"))
    done = desk.run("orders", "history", ARN, "--raw")
    assert [json.loads(line) for line in done.out.splitlines()] == lines
    assert desk.run("orders", "history", ARN.replace("0001", "0009"), "--raw").code == 3


def test_it_can_be_neither_stopped_nor_redriven(desk: ExpressDesk) -> None:
    for verb in ("stop", "redrive"):
        done = desk.run("orders", verb, ARN, "--yes")
        assert done.code == 2
        assert "neither stopped nor redriven" in done.err
    assert desk.executions.calls == []


def test_without_permission_to_describe_it_the_environments_log_group_is_read(desk: ExpressDesk) -> None:
    fault = AwsFault("states", "DescribeStateMachine", "AccessDeniedException")
    desk.executions.fail("state_machine", AuthError("not authorized", aws=fault), times=9)
    desk.put(SUCCEEDED)
    app = desk.app()
    app.environ = {**app.environ, "ORDERCTL_EXPRESS_LOG_GROUP": EXPRESS_GROUP}
    from tests.cli.support import run

    assert run(app, "orders", "watch", ARN).code == 0


def test_list_shows_both_kinds_newest_first(desk: ExpressDesk) -> None:
    desk.executions.run("s-1", SUCCEEDED)
    desk.clock.advance(60)
    desk.put(OUT_OF_STOCK)
    desk.clock.advance(60)
    desk.executions.run("s-2", SUCCEEDED)
    desk.clock.advance(60)

    def listed(*flags: str) -> list[str]:
        return [line.split("\t")[0] for line in desk.run("orders", "list", *flags).out.splitlines()]

    assert listed() == ["s-2", "s-1"]
    assert listed("--type", "express") == ["o-1"]
    assert listed("--type", "all") == ["s-2", "o-1", "s-1"]
    assert listed("--type", "all", "--max", "2") == ["s-2", "o-1"]
    assert listed("--type", "all", "--error", "OutOfStock") == ["o-1"]


def test_a_list_of_one_kind_tells_a_person_of_the_other(desk: ExpressDesk) -> None:
    desk.executions.run("s-1", SUCCEEDED)
    said = "Standard executions only; with those of the Express workflow: --type all\n"
    assert desk.run("orders", "list", "-o", "table").err == said
    for flags in (("-o", "tsv"), ("-o", "table", "--type", "standard"), ("-o", "table", "--state-machine", MACHINE)):
        assert desk.run("orders", "list", *flags).err == ""
    assert desk.logs.calls == []


def test_tail_follows_express_through_its_log(desk: ExpressDesk) -> None:
    desk.put(OUT_OF_STOCK)
    done = desk.run("orders", "tail", "--type", "express", "--summary", "--timeout", "10s")
    assert done.code == 124
    assert done.out == "2026-11-22T03:00:00.300Z\to-1\tFAILED\t0.3\tOutOfStock\tOutOfStock\n"


@pytest.mark.parametrize("status", [ExecutionStatus.SUCCEEDED, ExecutionStatus.TIMED_OUT])
def test_watched_it_is_a_stream_with_one_result(desk: ExpressDesk, status: ExecutionStatus) -> None:
    desk.executions.sync_status = status
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "--watch", "-o", "jsonl")
    (result,) = map(json.loads, done.out.splitlines())
    assert (result["type"], result["exit_code"], result["status"]) == ("result", done.code, status)
    assert done.code == (0 if status is ExecutionStatus.SUCCEEDED else 8)


def test_watched_a_lost_reply_has_its_result_too(desk: ExpressDesk) -> None:
    desk.executions.fail("start_sync", UnreachableError("read timeout"))
    done = desk.run(*ORDER, "--order-id", "o-1", "--express", "--watch", "-o", "jsonl")
    (result,) = map(json.loads, done.out.splitlines())
    assert (done.code, result["exit_code"]) == (1, 1)


def test_a_service_that_broke_while_answering_may_have_run_it(desk: ExpressDesk) -> None:
    fault = AwsFault("states", "StartSyncExecution", "InternalServerError", "r-1")
    desk.executions.fail("start_sync", FailedError("internal error", aws=fault))
    done = desk.run(*ORDER, "--order-id", "o-1", "--express")
    assert done.code == 1
    assert "it may have run, and was not started again" in done.err


@pytest.mark.parametrize("flags", [("--timeout", "10s"), ("--until-state", "A")])
def test_what_a_synchronous_start_cannot_keep_is_refused_before_it(desk: ExpressDesk, flags: tuple[str, ...]) -> None:
    assert desk.run(*ORDER, "--express", *flags).code == 2
    assert desk.executions.calls == []


def test_an_end_the_log_does_not_tell_keeps_no_watch_of_others_open_for_ever(desk: ExpressDesk) -> None:
    desk.put(SUCCEEDED[:-1])
    desk.executions.run("o-2", SUCCEEDED)
    done = desk.run("orders", "watch", ARN, "o-2", "-o", "jsonl")
    last = json.loads(done.out.splitlines()[-1])
    assert (done.code, last["exit_code"]) == (124, 124)
    assert {each["order_id"]: each["status"] for each in last["executions"]} == {"o-1": "RUNNING", "o-2": "SUCCEEDED"}
    assert "order o-1: its log never told the end" in done.err


# --- tail, where nobody says of what -------------------------------------------------------------------------------


def tail_of_both(desk: ExpressDesk, *flags: str, since: str = "5m") -> Outcome:
    desk.executions.run("s-1", SUCCEEDED)
    if EXPRESS_GROUP in desk.logs.groups:
        desk.put(OUT_OF_STOCK)
    return desk.run("orders", "tail", "--summary", "--since", since, "--timeout", "10s", *flags)


def tailed(done: Outcome) -> set[str]:
    assert done.code == 124
    return {line.split("\t")[1] for line in done.out.splitlines()}


def test_tail_follows_every_state_machine_of_the_environment(desk: ExpressDesk) -> None:
    done = tail_of_both(desk)
    assert tailed(done) == {"s-1", "o-1"}
    assert done.err == "orderctl: the timeout passed\n"


@pytest.mark.parametrize(("kind", "orders"), [("standard", {"s-1"}), ("express", {"o-1"}), ("all", {"s-1", "o-1"})])
def test_type_says_which_of_them(desk: ExpressDesk, kind: str, orders: set[str]) -> None:
    assert tailed(tail_of_both(desk, "--type", kind)) == orders


def test_tail_of_a_named_state_machine_is_of_no_other(desk: ExpressDesk) -> None:
    assert tailed(tail_of_both(desk, "--state-machine", MACHINE)) == {"s-1"}
    assert desk.logs.calls == []


def test_tail_goes_on_where_express_logs_nothing_and_says_so_once(desk: ExpressDesk) -> None:
    desk.log_level("OFF")
    done = tail_of_both(desk)
    assert tailed(done) == {"s-1"}
    assert done.err.count("the Express workflow is not followed") == 1
    assert "logs nothing (level OFF)" in done.err
    assert desk.run("orders", "tail", "--type", "all", "--timeout", "10s").code == 1


def test_tail_says_what_a_low_log_level_hides_and_shows_the_rest(desk: ExpressDesk) -> None:
    desk.log_level("ERROR")
    done = tail_of_both(desk)
    assert tailed(done) == {"s-1", "o-1"}
    assert done.err.count("neither starts nor successes") == 1


def test_tail_goes_on_where_the_express_log_cannot_be_read(desk: ExpressDesk) -> None:
    fault = AwsFault("logs", "FilterLogEvents", "AccessDeniedException")
    desk.logs.fail(AuthError("not allowed to read the log", aws=fault), times=9)
    done = tail_of_both(desk)
    assert tailed(done) == {"s-1"}
    assert done.err.count("the Express workflow is not followed: not allowed to read the log") == 1
    assert len(desk.logs.calls) == 1


@pytest.mark.parametrize("hidden", ["machine", "group"])
def test_tail_goes_on_where_express_is_not_there(desk: ExpressDesk, hidden: str) -> None:
    if hidden == "machine":
        del desk.executions.machines[EXPRESS]
    else:
        desk.logs.groups.clear()
    done = tail_of_both(desk)
    assert tailed(done) == {"s-1"}
    assert done.err.count("the Express workflow is not followed") == 1
