from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.cli.signals import Terminated
from orderctl.errors import AuthError, FailedError, NotFoundError, OrderctlError, UnreachableError
from tests.cli.support import Outcome, write_config
from tests.cli.test_orders import ARN, ORDER, Desk
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import ABORTED, MAP_TIMED_OUT, OUT_OF_STOCK, REDRIVEN, SUCCEEDED, TIMED_OUT, Row


class Throttled(FailedError):
    code = "throttled"


class Interrupting(FakeClock):
    """Somebody presses Ctrl-C, or a signal arrives, while the watch sleeps for the third time."""

    def __init__(self, interrupt: type[KeyboardInterrupt] | Terminated = KeyboardInterrupt) -> None:
        super().__init__()
        self.interrupt = interrupt

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.slept) == 3:
            raise self.interrupt


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def submit(desk: Desk, rows: Sequence[Row], *flags: str, terminal: bool = False) -> Outcome:
    desk.executions.default = rows
    return desk.run(*ORDER, "--order-id", "o-1", "--watch", *flags, terminal=terminal)


def use_clock(desk: Desk, clock: FakeClock) -> None:
    desk.clock = clock
    desk.executions = FakeExecutions(clock)


def test_a_success_is_a_line_a_transition_and_exit_0(desk: Desk) -> None:
    assert submit(desk, SUCCEEDED) == Outcome(
        0,
        "2026-11-22T03:00:00.000Z\to-1\t\tstarted\t\t\n"
        "2026-11-22T03:00:00.000Z\to-1\tValidateOrder\tentered\t\t\n"
        "2026-11-22T03:00:00.400Z\to-1\tValidateOrder\tsucceeded\t0.4\t\n"
        "2026-11-22T03:00:00.400Z\to-1\tWaitForStock\tentered\t\t\n"
        "2026-11-22T03:00:03.400Z\to-1\tWaitForStock\tsucceeded\t3.0\t\n"
        "2026-11-22T03:00:03.400Z\to-1\tOrderAccepted\tentered\t\t\n"
        "2026-11-22T03:00:03.500Z\to-1\tOrderAccepted\tsucceeded\t0.1\t\n"
        "2026-11-22T03:00:03.500Z\to-1\t\tsucceeded\t3.5\t\n",
        "order o-1\n",
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (OUT_OF_STOCK, "order o-1 FAILED: OutOfStock: asks for 9, left: 2"),
        (TIMED_OUT, "order o-1 TIMED_OUT in WaitForStock: States.Timeout"),
        (ABORTED, "order o-1 ABORTED in WaitForStock"),
        (MAP_TIMED_OUT, "order o-1 FAILED in Lines[0]/Reserve: States.Timeout"),
    ],
)
@pytest.mark.parametrize("output", ["tsv", "csv", "table", "json", "jsonl"])
def test_every_other_end_is_exit_8_in_every_output(desk: Desk, rows: list[Row], said: str, output: str) -> None:
    done = submit(desk, rows, "-o", output)
    assert done.code == 8
    assert said in done.err


def test_an_order_redriven_while_watched_ends_as_the_redrive_did(desk: Desk) -> None:
    desk.executions.run("o-1", REDRIVEN)
    desk.clock.advance(2.0)
    done = desk.run("orders", "watch", "o-1")
    assert done.code == 0
    assert "\tredriven\t" in done.out


def test_jsonl_is_an_object_an_event_and_one_result_at_the_end(desk: Desk) -> None:
    done = submit(desk, OUT_OF_STOCK, "-o", "jsonl")
    stream = [json.loads(line) for line in done.out.splitlines()]
    assert [event["type"] for event in stream] == [*(row[1] for row in OUT_OF_STOCK), "result"]
    assert [event["id"] for event in stream[:-1]] == list(range(1, 9))
    result = stream[-1]
    assert (result["outcome"], result["exit_code"], result["status"]) == ("execution_ended", 8, "FAILED")
    assert (result["order_id"], result["failed_state"], result["error"]) == ("o-1", "OutOfStock", "OutOfStock")


def results(done: Outcome) -> list[tuple[str, int]]:
    stream = [json.loads(line) for line in done.out.splitlines()]
    assert stream[-1]["type"] == "result"
    return [(event["outcome"], event["exit_code"]) for event in stream if event["type"] == "result"]


