from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from orderctl.audit.models import outcome_of
from orderctl.context import App
from orderctl.errors import AuthError
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK
from tests.fakes.identity import ARN, FakeIdentity

ORDER = ("orders", "submit", "--product-id", "w-1", "--quantity", "1", "--user-id", "ada", "--order-id", "o-1")


class Desk:
    """Somebody who submits orders in production."""

    def __init__(self, home: Path, config: str = "") -> None:
        self.home, self.clock = home, FakeClock()
        self.executions = FakeExecutions(self.clock)
        self.region = "eu-west-1"
        self.aws = FakeAws(self.clock)
        write_config(
            home,
            'default_env = "prod"\n[env.prod]\nregion = "eu-west-1"\n'
            f'[env.prod.resources]\nstate_machine = "{MACHINE}"\n{config}',
        )

    def app(self, **options: Any) -> App:
        app = new_app(self.home, clock=self.clock, **options)
        app.executions, app.aws = self.executions, self  # type: ignore[assignment]
        return app

    def client(self, service: str, **_: object) -> Any:
        return self.aws.client(service)

    def types(self, *argv: str, **options: Any) -> Outcome:
        return run(self.app(**options), *argv)

    def trail(self) -> list[dict[str, Any]]:
        path = self.home / "state" / "orderctl" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_change_is_listed_with_who_where_why_and_how_it_ended(desk: Desk) -> None:
    assert desk.types(*ORDER, "--reason", "customer called").code == 0
    desk.clock.advance(180)
    done = desk.types("audit", "-o", "json")
    (change,) = json.loads(done.out)
    change.pop("id")
    assert change == {
        "at": "2026-11-22T03:00:00.000Z",
        "who": ARN,
        "environment": "prod",
        "account": "123456789012",
        "region": "eu-west-1",
        "command": "orderctl " + " ".join(ORDER) + " --reason 'customer called'",
        "reason": "customer called",
        "outcome": "done",
        "exit_code": 0,
        "counts": {"started": 1},
        "ended_at": "2026-11-22T03:00:00.000Z",
        "note": None,
    }
    path = desk.home / "state" / "orderctl" / "audit.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reason_goes_before_the_noun_as_well(desk: Desk) -> None:
    desk.types("--reason", "drill", *ORDER)
    assert desk.trail()[0]["reason"] == "drill"


def test_reading_and_a_dry_run_leave_no_trace(desk: Desk) -> None:
    desk.types("orders", "list", "--reason", "only looking")
    desk.types(*ORDER, "--dry-run")
    assert desk.trail() == []
    assert desk.types("audit", "-o", "json").out == "[]\n"


def test_counts_are_what_the_results_say(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.executions.run(name, OUT_OF_STOCK)
    desk.clock.advance(60)
    desk.types("orders", "redrive", "a", "b", "--yes")
    assert desk.trail()[-1]["counts"] == {"redriven": 2}


def test_every_ending_is_written_down(desk: Desk) -> None:
    desk.executions.fail("start", AuthError("not allowed"))
    assert desk.types(*ORDER).code == 4
    assert (desk.trail()[-1]["outcome"], desk.trail()[-1]["exit_code"]) == ("failed", 4)
    desk.executions.scripts["o-2"] = OUT_OF_STOCK
    assert desk.types(*ORDER[:-1], "o-2", "--watch").code == 8
    assert (desk.trail()[-1]["outcome"], desk.trail()[-1]["exit_code"]) == ("done", 8), "it was submitted"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (0, "done"),
        (1, "failed"),
        (5, "failed"),
        (6, "partly done"),
        (8, "done"),
        (124, "interrupted"),
        (130, "interrupted"),
    ],
)
def test_an_exit_code_says_what_became_of_the_change(code: int, word: str) -> None:
    assert outcome_of(code) == word


def test_whose_credentials_are_unknown_is_noted_and_no_obstacle(desk: Desk) -> None:
    app = desk.app()
    app.identity = FakeIdentity(AuthError("no credentials"))  # type: ignore[assignment]
    assert run(app, *ORDER).code == 0
    assert (desk.trail()[0]["who"], desk.trail()[0]["note"]) == (None, "no AWS identity: no credentials")


