"""Running programs side by side and taking their measure.

Every round runs each program once, one after the other, so that a busy moment of the machine falls on all of
them; medians of the rounds are compared, never one time with another. The first round compiles and warms, and
is not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

Run = Callable[[], float]
"""Does one thing once, and gives its figure."""


@dataclass(frozen=True)
class Usage:
    """What one program took of the machine."""

    seconds: float
    cpu: float
    """Seconds of CPU, its threads' and the system's work for it included."""
    peak: int
    """Bytes of memory at the most."""


@dataclass(frozen=True)
class Shell:
    """Where the measured programs run: an empty home, made-up credentials, this tree."""

    home: Path
    tree: Path

    def anew(self) -> Shell:
        """The same with a home of its own, where no earlier run has left anything."""
        return Shell(Path(tempfile.mkdtemp(dir=self.home)), self.tree)

    def environ(self, url: str | None = None) -> dict[str, str]:
        """Their whole environment; `url` is the stub's."""
        ours = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(self.tree),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAFAKE",
            "AWS_SECRET_ACCESS_KEY": "fake",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return ours if url is None else {**ours, "AWS_ENDPOINT_URL": url}

    def run(self, command: Sequence[str], *, url: str | None = None) -> Usage:
        """Run it to its end. Raises RuntimeError with what it said where it fails."""
        began = time.perf_counter()
        with open(self.home / "said", "w+b") as said:
            process = subprocess.Popen(
                command, env=self.environ(url), cwd=self.home, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            took = time.perf_counter() - began
            if process.returncode:
                said.seek(0)
                raise RuntimeError(f"{command} ended with {process.returncode}: {said.read().decode()[-2000:]}")
        return Usage(took, used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def interleaved(sides: Mapping[str, Run], rounds: int, *, is_warm: bool = False) -> dict[str, list[float]]:
    """Each run's figures, `rounds` of them, after one round that is thrown away unless all is warm already."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + (not is_warm)):
        for name, run in sides.items():
            figure = _tried(run)
            if number or is_warm:
                found[name].append(figure)
    return found


def _tried(run: Run) -> float:
    """One row that does not work is no reason to lose the others."""
    try:
        return run()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return nan


def orderctl(*words: str) -> list[str]:
    """orderctl as its console script starts it."""
    program = "import sys; from orderctl.__main__ import run; sys.argv[0] = 'orderctl'; run()"
    return [sys.executable, "-c", program, *words]


def peer(name: str, *words: str) -> list[str]:
    """One of the plain programs beside this file."""
    return [sys.executable, str(Path(__file__).parent / "peers" / f"{name}.py"), *words]