def test_the_timeout_closes_the_stream_with_its_result(desk: Desk) -> None:
    done = submit(desk, SUCCEEDED, "-o", "jsonl", "--timeout", "2s")
    assert (done.code, results(done)) == (124, [("timeout", 124)])
    assert json.loads(done.err.splitlines()[-1])["hint"] == "it goes on; attach again with: orderctl orders watch o-1"


@pytest.mark.parametrize(("interrupt", "code"), [(KeyboardInterrupt, 130), (Terminated(15), 143)])
def test_a_signal_closes_the_stream_with_its_result(
    desk: Desk, interrupt: type[KeyboardInterrupt] | Terminated, code: int
) -> None:
    use_clock(desk, Interrupting(interrupt))
    done = submit(desk, SUCCEEDED, "-o", "jsonl")
    assert (done.code, results(done)) == (code, [("interrupted", code)])
    assert done.err.endswith("hint: it goes on; attach again with: orderctl orders watch o-1\n")
    assert desk.executions.count("stop") == 0


@pytest.mark.parametrize("operation", ["start", "history"])
def test_an_error_closes_the_stream_with_its_result(desk: Desk, operation: str) -> None:
    desk.executions.fail(operation, AuthError("expired"), after=0 if operation == "start" else 2)
    done = submit(desk, SUCCEEDED, "-o", "jsonl")
    assert (done.code, results(done)) == (4, [("auth", 4)])


def test_a_conflict_closes_the_stream_with_its_result(desk: Desk) -> None:
    submit(desk, SUCCEEDED)
    assert results(submit(desk, SUCCEEDED, "-o", "jsonl")) == [("conflict", 5)]


@pytest.mark.parametrize("flags", [(), ("--timeout", "1s"), ("--until-state", "WaitForStock")])
def test_json_is_one_document_whatever_ends_it(desk: Desk, flags: Sequence[str]) -> None:
    document = json.loads(submit(desk, SUCCEEDED, "-o", "json", *flags).out)
    assert (document["order_id"], document["execution_arn"]) == ("o-1", f"{ARN}:o-1")


def test_ctrl_c_leaves_the_execution_alone_and_says_how_to_go_on(desk: Desk) -> None:
    use_clock(desk, Interrupting())
    done = submit(desk, SUCCEEDED)
    assert done.code == 130
    assert done.err == (
        "order o-1\norderctl: interrupted\nhint: it goes on; attach again with: orderctl orders watch o-1\n"
    )
    assert desk.executions.count("stop") == 0


def test_until_state_ends_when_it_is_entered(desk: Desk) -> None:
    done = submit(desk, SUCCEEDED, "--until-state", "WaitForStock")
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith("WaitForStock\tentered\t\t")


@pytest.mark.parametrize(("rows", "code"), [(SUCCEEDED, 1), (OUT_OF_STOCK, 8)])
def test_a_state_never_entered_is_no_success(desk: Desk, rows: list[Row], code: int) -> None:
    assert submit(desk, rows, "--until-state", "Elsewhere").code == code


def test_throttling_is_a_warning_beside_the_data(desk: Desk) -> None:
    desk.executions.fail("history", Throttled("Rate exceeded"), times=3, after=1)
    done = submit(desk, SUCCEEDED)
    assert done.code == 0
    assert done.err == "order o-1\nwarning: order o-1: AWS is throttling these calls; still watching, more slowly\n"


def test_several_orders_share_one_watch_and_one_failure_is_exit_8(desk: Desk) -> None:
    desk.executions.run("good", SUCCEEDED)
    desk.executions.run("bad", OUT_OF_STOCK)
    done = desk.run("orders", "watch", "good", "bad", "-o", "json")
    assert done.code == 8
    found = json.loads(done.out)
    assert [(each["order_id"], each["status"]) for each in found["executions"]] == [
        ("good", "SUCCEEDED"),
        ("bad", "FAILED"),
    ]
    assert json.loads(done.err)["message"] == "1 of 2 orders did not succeed: bad FAILED"


def test_orders_to_watch_come_from_stdin_once_each(desk: Desk) -> None:
    desk.executions.run("a", SUCCEEDED)
    done = desk.run("orders", "watch", "--file", "-", stdin=f"a\na\n{ARN}:a\n")
    assert done.code == 0
    assert done.out.count("\tstarted\t") == 1


