from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from orderctl.dlq import restore as restoring
from orderctl.dlq.export import line_of, text_of
from orderctl.dlq.models import Queue
from orderctl.dlq.origins import RememberingQueues, origins
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import Services, prepare
from orderctl.dlq.redrive import begin, runs_folder
from orderctl.dlq.restore import Report, Restore, restores_folder
from orderctl.dlq.restore_source import FileSource, RunSource, Source, torn_line
from orderctl.documents import Format, opened
from orderctl.errors import AuthError, ConflictError, NotFoundError, UsageError
from tests.dlq.test_export import look
from tests.dlq.world import World, identity
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call

RUN = "20261122T030000Z-000000"


class Died(BaseException):
    """The process is gone."""


def export(world: World, path: Path) -> Path:
    """Everything in the dead-letter queue, which is then empty."""
    from orderctl.dlq.look import Glance

    path.write_text("".join(text_of(line_of(letter, world.clock.now())) for letter in look(world, Glance())))
    world.dlq.purge(0.0)
    return path


def put_back(
    world: World, path: Path, *, queue: str | None = None, again: bool = False, report: Report | None = None
) -> Report:
    """What `dlq restore FILE` does, without the questions."""
    import io

    with opened(str(path), io.StringIO(), fmt=Format.JSONL) as file:
        source = FileSource(file, torn_line(str(path)))
        source.check()
        override = None if queue is None else world.services.queues.describe(queue)
        return put(world, source, override=override, again=again, report=report)


def put(
    world: World, source: Source, *, override: Queue | None = None, again: bool = False, report: Report | None = None
) -> Report:
    queues, folder = world.services.queues, restores_folder(world.folder)
    plan = restoring.make_plan(queues, source, folder, override=override, again=again)
    report = report or Report()
    restoring.restore(queues, world.clock, source, plan, folder, report, override=override, again=again)
    return report


def left(world: World) -> list[str]:
    return [identity(body) for body in world.left()]


def orders(count: int) -> list[str]:
    return [f"order-{number}" for number in range(count)]


def reported(world: World, report: Report) -> set[str]:
    bodies = {record.message_id: record.body for record in world.aws.ledger.records}
    return {identity(bodies[message_id]) for message_id in report.possible_duplicates}


def test_letters_come_back_to_their_queue_and_a_second_time_does_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(23)
    path = export(world, tmp_path / "letters.jsonl")
    report = put_back(world, path)
    assert sorted(left(world)) == sorted(orders(23))
    assert (len(report.restored), report.failed, report.possible_duplicates) == (23, {}, {})
    assert all(new in {m.message_id for m in world.dlq.messages.values()} for new in report.restored.values())
    second = put_back(world, path)
    assert (second.restored, second.restored_before, len(left(world))) == ({}, 23, 23)
    assert world.aws.count("SendMessageBatch") == 3


def test_the_same_letter_in_another_file_is_not_restored_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(5)
    path = export(world, tmp_path / "letters.jsonl")
    put_back(world, path)
    more = tmp_path / "more.jsonl"
    more.write_text(path.read_text() + path.read_text().replace("order-", "order-1").replace('"id":"', '"id":"x'))
    report = put_back(world, more)
    assert (len(report.restored), report.restored_before) == (5, 5)


