from __future__ import annotations

from datetime import timedelta

import pytest

from orderctl.errors import NotFoundError, UsageError
from orderctl.orders.names import ORDER_ID, execution_arn, machine_of, named, new_order_id, order_id_of
from tests.fakes.clock import START, FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import SUCCEEDED

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1"


def find(order: str, executions: FakeExecutions | None = None) -> str:
    return execution_arn(order, lambda: MACHINE, executions or FakeExecutions(FakeClock()))


def test_made_ids_sort_by_the_time_they_were_made_at() -> None:
    made = [new_order_id(START + timedelta(milliseconds=number)) for number in (0, 1, 2, 1000, 10**9)]
    assert made == sorted(made)
    assert all(ORDER_ID.fullmatch(each) and len(each) == 26 for each in made)


def test_ids_made_in_the_same_millisecond_differ() -> None:
    assert len({new_order_id(START) for _ in range(500)}) == 500


def test_a_made_id_is_the_time_and_the_randomness_given() -> None:
    assert new_order_id(START, lambda size: b"\xff" * size) == "01M80K4FW0ZZZZZZZZZZZZZZZZ"


def test_an_order_id_is_an_execution_of_the_state_machine() -> None:
    assert find("o-1") == ARN


@pytest.mark.parametrize("suffix", ["", ":3", ":prod"])
def test_an_alias_or_version_of_the_state_machine_is_not_part_of_the_execution(suffix: str) -> None:
    assert named(MACHINE + suffix, "o-1") == ARN


def test_an_arn_needs_no_state_machine() -> None:
    def nobody() -> str:
        raise AssertionError("asked")

    assert execution_arn(ARN, nobody, FakeExecutions(FakeClock())) == ARN


def test_latest_is_the_newest_execution_and_reads_only_one() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    executions.run("old", SUCCEEDED)
    clock.advance(5)
    executions.run("new", SUCCEEDED)
    assert order_id_of(find("@latest", executions)) == "new"
    assert executions.count("list") == 1


def test_latest_of_none_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        find("@latest")


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 81, "ö", "o-1\n", "arn:aws:sqs:us-east-1:1:q", "@newest"])
def test_what_is_no_order_is_a_usage_error(wrong: str) -> None:
    with pytest.raises(UsageError):
        find(wrong)


def test_an_express_execution_is_meant_only_where_its_log_can_be_read() -> None:
    arn = "arn:aws:states:us-east-1:123456789012:express:orders:o-1:0c1e"
    with pytest.raises(UsageError, match="neither stopped nor redriven"):
        find(arn)
    executions = FakeExecutions(FakeClock())
    assert execution_arn(arn, lambda: MACHINE, executions, express_too=True) == arn


def test_names_are_read_back_from_an_arn() -> None:
    assert (order_id_of(ARN), machine_of(ARN)) == ("o-1", MACHINE)
