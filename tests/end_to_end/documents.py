"""Pages of documentation as something that runs: their shell blocks, in order, in one shell a page.

What a page says about a line stands at the line's end, where its reader sees it:

    orderctl orders show gone              # exit code 3
    orderctl orders redrive a --new --yes  # exit code 5 when run again

What only the test needs is a comment, which Markdown does not show: `<!-- setup: LINE -->` is run the first time,
`<!-- always: LINE -->` each time, and after `<!-- once -->` the next block is left out when the page is run again.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

_PART = re.compile(
    r"^<!-- (?P<word>setup|always): (?P<line>[^\n]+?) -->$|^(?P<once><!-- once -->)$"
    r"|^```(?P<kind>\w+)\n(?P<block>.*?)^```$|^## (?P<heading>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)
_EXPECTED = re.compile(r"# exit code (?:(?P<both>\d+)(?:, |$))?(?:(?P<again>\d+) when run again)?$")
_TIMEOUT = 300
_NUMBERS = count()


@dataclass(frozen=True)
class Step:
    """One line, and how it has to end the first time and when it is run again; None: it is not run then."""

    line: str
    first: int | None = 0
    again: int | None = 0


@dataclass(frozen=True)
class Ended:
    """A line that was run."""

    step: Step
    code: int
    said: str


def headings(page: Path) -> list[str]:
    return [part["heading"] for part in _parts(page) if part["heading"]]


def steps(page: Path) -> Iterator[Step]:
    """Every line of the page's `sh` blocks, and what is hidden between them."""
    is_once = False
    for part in _parts(page):
        if part["line"]:
            yield Step(part["line"], again=0 if part["word"] == "always" else None)
        elif part["once"]:
            is_once = True
        elif part["kind"] == "sh":
            for line in filter(None, part["block"].splitlines()):
                yield _step(line, is_once=is_once)
            is_once = False


def typed(page: Path) -> Iterator[Step]:
    """What is typed in the page's `console` blocks; an `echo $?` shows how the line before it ended."""
    for part in _parts(page):
        if part["kind"] == "console":
            exchanges = [exchange.splitlines() for exchange in re.split(r"^\$ ", part["block"], flags=re.MULTILINE)[1:]]
            for (line, *_), (following, *shown) in pairwise([*exchanges, [""]]):
                if line != "echo $?":
                    yield Step(line, int(shown[0]) if following == "echo $?" else 0, None)


def _step(line: str, *, is_once: bool) -> Step:
    found = _EXPECTED.search(line)
    first = int(found["both"] or 0) if found else 0
    again = int(found["again"]) if found and found["again"] else first
    return Step(line, first, None if is_once else again)


def _parts(page: Path) -> Iterator[re.Match[str]]:
    return _PART.finditer(page.read_text(encoding="utf-8"))


def run(wanted: list[Step], environ: Mapping[str, str], folder: Path) -> list[Ended]:
    """Run the lines in one shell, whatever they end with, each with its output kept."""
    kept = folder / f"ran-{next(_NUMBERS)}"
    kept.mkdir()
    script = "".join(_kept(step.line, shlex.quote(str(kept / str(n)))) for n, step in enumerate(wanted))
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    assert not done.stderr, done.stderr
    return [
        Ended(step, int((kept / f"{n}.code").read_text()), (kept / str(n)).read_text(errors="replace"))
        for n, step in enumerate(wanted)
    ]


def _kept(line: str, file: str) -> str:
    """The line with its output and its exit code in files; no subshell, so that what it sets stays set."""
    return f"{{ {line}\n}} > {file} 2>&1; echo $? > {file}.code\n"


def bare_environ() -> dict[str, str]:
    """This process's environment without anybody's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORDERCTL_", "XDG_"))}
