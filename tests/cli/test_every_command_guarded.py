"""Every changing command x every way of nobody having confirmed it: exit 7, and not one changing call.

The lines are shown to mean something: let through, each of them does make a changing call, after the audit
trail has said so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.every_command import CHANGING, LETTER_FILE, OWN, READING, Changes, changing, every_command, words
from tests.cli.stage import Stage, stage
from tests.fakes.histories import RETRIED_THEN_FAILED

CASES = changing()
IDS = [case.line for case in CASES]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all that must not change anything: it stays as it was."""
    with stage(tmp_path_factory.mktemp("home")) as made:
        _prepare(made)
        yield made


def _prepare(on: Stage) -> None:
    """What the lines of the table name: an order that runs, letters in a file."""
    on.executions.run("running", RETRIED_THEN_FAILED[:3])
    exported = on.types(words("dlq export orders-dlq --file", str(on.home / "letters.jsonl")))
    assert exported.code == 0, exported.err


def line_of(on: Stage, case: Changes, *more: str) -> list[str]:
    return [word.replace(LETTER_FILE, str(on.home / "letters.jsonl")) for word in words(case.line, *more)]


def test_every_command_stands_in_one_table() -> None:
    known = [*CHANGING, *READING, *OWN]
    assert {name for name in known if known.count(name) > 1} == {"dlq tasks", "doctor"}, (
        "a command stands in two tables"
    )
    assert {name for name, _ in every_command()} == set(known), "say in tests/cli/every_command.py what it does"


@pytest.mark.parametrize("name", CHANGING)
def test_every_changing_command_has_a_dry_run_and_can_be_confirmed(name: str) -> None:
    node = dict(every_command())[name]
    options = {each for option in node["options"] for each in option["names"]}
    assert {"--dry-run", "--confirm"} <= options


def test_a_command_that_can_be_confirmed_is_held_to_be_one_that_changes() -> None:
    for name, node in every_command():
        options = {each for option in node["options"] for each in option["names"]}
        assert not options & {"--confirm", "--yes"} or name in CHANGING, f"{name} asks, and is in no table of changes"


WAYS = {"no terminal": [], "--yes alone": ["--yes"], "another name confirmed": ["--confirm", "staging"]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_protected_environment_is_not_changed_unconfirmed(shared: Stage, case: Changes, way: str) -> None:
    more = WAYS[way] if case.asks == "yes" or way != "--yes alone" else []
    before, trail = shared.changes(), audit(shared)
    done = shared.types(line_of(shared, case, *more), stdin=case.stdin)
    assert done.code == 7, done.err
    assert "--confirm" in done.err or "is wanted" in done.err
    assert shared.changes() == before
    assert audit(shared) == trail


@pytest.mark.parametrize("case", [case for case in CASES if case.asks], ids=lambda case: case.line)
def test_what_asks_is_not_done_where_nobody_answers(shared: Stage, case: Changes) -> None:
    before = shared.changes()
    done = shared.types(line_of(shared, case), protected=False, stdin=case.stdin)
    assert done.code == 7, done.err
    assert "--yes" in done.err or "--confirm" in done.err
    for answer in ("n\n", "", "\n"):
        if not case.stdin:
            assert shared.types_on_a_terminal(line_of(shared, case), answer).code == 7
    assert shared.changes() == before


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_dry_run_makes_no_changing_call_and_needs_no_confirmation(shared: Stage, case: Changes) -> None:
    before, trail = shared.changes(), audit(shared)
    done = shared.types(line_of(shared, case, "--dry-run"), stdin=case.stdin)
    assert done.code == 0, done.err
    assert shared.changes() == before
    assert audit(shared) == trail


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_the_audit_trail_cannot_take_is_not_done(shared: Stage, case: Changes) -> None:
    trail = shared.app().audit_trail.path
    kept = trail.read_bytes() if trail.exists() else None
    trail.unlink(missing_ok=True)
    trail.mkdir()
    before = shared.changes()
    try:
        done = shared.types(line_of(shared, case, *confirmed(case)), stdin=case.stdin)
    finally:
        trail.rmdir()
        if kept is not None:
            trail.write_bytes(kept)
    assert done.code == 1, done.err
    assert "nothing was changed, because the audit cannot record it" in done.err
    assert shared.changes() == before


@pytest.mark.parametrize("case", [case for case in CASES if case.is_played], ids=lambda case: case.line)
def test_let_through_it_is_written_down_and_then_done(shared: Stage, case: Changes) -> None:
    """The last of the module: from here on the stage is another."""
    shared.world.seed(2)
    before, trail = shared.changes(), audit(shared)
    done = shared.types(line_of(shared, case, *confirmed(case), "--reason", "game day"), stdin=case.stdin)
    assert shared.changes() != before, done.err
    began, ended = audit(shared)[len(trail) :]
    assert (began["phase"], began["reason"], ended["phase"]) == ("began", "game day", "ended")
    assert began["who"] == (
        "local" if "--env local" in case.line else "arn:aws:sts::123456789012:assumed-role/oncall/ada"
    )
    assert (ended["id"], ended["exit_code"]) == (began["id"], done.code)
    assert str(began["command"]).startswith("orderctl " + " ".join(case.line.split()[:2]))


def confirmed(case: Changes) -> list[str]:
    environment = "local" if "--env local" in case.line or case.line.startswith("local") else "prod"
    return ["--confirm", environment]


def audit(on: Stage) -> list[dict[str, object]]:
    path: Path = on.home / "state" / "orderctl" / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
