"""`orderctl local`, by the front door, on a real server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orderctl.clock import SystemClock
from orderctl.context import App
from tests.cli.support import Outcome, new_app, run, write_config


class Person:
    """Types commands, one process each as far as orderctl can tell."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def app(self, *, terminal: bool = False, stdin: str = "") -> App:
        app = new_app(self.home, environ={"PATH": os.environ["PATH"]}, terminal=terminal, stdin=stdin)
        app.clock = SystemClock()
        return app

    def types(self, *argv: str, terminal: bool = False, stdin: str = "") -> Outcome:
        return run(self.app(terminal=terminal, stdin=stdin), *argv)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    made = Person(tmp_path)
    try:
        yield made
    finally:
        made.types("local", "down")


@pytest.mark.end_to_end
def test_up_twice_says_so_and_exits_0_both_times(person: Person) -> None:
    first = person.types("local", "up", "-o", "json")
    second = person.types("local", "up", "-o", "json")
    assert (first.code, second.code) == (0, 0)
    assert json.loads(first.out) == json.loads(second.out)
    status = json.loads(first.out)
    assert (status["status"], status["deployed"], status["persist"]) == ("running", True, False)
    assert [line.split(":")[0] for line in first.err.splitlines()] == [
        "server", "reference stack", "overlay", "demo user", "demo stock", "environment", "sign in"
    ]  # fmt: skip
    assert second.err.startswith(f"server: already running on {status['endpoint_url']} (")


@pytest.mark.end_to_end
def test_on_a_terminal_the_progress_is_drawn_on_one_line(person: Person) -> None:
    said = person.types("local", "up", terminal=True)
    assert said.code == 0
    assert "\r\x1b[Kreference stack: 1 of " in said.err
    assert "\r" not in said.out


def test_dry_runs_change_nothing(person: Person) -> None:
    for argv in (["local", "up"], ["local", "down"], ["local", "reset"]):
        assert person.types(*argv, "--dry-run").code == 0
    assert not (person.home / "state").exists()
    assert not (person.home / "config").exists()


def test_status_and_down_of_nothing_are_no_errors(person: Person) -> None:
    said = person.types("local", "status", "-o", "json")
    assert (said.code, json.loads(said.out)["status"]) == (0, "absent")
    assert person.types("local", "down").code == 0


def test_reset_without_a_terminal_wants_the_name(person: Person) -> None:
    said = person.types("local", "reset")
    assert said.code == 7
    assert said.err.endswith("hint: pass --confirm local\n")


def test_reset_confirmed_wrongly_on_a_terminal_changes_nothing(person: Person) -> None:
    said = person.types("local", "reset", terminal=True, stdin="yes\n")
    assert said.code == 7
    assert not (person.home / "state" / "orderctl" / "local" / "server.json").exists()


@pytest.mark.end_to_end
def test_reset_starts_another_server_even_while_a_protected_environment_is_selected(person: Person) -> None:
    write_config(person.home, 'default_env = "prod"\n[env.prod]\nprotected = true\naccount_id = "123456789012"\n')
    before = json.loads(person.types("local", "up", "-o", "json").out)
    said = person.types("local", "reset", "--confirm", "local", "-o", "json")
    assert said.code == 0, said.err
    after = json.loads(said.out)
    assert (after["status"], after["endpoint_url"]) == ("running", before["endpoint_url"])
    assert after["pid"] != before["pid"]


def test_a_configuration_error_is_exit_2(person: Person) -> None:
    write_config(person.home, "[env.local]\nlocla = true\n")
    said = person.types("local", "up")
    assert said.code == 2
    assert "config.toml:2: unknown key 'locla'" in said.err


@pytest.mark.end_to_end
def test_a_second_stack_is_deployed_and_destroyed_beside_it(person: Person) -> None:
    person.types("local", "up")
    made = person.types(
        "stack", "deploy", "--stack", "second", "--parameter", "EventBusName=second", "--yes", "-o", "json"
    )
    assert made.code == 0, made.err
    assert json.loads(made.out)["status"] == "CREATE_COMPLETE"
    again = person.types("stack", "deploy", "--env", "second", "--yes", "-o", "jsonl")
    assert again.code == 0, again.err
    assert [(row["type"], row["changed"]) for row in map(json.loads, again.out.splitlines())] == [("result", False)]
    assert "keeps parameter EventBusName" in again.err
    gone = person.types("stack", "destroy", "--env", "second", "--confirm", "second", "-o", "json")
    assert gone.code == 0, gone.err
    assert json.loads(gone.out)["status"] == "DELETE_COMPLETE"
    assert person.types("stack", "status", "--env", "second").code == 3
    assert json.loads(person.types("stack", "status", "-o", "json").out)["status"] == "CREATE_COMPLETE"


@pytest.mark.end_to_end
def test_the_local_stacks_own_stack_is_not_destroyed_alone(person: Person) -> None:
    person.types("local", "up")
    said = person.types("stack", "destroy", "--confirm", "orders-local")
    assert said.code == 7
    assert "orderctl local reset" in said.err
