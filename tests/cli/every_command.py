"""Every command there is, with a line that would do its work on the stage, and what it does.

A verb that is in no table here fails a test: whoever adds one says what it does, and it is then held to the
guards, the dry run, the formats and the audit trail like all others.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orderctl.cli.tree import tree

ORDER = "--product-id w-1 --quantity 1 --user-id ada"
REPLAY = "--since 2h --until 1h --rule OrderCreated --target SendEmail"
STOCK = "product_id,quantity\nw-9,5\n"
USERS = "user_id,email,name\nu-9,b@example.com,B\n"
LETTER_FILE = "LETTERS"
"""Stands for a file of exported letters, which the test writes beforehand."""


@dataclass(frozen=True)
class Changes:
    """It changes the order system: `line` without `--yes` and `--confirm`. `asks` unless the thing is protected."""

    line: str
    asks: str = ""
    """`yes` or the name to confirm, where it asks in an unprotected environment as well."""
    stdin: str = ""
    is_played: bool = True
    """Is it let through on the stage? Not where that starts a server."""


@dataclass(frozen=True)
class Reads:
    """It only reads: `line` as it stands; `code` where what it finds is no success."""

    line: str
    code: int = 0
    stdin: str = ""
    formats: bool = True
    """Does it show data in the five formats?"""


@dataclass(frozen=True)
class Own:
    """It changes files and processes of the person's own, never the order system."""

    line: str = ""


CHANGING: dict[str, list[Changes]] = {
    "orders submit": [
        Changes(f"orders submit {ORDER}"),
        Changes(f"orders submit {ORDER} --express"),
        Changes(f"orders submit {ORDER} --express --detach"),
        Changes(f"orders submit {ORDER} --via event"),
        Changes(f"orders submit {ORDER} --via api --env local"),
        Changes("orders submit --batch -", stdin='{"product_id": "w-1", "quantity": 1, "user_id": "ada"}\n'),
    ],
    "orders stop": [Changes("orders stop running", asks="yes")],
    "orders redrive": [Changes("orders redrive crashed", asks="yes"), Changes("orders redrive crashed --new", "yes")],
    "events publish": [Changes(f"events publish {ORDER}")],
    "events tail": [Changes("events tail --max 1")],
    "events replay": [
        Changes(f"events replay {REPLAY} --name again", asks="yes"),
        Changes("events replay --cancel running", asks="yes"),
    ],
    "dlq redrive": [
        Changes("dlq redrive orders-dlq --kind sqs", asks="yes"),
        Changes("dlq redrive orders-dlq --max 1", asks="yes"),
        Changes("dlq redrive orders-dlq --engine native", asks="yes"),
        Changes("dlq redrive orders-dlq --engine own", asks="yes"),
    ],
    "dlq restore": [Changes(f"dlq restore {LETTER_FILE}", asks="yes")],
    "dlq purge": [
        Changes("dlq purge orders-dlq", asks="orders-dlq"),
        Changes("dlq purge orders-dlq --kind sqs", asks="orders-dlq"),
        Changes("dlq purge orders-dlq --all-at-once", asks="orders-dlq"),
    ],
    "dlq tasks": [Changes("dlq tasks slow-dlq --cancel", asks="yes")],
    "inventory seed": [
        Changes("inventory seed - --format csv", stdin=STOCK),
        Changes("inventory seed - --format csv --mode upsert", asks="yes", stdin=STOCK),
        Changes("inventory seed - --format csv --mode exact", asks="yes", stdin=STOCK.replace(",5", ",6")),
        Changes("inventory seed - --format csv --mode add --seed-id s-1", stdin=STOCK),
    ],
    "inventory adjust": [Changes("inventory adjust w-1 --by 1")],
    "users create": [Changes("users create --env local --user-id u-8 --email c@example.com --name C")],
    "users import": [Changes("users import - --format csv --env local", stdin=USERS)],
    "stack deploy": [Changes("stack deploy", asks="yes")],
    "stack destroy": [Changes("stack destroy --stack orders", asks="orders")],
    "doctor": [Changes("doctor --sweep", is_played=False)],
    "local reset": [Changes("local reset", asks="local", is_played=False)],
    "local drill": [Changes("local drill sqs --queue orders-dlq --env local")],
}

READING: dict[str, list[Reads]] = {
    "orders watch": [Reads("orders watch good"), Reads("orders watch crashed", code=8)],
    "orders tail": [Reads("orders tail --timeout 1s", code=124)],
    "orders list": [Reads("orders list"), Reads("orders list --status FAILED")],
    "orders show": [Reads("orders show crashed")],
    "orders history": [Reads("orders history good")],
    "orders graph": [Reads("orders graph crashed")],
    "orders logs": [Reads("orders logs crashed")],
    "orders trace": [Reads("orders trace crashed")],
    "events test": [Reads(f"events test {ORDER}")],
    "dlq list": [Reads("dlq list orders-dlq")],
    "dlq inspect": [Reads("dlq inspect orders-dlq"), Reads("dlq inspect orders-dlq --group-by kind")],
    "dlq tasks": [Reads("dlq tasks orders-dlq")],
    "dlq export": [Reads("dlq export orders-dlq", formats=False)],
    "inventory get": [Reads("inventory get w-1"), Reads("inventory get w-3")],
    "inventory list": [Reads("inventory list")],
    "inventory export": [Reads("inventory export -", formats=False)],
    "users get": [Reads("users get u-1 --env local")],
    "auth status": [Reads("auth status --env local")],
    "auth token": [Reads("auth token --env local")],
    "audit": [Reads("audit")],
    "config list": [Reads("config list")],
    "config show": [Reads("config show --origin")],
    "config path": [Reads("config path")],
    "stack status": [Reads("stack status --stack orders")],
    "stack outputs": [Reads("stack outputs --stack orders")],
    "local status": [Reads("local status")],
    "top": [Reads("top"), Reads("top --once")],
    "doctor": [Reads("doctor")],
    "completion bash": [Reads("completion bash", formats=False)],
    "completion zsh": [Reads("completion zsh", formats=False)],
    "completion fish": [Reads("completion fish", formats=False)],
    "help exit-codes": [Reads("help exit-codes")],
    "help output": [Reads("help output", formats=False)],
}

OWN: dict[str, Own] = {
    "auth login": Own(),
    "auth logout": Own(),
    "config init": Own(),
    "config set": Own(),
    "config use": Own(),
    "completion install": Own(),
    "local up": Own(),
    "local down": Own(),
}


def changing() -> list[Changes]:
    return [line for lines in CHANGING.values() for line in lines]


def reading() -> list[Reads]:
    return [line for lines in READING.values() for line in lines]


def every_command() -> Iterator[tuple[str, dict[str, Any]]]:
    """What stands in the tree of commands: `noun verb`, and its parameters."""
    for noun, node in tree()["commands"].items():
        if "commands" not in node:
            yield noun, node
        for verb, below in node.get("commands", {}).items():
            yield f"{noun} {verb}", below


def words(line: str, *more: str) -> list[str]:
    return [*shlex.split(line), *more]
