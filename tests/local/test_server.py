"""The real server, started and ended: whatever state the last one was left in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.clock import SystemClock
from orderctl.errors import ConflictError, FailedError
from orderctl.local import ministack, process
from orderctl.local.files import LocalFiles
from orderctl.local.models import Health, LocalState
from orderctl.local.server import Server, StartOptions, any_free_port, is_free

SECRETS = {"AWS_SECRET_ACCESS_KEY": "canary-key", "AWS_PROFILE": "prod", "ORDERCTL_CLIENT_SECRET": "canary-secret"}
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **SECRETS}


class Bench:
    """One state folder and the server that belongs to it."""

    def __init__(self, root: Path) -> None:
        self.files = LocalFiles(root)
        self.server = Server(self.files, ENVIRON, SystemClock())

    def start(self, options: StartOptions | None = None) -> LocalState:
        list(self.server.start(options or StartOptions()))
        return self.state

    @property
    def state(self) -> LocalState:
        state = self.files.read_state()
        assert state is not None
        return state

    def stop(self) -> None:
        state = self.files.read_state()
        if state is not None:
            self.server.stop(state)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "local")
    yield made
    made.stop()


@contextmanager
def listener(port: int) -> Iterator[None]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield


@contextmanager
def bystander() -> Iterator[int]:
    """A process that has nothing to do with us."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        try:
            yield child.pid
            assert child.poll() is None, "the bystander was killed"
        finally:
            child.kill()


pytestmark = pytest.mark.end_to_end


def test_it_starts_answers_and_stops(bench: Bench) -> None:
    state = bench.start()
    assert bench.server.health(state) is Health.RUNNING
    assert bench.server.stop(state)
    assert not process.is_alive(state.pid, state.process_mark)
    assert is_free(state.port)
    assert bench.server.health(bench.files.read_state()) is Health.ABSENT


def test_it_listens_on_loopback_only(bench: Bench) -> None:
    state = bench.start()
    assert _listening_addresses(state.pid) == {"127.0.0.1"}


def test_its_files_are_private_and_its_environment_holds_no_secret(bench: Bench) -> None:
    state = bench.start()
    assert {path.stat().st_mode & 0o777 for path in (bench.files.state, bench.files.log)} == {0o600}
    assert bench.files.root.stat().st_mode & 0o777 == 0o700
    handed_on = Path(f"/proc/{state.pid}/environ").read_bytes()
    assert b"canary" not in handed_on
    assert b"AWS_PROFILE" not in handed_on


def test_a_killed_server_is_seen_and_started_again(bench: Bench) -> None:
    state = bench.start()
    os.kill(state.pid, signal.SIGKILL)
    _wait_until_gone(state)
    assert bench.server.health(state) is Health.STOPPED
    again = bench.start()
    assert bench.server.health(again) is Health.RUNNING
    assert again.port == state.port


def test_a_process_id_that_became_somebody_elses_is_left_alone(bench: Bench) -> None:
    state = bench.start()
    bench.server.stop(state)
    with bystander() as pid:
        stale = replace(state, pid=pid)
        bench.files.write_state(stale)
        assert bench.server.health(stale) is Health.STOPPED
        assert not bench.server.stop(stale)


def test_a_port_taken_since_last_time_is_gone_round(bench: Bench) -> None:
    state = bench.start()
    bench.server.stop(state)
    with listener(state.port):
        again = bench.start()
        assert again.port != state.port
        assert bench.server.health(again) is Health.RUNNING


def test_a_wished_port_that_is_taken_is_a_conflict(bench: Bench) -> None:
    port = any_free_port()
    with listener(port), pytest.raises(ConflictError, match=f"port {port}"):
        bench.start(StartOptions(port=port))
    assert bench.files.read_state() is None


def test_another_server_on_the_port_is_not_mistaken_for_ours(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    theirs = other.start()
    try:
        assert not ministack.is_well(replace(theirs, instance="orderctl-somebody-else"))
    finally:
        other.stop()


def test_a_server_that_hangs_is_unhealthy_and_can_still_be_stopped(bench: Bench) -> None:
    state = bench.start()
    os.kill(state.pid, signal.SIGSTOP)
    assert bench.server.health(state) is Health.UNHEALTHY
    os.kill(state.pid, signal.SIGCONT)
    assert bench.server.stop(state)


def test_what_is_not_persisted_is_gone_after_a_stop(bench: Bench) -> None:
    state = bench.start()
    assert bench.files.data(False).exists()
    bench.server.stop(state)
    assert not bench.files.data(False).exists()


def test_a_server_that_does_not_persist_leaves_what_another_one_kept(bench: Bench) -> None:
    bench.server.stop(bench.start(StartOptions(persist=True)))
    kept = sorted(path.name for path in bench.files.data(True).rglob("*.json"))
    assert kept
    bench.server.stop(bench.start())
    assert sorted(path.name for path in bench.files.data(True).rglob("*.json")) == kept


def test_without_the_extra_the_install_line_is_told() -> None:
    with pytest.raises(FailedError) as caught:
        ministack.check_installed(find=lambda module: None)
    assert (caught.value.exit_code, caught.value.hint) == (1, "pip install 'orderctl[local]'")


def _wait_until_gone(state: LocalState) -> None:
    clock = SystemClock()
    for _ in range(200):
        if not process.is_alive(state.pid, state.process_mark):
            return
        clock.sleep(0.02)
    raise AssertionError("the server did not end")


def _listening_addresses(pid: int) -> set[str]:
    """Local addresses of the process's listening sockets, from /proc (state 0A is LISTEN)."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                host = fields[1].split(":")[0]
                found.add(socket.inet_ntoa(bytes.fromhex(host)[::-1]) if len(host) == 8 else host)
    return found
