"""A plan that is looked at first, and a run that goes on with what it began with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Outcome, run, write_config
from tests.cli.test_dlq import app
from tests.dlq.world import World
from tests.fakes.sqs import effects


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path / "state")
    found.seed(8)
    return found


def orderctl(world: World, home: Path, *argv: str) -> Outcome:
    return run(app(world, home), "dlq", "redrive", *argv)


def orders_left(world: World) -> list[str]:
    return sorted(json.loads(body)["order_id"] for body in world.left())


def test_a_plan_is_written_without_a_change_and_carried_out_on_its_own_messages(world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    done = orderctl(
        world, tmp_path, "orders-dlq", "--order-id", "order-1", "--order-id", "order-2", "--plan-out", str(file)
    )
    assert (done.code, world.aws.writes()) == (0, [])
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(file.read_text())["ids"]) == 2
    world.aws.sqs.seed(world.dlq, '{"order_id": "order-1"}', source=world.source)
    done = orderctl(world, tmp_path, "--plan", str(file), "--yes", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["counts"]["delivered"] == 2
    assert orders_left(world) == ["order-0", "order-1", "order-3", "order-4", "order-5", "order-6", "order-7"]


def test_a_plan_keeps_its_edits(world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    edit = ("--set", "order_id=order-0")
    orderctl(world, tmp_path, "orders-dlq", "--order-id", "order-3", *edit, "--plan-out", str(file))
    assert orderctl(world, tmp_path, "--plan", str(file), "--yes").code == 0
    assert world.aws.sqs.bodies("orders") == ['{"order_id": "order-0"}']


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"environment": "prod"}, 7),
        ({"queue": "arn:aws:sqs:ap-northeast-1:123456789012:orders"}, 7),
        ({"wiring": "0" * 32}, 5),
        ({"made_at": "2026-11-20T00:00:00.000Z"}, 5),
        ({"ids": []}, 2),
        ({"orderctl_plan": 99}, 2),
    ],
)
def test_a_plan_that_no_longer_holds_is_not_carried_out(
    world: World, tmp_path: Path, change: dict[str, object], code: int
) -> None:
    file = tmp_path / "plan.json"
    orderctl(world, tmp_path, "orders-dlq", "--plan-out", str(file))
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert orderctl(world, tmp_path, "--plan", str(file), "--yes").code == code
    assert world.aws.writes() == []


def test_a_plan_keeps_how_fast_it_was_to_be_unless_something_else_is_said(world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    orderctl(world, tmp_path, "orders-dlq", "--rate", "0.5", "--plan-out", str(file))
    kept = orderctl(world, tmp_path, "--plan", str(file), "--dry-run")
    assert "  expected: about 17 s\n" in kept.err
    other = orderctl(world, tmp_path, "--plan", str(file), "--dry-run", "--rate", "7")
    assert "  expected: about 4 s\n" in other.err


def test_a_run_is_not_gone_on_with_in_another_environment(world: World, tmp_path: Path) -> None:
    write_config(tmp_path, "[env.other]\nregion = 'ap-northeast-1'\n")
    world.aws.faults.on("SendMessageBatch", effects.expired_credentials())
    assert orderctl(world, tmp_path, "orders-dlq", "--yes").code == 4
    world.aws.faults.clear()
    elsewhere = orderctl(world, tmp_path, "--resume", "@latest", "--yes", "--env", "other")
    assert elsewhere.code == 7
    assert "this is other" in elsewhere.err
    assert len(orders_left(world)) == 8
    world.clock.advance(600)
    assert orderctl(world, tmp_path, "--resume", "@latest", "--yes").code == 0


def test_a_plan_takes_no_other_filters(world: World, tmp_path: Path) -> None:
    assert orderctl(world, tmp_path, "--plan", "p.json", "--order-id", "order-1").code == 2


def test_a_resumed_run_keeps_the_filters_it_began_with(world: World, tmp_path: Path) -> None:
    world.aws.faults.on("SendMessageBatch", effects.expired_credentials())
    wanted = [word for n in range(3) for word in ("--order-id", f"order-{n}")]
    first = orderctl(world, tmp_path, "orders-dlq", *wanted, "--yes")
    assert first.code == 4
    world.aws.faults.clear()
    world.clock.advance(121)
    again = orderctl(world, tmp_path, "--resume", "@latest", "--yes")
    assert again.code == 0
    assert orders_left(world) == [f"order-{n}" for n in range(3, 8)]
