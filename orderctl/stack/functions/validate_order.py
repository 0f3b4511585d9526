"""First step of the order workflow: is this an order at all?

Raises ValidationError, which the workflow catches by name. The order goes back unchanged.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.order import Order, parse_order

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: object, context: LambdaContext) -> Order:
    """The order, or ValidationError naming every fault."""
    order = parse_order(event)
    logger.info("order accepted", order_id=order["order_id"])
    return order
