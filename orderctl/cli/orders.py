"""`orderctl orders`: submit orders, follow what becomes of them, and step in.

The verbs stand in the table below in the order they are needed; each lives in the module named after what it does
to an order.
"""

from __future__ import annotations

from orderctl.cli.framework import LazyNoun, LazyVerb

HELP = "Submit orders and follow their executions to the end."
VERBS: dict[str, LazyVerb] = {
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


def single() -> LazyNoun:
    """The noun as the root takes it."""
    return LazyNoun("orders", HELP, VERBS)
