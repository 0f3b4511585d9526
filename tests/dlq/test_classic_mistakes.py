"""The five mistakes that redrive tools are known for, built in on purpose: the checks have to catch every one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.aws.sqs import SqsQueues
from orderctl.dlq.batch import Desk, Stay
from orderctl.dlq.delivery import deliver
from orderctl.dlq.grip import Grip
from orderctl.dlq.models import Message, Outcome, Queue, Redrivable, Sent, ToQueue
from orderctl.dlq.redrive import Run
from orderctl.errors import OrderctlError
from tests.dlq.world import World
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Effect


class Bent(SqsQueues):
    """The real adapter, with one method bent."""


class IgnoresFailed(Bent):
    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        super().send(queue, entries)
        return dict.fromkeys(entries, Sent())


class MapsIdsWrongly(Bent):
    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        answered = super().send(queue, entries)
        return dict(zip(entries, reversed([answered[key] for key in entries]), strict=True))


class DeletesFirst(Desk):
    def settle(self, letters: Sequence[Redrivable]) -> list[Stay]:
        self.queues.delete(self.queue, [letter.letter.message for letter in letters])
        return Desk.settle(self, letters)


class DeletesTheWholeBatch(Desk):
    def settle(self, letters: Sequence[Redrivable]) -> list[Stay]:
        kept = Desk.settle(self, letters)
        self.queues.delete(self.queue, [letter.letter.message for letter in letters])
        return kept


class TrustsStaleHandles(Desk):
    def _may_go(self, grip: Grip, letters: Sequence[Redrivable]) -> list[Redrivable]:
        return list(letters)

    def _delete(self, grip: Grip, left: list[Message]) -> None:
        trusted = [replace(message, visible_at=float("inf")) for message in left]
        Desk._delete(self, Grip(self.queues, self.queue, self.clock).take(trusted), trusted)


def bend(world: World, run: Run, mistake: type[Bent] | type[Desk]) -> None:
    desk = run.engine.desk
    if issubclass(mistake, Bent):
        client = world.aws.client
        bent = mistake(client("sqs"), client("sqs"), world.clock)
        consumers = replace(world.prepared().consumers, queues=bent)
        desk.deliver = lambda letters, may: deliver(consumers, letters, may)
    else:
        run.engine.desk = mistake(
            desk.queue, desk.queues, desk.deliver, desk.journal, desk.tally, desk.clock, desk.pace
        )


def trial(folder: Path, mistake: type[Bent] | type[Desk] | None) -> list[str]:
    """One run with half of each batch refused, a lost connection, and a slow call; what was wrong with it."""
    world = World(folder)
    world.seed(40)
    run = world.begin()
    if mistake is not None:
        bend(world, run, mistake)
    world.aws.faults.on("SendMessageBatch", effects.entries_fail({0, 3}, "InvalidMessageContents", sender_fault=True))
    world.aws.faults.on("SendMessageBatch", effects.before(), nth=2)
    world.aws.faults.on("SendMessageBatch", hidden_too_long(world), nth=4)
    with contextlib.suppress(OrderctlError):
        run.go()
    return world.faults_of(run.tally)


def hidden_too_long(world: World) -> Effect:
    """The answer takes so long that the messages were visible again and somebody else has them now."""

    def receive(_call: object) -> None:
        world.clock.advance(200)
        world.aws.sqs.call(
            "ReceiveMessage", {"QueueUrl": world.dlq.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}
        )

    return effects.barrier(after=receive)


def test_the_engine_itself_passes_the_same_trial(tmp_path: Path) -> None:
    assert trial(tmp_path, None) == []


@pytest.mark.parametrize(
    "mistake", [DeletesFirst, IgnoresFailed, DeletesTheWholeBatch, MapsIdsWrongly, TrustsStaleHandles]
)
def test_a_classic_mistake_is_caught(mistake: type[Bent] | type[Desk], tmp_path: Path) -> None:
    assert trial(tmp_path, mistake) != []
