from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from orderctl.errors import AuthError, FailedError, NoConnectionError, NotFoundError, TimeoutPassedError
from orderctl.orders.follow import News, follow
from orderctl.orders.models import ExecutionStatus
from tests.fakes.buckets import history_bucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import FakeExecutions, Run
from tests.fakes.histories import ABORTED, OUT_OF_STOCK, REDRIVEN, RETRIED_THEN_FAILED, STARTED, SUCCEEDED, Row, entered


class Throttled(FailedError):
    code = "throttled"


class Unreachable(FailedError):
    code = "unreachable"


def set_up(rows: Sequence[Row] = SUCCEEDED) -> tuple[FakeClock, FakeExecutions, Run]:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    return clock, executions, executions.run("o-1", rows)


def types(news: Sequence[News]) -> list[str]:
    return [event.type for item in news for event in item.events]


def notices(news: Sequence[News]) -> list[str]:
    return [notice for item in news for notice in item.notices]


def everything(executions: FakeExecutions, *runs: Run, timeout: float | None = 3600) -> list[News]:
    return list(
        follow(
            executions,
            [run.arn for run in runs],
            clock=executions.clock,
            timeout=timeout,
            bucket=history_bucket(executions.clock),
        )
    )


def test_events_arrive_once_each_until_the_terminal_one() -> None:
    _, executions, run = set_up()
    news = everything(executions, run)
    assert types(news) == [row[1] for row in SUCCEEDED]
    assert news[-1].status is ExecutionStatus.SUCCEEDED
    assert [item.status for item in news[:-1]] == [None] * (len(news) - 1)


def test_an_execution_that_ended_before_is_read_twice_and_needs_no_wait() -> None:
    clock, executions, run = set_up(OUT_OF_STOCK)
    clock.advance(60)
    news = everything(executions, run)
    assert (news[-1].status, executions.count("history"), clock.slept) == (ExecutionStatus.FAILED, 2, [])


def test_describe_saying_it_ended_is_not_enough_while_events_are_missing() -> None:
    """DescribeExecution says SUCCEEDED at 3.5 s; the last events can be read only at 8 s."""
    clock, executions, run = set_up()
    run.visible = lambda event: event["id"] < 9 or clock.elapsed >= 8
    news = everything(executions, run)
    assert types(news) == [row[1] for row in SUCCEEDED]
    assert notices(news) == []


def test_describe_saying_it_runs_does_not_keep_a_watch_from_ending() -> None:
    _, executions, run = set_up()
    run.described_late = 3600
    assert everything(executions, run)[-1].status is ExecutionStatus.SUCCEEDED


def test_without_a_terminal_event_describe_is_believed_after_two_more_silent_reads() -> None:
    clock, executions, run = set_up()
    run.visible = lambda event: event["id"] < 11
    run.closed_at = clock.now() + timedelta(seconds=3.5)
    news = everything(executions, run)
    assert news[-1].status is ExecutionStatus.SUCCEEDED
    assert notices(news) == ["the history never said that it ended; DescribeExecution says SUCCEEDED"]
    assert executions.calls[-6:][0::2] == [("history", t) for _, t in executions.calls[-6:][0::2]]
    assert executions.count("describe") == 3


def test_an_execution_that_waits_for_long_is_described_seldom() -> None:
    clock, executions, run = set_up(
        [STARTED, (0, "WaitStateEntered", 0, entered("Wait")), (600, "ExecutionSucceeded", 2, {})]
    )
    everything(executions, run)
    assert clock.elapsed == pytest.approx(600, abs=3)
    assert executions.count("describe") <= 35


def test_a_redrive_right_after_the_end_opens_it_again() -> None:
    """The execution fails at 1.4 s; the event of its redrive can be read at once with the one more read."""
    clock, executions, run = set_up(REDRIVEN)
    clock.advance(1.5)
    iterator = follow(executions, [run.arn], clock=clock, timeout=60, bucket=history_bucket(clock))
    first = next(iterator)
    assert first.events[-1].type == "ExecutionFailed"
    clock.advance(1)
    rest = list(iterator)
    assert "ExecutionRedriven" in types(rest)
    assert rest[-1].status is ExecutionStatus.SUCCEEDED


