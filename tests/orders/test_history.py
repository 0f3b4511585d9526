from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from orderctl.errors import ThrottledError
from orderctl.orders.history import FIRST_PAGE, HistoryReader
from orderctl.orders.models import HistoryEvent
from orderctl.pacing import TokenBucket
from tests.fakes.clock import FakeClock
from tests.fakes.executions import FakeExecutions, Run
from tests.fakes.histories import STARTED, SUCCEEDED, Row, entered


def waits(count: int, every: float = 0) -> list[Row]:
    """A history of `count` events, one `every` seconds."""
    return [STARTED, *((every * n, "WaitStateEntered", n, entered(f"w{n}")) for n in range(1, count))]


def set_up(rows: Sequence[Row]) -> tuple[FakeClock, FakeExecutions, Run, HistoryReader]:
    clock = FakeClock()
    executions = FakeExecutions(clock)
    run = executions.run("o-1", rows)
    return clock, executions, run, HistoryReader(executions, run.arn, TokenBucket(clock, 1000))


def ids(batches: Sequence[Sequence[HistoryEvent]]) -> list[int]:
    return [event.id for batch in batches for event in batch]


def test_each_event_is_handed_out_once_and_in_order() -> None:
    clock, _, _, reader = set_up(SUCCEEDED)
    seen = []
    for _ in range(8):
        seen += ids(list(reader.read()))
        clock.advance(0.5)
    assert seen == list(range(1, 12))


def test_a_long_history_is_read_forwards_a_page_at_a_time() -> None:
    _, executions, _, reader = set_up(waits(25_000))
    largest = 0
    seen = 0
    for batch in reader.read():
        largest = max(largest, len(batch))
        seen += len(batch)
    assert (seen, largest, executions.count("history")) == (25_000, FIRST_PAGE, 25)


def test_news_of_a_long_history_costs_one_call() -> None:
    clock, executions, _, reader = set_up(waits(5_000, every=1))
    clock.advance(4_000)
    list(reader.read())
    before = executions.count("history")
    clock.advance(50)
    assert len(ids(list(reader.read()))) == 50
    assert executions.count("history") - before == 1


def test_many_news_are_read_backwards_until_the_last_id_seen() -> None:
    clock, executions, _, reader = set_up(waits(5_000, every=1))
    clock.advance(1_000)
    list(reader.read())
    before = executions.count("history")
    clock.advance(250)
    assert ids(list(reader.read())) == list(range(1002, 1252))
    assert executions.count("history") - before == 3


def test_an_event_not_readable_yet_is_waited_for() -> None:
    clock, _, run, reader = set_up(SUCCEEDED)
    list(reader.read())
    clock.advance(1)
    run.visible = lambda event: event["id"] != 5
    assert ids(list(reader.read())) == [4]
    run.visible = lambda event: True
    assert ids(list(reader.read())) == [5, 6, 7]
    assert reader.holes == []


def test_an_event_that_never_comes_is_told_and_the_rest_follows() -> None:
    clock, _, run, reader = set_up(SUCCEEDED)
    list(reader.read())
    clock.advance(1)
    run.visible = lambda event: event["id"] not in (4, 5)
    assert [ids(list(reader.read())) for _ in range(3)] == [[], [], [6, 7]]
    assert reader.holes == ["events 4 to 5"]


def test_a_hole_in_the_first_read_is_waited_for_as_well() -> None:
    clock, _, run, reader = set_up(SUCCEEDED)
    clock.advance(9)
    run.visible = lambda event: event["id"] != 3
    assert ids(list(reader.read())) == [1, 2]
    run.visible = lambda event: True
    assert ids(list(reader.read())) == list(range(3, 12))


def test_pages_in_the_wrong_order_and_of_any_size_are_put_right() -> None:
    """As an emulator answers that ignores reverseOrder and maxResults."""
    clock, executions, run, _ = set_up(SUCCEEDED)

    class Careless(FakeExecutions):
        def history_page(self, execution_arn: str, **asked: object):  # type: ignore[no-untyped-def]
            return executions.history_page(execution_arn, newest_first=False, page_size=1000, with_data=False)

    reader = HistoryReader(Careless(clock), run.arn, TokenBucket(clock, 1000))
    seen = ids(list(reader.read()))
    clock.advance(1)
    seen += ids(list(reader.read()))
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_input_and_output_are_left_out_unless_asked_for() -> None:
    _, executions, run, _ = set_up(SUCCEEDED)
    for with_data in (False, True):
        reader = HistoryReader(executions, run.arn, TokenBucket(FakeClock(), 1000), with_data=with_data)
        first = next(iter(reader.read()))[0]
        assert ("input" in first.details) is with_data
        assert first.details["roleArn"] == "arn:aws:iam::1:role/r"


def test_a_long_history_is_read_to_its_end_though_calls_are_throttled_again_and_again() -> None:
    _, executions, _, reader = set_up(waits(9_000))
    seen: list[int] = []
    for _ in range(3):
        executions.fail("history", ThrottledError("Rate exceeded"), after=4)
        with suppress(ThrottledError):
            for batch in reader.read():
                seen += ids([batch])
    assert seen == list(range(1, 9_001))


def test_what_was_missed_for_long_is_read_forwards_and_never_held_as_a_whole() -> None:
    clock, executions, _, reader = set_up(waits(4_000, every=1))
    list(reader.read())
    clock.advance(4_000)
    before = executions.count("history")
    batches = list(reader.read())
    assert ids(batches) == list(range(2, 4_001))
    assert max(map(len, batches)) <= FIRST_PAGE
    assert executions.count("history") - before <= 15


def test_a_hole_far_behind_is_waited_for_no_longer_than_any_other() -> None:
    _, _, run, reader = set_up(waits(3_000))
    run.visible = lambda event: event["id"] != 1500
    seen: list[int] = []
    for _ in range(3):
        seen += ids(list(reader.read()))
    assert seen == [number for number in range(1, 3_001) if number != 1500]
    assert reader.holes == ["event 1500"]
