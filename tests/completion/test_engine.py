from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orderctl.completion.engine import candidates
from orderctl.completion.line import for_bash, words_of

TREE: dict[str, Any] = {
    "commands": {
        "orders": {
            "help": "Orders.",
            "arguments": [],
            "options": [],
            "commands": {
                "watch": {
                    "help": "Follow.",
                    "arguments": [{"metavar": "ORDER", "many": True, "choices": []}],
                    "options": [{"names": ["--timeout"], "takes": "TIME", "choices": [], "help": "How long."}],
                },
                "submit": {
                    "help": "Start.",
                    "arguments": [],
                    "options": [{"names": ["--via"], "takes": "VALUE", "choices": ["api", "event"], "help": ""}],
                },
            },
        },
        "inventory": {
            "help": "Stock.",
            "commands": {
                "get": {
                    "help": "One.",
                    "arguments": [{"metavar": "PRODUCT_ID", "many": False, "choices": []}],
                    "options": [],
                },
                "seed": {"help": "", "arguments": [{"metavar": "FILE", "many": False, "choices": []}], "options": []},
            },
        },
    },
    "common": [
        {"names": ["-o", "--output"], "takes": "FORMAT", "choices": [], "help": "Format."},
        {"names": ["--env"], "takes": "NAME", "choices": [], "help": ""},
        {"names": ["--debug"], "takes": None, "choices": [], "help": ""},
    ],
}


def known(kind: str, environment: str | None) -> Sequence[str]:
    if kind == "order":
        return ["o-1", "o-2"] if environment is None else [f"{environment}-1"]
    return {"environment": ["prod", "dev"], "product": ["w-1"]}.get(kind, [])


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["orders", "inventory"]),
        ("or", ["orders"]),
        ("orders ", ["watch", "submit"]),
        ("orders w", ["watch"]),
        ("orders watch ", ["o-1", "o-2"]),
        ("orders watch o-1 ", ["o-1", "o-2"]),
        ("orders watch --env prod ", ["prod-1"]),
        ("--env=dev orders watch ", ["dev-1"]),
        ("orders watch --ti", ["--timeout"]),
        ("orders watch --", ["--timeout", "--output", "--env", "--debug"]),
        ("orders watch --timeout ", []),
        ("orders watch -- o", ["o-1", "o-2"]),
        ("orders submit --via ", ["api", "event"]),
        ("orders submit --via=e", ["--via=event"]),
        ("-o ", ["table", "tsv", "csv", "json", "jsonl"]),
        ("orders -o j", ["json", "jsonl"]),
        ("--env ", ["prod", "dev"]),
        ("--env=p", ["--env=prod"]),
        ("--debug ord", ["orders"]),
        ("inventory get ", ["w-1"]),
        ("inventory get w-1 ", []),
        ("inventory seed ", [":files"]),
        ("nothing such ", ["orders", "inventory"]),
    ],
)
def test_what_fits_at_the_cursor(typed: str, offered: list[str]) -> None:
    words = words_of("orderctl " + typed, len("orderctl " + typed))
    assert [each.word for each in candidates(TREE, words, known)] == offered


@pytest.mark.parametrize(
    ("line", "cursor", "words"),
    [
        ("orderctl ", 9, [""]),
        ("orderctl orders watch", 12, ["ord"]),
        ("orderctl --set 'a b' x\\ y \"c d\" ", 99, ["--set", "a b", "x y", "c d", ""]),
        ("orderctl orders list --where 'open", 99, ["orders", "list", "--where", "open"]),
        ("orderctl '' ", 99, ["", ""]),
    ],
)
def test_bash_s_line_is_taken_apart_as_the_shell_would(line: str, cursor: int, words: list[str]) -> None:
    assert words_of(line, cursor) == words


def test_bash_gets_back_only_what_stands_behind_its_own_last_break() -> None:
    assert for_bash(["--env=prod"], "--env=p", " =:") == ["prod"]
    assert for_bash(["arn:aws:sqs:r:1:orders"], "arn:aws:s", " =:") == ["sqs:r:1:orders"]
    assert for_bash(["--env=prod"], "--env=p", " ") == ["--env=prod"]