def test_without_a_trail_nothing_is_changed(desk: Desk) -> None:
    path = desk.home / "state" / "orderctl" / "audit.jsonl"
    path.mkdir(parents=True)
    done = desk.types(*ORDER)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"orderctl: nothing was changed, because the audit cannot record it: cannot write {path}: Is a directory\n"
        "hint: make the file writable, or correct audit.event_bus, and run it again\n"
    )
    assert desk.executions.count("start") == 0


def test_on_request_an_event_bus_is_told_before_and_after(tmp_path: Path) -> None:
    desk = Desk(tmp_path, '[env.prod.audit]\nevent_bus = "audit"\n')
    desk.aws.events.create_bus("audit")
    assert desk.types(*ORDER, "--reason", "because").code == 0
    put = [entry for call in desk.aws.calls_of("PutEvents") for entry in call["Entries"]]
    assert [(each["Source"], each["DetailType"], each["EventBusName"]) for each in put] == [
        ("orderctl", "Change Began", "audit"),
        ("orderctl", "Change Ended", "audit"),
    ]
    told = json.loads(put[1]["Detail"])
    assert (told["who"], told["reason"], told["exit_code"]) == (ARN, "because", 0)


def test_the_outcome_that_cannot_be_written_is_told_and_changes_no_exit_code(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    app = desk.app()
    path = desk.home / "state" / "orderctl" / "audit.jsonl"

    class Broken(FakeExecutions):
        def start(self, *arguments: str) -> Any:
            path.unlink()
            path.mkdir()
            return super().start(*arguments)

    app.executions = Broken(desk.clock)
    done = run(app, *ORDER)
    assert done.code == 0
    assert "warning: how this ended is missing in the audit trail: cannot write" in done.err


def test_on_a_terminal_it_is_a_table_with_relative_times(desk: Desk) -> None:
    desk.types(*ORDER, "--reason", "drill")
    desk.clock.advance(180)
    shown = desk.types("audit", terminal=True).out
    assert shown.startswith(("AT ", "3m ago\n"))
    assert "3m ago" in shown
    assert ARN in shown


def test_a_damaged_line_is_told_and_the_others_are_shown(desk: Desk) -> None:
    desk.types(*ORDER)
    path = desk.home / "state" / "orderctl" / "audit.jsonl"
    path.write_bytes(b'{"id": "x", "at"\n' + path.read_bytes())
    done = desk.types("audit")
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert done.err == f"warning: 1 lines of {path} are damaged and not shown\n"


def test_since_env_and_max_choose(desk: Desk) -> None:
    desk.types(*ORDER)
    desk.clock.advance(7200)
    desk.types(*ORDER[:-1], "o-2")
    assert len(desk.types("audit").out.splitlines()) == 2
    assert len(desk.types("audit", "--since", "1h").out.splitlines()) == 1
    assert len(desk.types("audit", "--max", "1").out.splitlines()) == 1
    assert desk.types("audit", "--env", "elsewhere").out == ""


def test_a_token_in_the_reason_is_not_kept(desk: Desk) -> None:
    token = "eyJraWQiOiJhYmMifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert desk.types(*ORDER, "--reason", f"customer sent {token}").code == 0
    assert desk.trail()[0]["reason"] == "customer sent ***"
    assert token not in (desk.home / "state" / "orderctl" / "audit.jsonl").read_text()


def test_a_variable_that_names_another_account_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, '[env.dev]\naccount_id = "123456789012"\nregion = "eu-west-1"\n')
    elsewhere = "arn:aws:states:eu-west-1:999988887777:stateMachine:orders"
    done = desk.types("--env", "dev", *ORDER, environ={"ORDERCTL_STATE_MACHINE": elsewhere})
    assert done.code == 7
    assert "pinned to 123456789012, but $ORDERCTL_STATE_MACHINE names something in 999988887777" in done.err
    assert desk.trail() == []


@pytest.mark.parametrize("line", ["[" * 100_000, '{"id": "x", "phase": "began", "at": "2026-11-22T20:00:00"}'])
def test_no_line_that_somebody_wrote_breaks_the_list(desk: Desk, line: str) -> None:
    assert desk.types(*ORDER).code == 0
    path = desk.home / "state" / "orderctl" / "audit.jsonl"
    named = line.replace('"x"', '"x", "environment": "prod", "command": "c"')
    path.write_text(path.read_text() + named + "\n")
    done = desk.types("audit", "--since", "1d", "-o", "json")
    assert done.code == 0
    assert len(json.loads(done.out)) == 1
    assert "1 lines of" in done.err