@pytest.mark.parametrize(("argv", "code"), [((), 2), (("nope",), 3), (("@latest",), 3), (("a b",), 2)])
def test_what_cannot_be_watched_has_its_exit_code(desk: Desk, argv: Sequence[str], code: int) -> None:
    assert desk.run("orders", "watch", *argv).code == code


@pytest.mark.parametrize("output", ["tsv", "csv", "table", "json", "jsonl"])
def test_no_control_byte_goes_into_a_pipe(desk: Desk, output: str) -> None:
    rows: list[Row] = [
        *OUT_OF_STOCK[:-1],
        (0.3, "ExecutionFailed", 7, {"error": "\x1b[2Jx", "cause": "\x07\u202eevil"}),
    ]
    done = submit(desk, rows, "-o", output)
    assert not [character for character in done.out + done.err if ord(character) < 32 and character not in "\n\t"]
    assert "\u202e" not in done.out + done.err


def test_the_last_state_of_a_live_view_stays_on_the_screen(desk: Desk) -> None:
    done = submit(desk, OUT_OF_STOCK, "--color", "never", terminal=True)
    assert done.code == 8
    last = done.out.rsplit("\x1b[J", 1)[1]
    assert last == (
        "order o-1  FAILED  300ms  OutOfStock: asks for 9, left: 2\n"
        "  TakeStock   CAUGHT      200ms  DynamoDB.ConditionalCheckFailedException: The conditional failed\n"
        "  OutOfStock  FAILED      100ms  OutOfStock: asks for 9, left: 2\n"
    )


def test_a_warning_during_a_live_view_takes_the_frame_away_first(desk: Desk) -> None:
    desk.executions.fail("history", Throttled("Rate exceeded"), after=1)
    done = submit(desk, SUCCEEDED, "--color", "never", terminal=True)
    assert done.code == 0
    assert "warning: order o-1: AWS is throttling" in done.err


@pytest.mark.parametrize("error", [AuthError("expired"), FailedError("broken")])
def test_a_live_view_ends_with_the_error_below_its_last_state(desk: Desk, error: OrderctlError) -> None:
    desk.executions.fail("history", error, after=3)
    done = submit(desk, SUCCEEDED, "--color", "never", terminal=True)
    assert done.code == error.exit_code
    assert "WaitForStock   RUNNING" in done.out.rsplit("\x1b[J", 1)[1]


def test_an_order_that_has_not_started_yet_is_waited_for_and_then_said_to_be_missing(desk: Desk) -> None:
    done = desk.run("orders", "watch", "nope")
    assert done.code == 3
    assert "(waited 10s for it to start)" in done.err
    assert "--patience 60s" in done.err
    assert 10 <= desk.clock.elapsed < 12


def test_without_patience_a_name_nobody_knows_is_3_at_once(desk: Desk) -> None:
    done = desk.run("orders", "watch", "nope", "--patience", "0")
    assert (done.code, desk.clock.elapsed) == (3, 0)
    assert "waited" not in done.err


