"""A purge destroys: every one of these is about what is left, and what can be brought back."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orderctl.aws.queue_purge import QueuePurger
from orderctl.dlq.batch import HIDE_FOR
from orderctl.dlq.export import LetterFile
from orderctl.dlq.purge import Order, Purge, Report, begin_file, purge_all, purges_folder
from orderctl.dlq.restore import Report as Restored
from orderctl.dlq.selection import Selection
from orderctl.dlq.sweep import stoppable
from orderctl.errors import AuthError, ConflictError, OrderctlError, RefusedError
from tests.dlq.test_restore import put_back
from tests.dlq.world import World, identity
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call
from tests.fakes.sqs.message import read_handle


class Died(BaseException):
    """The process is gone."""


def new_purge(world: World, selection: Selection | None = None, name: str = "p1", *, export: bool = True) -> Purge:
    order = Order(world.prepared().queue, world.wiring, selection or Selection())
    file = begin_file(purges_folder(world.folder), name, order, world.clock.now()) if export else None
    return Purge(order, world.services.queues, world.clock, Report(name, order.queue.arn), file)


def go(purge: Purge) -> OrderctlError | OSError | None:
    try:
        purge.run(threading.Event())
    except (OrderctlError, OSError) as error:
        return error
    finally:
        if purge.file is not None:
            purge.file.close()
    return None


def path_of(world: World, name: str = "p1") -> Path:
    return purges_folder(world.folder) / f"{name}.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    """Every line that is one; the last may be torn."""
    *whole, last = path.read_text().split("\n")
    found = [json.loads(line) for line in whole]
    with contextlib.suppress(ValueError):
        found.append(json.loads(last))
    return found


def written(path: Path) -> set[str]:
    return {identity(line["body"]) for line in lines(path) if "body" in line}


def orders(count: int) -> set[str]:
    return {f"order-{number}" for number in range(count)}


def left(world: World) -> list[str]:
    return sorted(identity(body) for body in world.left())


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_everything_goes_and_is_written_down(fifo: bool, tmp_path: Path) -> None:
    world = World(tmp_path, fifo=fifo)
    world.seed(57, groups=3)
    purge = new_purge(world)
    assert go(purge) is None
    assert left(world) == []
    assert (len(purge.report.deleted), purge.report.kept, purge.report.is_whole) == (57, {}, True)
    assert written(path_of(world)) == orders(57)
    assert world.aws.count("PurgeQueue") == 0


class Watched(LetterFile):
    """Knows which ids were in it when it was last brought to disk."""

    synced: set[str]

    def append(self, records: Iterable[Mapping[str, object]], *, sync: bool = True) -> None:
        records = list(records)
        super().append(records, sync=sync)
        if sync:
            self.synced |= {str(record["id"]) for record in records if "id" in record}


def test_a_letter_is_deleted_only_after_its_line_is_on_disk(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(35)
    file = Watched(tmp_path / "watched.jsonl", 0)
    file.synced = set()
    early: list[str] = []

    def check(call: Call) -> None:
        on_disk = {line["id"] for line in lines(file.path) if "id" in line}
        for entry in call.params["Entries"]:
            found = read_handle(entry["ReceiptHandle"])
            assert found is not None
            message = world.dlq.messages[found[1]]
            if message.message_id not in on_disk & file.synced:
                early.append(message.message_id)

    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=check))
    purge = new_purge(world, export=False)
    purge.file = file
    assert go(purge) is None
    assert world.aws.count("DeleteMessageBatch") >= 4
    assert early == []


def test_only_the_selected_letters_go_and_the_others_come_back_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(30)
    chosen = frozenset({"order-3", "order-17", "order-29"})
    purge = new_purge(world, Selection(order_ids=chosen))
    assert go(purge) is None
    assert set(left(world)) == orders(30) - chosen
    assert written(path_of(world)) == chosen
    assert purge.report.not_selected == 27
    now = world.clock.now().timestamp()
    assert all(message.is_visible(now) for message in world.dlq.messages.values())


def test_what_arrives_after_it_began_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(15)
    purge = new_purge(world)
    world.clock.advance(10)
    world.aws.sqs.seed(world.dlq, "order-99")
    assert go(purge) is None
    assert left(world) == ["order-99"]
    assert purge.report.arrived_later == 1


def test_a_letter_whose_delete_was_refused_is_kept_and_not_restored(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail(lambda entry: entry["Id"] == "4"), times=1)
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail(1.0), start=2)
    purge = new_purge(world)
    assert go(purge) is None
    assert len(purge.report.kept) == 1
    assert len(left(world)) == 1
    restored = put_back(world, path_of(world))
    assert (len(restored.restored), restored.not_deleted, restored.possible_duplicates) == (9, 1, {})
    assert set(left(world)) == orders(10)
    assert len(left(world)) == 10


def test_a_delete_whose_answer_was_lost_is_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    world.aws.faults.on("DeleteMessageBatch", effects.reply_lost(), nth=1)
    purge = new_purge(world)
    assert go(purge) is None
    assert (len(purge.report.deleted), purge.report.kept, left(world)) == (10, {}, [])


def test_letters_whose_delete_never_got_an_answer_come_back_as_possible_duplicates(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    world.aws.faults.on("DeleteMessageBatch", effects.reply_lost())
    purge = new_purge(world)
    assert go(purge) is None
    assert len(purge.report.kept) == 10
    assert left(world) == []
    world.aws.faults.clear()
    restored = put_back(world, path_of(world))
    assert len(restored.restored) == len(restored.possible_duplicates) == 10
    assert set(left(world)) == orders(10)


def test_a_stale_receipt_handle_is_not_trusted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(10)
    purge = new_purge(world)
    world.aws.faults.on("ReceiveMessage", effects.answer_late(100), nth=1)
    assert go(purge) is None
    assert set(purge.report.kept.values()) == {"its visibility ended before it was deleted"}
    assert len(left(world)) == 10
    assert world.aws.count("DeleteMessageBatch") == 0


def test_a_full_disk_stops_it_before_a_letter_that_could_not_be_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(40)
    purge = new_purge(world)
    assert purge.file is not None
    real, count = purge.file.append, itertools.count()

    def full(records: Iterable[Mapping[str, object]], *, sync: bool = True) -> None:
        if next(count) >= 4:
            raise OSError(28, "No space left on device")
        real(records, sync=sync)

    purge.file.append = full  # type: ignore[method-assign]
    assert isinstance(go(purge), OSError)
    assert written(path_of(world)) | set(left(world)) == orders(40)
    assert written(path_of(world)).isdisjoint(left(world))
    now = world.clock.now().timestamp()
    assert all(message.is_visible(now) for message in world.dlq.messages.values())


def test_expired_credentials_at_any_call_lose_nothing(tmp_path: Path) -> None:
    for k in itertools.count(1):
        world = World(tmp_path / str(k))
        world.seed(25)
        purge = new_purge(world)
        before = len(world.aws.calls)
        world.aws.faults.on("*", effects.expired_credentials(), start=k)
        error = go(purge)
        if error is None:
            assert k > 8
            break
        assert isinstance(error, AuthError)
        assert written(path_of(world)) | set(left(world)) == orders(25)
        assert len(world.aws.calls) - before >= k


def die(_call: Call) -> None:
    raise Died


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_purge_that_dies_at_any_call_can_be_gone_on_with_and_undone(fifo: bool, when: str, tmp_path: Path) -> None:
    deaths = 0
    for k in itertools.count(1):
        world = World(tmp_path / str(k), fifo=fifo)
        world.seed(14, groups=3)
        purge = new_purge(world)
        barrier = effects.barrier(before=die) if when == "before" else effects.barrier(after=die)
        world.aws.faults.on("*", barrier, nth=k)
        try:
            purge.run(threading.Event())
            died = False
        except Died:
            died = True
        assert purge.file is not None
        purge.file.close()
        assert written(path_of(world)) | set(left(world)) == orders(14)

        world.aws.faults.clear()
        world.clock.advance(HIDE_FOR + 1)
        assert go(new_purge(world, name="p2")) is None
        assert left(world) == []
        found = [put_back(world, path_of(world, name)) for name in ("p1", "p2")]
        assert_back(world, found, orders(14))
        deaths += died
        if not died:
            break
    assert deaths >= 6


def assert_back(world: World, found: list[Restored], expected: set[str]) -> None:
    assert set(left(world)) == expected
    bodies = {record.message_id: record.body for record in world.aws.ledger.records}
    reported = {identity(bodies[i]) for report in found for i in report.possible_duplicates}
    twice = {order for order in expected if left(world).count(order) > 1}
    assert twice <= reported


def test_a_file_torn_at_any_byte_still_brings_back_what_was_deleted(tmp_path: Path) -> None:
    whole = World(tmp_path / "whole")
    whole.seed(3)
    assert go(new_purge(whole)) is None
    text = path_of(whole).read_bytes()
    first = text.index(b"\n") + 1
    for cut in range(first, len(text), 97):
        world = World(tmp_path / str(cut))
        world.seed(3)
        path_of(world).parent.mkdir(parents=True)
        path_of(world).write_bytes(text[:cut])
        world.dlq.purge(0.0)  # as if every line had been followed by its delete
        report = put_back(world, path_of(world))
        assert set(left(world)) == written(path_of(world))
        assert len(left(world)) == len(report.restored)


def test_it_goes_on_with_what_a_first_purge_left_and_restores_both_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(20)
    purge = new_purge(world)
    world.aws.faults.on("DeleteMessageBatch", effects.expired_credentials(), start=2)
    assert isinstance(go(purge), AuthError)
    world.aws.faults.clear()
    assert go(new_purge(world, name="p2")) is None
    both = tmp_path / "both.jsonl"
    both.write_bytes(path_of(world).read_bytes() + path_of(world, "p2").read_bytes())
    report = put_back(world, both)
    assert left(world) == sorted(orders(20))
    assert report.possible_duplicates == {}


def at_once(world: World, *, export: bool = True) -> Report:
    order = Order(world.prepared().queue, world.wiring, Selection())
    file = begin_file(purges_folder(world.folder), "p1", order, world.clock.now()) if export else None
    report = Report("p1", order.queue.arn)
    try:
        purge_all(QueuePurger(world.aws.client("sqs")), order, world.services.queues, world.clock, report, file)
    finally:
        if file is not None:
            file.close()
    return report


def test_all_at_once_exports_first_and_takes_what_is_in_flight(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(23)
    report = at_once(world)
    assert (left(world), len(report.deleted), report.purged_all) == ([], 23, True)
    assert world.aws.count("DeleteMessageBatch") == 0
    assert len(put_back(world, path_of(world)).restored) == 23


def test_all_at_once_refuses_when_the_export_does_not_hold_everything(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(8)
    world.aws.sqs.call("ReceiveMessage", {"QueueUrl": world.dlq.url, "VisibilityTimeout": 600})
    with pytest.raises(RefusedError, match="7 messages could be exported"):
        at_once(world)
    assert world.aws.count("PurgeQueue") == 0
    assert put_back(world, path_of(world)).restored == {}
    assert at_once(World(tmp_path / "other"), export=False).purged_all


def test_a_second_purge_within_a_minute_is_a_conflict(tmp_path: Path) -> None:
    world = World(tmp_path)
    at_once(world, export=False)
    world.seed(3)
    with pytest.raises(ConflictError):
        at_once(world)
    assert put_back(world, path_of(world)).restored == {}
    assert len(left(world)) == 3


def test_a_lost_answer_to_the_purge_leaves_its_letters_in_doubt(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(3)
    world.aws.faults.on("PurgeQueue", effects.reply_lost())
    with pytest.raises(OrderctlError):
        at_once(world)
    assert left(world) == []
    assert len(put_back(world, path_of(world)).possible_duplicates) == 3
    assert len(left(world)) == 3


def test_ctrl_c_ends_the_batch_in_hand_and_gives_the_rest_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(30)
    purge = new_purge(world)

    def interrupt(_call: Call) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)

    world.aws.faults.on("DeleteMessageBatch", effects.barrier(before=interrupt), nth=1)
    with pytest.raises(KeyboardInterrupt):
        stoppable(purge.run)
    assert purge.file is not None
    purge.file.close()
    assert len(purge.report.deleted) == 10
    assert written(path_of(world)) | set(left(world)) == orders(30)
    assert len(left(world)) == 20
    now = world.clock.now().timestamp()
    assert all(message.is_visible(now) for message in world.dlq.messages.values())
