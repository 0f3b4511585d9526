from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from orderctl.aws.queue_purge import QueuePurger
from orderctl.aws.sqs import SqsQueues
from orderctl.context import App
from tests.cli.support import Outcome, new_app, run, write_config
from tests.dlq.world import World
from tests.fakes.sqs import effects

QUEUE = "orders-dlq"


def app_of(world: World, *, stdin: str = "", terminal: bool = False) -> App:
    app = new_app(world.folder, stdin=stdin, terminal=terminal, clock=world.clock)
    client = world.aws.client
    app.queues = SqsQueues(client("sqs"), client("sqs"), world.clock)
    app.purger = QueuePurger(client("sqs"))
    app.wiring = lambda *_: world.wiring  # type: ignore[method-assign]
    return app


def go(world: World, *argv: str, stdin: str = "", terminal: bool = False) -> Outcome:
    done = run(app_of(world, stdin=stdin, terminal=terminal), "dlq", *argv)
    return Outcome(done.code, done.out, done.err.replace(str(world.folder), "HOME"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.seed(3)
    return world


def test_export_streams_lines_to_stdout_and_says_what_looking_cost(world: World) -> None:
    done = go(world, "export", QUEUE)
    assert [json.loads(line)["order_id"] for line in done.out.splitlines()] == ["order-0", "order-1", "order-2"]
    assert done.code == 0
    assert done.err == (
        "looked at 3 messages and gave them back (receive count +1 each)\n3 letters exported, 0 not selected\n"
    )
    assert world.aws.writes() == []


def test_export_to_a_file_reports_it_and_filters_as_inspect_does(world: World) -> None:
    path = world.folder / "letters.jsonl"
    done = go(world, "export", QUEUE, "--file", str(path), "--order-id", "order-1", "-o", "json")
    assert json.loads(done.out) == {
        "queue": QUEUE,
        "file": str(path),
        "exported": 1,
        "not_selected": 2,
        "is_whole": True,
    }
    assert json.loads(path.read_text())["order_id"] == "order-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = go(world, "export", QUEUE, "--file", str(path))
    assert again == Outcome(
        5, "", "orderctl: HOME/letters.jsonl exists already\nhint: choose another name, or move it away\n"
    )


def test_purge_writes_deletes_and_says_how_to_undo_it(world: World) -> None:
    done = go(world, "purge", QUEUE, "--confirm", QUEUE, "-o", "json")
    report = json.loads(done.out)
    assert (done.code, report["counts"], report["is_whole"], world.left()) == (
        0,
        {"deleted": 3, "kept": 0, "not_selected": 0, "arrived_later": 0},
        True,
        [],
    )
    assert done.err == (
        "Plan for orders-dlq: about 3 messages, 0 in flight\n"
        "  delete every letter\n"
        "  each is written down before, in HOME/state/orderctl/purges\n"
        f"to undo it: orderctl dlq restore HOME/state/orderctl/purges/{report['run']}.jsonl\n"
    )
    restored = go(world, "restore", report["file"], "--yes")
    assert (restored.code, restored.out, len(world.left())) == (0, "3\t0\t0\t0\t0\n", 3)


def test_purge_wants_the_name_typed(world: World) -> None:
    done = go(world, "purge", QUEUE)
    assert (done.code, done.out) == (7, "")
    assert done.err.endswith(
        "orderctl: this cannot be undone, and nobody is there to confirm it\nhint: pass --confirm orders-dlq\n"
    )
    assert go(world, "purge", QUEUE, "--confirm", "other").code == 7
    assert go(world, "purge", QUEUE, terminal=True, stdin="orders\n").code == 7
    assert world.aws.writes() == []
    assert go(world, "purge", QUEUE, terminal=True, stdin="orders-dlq\n").code == 0
    assert world.left() == []


def test_a_protected_environment_wants_its_own_name(world: World) -> None:
    write_config(world.folder, 'default_env = "prod"\n[env.prod]\nprotected = true\n')
    assert go(world, "purge", QUEUE, "--confirm", QUEUE).code == 7
    assert go(world, "restore", str(exported(world)), "--yes").code == 7
    assert world.aws.writes() == []
    assert go(world, "purge", QUEUE, "--confirm", "prod").code == 0


def exported(world: World) -> Path:
    path = world.folder / "letters.jsonl"
    go(world, "export", QUEUE, "--file", str(path))
    return path


@pytest.mark.parametrize("more", [(), ("--order-id", "order-1"), ("--all-at-once",), ("--no-export",)])
def test_a_dry_run_of_purge_changes_and_writes_nothing(world: World, more: tuple[str, ...]) -> None:
    done = go(world, "purge", QUEUE, "--dry-run", *more)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("Plan (dry run) for orders-dlq: about 3 messages, 0 in flight\n")
    assert world.aws.writes() == []
    assert not (world.folder / "state").exists()


def test_all_at_once_warns_and_does_not_go_with_filters(world: World) -> None:
    done = go(world, "purge", QUEUE, "--all-at-once", "--confirm", QUEUE)
    assert (done.code, world.left(), world.aws.count("PurgeQueue")) == (0, [], 1)
    assert "warning: messages in flight and those that arrive within the next minute go too" in done.err
    world.seed(1)
    assert go(world, "purge", QUEUE, "--all-at-once", "--confirm", QUEUE).code == 5
    assert go(world, "purge", QUEUE, "--all-at-once", "--id", "1", "--confirm", QUEUE).code == 2


def test_a_purge_that_could_not_delete_everything_ends_with_6_and_the_command_to_go_on(world: World) -> None:
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail({1}), times=1)
    world.aws.faults.on("DeleteMessageBatch", effects.entries_fail(1.0), start=2)
    done = go(world, "purge", QUEUE, "--order-id", "order-0", "--order-id", "order-1", "--confirm", QUEUE)
    assert done.code == 6
    assert done.err.endswith(
        "orderctl: 1 letters could not be deleted\n"
        "hint: go on with: orderctl dlq purge orders-dlq --order-id order-0 --order-id order-1\n"
    )


def test_restore_shows_its_plan_asks_and_says_what_sqs_makes_of_them(world: World) -> None:
    path = exported(world)
    world.dlq.purge(0.0)
    plan = f"Plan (dry run)\n       3 -> {world.dlq.arn}\n"
    assert go(world, "restore", str(path), "--dry-run") == Outcome(0, "0\t0\t0\t0\t0\n", plan)
    refused = go(world, "restore", str(path))
    assert refused.code == 7
    assert "pass --yes" in refused.err
    assert world.aws.writes() == []
    done = go(world, "restore", "-", "--yes", stdin=path.read_text())
    assert (done.code, done.out, len(world.left())) == (0, "3\t0\t0\t0\t0\n", 3)
    assert done.err.startswith(
        f"Plan\n       3 -> {world.dlq.arn}\n"
        "SQS gave each restored letter a new message id, and its age starts again\n"
        "warning: 3 of them came from a source queue (sqs). SQS alone can write that on a message"
    )
    again = go(world, "restore", str(path), "--yes")
    assert (again.code, again.out) == (0, "0\t0\t0\t3\t0\n")
    assert "nothing to restore" in again.err


def test_restore_takes_a_wrong_file_whole_or_not_at_all(world: World) -> None:
    path = world.folder / "wrong.jsonl"
    path.write_text(exported(world).read_text() + "{}\n")
    done = go(world, "restore", str(path), "--yes")
    assert done == Outcome(
        2,
        "",
        "orderctl: HOME/wrong.jsonl:4: queue is a text and not empty\n"
        "hint: nothing was sent; correct the file and run it again\n",
    )
    assert go(world, "restore", "nowhere.jsonl", "--yes").code == 2
    assert go(world, "restore").code == 2
    assert go(world, "restore", str(path), "--run", "@latest").code == 2


def test_a_redrive_is_undone_by_its_run(world: World) -> None:
    world.folder = world.folder / "state" / "orderctl"
    world.redrive()
    world.folder = world.folder.parent.parent
    done = go(world, "restore", "--run", "@latest", "--yes", "-o", "json")
    assert (done.code, json.loads(done.out)["counts"]["restored"], len(world.left())) == (0, 3, 3)
    assert "warning: the redrive delivered these letters; what their consumer did" in done.err


def test_failed_letters_end_with_6_and_the_command_to_run_again(world: World) -> None:
    path = exported(world)
    world.dlq.purge(0.0)
    refuses = effects.entries_fail({0}, "InvalidMessageContents", sender_fault=True)
    world.aws.faults.on("SendMessageBatch", refuses)
    done = go(world, "restore", str(path), "--yes")
    assert (done.code, done.out) == (6, "2\t1\t0\t0\t0\n")
    assert done.err.endswith(
        "orderctl: 1 letters could not be put back\nhint: again with: orderctl dlq restore HOME/letters.jsonl\n"
    )
