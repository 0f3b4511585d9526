from __future__ import annotations

import socket
from math import nan
from pathlib import Path

from tests.benchmarks.report import BEGIN, END, Measured, line, machine, write
from tests.benchmarks.rows import Row


def never() -> float:
    raise AssertionError("only the report is tested here")


QUICK = Row("start", "`--help` / `aws --version`", 0.25, never, never)
FAST = Row("bulk", "redrive / loop", 6, never, never, unit="s", more_is_better=True)


def test_a_row_says_its_ratio_its_goal_and_both_medians() -> None:
    said = line(Measured(QUICK, 62.4, 351.0, 15))
    assert said == "| `--help` / `aws --version` | 0.18 | ≤ 0.25 | met | 62.4 / 351 ms | 15 |"


def test_where_more_is_better_the_ratio_is_how_many_times_faster() -> None:
    assert line(Measured(FAST, 5.0, 35.0, 15)) == "| redrive / loop | 7.00 | ≥ 6 | met | 5 / 35 s | 15 |"
    assert "**not met**" in line(Measured(FAST, 7.0, 35.0, 15))


def test_a_row_that_did_not_work_is_said_and_not_counted_as_met() -> None:
    assert line(Measured(QUICK, nan, 351.0, 15)) == "| `--help` / `aws --version` | – | ≤ 0.25 | failed | | 15 |"


def test_writing_keeps_the_text_around_and_the_rows_not_measured_this_time(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    write(page, [QUICK, FAST], [Measured(FAST, 5, 35, 15), Measured(QUICK, 62, 351, 15)], "a machine")
    write(page, [QUICK, FAST], [Measured(QUICK, 1, 10, 3)], "another machine")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\nMeasured with another machine.\n")
    assert text.endswith(f"{END}\nafter\n")
    rows = [each for each in text.splitlines() if each.startswith("| ")][1:]
    assert rows == [line(Measured(QUICK, 1, 10, 3)), line(Measured(FAST, 5, 35, 15))]


def test_the_machine_is_described_without_its_name() -> None:
    said = machine(["aws-cli/1.2"])
    assert "aws-cli/1.2" in said
    assert socket.gethostname() not in said
    assert str(Path.home()) not in said
