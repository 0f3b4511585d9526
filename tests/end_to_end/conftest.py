"""One embedded stack for every worker that runs a test of this folder, brought up by the command a user types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.backstage import Backstage
from tests.end_to_end.shell import Shell


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in a home where `orderctl local up` has just been run; `local down` at the end, however it ends."""
    made = Shell(tmp_path_factory.mktemp("home"))
    try:
        made.run("local up")
        yield made
    finally:
        made.run("local down", expect=None)


@pytest.fixture(scope="session")
def backstage(shell: Shell) -> Backstage:
    status = shell.run("local status -o json").json
    region = shell.run("config show -o json --query \"[?key=='region'].value | [0]\"").json
    return Backstage(status["endpoint_url"], region)


@pytest.fixture(scope="session")
def stocked(shell: Shell) -> Shell:
    """The shell, once there is stock: 1000 widget-1 and 1 widget-2."""
    shell.run(
        "inventory seed - --format jsonl --mode upsert --yes",
        stdin='{"product_id": "widget-1", "quantity": 1000}\n' + LAST_ONE,
    )
    return shell


LAST_ONE = '{"product_id": "widget-2", "quantity": 1}\n'
