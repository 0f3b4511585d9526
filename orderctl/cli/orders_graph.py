"""`orders graph`: the state machine as text, with the way one order took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.cli.framework import app_of
from orderctl.cli.orders_common import Express, StateMachine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderctl.orders.graph import Node

COLUMNS = ("name", "type", "label", "status", "ways")


def graph(
    ctx: typer.Context,
    order: Annotated[str | None, typer.Argument(metavar="[ORDER]", help="Mark the way this order took.")] = None,
    express: Express = False,
    state_machine: StateMachine = None,
) -> None:
    """The states and the ways between them, read from the definition.

    Example: orderctl orders graph @latest
    """
    from orderctl.cli.orders_express import any_arn_of, histories_of
    from orderctl.orders.explain import explain
    from orderctl.orders.graph import nodes
    from orderctl.orders.names import machine_of

    cli = app_of(ctx)
    arn = any_arn_of(cli, order, state_machine, express=express) if order else None
    name = "express_state_machine" if express else "state_machine"
    machine = machine_of(arn) if arn else cli.resource(name, state_machine)
    found = nodes(cli.executions.state_machine(machine).definition)
    taken: dict[str, str] = {}
    if arn is not None:
        explained = explain(histories_of(cli), arn, cli.token_buckets.of("GetExecutionHistory"))
        taken = {_plain(line.state): line.status for line in explained.states}
    if cli.renderer.format == "table":
        for node in found:
            for text in lines(node, taken):
                cli.renderer.text(text)
    else:
        cli.renderer.rows(COLUMNS, [_row(node, taken) for node in found])


def lines(node: Node, taken: Mapping[str, str]) -> list[str]:
    """A state and its ways out, for a person."""
    margin = "    " * node.depth
    label = f"{node.label} " if node.label else ""
    notes = [taken.get(node.name, ""), "retries" if node.retries else "", "end" if node.is_end else ""]
    head = f"{margin}{label}{node.name}  ({node.type})" + "".join(f"  {note}" for note in notes if note)
    arrows = {"next": "->", "choice": "?>", "catch": "!>"}
    ways = [
        f"{margin}  {arrows[way.kind]} {way.to}" + ("" if way.when == "next" else f"  {way.when}") for way in node.ways
    ]
    return [head, *ways]


def _row(node: Node, taken: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": node.name,
        "type": node.type,
        "label": node.label,
        "depth": node.depth,
        "is_start": node.is_start,
        "is_end": node.is_end,
        "status": taken.get(node.name),
        "ways": node.ways,
    }


def _plain(path: str) -> str:
    """The state's own name at the end of its path."""
    return path.rpartition("/")[2]
