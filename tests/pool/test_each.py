from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.errors import AuthError, FailedError, OrderctlError, ThrottledError
from orderctl.pool import Done, Failed, Pool
from tests.fakes.clock import FakeClock


class Gate:
    """Work that counts how many are inside at once, and throttles above `room`."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.inside = 0
        self.most = 0
        self.throttled = 0
        self.calls: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._pace = threading.Event()

    def __call__(self, item: int) -> int:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            full = self.inside > self.room
        self._pace.wait(0.0005)
        with self._lock:
            self.inside -= 1
            if full:
                self.throttled += 1
                raise ThrottledError("slow down")
            self.calls[item] += 1
        return item * 2


def pool(*, workers: int = 16, patience: float = 60) -> Pool:
    return Pool(FakeClock(), workers=workers, patience=patience, dice=random.Random(1))


def test_every_item_has_one_outcome() -> None:
    outcomes = list(pool().each(lambda item: item * 2, range(500)))
    assert sorted(o.result for o in outcomes if isinstance(o, Done)) == [item * 2 for item in range(500)]


def test_never_more_run_than_there_are_workers() -> None:
    gate = Gate(room=100)
    list(pool(workers=6).each(gate, range(200)))
    assert 4 < gate.most <= 6


def test_items_are_taken_only_when_they_can_be_started() -> None:
    taken = 0

    def source() -> Iterator[int]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield number

    outcomes = pool(workers=8).each(lambda item: item, source())
    next(outcomes)
    assert taken <= 9


def test_what_is_throttled_is_tried_again_until_it_succeeds_once() -> None:
    gate = Gate(room=3)
    outcomes = list(pool(workers=32, patience=1e9).each(gate, range(300)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert gate.throttled > 0
    assert gate.calls == Counter(range(300))


def test_second_tries_count_like_new_items_so_a_service_with_room_for_one_gets_through() -> None:
    gate = Gate(room=1)
    outcomes = list(pool(workers=32, patience=1e9).each(gate, range(100)))
    assert gate.calls == Counter(range(100))
    assert len(outcomes) == 100


def test_an_interrupt_does_not_wait_for_a_service_that_throttles_for_ever() -> None:
    clock = FakeClock()

    def never(item: int) -> int:
        if clock.elapsed > 100:
            raise KeyboardInterrupt
        raise ThrottledError("slow down")

    outcomes: list[Done[int, int] | Failed[int]] = []
    tried = Pool(clock, workers=4, patience=1e9)
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(tried.each(never, range(10)))
    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(outcomes) <= 4


class SlowClock(FakeClock):
    """Says when somebody rests, and lets the others go on meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.is_rested_on = threading.Event()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.is_rested_on.set()
        threading.Event().wait(0.1)


def test_what_rests_before_a_second_try_is_not_tried_when_all_is_to_end() -> None:
    clock, calls = SlowClock(), Counter[str]()

    def work(item: str) -> str:
        calls[item] += 1
        if item == "throttled":
            raise ThrottledError("slow down")
        clock.is_rested_on.wait(5)
        raise AuthError("signed out")

    resting = Pool(clock, workers=4, patience=1e9, dice=random.Random(1))
    outcomes: list[Done[str, str] | Failed[str]] = []
    with pytest.raises(AuthError):
        outcomes.extend(resting.each(work, ["throttled", "fatal"]))
    assert calls == {"throttled": 1, "fatal": 1}
    assert {outcome.item for outcome in outcomes} == {"throttled", "fatal"}
    assert not resting.rest(1000)
    assert clock.elapsed < 1


def test_throttling_narrows_and_success_widens() -> None:
    tried = pool(workers=32)
    list(tried.each(lambda item: item, range(400)))
    assert tried.width.now > 16
    tried.width.narrow()
    assert tried.width.now <= 16


def test_every_throttled_call_halves_how_many_run() -> None:
    tried, left = pool(), [1, 2]

    def twice(item: int) -> int:
        if left:
            left.pop()
            raise ThrottledError("slow down")
        return item

    assert tried.width.now == 4
    list(tried.each(twice, [1]))
    assert tried.width.now == 2  # 4, 2, 1, and one more for the success


def test_an_item_still_throttled_when_patience_ends_has_failed() -> None:
    def never(item: int) -> int:
        raise ThrottledError("slow down")

    clock = FakeClock()
    outcomes = list(Pool(clock, workers=1, patience=30).each(never, [1]))
    assert isinstance(outcomes[0], Failed)
    assert 30 <= clock.elapsed < 36
    assert clock.slept[0] <= 0.05