def test_again_restores_what_was_restored_before(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(3)
    path = export(world, tmp_path / "letters.jsonl")
    put_back(world, path)
    put_back(world, path, again=True)
    assert left(world) == orders(3) * 2, "within five minutes, and not swallowed by FIFO deduplication"


def test_a_lost_reply_is_sent_again_and_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(15)
    path = export(world, tmp_path / "letters.jsonl")
    world.aws.faults.on("SendMessageBatch", effects.reply_lost(), nth=1)
    report = put_back(world, path)
    assert set(left(world)) == set(orders(15))
    assert len(report.restored) == 15
    assert {order for order in orders(15) if left(world).count(order) > 1} == reported(world, report)
    assert len(report.possible_duplicates) == 10


def test_on_a_fifo_queue_a_lost_reply_makes_no_duplicate_and_order_is_kept(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(30, groups=5)
    lines = [json.loads(line) for line in whole_fifo(world, tmp_path).read_text().splitlines()]
    world.aws.faults.on("SendMessageBatch", effects.reply_lost(), nth={1, 4})
    report = put_back(world, tmp_path / "letters.jsonl")
    assert (len(report.restored), report.possible_duplicates) == (30, {})
    assert in_groups(left(world), 5) == in_groups(orders(30), 5)
    used = {line["system"]["MessageDeduplicationId"] for line in lines}
    sent = {entry["MessageDeduplicationId"] for p in world.aws.calls_of("SendMessageBatch") for entry in p["Entries"]}
    assert sent.isdisjoint(used)


def whole_fifo(world: World, folder: Path) -> Path:
    """A look sees only the front of each group, so the file is put together from several."""
    path = folder / "letters.jsonl"
    text = ""
    while world.left():
        from orderctl.dlq.look import Glance

        found = look(world, Glance())
        text += "".join(text_of(line_of(letter, world.clock.now())) for letter in found)
        ids = {letter.message.message_id for letter in found}
        for message in [m for m in world.dlq.messages.values() if m.message_id in ids]:
            world.dlq.remove(message)
    path.write_text(text)
    return path


def in_groups(found: list[str], count: int) -> dict[int, list[str]]:
    numbers = [(int(order.removeprefix("order-")) % count, order) for order in found]
    return {group: [order for g, order in numbers if g == group] for group in range(count)}


def test_a_letter_sqs_refuses_holds_back_its_fifo_group_and_no_other(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(20, groups=4)
    path = whole_fifo(world, tmp_path)

    def is_poison(entry: dict[str, object]) -> bool:
        return '"order-6"' in str(entry["MessageBody"])

    world.aws.faults.on(
        "SendMessageBatch", effects.entries_fail(is_poison, "InvalidMessageContents", sender_fault=True)
    )
    report = put_back(world, path)
    assert len(report.failed) == 4
    assert in_groups(left(world), 4)[2] == ["order-2"]
    world.aws.faults.clear()
    report = put_back(world, path)
    assert (len(report.restored), report.restored_before) == (4, 16)
    assert in_groups(left(world), 4) == in_groups(orders(20), 4)


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("rate", [0.3])
def test_entry_failures_are_tried_again(fifo: bool, rate: float, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(60, groups=6)
    path = whole_fifo(world, tmp_path)
    world.aws.faults.on("SendMessageBatch", effects.entries_fail(rate, "InternalError", sender_fault=False, seed=3))
    report = put_back(world, path)
    assert (len(report.restored), report.possible_duplicates) == (60, {})
    assert in_groups(left(world), 6) == in_groups(orders(60), 6) if fifo else len(left(world)) == 60


def die(_call: Call) -> None:
    raise Died


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_that_dies_at_any_call_is_completed_by_running_it_again(
    fifo: bool, when: str, tmp_path: Path
) -> None:
    deaths = 0
    for k in itertools.count(1):
        world = World(tmp_path / str(k), fifo=fifo)
        world.seed(14, groups=3)
        path = whole_fifo(world, world.folder if world.folder.exists() else _made(world.folder))
        barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        world.aws.faults.on("*", barrier, nth=k)
        died = False
        try:
            put_back(world, path)
        except Died:
            died = True
        world.aws.faults.clear()
        world.clock.advance(400)
        report = put_back(world, path)
        found = left(world)
        assert set(found) == set(orders(14))
        assert {order for order in found if found.count(order) > 1} <= reported(world, report)
        assert len(found) - 14 <= 10, "more than the batch in flight"
        deaths += died
        if not died:
            assert len(found) == 14
            break
    assert deaths >= 3


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_expired_credentials_stop_it_and_running_it_again_completes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(25)
    path = export(world, tmp_path / "letters.jsonl")
    world.aws.faults.on("SendMessageBatch", effects.expired_credentials(), start=2)
    report = Report()
    with pytest.raises(AuthError):
        put_back(world, path, report=report)
    assert len(report.restored) == 10
    assert len(report.failed) in (10, 15), "the last batch may have been under way"
    world.aws.faults.clear()
    second = put_back(world, path)
    assert (len(second.restored), second.possible_duplicates) == (15, {})
    assert sorted(left(world)) == sorted(orders(25))


def test_batches_stay_below_the_limit_in_bytes(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(6):
        world.aws.sqs.seed(world.dlq, f"order-{number} " + "\u00e9" * 200_000, source=world.source)
    path = export(world, tmp_path / "letters.jsonl")
    report = put_back(world, path)
    assert (len(report.restored), report.failed) == (6, {})
    assert world.aws.count("SendMessageBatch") == 3


def bad(line: str, **changes: object) -> str:
    found = {**json.loads(line), **changes}
    return json.dumps({name: value for name, value in found.items() if value is not None})


def test_the_whole_file_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(1)
    path = export(world, tmp_path / "letters.jsonl")
    good = path.read_text().rstrip("\n")
    fifo = world.dlq.arn + ".fifo"
    binary = {"b": {"type": "Binary", "base64": "not base64!"}}
    wrong = [
        bad(good, id="2", body=""),
        bad(good, id="3", queue="orders-dlq"),
        bad(good, id="4", attributes={"n": {"type": "Float", "text": "1"}}),
        bad(good, id="5", attributes=binary),
        bad(good, id="6", body="half of a pair: \ud800"),
        bad(good, id="7", queue=fifo),
        bad(good, id="8", system=None),
        bad(good, body="another one"),
        bad(good, id="10", kind="letter"),
        bad(good, id="11", attributes={f"a{n}": {"type": "String", "text": "x"} for n in range(11)}),
        bad(good, id="12", attributes={"t": {"type": "String", "text": "\x00"}}),
        '{"r": "deleted", "ids": []}',
        "no JSON",
    ]
    path.write_text("\n".join([good, *wrong]) + "\n")
    with pytest.raises(UsageError) as raised:
        put_back(world, path)
    first = json.loads(good)["id"]
    assert raised.value.message.replace(str(path), "FILE").splitlines() == [
        "FILE:2: body is a text and not empty",
        "FILE:3: queue is 'orders-dlq', not the ARN of a queue",
        "FILE:4: attribute n has type 'Float'",
        "FILE:5: attribute b is not valid base64",
        "FILE:6: body has a character that SQS does not take (U+D800)",
        "FILE:7: orders-dlq.fifo is a FIFO queue and the letter has no MessageGroupId",
        "FILE:8: system is a JSON object",
        f"FILE:9: message {first} stands above with another content",
        "FILE:10: kind is 'letter'",
        "FILE:11: 11 attributes, but a message has at most 10",
        "FILE:12: t has a character that SQS does not take (U+0000)",
        "FILE:13: a line of kind 'deleted' does not belong here",
        "FILE:14: not valid JSON: Expecting value",
    ]
    assert world.aws.writes() == []
    assert not restores_folder(tmp_path).exists()


def test_the_journal_of_a_redrive_is_no_file_to_restore(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    world.redrive()
    with pytest.raises(UsageError, match=f"journal of a redrive .orderctl dlq restore --run {RUN}"):
        put_back(world, runs_folder(tmp_path) / f"{RUN}.jsonl")


def test_another_queue_of_the_same_type_may_be_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(4)
    path = export(world, tmp_path / "letters.jsonl")
    world.aws.sqs.create("other.fifo")
    with pytest.raises(UsageError, match=r"other\.fifo is a FIFO queue, but the letters lay in a standard queue"):
        put_back(world, path, queue="other.fifo")
    assert len(put_back(world, path, queue=world.source_name).restored) == 4
    assert len(world.aws.sqs.bodies(world.source_name)) == 4
    assert len(put_back(world, path).restored) == 4, "another queue has another journal"


def test_a_queue_that_is_gone_or_too_small_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(2)
    path = export(world, tmp_path / "letters.jsonl")
    gone = tmp_path / "gone.jsonl"
    gone.write_text(
        path.read_text() + path.read_text().replace(world.dlq.arn, world.dlq.arn + "-2").replace('"id":"', '"id":"y')
    )
    with pytest.raises(NotFoundError):
        put_back(world, gone)
    world.dlq.attributes["MaximumMessageSize"] = "1024"
    big = json.loads(path.read_text().splitlines()[0]) | {"id": "big", "body": "x" * 2000}
    gone.write_text(path.read_text() + json.dumps(big) + "\n")
    with pytest.raises(UsageError, match="big has 2000 bytes, more than orders-dlq takes"):
        put_back(world, gone)
    assert world.aws.writes() == []


def test_two_restores_into_one_queue_do_not_run_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(2)
    path = export(world, tmp_path / "letters.jsonl")
    queues, folder = world.services.queues, restores_folder(tmp_path)
    first = Restore.into(queues.describe(world.dlq_name), queues, world.clock, Report(), folder)
    with pytest.raises(ConflictError):
        put_back(world, path)
    first.journal.close()
    assert len(put_back(world, path).restored) == 2


def test_a_redrive_is_undone_from_its_journal(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(23)
    world.aws.faults.on("SendMessageBatch", effects.entries_fail({0}, "InvalidMessageContents", sender_fault=True))
    tally = world.redrive()
    world.aws.faults.clear()
    assert len(tally.deleted) == 20
    source = RunSource(runs_folder(tmp_path), RUN)
    report = put(world, source)
    assert (len(report.restored), report.not_deleted) == (20, 3)
    assert sorted(left(world)) == sorted(orders(23))
    assert put(world, RunSource(runs_folder(tmp_path), RUN)).restored == {}
    with pytest.raises(NotFoundError):
        RunSource(runs_folder(tmp_path), "never")


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_a_restored_letter_is_redriven_to_the_source_queue_that_only_the_journal_knows(
    fifo: bool, tmp_path: Path
) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(8, groups=2)
    path = whole_fifo(world, tmp_path)
    put_back(world, path)
    folder = restores_folder(tmp_path)
    assert set(origins(folder).values()) == {world.source.arn}

    forgetful = world.begin(Order(concurrency=1), "20261122T030000Z-000001")
    forgetful.go()
    assert len(forgetful.tally.refused) >= 2, "SQS cannot say where they came from"
    assert forgetful.tally.delivered == {}

    plain = world.services
    queues = RememberingQueues(plain.queues, folder)
    services = Services(queues, plain.functions, plain.subscriptions, plain.starter, plain.clock)
    prepared = prepare(services, queues.describe(world.dlq_name), world.wiring)
    run = begin(services, prepared, Order(concurrency=1), runs_folder(tmp_path), "20261122T030000Z-000002", {})
    run.go()
    assert len(run.tally.delivered) == 8
    assert sorted(identity(body) for body in world.aws.sqs.bodies(world.source_name)) == sorted(orders(8))
