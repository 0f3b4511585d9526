"""`make bench`: how quick a command answers, as ratios of medians measured side by side.

Every round runs each command once, one after the other, so that a busy moment of the machine falls on all of
them; the median of the rounds is compared, never a time of its own. Nothing here is a test: no number fails.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = 21


@dataclass(frozen=True)
class Ratio:
    """One row: a command, what it is compared with, and the ratio it should stay below."""

    what: str
    goal: float
    command: Sequence[str]
    against: Sequence[str]


def orderctl(*words: str) -> list[str]:
    return [sys.executable, "-m", "orderctl", *words]


ROWS = (
    Ratio("orderctl --version / python -c pass", 1.5, orderctl("--version"), [sys.executable, "-c", "pass"]),
    Ratio("orderctl --help / importing boto3", 0.5, orderctl("--help"), [sys.executable, "-c", "import boto3"]),
    Ratio("orderctl dlq --help / orderctl --help", 1.25, orderctl("dlq", "--help"), orderctl("--help")),
    Ratio("orderctl orders --help / orderctl --help", 1.25, orderctl("orders", "--help"), orderctl("--help")),
    Ratio("orderctl config list / orderctl --help", 1.25, orderctl("config", "list"), orderctl("--help")),
)


def measured(rows: Sequence[Ratio], environ: Mapping[str, str]) -> list[tuple[Ratio, float, float]]:
    """Each row with the medians of both sides, in seconds."""
    commands = {tuple(command) for row in rows for command in (row.command, row.against)}
    times: dict[tuple[str, ...], list[float]] = {command: [] for command in commands}
    for number in range(ROUNDS + 1):
        for command, found in times.items():
            began = time.perf_counter()
            subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
            if number:  # the first round compiles and warms
                found.append(time.perf_counter() - began)
    return [(row, median(times[tuple(row.command)]), median(times[tuple(row.against)])) for row in rows]


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        rows = measured(ROWS, {"PATH": os.environ["PATH"], "HOME": home})
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {ROUNDS} rounds\n")
    print("| what | ratio | goal | milliseconds |")
    print("|---|---|---|---|")
    for row, mine, theirs in rows:
        ratio = mine / theirs
        print(f"| {row.what} | {ratio:.2f} | <= {row.goal} | {mine * 1000:.0f} / {theirs * 1000:.0f} |")


if __name__ == "__main__":
    main()
