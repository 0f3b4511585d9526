"""What the journal keeps of a wave, and which waves of a run somebody has to look at again.

A wave is written down before anything of it is uploaded: with its execution, its chunks, and the receipt handles of its
letters, so that whoever goes on within the time they are hidden can delete what was delivered, and give back the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orderctl.bulk.models import Wave
from orderctl.dlq.journal import Standing, read_lines


@dataclass(frozen=True, slots=True)
class Recorded:
    """A wave as it was begun. `until` is the time, by this machine's clock, at which its letters become visible."""

    wave: Wave
    until: float
    handles: Mapping[str, str] = field(repr=False)

    def document(self) -> dict[str, object]:
        """As a line of the journal."""
        wave = self.wave
        return {
            "r": "wave",
            "bucket": wave.bucket,
            "machine": wave.machine_arn,
            "name": wave.name,
            "execution": wave.execution_arn,
            "prefix": wave.prefix,
            "chunks": [list(chunk) for chunk in wave.chunks],
            "until": self.until,
            "handles": dict(self.handles),
        }


def read(record: Mapping[str, Any]) -> Recorded:
    """The wave that `document` wrote."""
    parts = tuple(tuple(chunk) for chunk in record["chunks"])
    wave = Wave(record["bucket"], record["machine"], record["name"], record["prefix"], parts)
    return Recorded(wave, float(record["until"]), dict(record["handles"]))


def waves(path: Path) -> Iterator[Recorded]:
    """Every wave of a journal, in order."""
    return (read(record) for record, _ in read_lines(path) if record["r"] == "wave")


def open_ids(standing: Standing) -> set[str]:
    """Letters of which it is not known whether they were delivered."""
    unclear = standing.doubted - standing.to_delete.keys() - standing.deleted
    return standing.in_doubt | unclear
