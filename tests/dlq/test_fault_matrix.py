"""Every call of a redrive made to fail in every way, with several workers, and on the routes to a function.

One trial is one fault in one run, and a resumed run without faults afterwards. Whatever happened: no order is lost,
every order that was delivered twice stands in a report, nothing said to be deleted is there, and the resumed run brings
the rest to its consumer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.models import Kind
from orderctl.dlq.plan import Order
from tests.dlq.test_redrive_faults import go
from tests.dlq.world import FunctionWorld, World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Effect

COUNT = 13
WORLDS: dict[str, Callable[[Path], World]] = {
    "standard": World,
    "fifo": lambda folder: World(folder, fifo=True),
    "lambda-dlq": lambda folder: FunctionWorld(folder, Kind.LAMBDA_DLQ),
    "on-failure": lambda folder: FunctionWorld(folder, Kind.ON_FAILURE),
}
EFFECTS: dict[str, Callable[[], Effect]] = {
    "before": effects.before,
    "reply lost": effects.reply_lost,
    "500": effects.server_error,
    "throttled": effects.throttle,
    "slow": lambda: effects.delay(HIDE_FOR + 30),
    "answered late": lambda: effects.answer_late(HIDE_FOR + 30),
}
PARTIAL: dict[str, Callable[[], Effect]] = {
    "half failed": lambda: effects.entries_fail({0, 2, 4, 6, 8}, "InternalError"),
    "half throttled": lambda: effects.entries_fail({1, 3, 5, 7, 9}, "ThrottlingException"),
}


def trials(delivery: str) -> Iterator[tuple[str, str, Effect, int]]:
    """(operation, name of the effect, effect, on which call of it)."""
    once = ("ReceiveMessage", delivery, "DeleteMessageBatch")
    for operation, name in itertools.product(once, EFFECTS):
        yield operation, name, EFFECTS[name](), 2 if name in ("reply lost", "500") else 1
    for name in ("before", "reply lost", "throttled"):
        yield "ChangeMessageVisibilityBatch", name, EFFECTS[name](), 1
        yield "GetQueueAttributes", name, EFFECTS[name](), 2
    for operation in ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
        for name, make in PARTIAL.items() if operation != "SendMessageBatch" or operation == delivery else ():
            yield operation, name, make(), 1


@pytest.mark.parametrize(
    ("kind", "workers"),
    [("standard", 4), ("fifo", 4), ("lambda-dlq", 1), ("lambda-dlq", 4), ("on-failure", 1), ("on-failure", 4)],
)
def test_nothing_is_lost_and_every_duplicate_is_named(kind: str, workers: int, tmp_path: Path) -> None:
    delivery = "SendMessageBatch" if kind in ("standard", "fifo") else "Invoke"
    for number, (operation, name, effect, nth) in enumerate(trials(delivery)):
        world = WORLDS[kind](tmp_path / str(number))
        world.seed(COUNT, groups=3)
        limit = COUNT - 1 if operation == "ChangeMessageVisibilityBatch" else None
        run = world.begin(Order(concurrency=workers, limit=limit))
        world.aws.faults.on(operation, effect, nth=nth)
        go(run)
        trial = (operation, name)
        assert (trial, world.faults_of(run.tally)) == (trial, [])

        world.settle_down()
        resumed = world.resume()
        assert (trial, go(resumed)) == (trial, None)
        assert (trial, world.faults_of(resumed.tally), world.left()) == (trial, [], [])
        assert len(world.duplicates()) <= 10, "more than the batch in flight"
