"""Places that forget tell the same as places that keep everything, whatever a history says."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

import pytest

from orderctl.aws.stepfunctions import event_from_api
from orderctl.orders.models import Execution, HistoryEvent
from orderctl.orders.places import NEAR, Place, Places
from orderctl.orders.states import Scope, Visit
from orderctl.orders.tracking import Tracker
from orderctl.orders.watching import Step, step_of
from tests.fakes import histories
from tests.fakes.clock import START
from tests.fakes.histories import Row, api_events, without_chain

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1"
STATES = ("Pass", "Task", "Choice", "Fail", "Parallel", "Map")
NAMES = ("A", "B", "C")
TYPES = [
    *(f"{state}State{move}" for state in STATES for move in ("Entered", "Exited")),
    *(f"Task{what}" for what in ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut", "StateAborted")),
    *(f"ParallelState{what}" for what in ("Started", "Succeeded", "Failed", "Aborted")),
    *(f"MapState{what}" for what in ("Started", "Succeeded", "Failed", "Aborted")),
    *(f"MapIteration{what}" for what in ("Started", "Succeeded", "Failed", "Aborted")),
    *(f"Execution{what}" for what in ("Started", "Redriven", "Succeeded", "Failed", "TimedOut", "Aborted")),
    *("MapRunStarted", "MapRunFailed", "EvaluationFailed", "FromTomorrow"),
]


class EveryPlace(Places):
    """The plain way: an object for every event, and nothing is ever forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._all: dict[int, Place] = {}

    def before(self, event: HistoryEvent) -> Place:
        return self._all.get(event.previous_id or 0) or Place(self.root)

    def put(self, event: HistoryEvent, place: Place) -> None:
        self._all[event.id] = place

    def left(self, visit: Visit) -> None:
        """It stays."""


def told(events: Iterable[HistoryEvent], places: Places) -> tuple[list[Step], Execution]:
    tracker = Tracker(ARN, places)
    return [step_of(tracker, event) for event in events], tracker.execution


def event_of(number: int, kind: str, name: str, index: int, previous: int | None) -> HistoryEvent:
    details: dict[str, object] = {"name": name, "index": index} if kind.startswith("MapIteration") else {}
    is_named = kind.endswith(("Entered", "Exited")) or kind == "EvaluationFailed"
    if kind.endswith(("Failed", "TimedOut", "Aborted")):
        details |= {"error": f"Error{index}", "cause": "because"}
    at = START + timedelta(seconds=min(number, 1_000_000))
    return HistoryEvent(number, kind, at, previous, name if is_named else None, details)


def any_history(seed: int) -> list[HistoryEvent]:
    """Any types in any order, some often and some never; each follows the one before it, one further back, or none."""
    dice = random.Random(seed)
    often = [dice.random() ** 3 for _ in TYPES]
    names = NAMES[: dice.choice((1, 2, 3))]
    kinds = dice.choices(TYPES, often, k=dice.choice((8, 20, 60, 120)))
    return [
        event_of(
            number,
            kind,
            dice.choice(names),
            dice.randrange(3),
            dice.choice((number - 1, number - 1, number - 1, max(0, number - dice.randrange(2, 6)), number // 2, None)),
        )
        for number, kind in enumerate(kinds, 1)
    ]


@pytest.mark.parametrize("part", range(10))
def test_whatever_happens_forgetting_tells_the_same(part: int) -> None:
    for seed in range(part, 2_000, 10):
        events = any_history(seed)
        plain = told(events, EveryPlace())
        assert told(events, Places()) == plain, seed
        assert told(events, Places(forgets=True)) == plain, seed


@pytest.mark.parametrize(
    "name", [name for name in dir(histories) if name.isupper() and isinstance(getattr(histories, name), list)]
)
@pytest.mark.parametrize("chain", [True, False])
def test_forgetting_tells_the_same_of_histories_like_those_of_aws(name: str, chain: bool) -> None:
    rows: list[Row] = getattr(histories, name)
    api = api_events(rows) if chain else without_chain(api_events(rows))
    events = [event_from_api(event) for event in api]
    assert told(events, Places(forgets=True)) == told(events, EveryPlace())


def test_ids_that_somebody_made_up_take_no_memory() -> None:
    """A log line may say any number; only those near the others are counted by."""
    places, elsewhere, ids = Places(), Place(Scope()), (3, NEAR * 40, 10**15, 4)
    tracemalloc.start()
    for number in ids:
        places.put(event_of(number, "FromTomorrow", "", 0, 0), elsewhere)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 20_000
    assert all(places.before(event_of(1, "FromTomorrow", "", 0, number)).scope is not places.root for number in ids)
    assert places.before(event_of(1, "FromTomorrow", "", 0, 5)).scope is places.root


def one_after_the_other(count: int) -> Iterator[HistoryEvent]:
    """A loop of a task, five events a turn."""
    turn = ("TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited")
    for number in range(1, count + 1):
        yield event_of(number, turn[(number - 1) % 5], "Again", 0, number - 1)


def each_of_a_map(count: int) -> Iterator[HistoryEvent]:
    """Iterations of one Map, six events each."""
    yield event_of(1, "MapStateEntered", "All", 0, 0)
    turn = ("MapIterationStarted", "TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited")
    for number in range(2, count + 1):
        index, at = divmod(number - 2, 6)
        kind, name = (*turn, "MapIterationSucceeded")[at], "All" if at in (0, 5) else "One"
        yield event_of(number, kind, name, index, number - 1)


@pytest.mark.parametrize(("history", "most"), [(one_after_the_other, 12), (each_of_a_map, 60)])
def test_an_event_that_is_over_leaves_a_few_bytes_behind(
    history: Callable[[int], Iterator[HistoryEvent]], most: int
) -> None:
    tracker = Tracker(ARN, Places(forgets=True))
    few, many = 2_000, 12_000
    sizes: list[int] = []
    tracemalloc.start()
    for event in history(many):
        step_of(tracker, event)
        if event.id in (few, many):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert (sizes[1] - sizes[0]) / (many - few) < most


def test_only_what_may_go_on_is_remembered() -> None:
    rows: Sequence[Row] = histories.REDRIVEN
    tracker = Tracker(ARN, Places(forgets=True))
    for event in (event_from_api(event) for event in api_events(rows)):
        tracker.apply(event)
        assert all(visit.is_open or visit.status != "SUCCEEDED" for visit in tracker.visits)
