from __future__ import annotations

import itertools
import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from orderctl.errors import AuthError, FailedError, NoConnectionError
from orderctl.orders.batch import AT_ONCE, GIVES_UP_AFTER
from orderctl.orders.models import StartedExecution
from tests.cli.support import Outcome
from tests.cli.test_orders import ARN, Desk
from tests.fakes.clock import FakeClock
from tests.fakes.executions import FakeExecutions

TWO = '{"order_id": "a", "product_id": "w", "quantity": 1}\n{"order_id": "b", "product_id": "w", "quantity": 2}\n'


class Throttled(FailedError):
    code = "throttled"


class Interrupted(FakeExecutions):
    """Ctrl-C with the third start."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._number = itertools.count()

    def start(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
        if next(self._number) == 2:
            raise KeyboardInterrupt
        return super().start(state_machine_arn, name, input_json)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def batch(desk: Desk, text: str, *flags: str) -> Outcome:
    """What it came to, the lines sorted: they come as the starts end."""
    done = desk.run("orders", "submit", "--batch", "-", *flags, stdin=text)
    return Outcome(done.code, "".join(sorted(done.out.splitlines(keepends=True))), done.err)


def many(count: int) -> str:
    return "".join(f'{{"order_id": "o-{n}", "product_id": "w", "quantity": 1}}\n' for n in range(count))


def test_every_record_is_started_and_has_its_line(desk: Desk) -> None:
    assert batch(desk, TWO) == Outcome(0, "1\ta\tstarted\t\n2\tb\tstarted\t\n", "2 orders, all valid\n2 started\n")
    assert json.loads(desk.executions.runs[f"{ARN}:b"].input)["quantity"] == 2


def test_run_again_it_starts_nothing_twice(desk: Desk) -> None:
    desk.executions.strict = True
    batch(desk, TWO)
    assert batch(desk, TWO).out == "1\ta\tattached\t\n2\tb\tattached\t\n"
    desk.clock.advance(60)
    assert batch(desk, TWO) == Outcome(
        0, "1\ta\talready\tit is SUCCEEDED\n2\tb\talready\tit is SUCCEEDED\n", "2 orders, all valid\n2 already\n"
    )
    assert len(desk.executions.runs) == 2


def test_records_without_an_id_get_one_that_stays(desk: Desk) -> None:
    text = '{"product_id": "w", "quantity": 1}\n{"product_id": "w", "quantity": 1}\n'
    first = [line.split("\t")[1] for line in batch(desk, text).out.splitlines()]
    again = [line.split("\t")[1] for line in batch(desk, text).out.splitlines()]
    assert first == again
    assert len(desk.executions.runs) == 2


@pytest.mark.parametrize("wrong", ['{"product_id": "w", "quantity": 0}', "[1]", "{", '{"order_id": "a"}'])
def test_one_wrong_record_and_nothing_is_started(desk: Desk, wrong: str) -> None:
    done = batch(desk, TWO + wrong + "\n")
    assert (done.code, done.out) == (2, "")
    assert "<stdin>:3" in done.err
    assert desk.executions.count("start") == 0


def test_an_id_given_twice_is_refused(desk: Desk) -> None:
    done = batch(desk, TWO + '{"order_id": "a", "product_id": "x", "quantity": 1}\n')
    assert done.code == 2
    assert "order a stands in line 1 already" in done.err


def test_a_quantity_in_csv_is_a_number(desk: Desk) -> None:
    assert batch(desk, "order_id,product_id,quantity\na,w,3\n").code == 0
    assert json.loads(desk.executions.runs[f"{ARN}:a"].input)["quantity"] == 3
    assert batch(desk, "order_id,product_id,quantity\nb,w,1.5\n").code == 2


def test_flags_and_set_go_for_every_order(desk: Desk) -> None:
    batch(desk, '{"order_id": "a"}\n', "--product-id", "w", "--quantity", "4", "--set", "gift=true")
    found = json.loads(desk.executions.runs[f"{ARN}:a"].input)
    assert (found["product_id"], found["quantity"], found["gift"], found["user_id"]) == ("w", 4, True, "orderctl")


def test_one_in_conflict_is_exit_6_and_the_others_go_on(desk: Desk) -> None:
    batch(desk, '{"order_id": "a", "product_id": "other", "quantity": 9}\n')
    done = batch(desk, TWO)
    assert done.code == 6
    assert [line.split("\t")[2] for line in done.out.splitlines()] == ["conflict", "started"]


def test_throttling_is_waited_out(desk: Desk) -> None:
    desk.executions.fail("start", Throttled("Rate exceeded"), times=3)
    assert batch(desk, many(1)).code == 0
    assert desk.clock.elapsed == pytest.approx(1 + 2 + 4, abs=0.01)


def test_throttled_for_too_long_an_order_has_failed_and_the_others_go_on(desk: Desk) -> None:
    desk.executions.fail("start", Throttled("Rate exceeded"), times=6)
    done = batch(desk, many(1))
    assert (done.code, done.out) == (1, "1\to-0\tfailed\tRate exceeded\n")
    assert desk.clock.elapsed == pytest.approx(30, abs=0.01)


def test_what_would_fail_every_order_ends_it_at_once(desk: Desk) -> None:
    desk.executions.fail("start", AuthError("not authorized"), times=999)
    assert batch(desk, many(200)).code == 4
    assert desk.executions.count("start") <= AT_ONCE


def test_ctrl_c_says_that_it_may_be_run_again(desk: Desk) -> None:
    desk.executions = Interrupted(FakeClock())
    text = TWO + '{"order_id": "c", "product_id": "w", "quantity": 1}\n'
    done = batch(desk, text)
    assert done.code == 130
    assert done.err.endswith("hint: run the same command again: what was started is not started twice\n")
    assert done.out == "1\ta\tstarted\t\n2\tb\tstarted\t\n"


def test_dry_run_checks_and_starts_nothing(desk: Desk) -> None:
    assert batch(desk, TWO, "--dry-run") == Outcome(0, "", "2 orders, all valid\n")
    assert desk.executions.calls == []


@pytest.mark.parametrize(
    "flags", [("--watch",), ("--express",), ("--order-id", "a"), ("--file", "x"), ("--on-conflict", "fail")]
)
def test_flags_that_go_for_one_order_are_refused(desk: Desk, flags: tuple[str, ...]) -> None:
    assert batch(desk, TWO, *flags).code == 2
    assert desk.executions.calls == []


def test_run_again_each_order_that_was_done_costs_one_look(desk: Desk) -> None:
    """DescribeExecution has the smaller quota by far: a file of thousands must get to what is missing."""
    batch(desk, TWO)
    desk.clock.advance(60)
    batch(desk, TWO)
    assert desk.executions.count("describe") == 2


def test_run_again_throttling_of_the_look_is_waited_out_too(desk: Desk) -> None:
    batch(desk, TWO)
    desk.clock.advance(60)
    desk.executions.fail("describe", Throttled("Rate exceeded"), after=1)
    done = batch(desk, TWO + '{"order_id": "c", "product_id": "w", "quantity": 1}\n')
    assert (done.code, [line.split("\t")[2] for line in done.out.splitlines()]) == (
        0,
        ["already", "already", "started"],
    )


def test_a_network_that_is_gone_ends_it_and_says_that_it_may_be_run_again(desk: Desk) -> None:
    desk.executions.fail("start", NoConnectionError("could not connect"), times=99)
    done = batch(desk, many(50))
    assert done.code == 1
    assert GIVES_UP_AFTER <= desk.executions.count("start") == done.out.count("\n") < GIVES_UP_AFTER + AT_ONCE
    assert "run the same command again" in done.err


def test_starts_overlap_and_every_order_is_started_once(desk: Desk) -> None:
    together = threading.Barrier(4)

    class Slow(FakeExecutions):
        def start(self, state_machine_arn: str, name: str, input_json: str) -> StartedExecution:
            with suppress(threading.BrokenBarrierError):
                together.wait(5 if self.count("start") < 4 else 0)
            return super().start(state_machine_arn, name, input_json)

    desk.executions = Slow(FakeClock())
    done = batch(desk, many(4))
    assert (done.code, done.out.count("started"), len(desk.executions.runs)) == (0, 4, 4)
    assert not together.broken


def test_interrupted_what_was_begun_has_its_line(desk: Desk) -> None:
    """Ctrl-C with the third start; the others that were under way are told."""
    desk.executions = Interrupted(FakeClock())
    done = batch(desk, many(60))
    assert done.code == 130
    assert done.out.count("started") == len(desk.executions.runs) < 60
