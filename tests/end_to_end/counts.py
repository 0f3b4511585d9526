"""What there is on the local stack, counted from behind: the same twice means that nothing was done in between."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.end_to_end.backstage import Backstage, eventually

Counts = Mapping[str, object]


def settled(backstage: Backstage, orders: Sequence[str]) -> Counts:
    """What there is, once nothing moves any more."""
    before = _counts(backstage, orders)

    def same() -> Counts | None:
        nonlocal before
        time.sleep(1)
        now, earlier = _counts(backstage, orders), before
        before = now
        return now if now == earlier else None

    return eventually(same, "the stack to come to rest")


def _counts(backstage: Backstage, orders: Sequence[str]) -> Counts:
    """Executions with their status, rows of every table, what each consumer handled how often, queue depths."""
    return {
        "executions": _executions(backstage),
        "handled": {order: backstage.handled(order) for order in orders},
        "tables": {name: _rows(backstage, name) for name in backstage.client("dynamodb").list_tables()["TableNames"]},
        "queues": {
            url.rpartition("/")[2]: backstage.depth(url.rpartition("/")[2])
            for url in backstage.client("sqs").list_queues()["QueueUrls"]
        },
    }


def _executions(backstage: Backstage) -> dict[str, str]:
    workflows = backstage.client("stepfunctions")
    return {
        each["executionArn"]: each["status"]
        for machine in workflows.list_state_machines()["stateMachines"]
        if machine["type"] == "STANDARD"
        for page in workflows.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        for each in page["executions"]
    }


def _rows(backstage: Backstage, table: str) -> list[str]:
    pages: Any = backstage.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return sorted(json.dumps(row, sort_keys=True, default=sorted) for page in pages for row in page["Items"])
