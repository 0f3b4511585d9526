"""SIGINT, SIGTERM, SIGHUP and a closed terminal, against an AWS that does not answer.

Real processes and a server on loopback that lets its callers wait. Said is: something on stderr within 0.2 s, gone
within 2 s. Asserted is less strict, for machines that do other things at the same time.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.cli.support import new_app, write_config
from tests.dlq.world import World
from tests.docs.pages import ROOT
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import START
from tests.fakes.sqs import effects
from tests.fakes.sqs.faults import Call

SPEAKS, LEAVES = 1.5, 5.0
"""Seconds, on a busy machine; on an idle one 0.2 and 2."""
ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:orders:o-1"
CONFIG = """\
default_env = "local"
[env.local]
local = true
region = "ap-northeast-1"
endpoint_url = "{url}"
[env.local.resources]
inventory_table = "inventory"
"""
MACHINE = "arn:aws:states:ap-northeast-1:123456789012:stateMachine:orders"


@dataclass
class Silent:
    """Answers what it has an answer for; with everything else it lets the caller wait until the test is over."""

    answers: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    reached: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation in self.answers:
            return self.answers[operation]
        self.wait()
        return {}

    def wait(self, _call: Call | None = None) -> None:
        self.reached.set()
        self.over.wait(60)


RUNNING: dict[str, dict[str, Any]] = {
    "DescribeExecution": {
        "executionArn": ARN, "stateMachineArn": MACHINE, "name": "o-1", "status": "RUNNING", "startDate": START,
    }
}  # fmt: skip
TABLE: dict[str, dict[str, Any]] = {
    "DescribeTable": {
        "Table": {
            "TableName": "inventory",
            "TableStatus": "ACTIVE",
            "KeySchema": [{"AttributeName": "product_id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "product_id", "AttributeType": "S"}],
        }
    },
    "BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
}


def watch(aws: FakeAws, home: Path) -> Silent:
    aws.services["stepfunctions"] = silent = Silent(RUNNING)
    return silent


def tail(aws: FakeAws, home: Path) -> Silent:
    aws.services["stepfunctions"] = silent = Silent()
    return silent


def seed(aws: FakeAws, home: Path) -> Silent:
    (home / "stock.csv").write_text("product_id,quantity\n" + "".join(f"w-{number},1\n" for number in range(50)))
    aws.services["dynamodb"] = silent = Silent(TABLE)
    return silent


def redrive(aws: FakeAws, home: Path) -> Silent:
    silent = Silent()
    aws.faults.on("SendMessageBatch", effects.barrier(before=silent.wait))
    return silent


@dataclass(frozen=True)
class Case:
    line: str
    prepare: Callable[[FakeAws, Path], Silent]
    resume: str


CASES = {
    "watch": Case(f"orders watch {ARN}", watch, "orderctl orders watch"),
    "tail": Case(f"orders tail --state-machine {MACHINE}", tail, ""),
    "seed": Case("inventory seed stock.csv", seed, "inventory seed"),
    "redrive": Case("dlq redrive orders-dlq --yes", redrive, "orderctl dlq redrive --resume"),
}


@dataclass
class Running:
    """A process of orderctl that waits for an answer."""

    process: subprocess.Popen[bytes]
    silent: Silent
    home: Path

    def is_waiting(self) -> None:
        while not self.silent.reached.wait(0.05):
            assert self.process.poll() is None, self.process.communicate(timeout=5)

    def stop(self, number: int) -> tuple[float, float, str]:
        """Seconds until it spoke, until it was gone, and all it said."""
        assert self.process.stderr is not None
        os.set_blocking(self.process.stderr.fileno(), False)
        self.process.stderr.read()
        began = time.monotonic()
        self.process.send_signal(number)
        said, spoke = b"", None
        while self.process.poll() is None and time.monotonic() - began < 20:
            said += self.process.stderr.read() or b""
            spoke = spoke or (time.monotonic() - began if said else None)
            time.sleep(0.005)
        gone = time.monotonic() - began
        said += self.process.stderr.read() or b""
        return spoke or gone, gone, said.decode()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    with ExitStack() as stack:

        def start(name: str) -> Running:
            case = CASES[name]
            world = World(tmp_path / "state" / "orderctl")
            world.seed(30)
            silent = case.prepare(world.aws, tmp_path)
            url = stack.enter_context(world.aws.serve())
            stack.callback(silent.over.set)
            write_config(tmp_path, CONFIG.format(url=url))
            process = subprocess.Popen(
                [sys.executable, "-m", "orderctl", *case.line.split()],
                env=environ(tmp_path),
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.callback(process.communicate, timeout=10)
            stack.callback(process.kill)
            return Running(process, silent, tmp_path)

        yield start


def environ(home: Path) -> dict[str, str]:
    return {**new_app(home).environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("watch", signal.SIGINT),
        ("watch", signal.SIGHUP),
        ("tail", signal.SIGTERM),
        ("seed", signal.SIGTERM),
        ("redrive", signal.SIGINT),
    ],
)
def test_it_speaks_leaves_and_names_the_command_that_goes_on(
    running: Callable[[str], Running], name: str, number: int
) -> None:
    started = running(name)
    started.is_waiting()
    spoke, gone, said = started.stop(number)
    print(f"{name} {signal.Signals(number).name}: spoke after {spoke:.2f} s, gone after {gone:.2f} s")
    assert started.process.returncode == 128 + number, said
    assert (spoke < SPEAKS, gone < LEAVES) == (True, True), (spoke, gone)
    assert "Traceback" not in said
    assert ("orderctl: interrupted" if number == signal.SIGINT else "orderctl: terminated") in said
    assert CASES[name].resume in said
    if name in ("seed", "redrive"):
        path = started.home / "state" / "orderctl" / "audit.jsonl"
        ended = json.loads(path.read_text().splitlines()[-1])
        assert (ended["phase"], ended["outcome"], ended["exit_code"]) == ("ended", "interrupted", 128 + number)


def test_a_second_one_leaves_at_once(running: Callable[[str], Running]) -> None:
    started = running("redrive")
    started.is_waiting()
    started.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    _, _, said = started.stop(signal.SIGINT)
    print(f"second SIGINT: gone after {time.monotonic() - began:.2f} s")
    assert started.process.returncode == 130
    assert time.monotonic() - began < 1.5
    assert "Traceback" not in said


def test_what_is_ignored_from_the_start_stays_ignored(running: Callable[[str], Running], tmp_path: Path) -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from orderctl.cli.signals import Stopping\n"
        "Stopping(lambda: None, sys.exit).listen()\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
        "assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL\n"
    )
    subprocess.run([sys.executable, "-c", program], env=environ(tmp_path), check=True)


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    world = World(tmp_path / "state" / "orderctl")
    silent = watch(world.aws, tmp_path)
    with world.aws.serve() as url:
        write_config(tmp_path, CONFIG.format(url=url))
        child, terminal = pty.fork()
        if child == 0:
            os.execve(sys.executable, [sys.executable, "-m", "orderctl", "orders", "watch", ARN], environ(tmp_path))
        assert silent.reached.wait(30)
        began = time.monotonic()
        os.close(terminal)
        status = 0
        while time.monotonic() - began < 10:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        silent.over.set()
        gone = time.monotonic() - began
    print(f"closed terminal: gone after {gone:.2f} s")
    assert os.waitstatus_to_exitcode(status) == 129
    assert gone < LEAVES


def test_a_reader_of_stderr_that_does_not_read_keeps_nobody(running: Callable[[str], Running]) -> None:
    started = running("watch")
    started.is_waiting()
    assert started.process.stderr is not None
    there = os.open(f"/proc/{started.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(there, b"x" * 512)
    with suppress(BlockingIOError):
        while True:
            os.write(there, b"x")
    os.close(there)
    began = time.monotonic()
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(20) == 143
    gone = time.monotonic() - began
    print(f"full pipe: gone after {gone:.2f} s")
    assert gone < LEAVES