def test_an_order_whose_event_is_still_on_its_way_is_watched_when_it_starts(desk: Desk) -> None:
    class Late(FakeClock):
        """The consumer starts the execution seven seconds later."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.elapsed >= 7 and not desk.executions.runs:
                desk.executions.run("o-1", SUCCEEDED)

    use_clock(desk, Late())
    assert desk.run("orders", "watch", "o-1").code == 0


def test_a_failed_order_says_in_json_whether_it_may_be_redriven(desk: Desk) -> None:
    desk.executions.run("o-1", OUT_OF_STOCK)
    desk.clock.advance(60)
    assert json.loads(desk.run("orders", "watch", "o-1", "-o", "json").out)["redrive_status"] == "REDRIVABLE"
    before = desk.executions.count("describe")
    desk.executions.run("o-2", SUCCEEDED)
    desk.clock.advance(60)
    assert json.loads(desk.run("orders", "watch", "o-2", "-o", "json").out)["redrive_status"] == "NOT_REDRIVABLE"
    desk.run("orders", "watch", "o-1")
    assert desk.executions.count("describe") == before


def test_a_redrive_status_that_cannot_be_read_is_null_and_changes_no_outcome(desk: Desk) -> None:
    desk.executions.run("o-1", OUT_OF_STOCK)
    desk.clock.advance(60)
    desk.executions.fail("describe", AuthError("not authorized"))
    done = desk.run("orders", "watch", "o-1", "-o", "json")
    assert (done.code, json.loads(done.out)["redrive_status"]) == (8, None)


def test_orders_from_a_file_and_named_are_watched_by_one_poller(desk: Desk) -> None:
    for number in range(30):
        desk.executions.run(f"o-{number}", SUCCEEDED)
    ids = "\n".join(f"o-{number}" for number in range(1, 30))
    done = desk.run("orders", "watch", "o-0", "--file", "-", "-o", "json", stdin=ids)
    assert (done.code, len(json.loads(done.out)["executions"])) == (0, 30)
    reads = [at for operation, at in desk.executions.calls if operation == "history"]
    assert max(sum(begin <= at < begin + 1 for at in reads) for begin in range(1, 12)) <= 20


@pytest.mark.parametrize(
    ("rows", "code", "last"),
    [
        (SUCCEEDED, 0, "succeeded"),
        (OUT_OF_STOCK, 8, "failed"),
        (TIMED_OUT, 8, "timed_out"),
        (ABORTED, 8, "aborted"),
        (MAP_TIMED_OUT, 8, "failed"),
    ],
)
@pytest.mark.parametrize("after", [0, 60])
def test_however_it_ended_and_whenever_the_outcome_is_the_exit_code(
    desk: Desk, rows: Sequence[Row], code: int, last: str, after: float
) -> None:
    desk.executions.run("o-1", rows)
    desk.clock.advance(after)
    done = desk.run("orders", "watch", "o-1")
    assert (done.code, done.out.splitlines()[-1].split("\t")[3]) == (code, last)


def test_redriven_while_watched_the_last_run_decides(desk: Desk) -> None:
    """It failed and was redriven between two reads: the failure is told, and is not the end."""
    desk.executions.run("o-1", REDRIVEN)
    desk.clock.advance(2.05)
    done = desk.run("orders", "watch", "o-1")
    assert done.code == 0
    assert [line.split("\t")[3] for line in done.out.splitlines() if not line.split("\t")[2]] == [
        "started", "failed", "redriven", "succeeded",
    ]  # fmt: skip


def test_throttled_for_half_a_minute_it_goes_on_and_says_so_once(desk: Desk) -> None:
    desk.executions.run("o-1", SUCCEEDED)
    desk.executions.fail("history", Throttled("Rate exceeded"), times=4, after=1)
    done = desk.run("orders", "watch", "o-1")
    assert (done.code, done.err) == (
        0,
        "warning: order o-1: AWS is throttling these calls; still watching, more slowly\n",
    )
    assert desk.clock.elapsed >= 30


def test_deleted_while_watched_it_is_exit_3(desk: Desk) -> None:
    class Deleting(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.elapsed > 1:
                desk.executions.runs.clear()

    use_clock(desk, Deleting())
    desk.executions.run("o-1", SUCCEEDED)
    done = desk.run("orders", "watch", "o-1")
    assert done.code == 3
    assert "Execution Does Not Exist" in done.err
    assert "waited" not in done.err


def test_the_graph_is_read_once_where_there_is_room_and_missed_where_it_may_not_be_read(desk: Desk) -> None:
    from orderctl.cli.orders_watch import _graph

    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    desk.executions.machines[MACHINE] = replace(desk.executions.machines[MACHINE], definition=definition)
    arn, app = f"{ARN}:o-1", desk.app()
    assert [node.name for node in _graph(app, [arn], 120)] == ["A"]
    assert _graph(app, [arn], 80) == ()
    assert _graph(app, [arn, f"{ARN}:o-2"], 120) == ()
    assert desk.executions.count("state_machine") == 1
    desk.executions.fail("state_machine", AuthError("not authorized"))
    assert _graph(app, [arn], 120) == ()


def test_of_several_one_that_does_not_exist_is_exit_3_and_the_others_are_told_to_their_end(desk: Desk) -> None:
    desk.executions.run("o-1", SUCCEEDED)
    done = desk.run("orders", "watch", "nope", "o-1", "--patience", "1s", "-o", "json")
    assert done.code == 3
    assert "order nope: Execution Does Not Exist" in done.err
    assert "the others are still watched" in done.err
    states = {each["order_id"]: each["status"] for each in json.loads(done.out)["executions"]}
    assert states == {"nope": None, "o-1": "SUCCEEDED"}


def test_of_several_one_that_failed_outweighs_one_that_does_not_exist(desk: Desk) -> None:
    desk.executions.run("o-1", OUT_OF_STOCK)
    done = desk.run("orders", "watch", "nope", "o-1", "--patience", "0", "-o", "jsonl")
    assert (done.code, results(done)) == (8, [("execution_ended", 8)])
    assert "o-1 FAILED" in done.err
    assert "order nope: Execution Does Not Exist" in done.err


def test_until_state_of_several_waits_for_all_of_them(desk: Desk) -> None:
    desk.executions.run("early", SUCCEEDED)
    desk.clock.advance(2)
    desk.executions.run("late", SUCCEEDED)
    done = desk.run("orders", "watch", "early", "late", "--until-state", "OrderAccepted", "-o", "jsonl")
    assert (done.code, results(done)) == (0, [("until_state", 0)])
    entered = [json.loads(line) for line in done.out.splitlines() if '"OrderAccepted"' in line and "Entered" in line]
    assert [event["order_id"] for event in entered] == ["early", "late"]


def test_until_state_of_several_does_not_hide_the_one_that_failed_before(desk: Desk) -> None:
    desk.executions.run("good", SUCCEEDED)
    desk.executions.run("bad", OUT_OF_STOCK)
    done = desk.run("orders", "watch", "good", "bad", "--until-state", "WaitForStock")
    assert done.code == 8
    assert "bad FAILED" in done.err


def test_a_timeout_that_nothing_waits_for_is_refused_and_starts_nothing(desk: Desk) -> None:
    done = desk.run(*ORDER, "--timeout", "10m")
    assert done.code == 2
    assert desk.executions.calls == []


def test_a_start_whose_answer_is_lost_says_how_to_repeat_it_as_the_same_order(desk: Desk) -> None:
    desk.executions.fail("start", UnreachableError("read timeout"))
    done = desk.run(*ORDER)
    made = done.err.splitlines()[0].removeprefix("order ")
    assert done.code == 1
    assert f"hint: run it again with --order-id {made}: it starts the order once" in done.err


@pytest.mark.parametrize(
    ("order", "error", "code"), [("@latest", None, 3), ("@latest", AuthError("expired"), 4), ("a b", None, 2)]
)
def test_an_order_that_cannot_even_be_looked_up_closes_the_stream_too(
    desk: Desk, order: str, error: OrderctlError | None, code: int
) -> None:
    if error is not None:
        desk.executions.fail("list", error)
    done = desk.run("orders", "watch", order, "-o", "jsonl")
    assert (done.code, [exit_code for _, exit_code in results(done)]) == (code, [code])


def test_a_guard_that_refuses_closes_the_stream_too(desk: Desk) -> None:
    write_config(desk.home, 'default_env = "prod"\n[env.prod]\nprotected = true\nregion = "us-east-1"\n')
    done = submit(desk, SUCCEEDED, "-o", "jsonl")
    assert (done.code, results(done)) == (7, [("refused", 7)])
    assert desk.executions.calls == []


def test_a_timeout_names_those_that_failed_before_it(desk: Desk) -> None:
    desk.executions.run("bad", OUT_OF_STOCK)
    desk.executions.run("slow", SUCCEEDED)
    done = desk.run("orders", "watch", "bad", "slow", "--timeout", "2s")
    assert done.code == 124
    assert "order slow is still running; ended before: bad FAILED" in done.err


def test_an_arn_of_another_region_is_a_usage_error_and_no_missing_order(desk: Desk) -> None:
    write_config(desk.home, 'default_env = "prod"\n[env.prod]\nregion = "eu-west-1"\n')
    for verb in ("watch", "show", "stop"):
        done = desk.run("orders", verb, f"{ARN}:o-1")
        assert (done.code, done.err.splitlines()[-1]) == (2, "hint: --region us-east-1")


def test_an_execution_that_was_started_and_cannot_be_read_for_a_while_is_not_said_to_be_missing(desk: Desk) -> None:
    unknown = NotFoundError("Execution Does Not Exist")
    desk.executions.fail("history", unknown, times=15)
    assert submit(desk, SUCCEEDED).code == 0
    assert desk.clock.elapsed > 10
