"""`make bench`: how quick orderctl is beside what somebody would use instead, as ratios of medians.

    python -m tests.benchmarks [--with-peers] [--only start,bulk] [--rounds N] [--write]

Nothing here is a test: no number fails. What makes the numbers good is tested in `tests/test_start_up.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import median

from tests.benchmarks import installed, report, rows
from tests.benchmarks.measure import Shell, interleaved
from tests.benchmarks.report import Measured
from tests.benchmarks.rows import Row

GROUPS = ("start", "one call", "bulk", "memory", "watch")
TREE = Path(__file__).parents[2]
PAGE = TREE / "docs" / "benchmarks.md"
PEERS = Path(sys.prefix) / "peers"


def measured(found: list[Row], rounds: int | None) -> Iterator[Measured]:
    """The rows of one group, measured in the same rounds."""
    count = rounds or found[0].rounds
    runs = {str(id(run)): run for row in found for run in (row.ours, row.theirs)}
    figures = interleaved(runs, count, is_warm=found[0].group == "memory")
    for row in found:
        yield Measured(row, median(figures[str(id(row.ours))]), median(figures[str(id(row.theirs))]), count)


def main() -> None:
    asked = _asked()
    aws = installed.aws_cli(PEERS) if asked.with_peers else None
    groups = asked.only.split(",") if asked.only else list(GROUPS)
    done: list[Measured] = []
    print(report.HEAD, end="", flush=True)
    with tempfile.TemporaryDirectory() as home:
        shell = Shell(Path(home), TREE)
        every = [
            *rows.start_up(shell, aws),
            *rows.one_call(shell),
            *rows.bulk(shell),
            *rows.memory(shell),
            *rows.watch(shell),
        ]
        for name, found in groupby(every, key=lambda row: row.group):
            together = list(found)
            for each in measured(together, asked.rounds) if name in groups else ():
                print(report.line(each), flush=True)
                done.append(each)
    about = report.machine([installed.version(aws)] if aws else [])
    print(f"\n{about}")
    if asked.write:
        report.write(PAGE, every, done, about)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--with-peers", action="store_true", help="install the AWS CLI v1 to compare with")
    parser.add_argument("--only", metavar="GROUPS", help=f"some of: {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default: {rows.ROUNDS}")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
