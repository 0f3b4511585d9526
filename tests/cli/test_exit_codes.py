"""Every exit code there is, each by a process of its own, as a script meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orderctl.errors import EXIT_CODES
from tests.cli.support import new_app, write_config
from tests.dlq.world import World
from tests.docs.pages import ROOT
from tests.fakes.clock import START
from tests.fakes.sqs import effects

EXECUTION = "arn:aws:states:ap-northeast-1:123456789012:execution:orders:{name}"
CONFIG = """\
default_env = "local"
[env.local]
local = true
region = "ap-northeast-1"
endpoint_url = "{url}"
[env.prod]
region = "ap-northeast-1"
"""


class Executions:
    """Two executions: one has failed, one runs and runs."""

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        arn = str(params["executionArn"])
        failed = arn.endswith("failed")
        if operation == "DescribeExecution":
            machine = arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
            found = {"executionArn": arn, "stateMachineArn": machine, "name": "x", "startDate": START}
            ended = {"status": "FAILED", "stopDate": START, "error": "OutOfStock"}
            return {**found, **(ended if failed else {"status": "RUNNING"})}
        assert operation == "GetExecutionHistory"
        events: list[dict[str, Any]] = [
            {"id": 1, "previousEventId": 0, "timestamp": START, "type": "ExecutionStarted"},
        ]
        if failed:
            end = {"executionFailedEventDetails": {"error": "OutOfStock"}}
            events.append({"id": 2, "previousEventId": 1, "timestamp": START, "type": "ExecutionFailed", **end})
        return {"events": events[::-1] if params.get("reverseOrder") else events}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    world = World(folder / "state" / "orderctl")
    world.seed(2)
    world.aws.services["stepfunctions"] = Executions()
    world.aws.faults.on("SendMessageBatch", effects.entries_fail([0], "InvalidMessageContents", sender_fault=True))
    with world.aws.serve() as url:
        write_config(folder, CONFIG.format(url=url))
        yield folder


def process(home: Path, argv: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    environ = {**new_app(home).environ, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-m", "orderctl", *argv]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environ, cwd=home, **{**options, **streams})


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (0, "help exit-codes"),
        (2, "orders lst"),
        (3, "dlq inspect nothere"),
        (4, "dlq inspect orders-dlq --env prod"),
        (5, "config init prod"),
        (6, "dlq redrive orders-dlq --yes"),
        (7, "dlq purge orders-dlq"),
        (8, "orders watch " + EXECUTION.format(name="failed")),
        (124, "orders watch --timeout 0.2s " + EXECUTION.format(name="running")),
    ],
)
def test_a_script_gets(home: Path, code: int, line: str) -> None:
    started = process(home, [*line.split(), "--output", "json"])
    out, err = started.communicate(timeout=60)
    assert started.returncode == code, err.decode()
    assert b"Traceback" not in err
    if code:
        told = json.loads(err.splitlines()[-1])
        assert told["exit_code"] == code
        assert told["message"]
    else:
        assert {row["exit_code"] for row in json.loads(out)} == set(EXIT_CODES)


def test_a_full_disk_is_1_and_says_so(home: Path) -> None:
    with Path("/dev/full").open("w") as full:
        started = process(home, ["help", "exit-codes"], stdout=full)
        _, err = started.communicate(timeout=60)
    assert started.returncode == 1
    assert err == b"orderctl: No space left on device\nhint: free some space and run it again\n"


def test_a_closed_stdout_is_1_and_says_so(home: Path) -> None:
    line = f"exec {sys.executable} -m orderctl help exit-codes >&-"
    environ = {**new_app(home).environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/sh", "-c", line], env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"orderctl: standard output is closed\n")


def test_a_closed_stdin_is_nobody_to_ask(home: Path) -> None:
    line = f"exec {sys.executable} -m orderctl dlq purge orders-dlq <&-"
    environ = {**new_app(home).environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(["/bin/sh", "-c", line], env=environ, capture_output=True, check=False, timeout=60)
    assert done.returncode == 7
    assert b"hint: pass --confirm orders-dlq" in done.stderr


def test_a_reader_that_went_away_is_141_and_nothing_is_said(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    started = process(home, ["help", "exit-codes"], stdout=writer)
    os.close(writer)
    _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (141, b"")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_128_and_its_number(home: Path, number: signal.Signals) -> None:
    started = process(home, ["orders", "watch", EXECUTION.format(name="running")])
    assert started.stdout is not None
    started.stdout.readline()
    started.send_signal(number)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 128 + number
    assert b"hint: " in err
    assert b"Traceback" not in err


def test_every_code_of_the_list_is_shown_here() -> None:
    shown = {0, 1, 2, 3, 4, 5, 6, 7, 8, 124, 129, 130, 141, 143}
    assert set(EXIT_CODES) == shown
