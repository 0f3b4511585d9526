"""`orderctl orders`: submit orders, follow what becomes of them, and step in.

The verbs stand in the table below in the order they are needed; each lives in the module named after what it does
to an order. A verb is imported and built when it is named: eleven of them with their options cost more than most
of what they are asked for. The help of the noun needs only their first sentence, so that stands here, and a test
holds it to the verb's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from orderctl.cli.framework import Noun, single_command

if TYPE_CHECKING:  # typer carries its own copy of click and exports no public name for these
    from typer._click import Command, Context, HelpFormatter

HELP = "Submit orders and follow their executions to the end."
VERBS: dict[str, tuple[str, str, str]] = {
    "submit": (
        "orders_submit",
        "submit_order",
        "Start the workflow for one order; submitted again while it runs, attaches to it.",
    ),
    "watch": ("orders_read", "watch_orders", "Follow executions to their end; the exit code is their outcome."),
    "tail": ("orders_tail", "tail_orders", "Follow every new execution. Ends with Ctrl-C or --timeout."),
    "list": ("orders_list", "list_orders", "Executions of the order workflow, newest first."),
    "show": (
        "orders_read",
        "show",
        "What became of one order: its states, its error decoded, and what can be done about it.",
    ),
    "history": ("orders_read", "history", "Every event of one execution so far, as AWS recorded it."),
    "logs": (
        "orders_logs",
        "logs",
        "The log lines of one order: of its execution, and of the Lambda requests it made.",
    ),
    "trace": (
        "orders_trace",
        "trace",
        "Everything about one order in one timeline: requests, executions, errors, dead letters, stock, traces.",
    ),
    "graph": ("orders_graph", "graph", "The states and the ways between them, read from the definition."),
    "stop": ("orders_act", "stop_orders", "Stop running executions; they end ABORTED, and nothing they did is undone."),
    "redrive": (
        "orders_act",
        "redrive_orders",
        "Run failed executions again from the state that failed; what would not help is said first.",
    ),
}
"""Verb to its module, its function, and the first paragraph of its help."""


class Orders(Noun):
    """The noun; its verbs are loaded when named."""

    def __init__(self) -> None:
        super().__init__(name="orders", help=HELP, no_args_is_help=True, rich_markup_mode=None)
        self.commands = cast(Any, dict.fromkeys(VERBS))

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in VERBS:
            return None
        module, function, _ = VERBS[cmd_name]
        found = single_command(cmd_name, getattr(import_module(f"orderctl.cli.{module}"), function))
        return cast("Command", found)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in VERBS.items()])


def single() -> Orders:
    """The noun as the root takes it."""
    return Orders()
