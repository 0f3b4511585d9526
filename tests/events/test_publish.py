from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.errors import AuthError, FailedError, OrderctlError, ThrottledError
from orderctl.events.models import Event, Published, Status, Taken
from orderctl.events.publish import MOST_BYTES, TRIES, Publisher, pack
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeBus, answer_lost, fail_in_batches


def event(number: int, extra: int = 0) -> Event:
    return Event("orders.api", "OrderCreated", f'{{"n": {number}, "x": "{"x" * extra}"}}', line=number)


def publish(bus: FakeBus, events: Iterable[Event], **how: bool) -> list[Published]:
    publisher = Publisher(bus, FakeClock(), dice=lambda: 0.5, **how)
    return sorted(publisher.publish(events), key=lambda one: one.line or 0)


def nth(number: int, error: OrderctlError) -> object:
    """Fails the call of that number."""
    count = 0
    lock = threading.Lock()

    def ask() -> OrderctlError | None:
        nonlocal count
        with lock:
            count += 1
            return error if count == number else None

    return ask


@given(st.lists(st.integers(0, MOST_BYTES // 3), max_size=40))
@settings(max_examples=30, deadline=None)
def test_packing_keeps_order_and_both_limits(sizes: list[int]) -> None:
    events = [event(number, size) for number, size in enumerate(sizes)]
    batches = list(pack(events))
    assert [one for batch in batches for one in batch] == events
    assert all(1 <= len(batch) <= 10 and sum(one.size for one in batch) < MOST_BYTES for batch in batches)
    for batch, following in itertools.pairwise(batches):
        assert len(batch) == 10 or sum(one.size for one in batch) + following[0].size >= MOST_BYTES


def test_a_call_stays_below_a_megabyte() -> None:
    batches = list(pack(event(number, MOST_BYTES // 3 + 1) for number in range(5)))
    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_every_event_gets_its_own_id() -> None:
    bus = FakeBus()
    outcomes = publish(bus, [event(n) for n in range(25)])
    assert bus.calls == 3
    assert {one.event_id for one in outcomes} == {f"id-{n}" for n in range(1, 26)}


def test_a_fifth_failing_over_ten_thousand_events_loses_none_and_doubles_none() -> None:
    bus = FakeBus()
    bus.on_entry = fail_in_batches(0.2)
    outcomes = publish(bus, (event(n) for n in range(10_000)))
    given_up = {one.line for one in outcomes if one.status is Status.FAILED}
    assert len(given_up) < 5  # 0.2 ** 8 of ten thousand
    assert Counter(one.line for one in bus.taken) == Counter(set(range(10_000)) - given_up)
    assert bus.sent[event(1).detail] <= TRIES
    assert all(one.event_id for one in outcomes if one.status is Status.PUBLISHED)


def test_only_the_failed_entries_of_a_batch_are_sent_again_and_answers_are_matched_by_place() -> None:
    bus = FakeBus()
    seen: Counter[int | None] = Counter()

    def fail_once(one: Event) -> Taken | None:
        seen[one.line] += 1
        return Taken(None, "ThrottlingException", "slow") if one.line in (2, 5) and seen[one.line] == 1 else None

    bus.on_entry = fail_once
    outcomes = publish(bus, [event(n) for n in range(7)])
    assert seen == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 2, 6: 1}
    assert [one.event_id for one in outcomes] == ["id-1", "id-2", "id-6", "id-3", "id-4", "id-7", "id-5"]


@pytest.mark.parametrize("error", ["InvalidArgument", "MalformedDetail", "NotAuthorizedForSourceException"])
def test_an_entry_that_would_fail_again_is_sent_once(error: str) -> None:
    bus = FakeBus()
    bus.on_entry = lambda one: Taken(None, error, "no") if one.line == 1 else None
    outcomes = publish(bus, [event(0), event(1)])
    assert [(one.status, one.error) for one in outcomes] == [(Status.PUBLISHED, None), (Status.FAILED, error)]
    assert bus.sent[event(1).detail] == 1


def test_an_entry_that_keeps_failing_is_given_up_with_its_last_word() -> None:
    bus, clock = FakeBus(), FakeClock()
    bus.on_entry = lambda one: Taken(None, "InternalFailure", "again")
    (outcome,) = Publisher(bus, clock, dice=lambda: 0.5).publish([event(0)])
    assert (outcome.status, outcome.error, bus.calls) == (Status.FAILED, "InternalFailure", TRIES)
    assert clock.elapsed == pytest.approx(0.15 + 0.3 + 0.6 + 1.2 + 2.4 + 4.8 + 7.5)


def test_an_interrupt_between_two_tries_tells_what_the_first_one_put_on_the_bus() -> None:
    clock, bus = FakeClock(), FakeBus()
    tried_twice = threading.Event()
    bus.on_entry = lambda one: None if one.line == 1 else Taken(None, "ThrottlingException", "later")

    def twice() -> OrderctlError | None:
        if bus.calls == 3:
            tried_twice.set()
            threading.Event().wait(0.05)
        return None

    def source() -> Iterable[Event]:
        yield from (event(n) for n in range(10))
        yield event(10)
        tried_twice.wait(5)
        raise KeyboardInterrupt

    bus.on_call = twice
    told: list[Published] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(Publisher(bus, clock, dice=lambda: 0.5).publish(source()))
    assert {one.line: one.status for one in told}[1] is Status.PUBLISHED
    assert sorted(one.line or 0 for one in told) == list(range(10))
    assert bus.calls < TRIES


def test_a_throttled_call_took_nothing_and_is_sent_again() -> None:
    bus = FakeBus()
    bus.on_call = nth(1, ThrottledError("slow down"))  # type: ignore[assignment]
    assert [one.status for one in publish(bus, [event(n) for n in range(3)])] == [Status.PUBLISHED] * 3
    assert len(bus.taken) == 3


def test_a_lost_answer_is_reported_and_not_sent_again() -> None:
    bus = FakeBus()
    bus.on_answer = nth(1, answer_lost())  # type: ignore[assignment]
    outcomes = publish(bus, [event(n) for n in range(3)])
    assert [(one.status, one.error) for one in outcomes] == [(Status.UNKNOWN, "answer_lost")] * 3
    assert set(bus.sent.values()) == {1}


def test_a_lost_answer_does_not_hide_what_the_batch_took_before() -> None:
    bus = FakeBus()
    bus.on_entry = lambda one: Taken(None, "InternalFailure", "x") if one.line == 1 and bus.calls == 1 else None
    bus.on_answer = nth(2, answer_lost())  # type: ignore[assignment]
    outcomes = publish(bus, [event(0), event(1), event(2)])
    assert [one.status for one in outcomes] == [Status.PUBLISHED, Status.UNKNOWN, Status.PUBLISHED]
    assert max(bus.sent.values()) == 2


def test_with_resend_unknown_the_entries_go_again_and_may_be_twice() -> None:
    bus = FakeBus()
    bus.on_answer = nth(1, answer_lost())  # type: ignore[assignment]
    outcomes = publish(bus, [event(0), event(1)], resend_unknown=True)
    assert [(one.status, one.may_be_twice) for one in outcomes] == [(Status.PUBLISHED, True)] * 2
    assert len(bus.taken) == 4


def test_what_was_lost_and_then_refused_stays_unknown() -> None:
    bus = FakeBus()
    bus.on_answer = nth(1, answer_lost())  # type: ignore[assignment]
    bus.on_entry = lambda one: Taken(None, "InvalidArgument", "no") if bus.calls > 1 else None
    (outcome,) = publish(bus, [event(0)], resend_unknown=True)
    assert (outcome.status, outcome.error) == (Status.UNKNOWN, "InvalidArgument")


def test_missing_permission_stops_and_says_what_became_of_each_event_tried() -> None:
    bus = FakeBus()
    bus.on_call = lambda: AuthError("no events:PutEvents")
    outcomes: list[Published] = []
    publisher = Publisher(bus, FakeClock())
    with pytest.raises(AuthError):
        outcomes.extend(publisher.publish(event(n) for n in range(10_000)))
    assert bus.calls < 10


def test_a_refused_call_fails_its_batch_alone() -> None:
    bus = FakeBus()
    bus.on_call = nth(1, FailedError("validation"))  # type: ignore[assignment]
    outcomes = publish(bus, [event(n) for n in range(30)])
    assert Counter(one.status for one in outcomes) == {Status.PUBLISHED: 20, Status.FAILED: 10}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 45),
    st.lists(st.sampled_from(["ok", "lost", "throttled", "refused"]), max_size=8),
    st.floats(0, 0.6),
    st.booleans(),
)
def test_whatever_fails_the_report_is_true(count: int, calls: list[str], share: float, resend: bool) -> None:
    """Published is on the bus (once, unless it says it may be twice); failed is not; unknown is either."""
    bus = FakeBus()
    script = iter(calls)
    words: list[str] = []

    def before() -> OrderctlError | None:
        words.append(next(script, "ok"))
        return {"throttled": ThrottledError("slow"), "refused": FailedError("no")}.get(words[-1])

    bus.on_call = before
    bus.on_answer = lambda: answer_lost() if words[-1] == "lost" else None
    bus.on_entry = fail_in_batches(share)
    outcomes = publish(bus, [event(n) for n in range(count)], resend_unknown=resend)
    there = Counter(one.line for one in bus.taken)
    assert [one.line for one in outcomes] == list(range(count))
    for one in outcomes:
        if one.status is Status.PUBLISHED:
            assert there[one.line] >= 1
            assert there[one.line] == 1 or one.may_be_twice
        elif one.status is Status.FAILED:
            assert there[one.line] == 0
        if not resend:
            assert there[one.line] <= 1
