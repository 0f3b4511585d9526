"""What makes a command quick: what it does not import, and how few calls it makes. Nothing here is timed.

Each command runs in a process of its own against the stub of the benchmarks, as the console script starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.benchmarks.stub import marks, serving
from tests.benchmarks.stub_answers import EXECUTION, MACHINE, QUEUE, TABLE

ROOT = Path(__file__).parents[1]
NEVER = {"boto3", "s3transfer", "rich", "pydantic", "pydantic_core", "tenacity", "ministack", "samtranslator", "moto"}
"""What no command below may import."""
FOR_AWS = {"botocore", "urllib3", "jmespath"}
"""What only a command that speaks to AWS may import."""
PROGRAM = """
import json, sys
sys.argv[:] = ['orderctl', *json.loads(sys.argv[1])]
from orderctl.__main__ import run
try:
    run()
except SystemExit as end:
    code = end.code
finally:
    sys.stdout.flush()
    print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)
"""


def imported_by(*words: str, home: Path, url: str | None = None) -> set[str]:
    """The packages that were imported when the command had ended."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "fake",
        **({"AWS_ENDPOINT_URL": url} if url else {}),
    }
    command = [sys.executable, "-c", PROGRAM, json.dumps(words)]
    done = subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("orders", "--help"),
        ("dlq", "redrive", "--help"),
        ("inventory", "seed", "--help"),
        ("config", "list"),
        ("config", "path"),
        ("auth", "status"),
        ("local", "status"),
        ("no-such-noun",),
    ],
    ids=" ".join,
)
def test_a_command_that_speaks_to_nobody_imports_neither_botocore_nor_anything_heavy(
    words: Sequence[str], tmp_path: Path
) -> None:
    assert imported_by(*words, home=tmp_path) & (NEVER | FOR_AWS | {"tomlkit", "sqlite3"}) == set()


def test_completing_a_word_imports_not_even_typer_once_the_tree_is_known(tmp_path: Path) -> None:
    imported_by("__complete", "zsh", "dlq", "", home=tmp_path)
    again = imported_by("__complete", "zsh", "dlq", "", home=tmp_path)
    assert again & (NEVER | FOR_AWS | {"tomlkit", "typer"}) == set()


CALLS: dict[tuple[str, ...], dict[str, int]] = {
    ("inventory", "get", "widget-1", "--table", TABLE): {"GetItem": 1},
    ("orders", "show", EXECUTION): {"DescribeExecution": 1, "GetExecutionHistory": 3},
    ("orders", "show", "order-1", "--state-machine", MACHINE): {"DescribeExecution": 1, "GetExecutionHistory": 3},
    ("orders", "history", EXECUTION): {"GetExecutionHistory": 3},
}
"""A command, and every call it makes; the history of the stub has three pages."""


@pytest.mark.parametrize(("words", "calls"), CALLS.items(), ids=[" ".join(words[:2]) for words in CALLS])
def test_a_reading_command_makes_the_calls_it_needs_and_no_other(
    words: Sequence[str], calls: dict[str, int], tmp_path: Path
) -> None:
    with serving(events=2500) as url:
        modules = imported_by(*words, home=tmp_path, url=url)
        asked = {name: count for name, count in marks(url).items() if name != "left"}
    assert modules & (NEVER | {"tomlkit"}) == set()
    assert asked == calls


def test_listing_a_queue_asks_each_service_once_about_what_feeds_it(tmp_path: Path) -> None:
    with serving(messages=25) as url:
        modules = imported_by("dlq", "list", QUEUE, home=tmp_path, url=url)
        asked = marks(url)
    assert modules & (NEVER | {"tomlkit"}) == set()
    assert asked["left"] == 25
    assert asked.get("ReceiveMessage", 0) == 0
    assert sum(asked.values()) - asked["left"] <= 17


def test_a_redrive_makes_three_calls_for_ten_letters(tmp_path: Path) -> None:
    """The rest is the plan, which looks at 100 letters and gives them back, and the end, which asks three times."""
    with serving(messages=1000) as url:
        imported_by("dlq", "redrive", QUEUE, "--yes", "--engine", "own", home=tmp_path, url=url)
        asked = marks(url)
    assert asked["left"] == 0
    assert asked["SendMessageBatch"] == asked["DeleteMessageBatch"] == 100
    assert asked["ReceiveMessage"] <= 100 + 10 + 3 + 8
    assert asked["ChangeMessageVisibilityBatch"] <= 10
