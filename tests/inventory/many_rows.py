"""How much memory and time a seed of many rows takes, by the front door, in a process of its own.

    python -m tests.inventory.many_rows ROWS [SEED OPTIONS...]

The table behind it answers at once and keeps nothing, so what is measured is orderctl: reading the file twice,
finding duplicates, and the pool. `measure` gives the same to a benchmark.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Measured:
    """Peak resident memory in MiB and seconds, of the whole process and of the seed."""

    rows: int
    peak_mib: float
    seconds: float


def measure(rows: int, *options: str) -> Measured:
    """Seed so many rows in a new process; `options` go to `inventory seed`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.inventory.many_rows", str(rows), *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


class BottomlessTable:
    """Takes every write and keeps none; there never was a row before."""

    name = "inventory"
    at_once = 25
    slow_because = None

    def check(self) -> None:
        """It is there."""

    def get_many(self, product_ids: Sequence[str]) -> Mapping[str, Any]:
        return {}

    def create_many(self, rows: Sequence[Any]) -> list[Any]:
        return [self.create(row) for row in rows]

    def __getattr__(self, name: str) -> Any:
        from orderctl.inventory.models import Written

        return lambda *arguments: Written(True, None)


def write_file(path: Path, rows: int) -> None:
    """A CSV of that many products, in an order that suits no index."""
    with path.open("w") as file:
        file.write("product_id,quantity,color\n")
        for number in range(rows):
            file.write(f"product-{number * 7919 % rows:07},{number % 1000},red\n")


def seed(rows: int, options: Sequence[str]) -> Iterator[object]:
    """The file is written first, then seeded; gives the exit code and the seconds it took."""
    from orderctl.cli.main import main
    from orderctl.context import App

    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "stock.csv"
        write_file(path, rows)
        app = App(environ={"HOME": home}, stdin=io.StringIO(), out=io.StringIO(), err=io.StringIO())
        app.stock = BottomlessTable()
        began = time.monotonic()
        yield main(["inventory", "seed", str(path), *options], app)
        yield time.monotonic() - began


if __name__ == "__main__":
    asked = int(sys.argv[1])
    code, seconds = seed(asked, sys.argv[2:])
    assert code == 0, code
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": asked, "peak_mib": round(peak, 1), "seconds": round(float(str(seconds)), 1)}))
