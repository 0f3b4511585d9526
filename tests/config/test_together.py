"""Several commands that write the configuration at once."""

from __future__ import annotations

import threading
from pathlib import Path

from orderctl.config import file


def test_nothing_is_lost_where_many_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "orderctl" / "config.toml"
    names = [f"env-{number}" for number in range(40)]
    workers = [
        threading.Thread(target=file.write_environment, args=(path, name, {"region": "eu-west-1"})) for name in names
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    written = file.read(path)
    assert sorted(written.values) == sorted(names)
    assert written.default_env in names
    assert [found.name for found in path.parent.iterdir()] == ["config.toml"]
