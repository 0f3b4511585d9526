"""A run remembers an id of each message and nothing else, however long the queue is."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from tests.dlq.flat_memory import TEXT, new_run


def kept_after(count: int, folder: Path) -> int:
    """Bytes that are still held when a run of so many letters has ended."""
    tracemalloc.start()
    try:
        run = new_run(count, folder)
        run.go()
        assert len(run.tally.delivered) == len(run.tally.deleted) == count
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_a_message_more_costs_an_id_and_never_its_body(tmp_path: Path) -> None:
    kept_after(50, tmp_path / "first")
    grown = kept_after(1_050, tmp_path / "more") - kept_after(50, tmp_path / "less")
    assert grown / 1_000 < 150 < len(TEXT)
