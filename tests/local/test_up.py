"""`up` with the real server and the real reference stack: whatever happened before, it ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orderctl.clock import SystemClock
from orderctl.config import file
from orderctl.errors import ConflictError, UsageError
from orderctl.local import up as local
from orderctl.local.files import LocalFiles
from orderctl.local.models import Health, LocalState, StepState
from orderctl.local.server import StartOptions
from tests.cli.support import new_app

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]


class Home:
    """One person's folders, and the local stack in them."""

    def __init__(self, path: Path) -> None:
        self.app = new_app(path, environ={"PATH": os.environ["PATH"]})
        self.app.clock = SystemClock()
        self.parts = self.app.local

    def up(self, options: StartOptions | None = None) -> list[str]:
        """The steps that were done, with what they said."""
        events = local.up(self.parts, options or StartOptions())
        return [f"{event.step}: {event.detail}" for event in events if event.state is StepState.DONE]

    @property
    def files(self) -> LocalFiles:
        return self.parts.files

    @property
    def state(self) -> LocalState:
        state = self.files.read_state()
        assert state is not None
        return state

    def environment(self) -> dict[str, Any]:
        return dict(file.read(self.app.config_path).values["local"])

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.state.endpoint_url,
            region_name=self.state.region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    try:
        yield made
    finally:
        local.down(made.parts)


def test_from_nothing_it_takes_seconds_and_the_second_time_it_does_nothing(home: Home) -> None:
    began = time.monotonic()
    said = home.up()
    assert time.monotonic() - began < 20
    assert [line.split(":")[0] for line in said] == [
        "server",
        "reference stack",
        "overlay",
        "demo user",
        "demo stock",
        "environment",
    ]
    before = (home.state, home.app.config_path.read_text())
    assert home.up() == [f"server: already running on {home.state.endpoint_url}"]
    assert (home.state, home.app.config_path.read_text()) == before


def test_what_a_newer_orderctl_does_besides_is_done_by_the_next_up(home: Home) -> None:
    """The stack's package is the same, but it was brought up by steps that were others."""
    home.up()
    home.files.write_state(replace(home.state, deployed="by other steps"))
    assert [line.split(":")[0] for line in home.up()][1:] == [name for name, _ in local.STEPS]
    assert len(home.up()) == 1


def test_the_environment_is_written_and_selected(home: Home) -> None:
    home.up()
    said = home.environment()
    assert said["local"] is True
    assert said["endpoint_url"] == home.state.endpoint_url
    assert said["resources.users_api_url"].startswith(home.state.endpoint_url)
    assert file.read(home.app.config_path).default_env == "local"


def test_an_environment_selected_before_stays_selected(home: Home) -> None:
    file.write_environment(home.app.config_path, "prod", {"region": "eu-west-1"})
    home.up()
    assert file.read(home.app.config_path).default_env == "prod"


def test_a_configuration_that_is_not_understood_is_found_before_anything_starts(home: Home) -> None:
    home.app.config_path.parent.mkdir(parents=True)
    home.app.config_path.write_text("[env.prod]\nprotcted = true\n")
    with pytest.raises(UsageError, match="protcted"):
        home.up()
    assert home.files.read_state() is None


def test_an_environment_of_the_same_name_that_is_somebodys_own_is_left_alone(home: Home) -> None:
    own = '[env.local]\nlocal = true\nendpoint_url = "http://localhost:4566"\nstack = "mine"\n'
    home.app.config_path.parent.mkdir(parents=True, exist_ok=True)
    home.app.config_path.write_text(own)
    with pytest.raises(ConflictError, match="environment local is of http://localhost:4566"):
        home.up()
    assert home.app.config_path.read_text() == own
    assert home.files.read_state() is None


def test_the_demo_user_can_sign_in_and_the_password_stands_in_its_file_alone(home: Home) -> None:
    home.up()
    password = home.files.password.read_text().strip()
    assert home.files.password.stat().st_mode & 0o777 == 0o600
    answer = home.client("cognito-idp").initiate_auth(
        ClientId=home.environment()["auth.client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": local.USERNAME, "PASSWORD": password},
    )
    assert answer["AuthenticationResult"]["IdToken"]
    elsewhere = [home.files.log, home.files.state, home.app.config_path, Path(f"/proc/{home.state.pid}/cmdline")]
    assert not [path for path in elsewhere if password.encode() in path.read_bytes()]