def test_an_execution_redriven_before_the_watch_ends_as_its_last_run_did() -> None:
    clock, executions, run = set_up(REDRIVEN)
    clock.advance(2.05)
    assert everything(executions, run)[-1].status is ExecutionStatus.SUCCEEDED


def test_events_after_the_terminal_one_are_passed_on_and_change_nothing() -> None:
    """An emulator finishes a state after the execution was stopped."""
    rows: list[Row] = [*ABORTED, (2.0, "WaitStateExited", 2, {"name": "WaitForStock"})]
    _, executions, run = set_up(rows)
    news = everything(executions, run)
    assert types(news)[-1] == "WaitStateExited"
    assert news[-1].status is ExecutionStatus.ABORTED


def test_stopped_by_somebody_else_it_ends_aborted() -> None:
    clock, executions, run = set_up()
    iterator = follow(executions, [run.arn], clock=clock, timeout=60, bucket=history_bucket(clock))
    next(iterator)
    executions.stop(run.arn, error="Recalled", cause="by hand")
    assert list(iterator)[-1].status is ExecutionStatus.ABORTED


def test_the_timeout_ends_the_watch_and_not_a_moment_later() -> None:
    clock, executions, run = set_up()
    with pytest.raises(TimeoutPassedError, match="order o-1 is still running"):
        everything(executions, run, timeout=2)
    assert clock.elapsed == pytest.approx(2)
    assert executions.count("stop") == 0


def test_everything_is_read_once_even_without_any_time() -> None:
    clock, executions, run = set_up(OUT_OF_STOCK)
    clock.advance(60)
    assert everything(executions, run, timeout=0)[-1].status is ExecutionStatus.FAILED


def test_throttling_slows_it_down_is_said_once_and_ends_the_watch_never() -> None:
    _, executions, run = set_up()
    executions.fail("history", Throttled("Rate exceeded"), times=5, after=1)
    news = everything(executions, run)
    assert notices(news) == ["order o-1: AWS is throttling these calls; still watching, more slowly"]
    assert types(news) == [row[1] for row in SUCCEEDED]
    waits = [late - early for (_, early), (_, late) in zip(executions.calls[1:6], executions.calls[2:7], strict=True)]
    assert waits == [2, 4, 8, 16, 30]


def test_a_second_spell_of_throttling_is_said_again_and_begins_with_a_short_wait() -> None:
    clock, executions, run = set_up([STARTED, (60, "ExecutionSucceeded", 1, {})])
    executions.fail("history", Throttled("Rate exceeded"), times=4, after=1)
    executions.fail("history", Throttled("Rate exceeded"), times=1, after=2)
    assert len(notices(everything(executions, run))) == 2
    assert clock.slept.count(2.0) >= 2


def test_trouble_with_the_network_long_ago_is_forgotten() -> None:
    _, executions, run = set_up([STARTED, (300, "ExecutionSucceeded", 1, {})])
    for _ in range(3):
        executions.fail("history", Unreachable("no route"), times=2, after=20)
    assert everything(executions, run)[-1].status is ExecutionStatus.SUCCEEDED


def test_a_network_that_comes_back_is_waited_for() -> None:
    _, executions, run = set_up()
    executions.fail("history", Unreachable("no route"), times=3, after=1)
    news = everything(executions, run)
    assert notices(news) == ["order o-1: no answer from AWS; still watching, more slowly"]
    assert news[-1].status is ExecutionStatus.SUCCEEDED


def test_a_refused_connection_is_waited_for_like_a_lost_answer() -> None:
    _, executions, run = set_up()
    executions.fail("history", NoConnectionError("could not connect to the endpoint URL"), times=4, after=1)
    news = everything(executions, run)
    assert news[-1].status is ExecutionStatus.SUCCEEDED
    assert notices(news) == ["order o-1: no answer from AWS; still watching, more slowly"]


def test_a_network_that_stays_away_for_a_minute_is_an_error() -> None:
    clock, executions, run = set_up()
    executions.fail("history", Unreachable("no route"), times=100, after=1)
    with pytest.raises(Unreachable):
        everything(executions, run)
    assert 60 <= clock.elapsed <= 130


