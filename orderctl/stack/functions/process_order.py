"""OrderCreated -> one execution of the Standard order workflow.

EventBridge delivers at least once, so the execution is named after the order: a second delivery of
the same order finds the name taken and is done. What cannot be an order raises; after its retries
Lambda puts it into the dead-letter queue and the on-failure queue, from where it can be redriven.

For drills, and only where the stack allows it (ALLOW_FAULT_INJECTION), an order may carry
`"fail_until": "<ISO 8601 time>"`: until then this consumer is "down" for that order, afterwards a
redrive of the very same event succeeds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import step_functions
from orders_common.order import Order, ValidationError, parse_order

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient

logger = Logger()
tracer = Tracer()
metrics = Metrics()


class InjectedFault(Exception):
    """The order asked to fail, and this stack allows that."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """`{"order_id", "execution_arn"}`; raises ValidationError for an event without an order in it."""
    metrics.add_metric("OrdersReceived", MetricUnit.Count, 1)
    order = parse_order(event.get("detail"))
    if os.environ.get("ALLOW_FAULT_INJECTION") == "true":
        fail_while_asked_to(order)
    started = start(order, step_functions(), os.environ["STATE_MACHINE_ARN"])
    metrics.add_metric("OrdersStarted", MetricUnit.Count, 1)
    logger.info("order started", order_id=order["order_id"])
    return started


def start(order: Order, workflows: SFNClient, state_machine_arn: str) -> dict[str, str]:
    """Start the order's execution, or find that it has been started before."""
    name = order["order_id"]
    try:
        answer = workflows.start_execution(
            stateMachineArn=state_machine_arn,
            name=name,
            input=json.dumps(order, sort_keys=True),
        )
    except workflows.exceptions.ExecutionAlreadyExists:
        prefix = state_machine_arn.replace(":stateMachine:", ":execution:")
        return {"order_id": name, "execution_arn": f"{prefix}:{name}"}
    return {"order_id": name, "execution_arn": answer["executionArn"]}


def fail_while_asked_to(order: Order, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """Raise InjectedFault until the order's own `fail_until` has passed."""
    asked = order.get("fail_until")
    if asked is None:
        return
    try:
        until = datetime.fromisoformat(asked)
    except (TypeError, ValueError) as error:
        raise ValidationError("fail_until must be an ISO 8601 time") from error
    if now() < (until if until.tzinfo else until.replace(tzinfo=UTC)):
        raise InjectedFault(f"order {order['order_id']} fails until {asked}")
