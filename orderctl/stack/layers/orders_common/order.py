"""What an order is, in one place for every function that meets one.

    {"order_id": "o-1", "user_id": "ada", "product_id": "widget-1", "quantity": 2, ...}

The order id is also the execution's name, so it keeps to the characters Step Functions allows there
and CloudWatch can log (0-9 A-Z a-z _ -, at most 80). Fields not named here pass through untouched:
the workflow carries them, and nobody has to change this file to add one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,80}\Z")
MAX_QUANTITY = 1_000_000_000

Order = dict[str, Any]


class ValidationError(Exception):
    """Not an order. The workflow catches it by this class's name."""


def parse_order(candidate: object) -> Order:
    """The order, unchanged, or a ValidationError that names every fault at once."""
    if not isinstance(candidate, Mapping):
        raise ValidationError("an order is a JSON object")
    faults = [fault for check in (_check_ids, _check_quantity) for fault in check(candidate)]
    if faults:
        raise ValidationError("; ".join(faults))
    return dict(candidate)


def _check_ids(order: Mapping[str, Any]) -> list[str]:
    faults = []
    order_id = order.get("order_id")
    if not isinstance(order_id, str) or not ORDER_ID.match(order_id):
        faults.append("order_id must be 1 to 80 of 0-9 A-Z a-z _ -")
    faults += [
        f"{field} must be text of 1 to 256 characters"
        for field in ("user_id", "product_id")
        if not isinstance(order.get(field), str) or not 1 <= len(order[field]) <= 256
    ]
    return faults


def _check_quantity(order: Mapping[str, Any]) -> list[str]:
    quantity = order.get("quantity")
    is_whole = isinstance(quantity, int) and not isinstance(quantity, bool)
    if not is_whole or not 1 <= int(order["quantity"]) <= MAX_QUANTITY:
        return [f"quantity must be a whole number from 1 to {MAX_QUANTITY}"]
    return []
