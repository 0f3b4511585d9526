"""`orderctl orders`: submit orders, follow what becomes of them, and step in.

The verbs stand in the table below in the order they are needed; each lives in the module named after what
it does to an order: starts it, reads it, or acts on it.
"""

from __future__ import annotations

from collections.abc import Callable

from orderctl.cli.framework import noun, verb
from orderctl.cli.orders_act import redrive_orders, stop_orders
from orderctl.cli.orders_graph import graph
from orderctl.cli.orders_read import history, list_orders, show, watch_orders
from orderctl.cli.orders_submit import submit_order
from orderctl.cli.orders_tail import tail_orders

app = noun("orders", "Submit orders and follow their executions to the end.")

VERBS: dict[str, Callable[..., None]] = {
    "submit": submit_order,
    "watch": watch_orders,
    "tail": tail_orders,
    "list": list_orders,
    "show": show,
    "history": history,
    "graph": graph,
    "stop": stop_orders,
    "redrive": redrive_orders,
}

for name, function in VERBS.items():
    verb(app, name)(function)
