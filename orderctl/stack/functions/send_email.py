"""OrderCreated -> "we have your order" by mail.

A mail cannot be taken back, so a replay of the archive sends none: replayed events carry
`replay-name`. Without a sender address (the stack's default) it only logs what it would have sent.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import mail, table
from orders_common.order import Order, parse_order

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

logger = Logger()
tracer = Tracer()

Outcome = Literal["sent", "replayed", "no address", "no sender"]


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """`{"order_id", "outcome"}`; raises ValidationError for an event without an order in it."""
    order = parse_order(event.get("detail"))
    users = table(os.environ["USERS_TABLE"])
    outcome = notify(order, users, mail, os.environ.get("SENDER_ADDRESS", ""), replayed="replay-name" in event)
    logger.info("order confirmation", order_id=order["order_id"], outcome=outcome)
    return {"order_id": order["order_id"], "outcome": outcome}


def notify(order: Order, users: Table, mailer: Any, sender: str, *, replayed: bool) -> Outcome:
    """Mail the customer once; say why not, where not. `mailer` makes the SES client when needed."""
    if replayed:
        return "replayed"
    address = users.get_item(Key={"user_id": order["user_id"]}).get("Item", {}).get("email")
    if not address:
        return "no address"
    if not sender:
        return "no sender"
    mailer().send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [str(address)]},
        Content={
            "Simple": {
                "Subject": {"Data": f"We have your order {order['order_id']}"},
                "Body": {"Text": {"Data": f"{order['quantity']} of {order['product_id']}. Thank you."}},
            }
        },
    )
    return "sent"
