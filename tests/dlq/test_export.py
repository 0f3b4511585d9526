from __future__ import annotations

import contextlib
import json
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from orderctl.dlq.export import LetterFile, letters, line_of, text_of, whole_file
from orderctl.dlq.look import Glance
from orderctl.dlq.models import DeadLetter
from orderctl.dlq.selection import Selection
from orderctl.errors import AuthError, ConflictError
from tests.dlq.world import World
from tests.fakes.sqs import effects

ATTRIBUTES = {
    "text": {"DataType": "String.json", "StringValue": '{"a": "\u202e\x7f"}'},
    "number": {"DataType": "Number.int", "StringValue": "1.500E+2"},
    "bytes": {"DataType": "Binary.png", "BinaryValue": bytes(range(256))},
}
TRACE = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}


def look(
    world: World, glance: Glance, *, selection: Selection | None = None, limit: int | None = None
) -> list[DeadLetter]:
    return list(walk(world, glance, selection=selection, limit=limit))


def walk(
    world: World, glance: Glance, *, selection: Selection | None = None, limit: int | None = None
) -> Iterator[DeadLetter]:
    services, prepared = world.services, world.prepared()
    yield from letters(
        services.queues,
        prepared.queue,
        world.wiring,
        world.clock,
        selection=selection or Selection(),
        limit=limit,
        glance=glance,
    )


def hidden(world: World) -> int:
    now = world.clock.now().timestamp()
    return sum(not message.is_visible(now) for message in world.dlq.messages.values())