def test_after_the_server_was_killed_everything_comes_back(home: Home) -> None:
    home.up()
    killed = home.state
    os.kill(killed.pid, signal.SIGKILL)
    _until(lambda: local.status(home.parts).status is Health.STOPPED)
    said = home.up()
    assert len(said) == 6
    assert local.status(home.parts).status is Health.RUNNING
    assert home.state.pid != killed.pid
    assert home.environment()["endpoint_url"] == home.state.endpoint_url


def test_a_stale_process_id_is_started_over_and_its_new_owner_left_alone(home: Home) -> None:
    home.up()
    state = home.state
    home.parts.server.stop(state)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as bystander:
        try:
            home.files.prepare()
            home.files.write_state(replace(state, pid=bystander.pid))
            assert len(home.up()) == 6
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_an_up_that_was_interrupted_is_finished_by_the_next(home: Home) -> None:
    for event in local.up(home.parts, StartOptions()):
        if event.step == "reference stack":
            break
    del event
    pid = home.state.pid
    assert not local.status(home.parts).deployed
    assert len(home.up()) == 6
    assert (home.state.pid, local.status(home.parts).deployed) == (pid, True)


def test_a_lost_environment_or_password_is_made_again(home: Home) -> None:
    home.up()
    home.app.config_path.unlink()
    home.files.password.unlink()
    assert len(home.up()) == 6
    assert home.environment()["local"] is True
    assert home.files.password.exists()


def test_two_at_once_end_with_one_server(home: Home, tmp_path: Path) -> None:
    environ = {**home.app.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "orderctl", "local", "up", "-o", "json"]
    both = [
        subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=60) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert {json.loads(out)["pid"] for out, _ in said} == {home.state.pid}
    assert sum("already running" in err for _, err in said) == 1


def test_down_twice_is_fine_and_leaves_no_process(home: Home) -> None:
    home.up()
    pid = home.state.pid
    assert local.down(home.parts)
    assert not Path(f"/proc/{pid}/cmdline").exists() or Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    assert not local.down(home.parts)
    assert local.status(home.parts).status is Health.ABSENT


def test_reset_starts_with_the_demo_stock_alone(home: Home) -> None:
    home.up()
    _put_widget(home)
    home.up(local.reset(home.parts))
    assert _stock(home) == {"widget-1": "100", "sold-out": "0"}


def test_what_persists_is_there_after_a_restart_and_still_works(home: Home) -> None:
    home.up(StartOptions(persist=True))
    _put_widget(home)
    before, password = home.environment(), home.files.password.read_text()
    local.down(home.parts)
    home.up(StartOptions(persist=True))
    assert home.environment() == before
    assert home.files.password.read_text() == password
    assert _stock(home) == {"widget-1": None, "sold-out": "0"}


def test_reset_clears_what_was_persisted(home: Home) -> None:
    home.up(StartOptions(persist=True))
    _put_widget(home)
    again = local.reset(home.parts)
    assert again.persist
    home.up(again)
    assert _stock(home) == {"widget-1": "100", "sold-out": "0"}


def test_a_running_stack_asked_for_in_another_way_is_a_conflict(home: Home) -> None:
    home.up()
    for options in (
        StartOptions(persist=True),
        StartOptions(port=home.state.port ^ 1),
        StartOptions(region="eu-west-1"),
    ):
        with pytest.raises(ConflictError, match="runs already") as caught:
            home.up(options)
        assert caught.value.hint == "first: orderctl local down"


def _stock(home: Home) -> dict[str, str | None]:
    rows = home.client("dynamodb").scan(TableName=home.environment()["resources.inventory_table"])["Items"]
    return {row["product_id"]["S"]: row.get("quantity", {}).get("N") for row in rows}


def _put_widget(home: Home) -> None:
    table = home.environment()["resources.inventory_table"]
    home.client("dynamodb").put_item(TableName=table, Item={"product_id": {"S": "widget-1"}})


def _until(is_so: Any) -> None:
    for _ in range(200):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to that")
