"""POST /orders: publish OrderCreated, answer 202 with the order id.

PutEvents answers 200 even when it took nothing, so the entry's own result decides. The order id may
be the caller's (then submitting twice is one order, because the workflow is named after it) or is
made here.
"""

from __future__ import annotations

import json
import os
import uuid
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, ServiceError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from orders_common.clients import event_bridge
from orders_common.http import json_answer, json_object
from orders_common.order import Order, ValidationError, parse_order

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger()
tracer = Tracer()
metrics = Metrics()

MAX_DETAIL = 262_144
"""Bytes of an order: the workflow it is for is given no more (Step Functions, quotas)."""


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An HTTP API response, payload format 2.0."""
    metrics.add_metric("OrdersApiRequests", MetricUnit.Count, 1)
    return _app().resolve(event, context)


@cache
def _app() -> APIGatewayHttpResolver:
    return make_app(event_bridge(), os.environ["EVENT_BUS_NAME"])


def make_app(events: EventBridgeClient, bus: str) -> APIGatewayHttpResolver:
    """The route over one event bus."""
    app = APIGatewayHttpResolver()

    @app.post("/orders")
    def submit() -> Response[str]:
        body = json_object(app.current_event.decoded_body)
        try:
            order = parse_order({"order_id": str(uuid.uuid4()), **body})
        except ValidationError as error:
            raise BadRequestError(str(error)) from error
        publish(order, events, bus)
        metrics.add_metric("OrdersAccepted", MetricUnit.Count, 1)
        return json_answer(HTTPStatus.ACCEPTED, {"order_id": order["order_id"]})

    return app


def publish(order: Order, events: EventBridgeClient, bus: str) -> None:
    """Put OrderCreated on the bus; 413 for what no execution could be given, 503 when EventBridge did not take it."""
    detail = json.dumps(order, sort_keys=True)
    if len(detail.encode()) > MAX_DETAIL:
        raise ServiceError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an order has at most {MAX_DETAIL} bytes")
    entry: PutEventsRequestEntryTypeDef = {
        "EventBusName": bus,
        "Source": "orders.api",
        "DetailType": "OrderCreated",
        "Detail": detail,
    }
    try:
        answer = events.put_events(Entries=[entry])
    except (BotoCoreError, ClientError) as error:
        logger.exception("event not known to be taken", order_id=order["order_id"])
        again = f"it is not known whether the order was taken; submit it again as {order['order_id']}"
        raise ServiceError(HTTPStatus.SERVICE_UNAVAILABLE, again) from error
    if answer["FailedEntryCount"]:
        error_code = answer["Entries"][0].get("ErrorCode")
        logger.error("event refused", order_id=order["order_id"], error=error_code)
        raise ServiceError(HTTPStatus.SERVICE_UNAVAILABLE, "the order was not taken; submit it again")
    logger.info("order accepted", order_id=order["order_id"], event_id=answer["Entries"][0].get("EventId"))