def test_a_line_holds_the_whole_letter_and_where_it_lay(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.aws.sqs.seed(
        world.dlq,
        '{"order_id": "order-7", "price": 0.10}',
        source=world.source,
        MessageAttributes=ATTRIBUTES,
        MessageSystemAttributes=TRACE,
        MessageGroupId="tenant-1",
    )
    (letter,) = look(world, Glance())
    line = json.loads(text_of(line_of(letter, world.clock.now())))
    system = line.pop("system")
    assert line == {
        "id": letter.message.message_id,
        "body": '{"order_id": "order-7", "price": 0.10}',
        "attributes": {
            "text": {"type": "String.json", "text": '{"a": "\u202e\x7f"}'},
            "number": {"type": "Number.int", "text": "1.500E+2"},
            "bytes": {"type": "Binary.png", "base64": line["attributes"]["bytes"]["base64"]},
        },
        "kind": "sqs",
        "order_id": "order-7",
        "queue": world.dlq.arn,
        "exported_at": "2026-11-22T03:00:03.000Z",
    }
    assert {name: system[name] for name in ("MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn")} == {
        "MessageGroupId": "tenant-1",
        "AWSTraceHeader": TRACE["AWSTraceHeader"]["StringValue"],
        "DeadLetterQueueSourceArn": world.source.arn,
    }


def test_a_line_has_nothing_a_terminal_could_act_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.aws.sqs.seed(world.dlq, "\u202egpj.exe\x7f\u009b\ufffd", MessageAttributes=ATTRIBUTES)
    (letter,) = look(world, Glance())
    text = text_of(line_of(letter, world.clock.now()))
    assert all(" " <= character <= "~" for character in text.rstrip("\n"))
    assert json.loads(text)["body"] == "\u202egpj.exe\x7f\u009b\ufffd"


def test_an_export_takes_nothing_and_gives_everything_back_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(57)
    glance = Glance()
    assert len(look(world, glance)) == 57
    assert (glance.seen, glance.is_whole) == (57, True)
    assert world.aws.writes() == []
    assert (len(world.left()), hidden(world)) == (57, 0)


def test_a_limit_and_a_reader_that_stops_give_everything_back_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(57)
    glance = Glance()
    assert len(look(world, glance, limit=12)) == 12
    assert (glance.is_whole, hidden(world)) == (False, 0)
    walked = walk(world, Glance())
    next(walked)
    assert hidden(world) == 10
    walked.close()  # type: ignore[attr-defined]
    assert hidden(world) == 0


def test_an_empty_answer_is_not_the_end_of_the_queue(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(40)
    world.aws.faults.on("ReceiveMessage", effects.false_empty(), rate=0.6)
    glance = Glance()
    assert len({letter.message.message_id for letter in look(world, glance)}) == 40
    assert glance.is_whole


def test_throttling_and_lost_connections_are_waited_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(40)
    world.aws.faults.on("*", effects.throttle(), rate=0.2)
    world.aws.faults.on("ReceiveMessage", effects.before(), nth=3)
    assert len(look(world, Glance())) == 40


def test_only_the_selected_letters_are_handed_out_and_the_others_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(30)
    glance = Glance()
    chosen = look(world, glance, selection=Selection(order_ids=frozenset({"order-4", "order-25"})))
    assert [letter.order_id for letter in chosen] == ["order-4", "order-25"]
    assert glance.not_selected == 28


def test_it_does_not_say_whole_where_a_fifo_group_hides_the_rest_behind_its_head(tmp_path: Path) -> None:
    world = World(tmp_path, fifo=True)
    world.seed(25)
    glance = Glance()
    assert len(look(world, glance)) == 10
    assert not glance.is_whole
    assert hidden(world) == 0


def test_it_does_not_say_whole_while_somebody_else_holds_messages(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seed(8)
    world.aws.sqs.call("ReceiveMessage", {"QueueUrl": world.dlq.url, "VisibilityTimeout": 600})
    glance = Glance()
    assert len(look(world, glance)) == 7
    assert not glance.is_whole


def test_memory_does_not_grow_with_the_queue(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(300):
        world.aws.sqs.seed(world.dlq, f"order-{number} " + "x" * 100_000)
    tracemalloc.start()
    try:
        with whole_file(tmp_path / "letters.jsonl") as out:
            for letter in walk(world, Glance()):
                out.append([line_of(letter, world.clock.now())], sync=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "letters.jsonl").stat().st_size > 30_000_000
    assert peak < 15_000_000, f"{peak:,} bytes for 30 MB: ten messages are 1 MB, parsed and encoded a few times over"


def test_a_file_is_private_and_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    with whole_file(path) as out:
        out.append([{"id": "1"}])
        assert not path.exists()
        assert stat.S_IMODE((tmp_path / "letters.jsonl.part").stat().st_mode) == 0o600
    assert path.read_text() == '{"id":"1"}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["letters.jsonl"]


def test_an_export_that_fails_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    world.seed(30)
    world.aws.faults.on("ReceiveMessage", effects.expired_credentials(), nth=3)
    path = tmp_path / "letters.jsonl"

    def export() -> None:
        with whole_file(path) as out:
            for letter in walk(world, Glance()):
                out.append([line_of(letter, world.clock.now())])

    with pytest.raises(AuthError):
        export()
    assert list(tmp_path.iterdir()) == []
    assert hidden(world) == 0


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("the only copy\n")
    with pytest.raises(ConflictError, match="exists already"), whole_file(path):
        pass
    assert path.read_text() == "the only copy\n"
    (tmp_path / "link.jsonl").symlink_to(path)
    with pytest.raises(ConflictError, match="exists already"), whole_file(tmp_path / "link.jsonl"):
        pass


def test_two_exports_cannot_write_one_file_and_a_killed_one_does_not_block_the_next(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    (tmp_path / "letters.jsonl.part").write_text("half a li")
    with whole_file(path) as out:
        with pytest.raises(ConflictError, match="written by another process"), whole_file(path):
            pass
        out.append([{"id": "1"}])
    assert path.read_text() == '{"id":"1"}\n'


def test_a_file_on_a_full_disk_ends_with_its_last_whole_line(tmp_path: Path) -> None:
    file = LetterFile.create(tmp_path, "letters.jsonl")
    file.append([{"id": "1"}])
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with contextlib.suppress(OSError):
            file.append([{"id": "2", "body": "x" * 100}])
            pytest.fail("more than the disk holds was written")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "letters.jsonl").read_text() == '{"id":"1"}\n'
    file.append([{"id": "3"}])
    file.close()
    assert (tmp_path / "letters.jsonl").read_text() == '{"id":"1"}\n{"id":"3"}\n'
