"""Where two right halves could make a wrong whole: what one part of a run knows, and the next one would forget."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from orderctl.assignments import changes
from orderctl.dlq.batch import LOST
from orderctl.dlq.classify import classify
from orderctl.dlq.delivery import deliver
from orderctl.dlq.edits import edited_payload
from orderctl.dlq.engine_choice import unsettled_run
from orderctl.dlq.grip import HIDE_FOR
from orderctl.dlq.history import History
from orderctl.dlq.models import Attribute, DeadLetter, Kind, Message, Redrivable, ToQueue, Wire
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import runs_folder
from orderctl.dlq.selection import decoded
from orderctl.errors import AuthError, UsageError
from tests.dlq import letters as a
from tests.dlq.world import World
from tests.fakes.sqs import effects

SECOND = "20261122T040000Z-bbbbbb"


def test_a_letter_kept_without_an_answer_is_unsettled_whatever_became_of_the_run(tmp_path: Path) -> None:
    """A move task would deliver it once more, and name nothing."""
    world = World(tmp_path)
    world.seed(1)
    world.aws.faults.on("SendMessageBatch", effects.reply_lost())
    run = world.begin()
    run.go()
    assert list(run.tally.kept) == list(run.tally.possible_duplicates)
    assert unsettled_run(runs_folder(tmp_path), world.dlq.arn, world.clock.now()) == run.name


def test_a_damaged_journal_is_an_unsettled_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(1)
    run = world.begin()
    run.go()
    folder, now = runs_folder(tmp_path), world.clock.now()
    assert unsettled_run(folder, world.dlq.arn, now) is None
    lines = run.journal.path.read_text().splitlines(keepends=True)
    run.journal.path.write_text("".join([*lines[:2], "{torn\n", *lines[3:]]))
    assert unsettled_run(folder, world.dlq.arn, now) == run.name
    assert unsettled_run(folder, "arn:aws:sqs:x:1:other", now) is None, "its first line says whose it is"


def test_a_lost_answer_is_named_when_its_second_try_comes_after_five_minutes_in_another_batch(tmp_path: Path) -> None:
    """The first attempt took effect. The message slips out of hand, comes again, and is sent past the five minutes
    for which SQS knows the deduplication id."""
    world = World(tmp_path, fifo=True)
    world.seed(1)
    world.aws.faults.on("SendMessageBatch", effects.reply_lost("timeout"), nth=1)
    world.aws.faults.on("SendMessageBatch", effects.answer_late(HIDE_FOR + 10), nth=1)
    world.aws.faults.on("ReceiveMessage", effects.answer_late(HIDE_FOR + 60), nth=2)
    tally = world.redrive(Order(concurrency=1))
    assert len(world.aws.ledger.deliveries) == 2, "it went twice"
    assert world.faults_of(tally) == []
    assert list(tally.possible_duplicates.values()) == [LOST]


def test_a_lost_answer_that_the_journal_could_not_take_down_is_named_by_the_resumed_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(1)
    run = world.begin()
    world.aws.faults.on("SendMessageBatch", effects.reply_lost(), nth=1)
    real, fails = run.journal.append, 1

    def full_once(record: dict[str, object]) -> None:
        nonlocal fails
        if record["r"] == "unknown" and fails:
            fails -= 1
            raise OSError(28, "No space left on device")
        real(record)

    run.journal.append = full_once  # type: ignore[method-assign,assignment]
    with pytest.raises(Exception, match="No space"):
        run.go()
    world.settle_down()
    resumed = world.resume()
    resumed.go()
    assert len(world.duplicates()) == 1
    assert world.faults_of(resumed.tally) == []


def test_edited_letters_without_ids_count_across_runs(tmp_path: Path) -> None:
    """What comes back is what was delivered, not what lay there."""
    world = World(tmp_path)
    run = world.begin()
    message = Message("m-1", '{"a": 1}')
    letter = DeadLetter(message, world.dlq.arn, Kind.LAMBDA_DLQ, payload='{"a": 1}', sent='{"a":2}')
    run.journal.taken([(letter, "arn:function")])
    run.journal.delivered({"m-1": None})
    run.journal.close()
    past = History(runs_folder(tmp_path), world.clock.now())
    for payload in ('{"a": 1}', '{"a": 2}'):
        back = DeadLetter(Message("m-2", payload), world.dlq.arn, Kind.LAMBDA_DLQ, payload=payload)
        assert past.redriven(back) == 1
    resumed = world.resume()
    assert set(resumed.tally.payloads.values()) == {"m-1"}
    assert len(resumed.tally.payloads) == 2


NESTED = '{"a":' * 50_000 + "1" + "}" * 50_000


@pytest.mark.parametrize(
    "body", ['{"n":-1E-99999999999999999999}', '{"n":1e99999999999999999999}', '{"n":' + "9" * 6000 + "}", NESTED]
)
@pytest.mark.parametrize("retries", ["1", "9" * 5000])
def test_one_poisonous_letter_stops_no_command(body: str, retries: str) -> None:
    attributes = {"RULE_ARN": a.text(a.RULE), "TARGET_ARN": a.text(a.TARGET), "RETRY_ATTEMPTS": a.text(retries)}
    for marks in ({}, attributes, {"RequestID": a.text("r"), "ErrorCode": Attribute("Number", "200")}):
        letter = classify(a.message(body, marks), a.DLQ, a.ALL)
        assert decoded(letter)["message_id"] == "m-1"
        with suppress(UsageError):
            edited_payload(letter, changes(["order_id=1"], []))


def test_a_batch_holds_no_more_than_the_queue_is_set_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source.attributes["MaximumMessageSize"] = "1024"
    prepared = world.prepared()
    wire = Wire(Kind.SQS, world.dlq.arn, world.source.arn, world.source.arn)
    body = "x" * 400
    found = [DeadLetter(Message(f"m-{number}", body), world.dlq.arn, Kind.SQS, wire) for number in range(5)]
    items = [Redrivable(letter, ToQueue(world.source.arn, body)) for letter in found]
    outcomes = deliver(prepared.consumers, items)
    assert len(outcomes) == 5
    assert world.aws.count("SendMessageBatch") == 3


def test_what_an_older_run_delivered_takes_nothing_of_a_resumed_runs_limit(tmp_path: Path) -> None:
    """Of six letters an older run delivered three, and could not delete them. A run of two more dies after the first
    step, which only deleted those."""
    world = World(tmp_path)
    world.seed(6)
    world.aws.faults.on("DeleteMessageBatch", effects.before())
    world.begin(Order(concurrency=1, limit=3)).go()
    world.settle_down()
    run = world.begin(Order(concurrency=1, limit=2), SECOND)
    world.aws.faults.on("SendMessageBatch", effects.expired_credentials())
    with pytest.raises(AuthError):
        run.go()
    assert run.tally.counts()["deleted"] == 3
    world.settle_down()
    resumed = world.resume(SECOND, Order(concurrency=1, limit=2))
    resumed.go()
    counts = resumed.tally.counts()
    assert (counts["delivered"], counts["deleted"], len(world.left())) == (2, 5, 1)
    assert resumed.tally.undeleted == []
