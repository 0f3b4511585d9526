"""The table, printed and as a page of the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import isnan
from pathlib import Path

from tests.benchmarks.rows import Row

HEAD = "| What | Ratio | Goal | | Median | n |\n|---|---|---|---|---|---|\n"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True)
class Measured:
    """A row with the medians of both sides."""

    row: Row
    ours: float
    theirs: float
    rounds: int

    @property
    def ratio(self) -> float:
        return self.row.ratio(self.ours, self.theirs)

    @property
    def is_met(self) -> bool:
        return self.row.is_met(round(self.ratio, 2))


def line(found: Measured) -> str:
    """One line of the table."""
    row = found.row
    goal = f"{'≥' if row.more_is_better else '≤'} {row.goal:g}"
    if isnan(found.ratio):
        return f"| {row.what} | – | {goal} | failed | | {found.rounds} |"
    word = "met" if found.is_met else "**not met**"
    figures = f"{_figure(found.ours)} / {_figure(found.theirs)} {row.unit}"
    return f"| {row.what} | {found.ratio:.2f} | {goal} | {word} | {figures} | {found.rounds} |"


def machine(others: Iterable[str] = ()) -> str:
    """What was measured on and with; no names of hosts or people."""
    packages = [f"{name} {version(name)}" for name in ("botocore", "boto3", "typer")]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return ", ".join([python, platform.system(), platform.machine(), f"{os.cpu_count()} cores", *packages, *others])


def write(page: Path, every: Sequence[Row], done: Sequence[Measured], about: str) -> None:
    """Put the table into the page, between its two marks; rows not measured this time stay as they were."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    lines = {_what(each): each for each in old.splitlines() if each.startswith("| ")}
    lines |= {_what(each): each for each in map(line, done)}
    rows = "\n".join(lines[row.what] for row in every if row.what in lines)
    page.write_text(f"{before}{BEGIN}\nMeasured with {about}.\n\n{HEAD}{rows}\n{END}{after}", encoding="utf-8")


def _what(line: str) -> str:
    return line.split(" | ")[0].removeprefix("| ")


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