def test_expired_credentials_end_the_watch() -> None:
    _, executions, run = set_up()
    executions.fail("history", AuthError("expired"), after=2)
    with pytest.raises(AuthError):
        everything(executions, run)


def test_an_execution_deleted_while_watched_is_not_found() -> None:
    clock, executions, run = set_up()
    iterator = follow(executions, [run.arn], clock=clock, bucket=history_bucket(clock))
    next(iterator)
    del executions.runs[run.arn]
    with pytest.raises(NotFoundError):
        list(iterator)


def test_an_execution_just_started_may_be_unknown_for_a_moment() -> None:
    clock, executions, run = set_up()
    executions.fail("history", NotFoundError("not yet"), times=2)
    news = list(follow(executions, [run.arn], clock=clock, patience=5, bucket=history_bucket(clock)))
    assert types(news) == [row[1] for row in SUCCEEDED]
    executions.fail("history", NotFoundError("no such"))
    with pytest.raises(NotFoundError):
        list(follow(executions, [run.arn], clock=clock, bucket=history_bucket(clock)))


def test_a_minute_of_watching_costs_at_most_one_call_a_second() -> None:
    rows: list[Row] = [STARTED, *((n, "WaitStateEntered", n, entered(f"w{n}")) for n in range(1, 60))]
    _, executions, run = set_up([*rows, (60, "ExecutionSucceeded", 60, {})])
    everything(executions, run)
    assert executions.count("history") <= 64
    for begin in range(60):
        assert sum(1 for _, at in executions.calls if begin + 2 <= at < begin + 3) <= 2


def test_a_quiet_minute_costs_half_of_that() -> None:
    _, executions, run = set_up([STARTED, (60, "ExecutionSucceeded", 1, {})])
    everything(executions, run)
    assert executions.count("history") <= 38


def test_fifty_watches_share_the_accounts_quota_and_all_get_their_turn() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    runs = [
        executions.run(
            f"o-{n}",
            [
                STARTED,
                *((s, "WaitStateEntered", s, entered("w")) for s in range(1, 60)),
                (60, "ExecutionSucceeded", 60, {}),
            ],
        )
        for n in range(50)
    ]
    news = everything(executions, *runs)
    assert sum(item.status is ExecutionStatus.SUCCEEDED for item in news) == 50
    times = [at for operation, at in executions.calls if operation == "history"]
    busiest = max(sum(1 for at in times if begin <= at < begin + 1) for begin in range(1, int(times[-1])))
    assert busiest <= 20
    assert clock.elapsed < 75


def test_several_end_each_in_its_own_way() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    runs = [executions.run("good", SUCCEEDED), executions.run("bad", RETRIED_THEN_FAILED)]
    ended = {item.execution_arn: item.status for item in everything(executions, *runs) if item.status}
    assert ended == {runs[0].arn: ExecutionStatus.SUCCEEDED, runs[1].arn: ExecutionStatus.FAILED}


def test_one_that_does_not_exist_does_not_end_the_watch_of_the_others() -> None:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    good = executions.run("good", SUCCEEDED)
    gone = [good.arn.replace("good", name) for name in ("gone", "lost")]
    seen: list[News] = []
    with pytest.raises(NotFoundError, match="2 of 3 orders do not exist; the first: order gone"):
        seen.extend(
            follow(executions, [gone[0], good.arn, gone[1]], clock=clock, patience=1, bucket=history_bucket(clock))
        )
    assert seen[-1].status is ExecutionStatus.SUCCEEDED
    assert len(notices(seen)) == 2
    with pytest.raises(NotFoundError, match="order gone"):
        list(follow(executions, [gone[0], good.arn], clock=clock, bucket=history_bucket(clock)))


def test_a_watch_that_is_left_makes_no_further_call() -> None:
    clock, executions, run = set_up()

    def first() -> Iterator[News]:
        yield from follow(executions, [run.arn], clock=clock, bucket=history_bucket(clock))

    iterator = first()
    next(iterator)
    calls = len(executions.calls)
    del iterator
    assert len(executions.calls) == calls