def test_one_failed_item_does_not_stop_the_others() -> None:
    def odd_ones_fail(item: int) -> int:
        if item % 2:
            raise FailedError(f"no {item}")
        return item

    outcomes = list(pool().each(odd_ones_fail, range(100)))
    assert sorted(o.item for o in outcomes if isinstance(o, Failed)) == list(range(1, 100, 2))


def test_missing_permission_stops_the_feeding_and_is_raised_after_the_last() -> None:
    calls = Counter[int]()

    def refused(item: int) -> int:
        calls[item] += 1
        if item == 20:
            raise AuthError("no dynamodb:PutItem")
        return item

    outcomes: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(AuthError):
        outcomes.extend(pool().each(refused, range(100_000)))
    assert len(outcomes) == len(calls) < 100


def test_an_interrupt_lets_what_is_in_flight_end_and_reports_it() -> None:
    started: list[int] = []

    def source() -> Iterator[int]:
        yield from range(3)
        raise KeyboardInterrupt

    def slow(item: int) -> int:
        started.append(item)
        threading.Event().wait(0.02)
        return item

    outcomes: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(pool().each(slow, source()))
    assert sorted(outcome.item for outcome in outcomes) == sorted(started) == [0, 1, 2]


def test_a_fault_of_the_work_itself_is_raised_after_the_outcomes_of_the_others() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ZeroDivisionError
        threading.Event().wait(0.01)
        return item

    outcomes: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(ZeroDivisionError):
        outcomes.extend(pool(workers=4).each(work, range(100)))
    assert sorted(outcome.item for outcome in outcomes) == [0, 1, 3]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.integers(1, 12), st.sets(st.integers(0, 59)))
def test_outcomes_and_items_are_the_same_set(count: int, workers: int, bad: set[int]) -> None:
    def work(item: int) -> int:
        if item in bad:
            raise OrderctlError("no")
        return item

    outcomes = list(pool(workers=workers).each(work, range(count)))
    assert sorted(outcome.item for outcome in outcomes) == list(range(count))
    assert {outcome.item for outcome in outcomes if isinstance(outcome, Failed)} == bad & set(range(count))


def test_one_item_takes_one_thread() -> None:
    def who(_item: int) -> int:
        return threading.get_ident()

    before = threading.active_count()
    (outcome,) = pool(workers=16).each(who, [1])
    assert isinstance(outcome, Done)
    assert outcome.result != threading.get_ident()
    assert threading.active_count() <= before + 1


def test_items_are_taken_by_the_thread_that_asks_for_outcomes() -> None:
    """A source may be a pipe: Ctrl-C has to find its reader in the main thread."""
    takers: set[int] = set()

    def source() -> Iterator[int]:
        for number in range(100):
            takers.add(threading.get_ident())
            yield number

    list(pool().each(lambda item: item, source()))
    assert takers == {threading.get_ident()}


def test_whoever_asks_no_more_gets_what_is_in_flight_ended_and_nothing_else_begun() -> None:
    begun, ended = Counter[int](), Counter[int]()

    def work(item: int) -> int:
        begun[item] += 1
        threading.Event().wait(0.01)
        ended[item] += 1
        return item

    outcomes = pool(workers=4).each(work, range(1000))
    next(outcomes)
    assert isinstance(outcomes, Generator)
    outcomes.close()
    assert begun == ended
    assert len(begun) < 12


def test_no_worker_is_left_behind() -> None:
    before = set(threading.enumerate())
    list(pool(workers=16).each(lambda item: item, range(1000)))
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("seed", range(30))
def test_interrupted_at_any_moment_each_item_begun_has_one_outcome(seed: int) -> None:
    """The signal comes while the main thread takes, hands out, waits or tells; what it tells is whole."""
    begun, dice = Counter[int](), random.Random(seed)
    fatal, pause = dice.randrange(1, 200), dice.random() * 0.001
    main = threading.main_thread().ident or 0

    def work(item: int) -> int:
        begun[item] += 1
        threading.Event().wait(0.0002)
        if item == fatal:
            threading.Event().wait(pause)
            signal.pthread_kill(main, signal.SIGINT)
        return item

    told: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(pool(workers=8).each(work, range(100_000)))
    assert Counter(outcome.item for outcome in told) == begun


def test_a_second_interrupt_waits_for_nobody() -> None:
    gate, main = threading.Event(), threading.main_thread().ident or 0

    def hang(item: int) -> int:
        for _ in range(2):
            signal.pthread_kill(main, signal.SIGINT)
            threading.Event().wait(0.1)
        gate.wait(10)
        return item

    told: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(pool(workers=1).each(hang, [1]))
    gate.set()
    assert told == [], "it was waited for"
