"""The rows of the table: what is compared with what, and the goal."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import Run, Shell, Usage, orderctl, peer
from tests.benchmarks.stub import marks, serving
from tests.benchmarks.stub_answers import EXECUTION, MACHINE, QUEUE, TABLE

INTERVAL = 1.0
"""Seconds between two reads of a watch, the default of `--interval`."""
ROUNDS = 15


@dataclass(frozen=True)
class Row:
    """One comparison. Its figure is ours / theirs, or theirs / ours where more is better."""

    group: str
    what: str
    goal: float
    ours: Run
    theirs: Run
    unit: str = "ms"
    more_is_better: bool = False
    rounds: int = ROUNDS

    def ratio(self, ours: float, theirs: float) -> float:
        return theirs / ours if self.more_is_better else ours / theirs

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.goal if self.more_is_better else ratio <= self.goal


def start_up(shell: Shell, aws: Path | None) -> Iterator[Row]:
    """How quick a command answers. `aws`: the AWS CLI v1 to compare with, where one is installed."""

    def timed(*command: str) -> Run:
        return lambda: shell.run(command).seconds * 1000

    version, root = timed(*orderctl("--version")), timed(*orderctl("--help"))
    yield Row("start", "`--version` / `python -c pass`", 1.5, version, timed(sys.executable, "-c", "pass"))
    if aws is not None:
        yield Row("start", "`--help` / `aws --version` (v1)", 0.25, root, timed(str(aws), "--version"))
    for noun in ("orders", "events", "dlq", "inventory", "auth", "stack"):
        yield Row("start", f"`{noun} --help` / `--help`", 1.25, timed(*orderctl(noun, "--help")), root)
    yield Row("start", "`dlq redrive --help` / `--help`", 1.25, timed(*orderctl("dlq", "redrive", "--help")), root)
    for words in (("",), ("dlq", ""), ("dlq", "redrive", "--m")):
        typed = timed(*orderctl("__complete", "zsh", *words))
        yield Row("start", f"completing `orderctl {' '.join(words).strip()}` / `--help`", 1.25, typed, root)


def one_call(shell: Shell) -> Iterator[Row]:
    """A command that makes one call, beside a script that makes that call."""

    def timed(*command: str) -> Run:
        return lambda: _served(lambda url: shell.run(command, url=url).seconds * 1000)

    ours = timed(*orderctl("inventory", "get", "widget-1", "--table", TABLE))
    yield Row("one call", "`inventory get` / boto3 script making that GetItem", 1.0, ours, timed(*peer("one_call")))


def bulk(shell: Shell) -> Iterator[Row]:
    """Work on 10,000 messages or rows."""
    many = 10_000
    stock = _stock(shell, many)

    def redriven(measure: Callable[[Usage], float], latency: float = 0.0) -> Run:
        return _on_messages(shell, _REDRIVE, measure, many, latency)

    def moved(measure: Callable[[Usage], float], latency: float = 0.0) -> Run:
        return _on_messages(shell, peer("move_messages"), measure, many, latency)

    def written(*command: str) -> Run:
        return lambda: _served(lambda url: shell.run(command, url=url).seconds, latency=0.01)

    def cpu(used: Usage) -> float:
        return used.cpu / many * 1000

    def seconds(used: Usage) -> float:
        return used.seconds

    what = "redrive, CPU a message / botocore loop in batches, instant stub"
    yield Row("bulk", what, 1.0, redriven(cpu), moved(cpu), unit="ms a message")
    what = "redrive, speed with 10 ms latency / single-thread loop"
    yield Row("bulk", what, 6, redriven(seconds, 0.01), moved(seconds, 0.01), unit="s", more_is_better=True)
    what = "seeding 10,000 rows, speed with 10 ms latency / boto3 `batch_writer`"
    ours, theirs = written(*orderctl(*_seed(stock))), written(*peer("batch_writer", str(stock)))
    yield Row("bulk", what, 3, ours, theirs, unit="s", more_is_better=True)


def memory(shell: Shell) -> Iterator[Row]:
    """What ten times as much needs."""

    def peak(used: Usage) -> float:
        return used.peak / 2**20

    def messages(many: int) -> Run:
        return _on_messages(shell, _REDRIVE, peak, many)

    def rows(many: int) -> Run:
        command = orderctl(*_seed(_stock(shell, many)))
        return lambda: _served(lambda url: peak(shell.run(command, url=url)))

    def events(many: int) -> Run:
        command = orderctl("orders", "history", EXECUTION, "-o", "jsonl")
        return lambda: _served(lambda url: peak(shell.run(command, url=url)), events=many)

    for what, run in (("redrive", messages), ("`inventory seed`", rows), ("`orders history`", events)):
        things = {"redrive": "messages", "`inventory seed`": "rows"}.get(what, "history events")
        title = f"peak memory of {what}, 100,000 {things} / 10,000"
        yield Row("memory", title, 1.1, run(100_000), run(10_000), unit="MiB")


def watch(shell: Shell) -> Iterator[Row]:
    """How far behind the execution a watch is, in poll intervals."""
    times: list[tuple[float, float]] = []

    def first() -> float:
        times.append(_watched(shell, runs_for=2.2 + len(times) % 10 / 10))
        return times[-1][0]

    def last() -> float:
        return times[-1][1]

    def interval() -> float:
        return INTERVAL

    command = "`orders submit --watch`"
    yield Row(
        "watch", f"{command}: first line after StartExecution's answer / interval", 1.0, first, interval, unit="s"
    )
    yield Row("watch", f"{command}: last line after the end is visible / interval", 1.0, last, interval, unit="s")


_REDRIVE = orderctl("dlq", "redrive", QUEUE, "--yes", "--engine", "own")


def _seed(stock: Path) -> tuple[str, ...]:
    return "inventory", "seed", str(stock), "--table", TABLE, "--yes"


def _stock(shell: Shell, rows: int) -> Path:
    path = shell.home / f"stock-{rows}.csv"
    if not path.exists():
        path.write_text("product_id,quantity\n" + "".join(f"widget-{n},{n % 50}\n" for n in range(rows)))
    return path


def _served(run: Callable[[str], float], *, latency: float = 0.0, **answers: float) -> float:
    with serving(latency=latency, **answers) as url:
        return run(url)


def _on_messages(
    shell: Shell, command: list[str], measure: Callable[[Usage], float], many: int, latency: float = 0.0
) -> Run:
    """Empties the stub's queue with a command, and checks that it did."""

    def once() -> float:
        with serving(latency=latency, messages=many) as url:
            figure = measure(shell.anew().run(command, url=url))
            seen = marks(url)
            if seen["left"] or seen.get("SendMessageBatch", 0) < many / 10:
                raise RuntimeError(f"{command} did not move every message: {seen}")
            return figure

    return once


def _watched(shell: Shell, runs_for: float) -> tuple[float, float]:
    """Seconds from StartExecution's answer to the first line, and from the end's being visible to the last."""
    words = ("submit", "--product-id", "widget-1", "--quantity", "2", "--user-id", "u", "--state-machine", MACHINE)
    lines: list[float] = []
    with serving(runs_for=runs_for) as url:
        with subprocess.Popen(
            orderctl("orders", *words, "--watch"),
            env=shell.environ(url),
            cwd=shell.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines += [time.monotonic() for _ in process.stdout]
        seen = marks(url)
    return lines[0] - seen["started"], lines[-1] - seen["visible"]
