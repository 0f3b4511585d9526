from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from orderctl.completion.memory import MOST, Memory, recall


@dataclass
class Queue:
    name: str
    kinds: tuple[str, ...] = ("sqs",)


def keep(cache: Path, *items: object, environment: str = "prod") -> None:
    memory = Memory()
    for item in items:
        memory.notice(item)
    memory.keep(cache, environment)


def test_names_that_were_shown_are_remembered_the_newest_first(tmp_path: Path) -> None:
    keep(tmp_path, {"order_id": "o-1"}, Queue("orders-dlq"))
    keep(tmp_path, {"order_id": "o-2", "product_id": "w-1"}, {"order_id": "o-1"}, {"queue": "other"})
    assert recall(tmp_path, "prod") == {"order": ["o-2", "o-1"], "queue": ["other", "orders-dlq"], "product": ["w-1"]}


def test_environments_are_kept_apart(tmp_path: Path) -> None:
    keep(tmp_path, {"order_id": "o-1"})
    assert recall(tmp_path, "dev") == {}


@pytest.mark.parametrize(
    "name", ["$(reboot)", "`reboot`", "a b", "a;b", "a|b", "-rf", "--yes", "a'b", 'a"b', "a\nb", "a\tb", "~", "a&b", ""]
)
def test_a_name_a_shell_could_act_on_is_never_offered(tmp_path: Path, name: str) -> None:
    keep(tmp_path, {"order_id": name}, {"order_id": "good"})
    assert recall(tmp_path, "prod")["order"] == ["good"]


def test_it_never_grows_without_end(tmp_path: Path) -> None:
    keep(tmp_path, *({"order_id": f"o-{number}"} for number in range(MOST * 2)))
    keep(tmp_path, {"order_id": "new"})
    assert len(recall(tmp_path, "prod")["order"]) == MOST
    assert recall(tmp_path, "prod")["order"][0] == "new"


def test_what_cannot_be_kept_or_read_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "completion").write_text("a file in the way")
    keep(tmp_path, {"order_id": "o-1"})
    assert recall(tmp_path, "prod") == {}
